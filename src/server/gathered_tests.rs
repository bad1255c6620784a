use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::{Gathered, SHORT};

/// Notes what it is given: how many pieces in each write, and all bytes.
#[derive(Default)]
struct Noted {
    writes: Vec<usize>,
    bytes: Vec<u8>,
}

impl AsyncWrite for Noted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writes.push(1);
        self.bytes.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writes.push(pieces.len());
        pieces.iter().for_each(|piece| self.bytes.extend_from_slice(piece));
        Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn short_pieces_are_written_as_one_and_long_ones_as_they_are() {
    for (lengths, pieces) in [
        (vec![3, 0, 5], 1),
        (vec![SHORT - 1, 1], 1),
        (vec![SHORT, 1], 2),
        (vec![1, 1, 2 * SHORT], 3),
        (vec![2 * SHORT], 1),
    ] {
        let written: Vec<Vec<u8>> =
            lengths.iter().zip(b'a'..).map(|(length, byte)| vec![byte; *length]).collect();
        let slices: Vec<IoSlice<'_>> = written.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut gathered = Gathered(Noted::default());
        let sent = gathered.write_vectored(&slices).await.unwrap();
        assert_eq!(sent, lengths.iter().sum::<usize>(), "{lengths:?}");
        assert_eq!(gathered.0.bytes, written.concat(), "{lengths:?}");
        assert_eq!(gathered.0.writes, [pieces], "{lengths:?}");
    }
}
