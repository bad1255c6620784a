//! Random labels.

use std::cell::RefCell;

/// Sixteen random bytes. They name something and are no secret: if there is no randomness they are
/// zeros.
pub(super) fn label() -> [u8; 16] {
    POOL.with_borrow_mut(|pool| {
        if pool.is_empty() {
            // Asking the generator costs as much for many bytes as for a few.
            let mut bytes = [0u8; 1024];
            let _ = aws_lc_rs::rand::fill(&mut bytes);
            pool.extend(bytes.as_chunks::<16>().0);
        }
        pool.pop().unwrap_or_default()
    })
}

thread_local! {
    static POOL: RefCell<Vec<[u8; 16]>> = const { RefCell::new(Vec::new()) };
}
