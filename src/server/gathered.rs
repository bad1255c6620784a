//! Short writes in one piece.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection that writes what is short in one piece, whatever pieces it is given in: a head and a small body leave as
/// one copy of both in less time than the kernel takes to gather them. What is long isn't copied.
pub(crate) struct Gathered<S>(pub(crate) S);

impl<S: AsyncRead + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.0);
        if let [piece] = pieces {
            return stream.poll_write(cx, piece);
        }
        WHOLE.with_borrow_mut(|whole| {
            let mut room = whole.as_mut_slice();
            for piece in pieces {
                let Some((place, rest)) = room.split_at_mut_checked(piece.len()) else {
                    return stream.poll_write_vectored(cx, pieces);
                };
                place.copy_from_slice(piece);
                room = rest;
            }
            let left = room.len();
            let length = whole.len().saturating_sub(left);
            stream.poll_write(cx, whole.get(..length).unwrap_or_default())
        })
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Bytes up to which a copy is the cheaper way.
const SHORT: usize = 8192;

thread_local! {
    // One for all connections of a thread, of which one writes at a time.
    static WHOLE: RefCell<[u8; SHORT]> = const { RefCell::new([0; SHORT]) };
}

#[cfg(test)]
#[path = "gathered_tests.rs"]
mod tests;
