use super::*;

#[test]
fn a_body_counts_until_the_last_of_it_is_dropped() {
    let bodies = Arc::new(Bodies::default());
    let count = || bodies.0.load(Ordering::Relaxed);
    let mut share = Share::of(&bodies);
    assert_eq!(share.add(6, 10), Ok(()));
    assert_eq!(share.add(4, 10), Ok(()));
    let body = share.keep(Bytes::from_static(b"0123456789"));
    let mut other = Share::of(&bodies);
    assert_eq!(other.add(1, 10), Err(NoRoom));
    drop(other);
    assert_eq!(count(), 10);
    let part = body.slice(9..);
    drop(body);
    assert_eq!((count(), &part[..]), (10, &b"9"[..]));
    drop(part);
    assert_eq!(count(), 0);
    // Nothing is kept of nothing.
    let empty = Share::of(&bodies).keep(Bytes::new());
    assert_eq!((empty.len(), count()), (0, 0));
}

#[test]
fn there_is_room_for_several_of_the_largest_and_many_small_ones() {
    assert_eq!(most(16 << 20), 256 << 20);
    assert_eq!(most(1 << 10), 64 << 20);
    assert_eq!(most(usize::MAX), usize::MAX);
}
