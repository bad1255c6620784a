//! What holds whatever an upstream answers: in whatever pieces it comes, it is the same answer or none, and one that is
//! taken is what hyper takes it for. Tables are held to it in the tests, and any bytes by the fuzzer.

use std::future::poll_fn;

use ::http::{HeaderMap, Method, Request, StatusCode, header};
use bytes::{Buf as _, BytesMut};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Broken, head};

/// What an answer comes to.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::upstream) struct Seen {
    pub(in crate::upstream) status: StatusCode,
    pub(in crate::upstream) headers: HeaderMap,
    pub(in crate::upstream) body: Vec<u8>,
    /// Whether its connection may serve another request.
    pub(in crate::upstream) keep_alive: bool,
    /// Bytes behind it.
    pub(in crate::upstream) left: usize,
}

/// Reads an answer to a request of `method` that comes in pieces of `size`, and then the end of the connection.
pub(super) fn read(method: &Method, answer: &[u8], size: usize) -> Result<Seen, Broken> {
    let (mut inbound, mut pieces) = (BytesMut::new(), answer.chunks(size.max(1)));
    let mut headers = HeaderMap::new();
    let mut head = loop {
        let (head, length) = head::read(&inbound, method, &mut headers)?;
        inbound.advance(length);
        if let Some(head) = head {
            break head;
        }
        inbound.extend_from_slice(pieces.next().ok_or(Broken::Closed)?);
    };
    let mut body = Vec::new();
    while !head.body.is_done() {
        match head.body.next(&mut inbound)? {
            Some(piece) => body.extend_from_slice(&piece),
            None if head.body.is_done() => {}
            None => match pieces.next() {
                Some(piece) => inbound.extend_from_slice(piece),
                None => head.body.close()?,
            },
        }
    }
    Ok(Seen {
        status: head.response.status(),
        headers: std::mem::take(head.response.headers_mut()),
        body,
        keep_alive: head.keep_alive,
        left: inbound.len() + pieces.map(<[u8]>::len).sum::<usize>(),
    })
}

/// Reads an answer whole and in pieces of each of `sizes`, which comes to the same, and by hyper.
///
/// # Panics
/// A law is broken.
pub(in crate::upstream) fn hold(
    method: &Method,
    answer: &[u8],
    sizes: impl IntoIterator<Item = usize>,
) -> Result<Seen, Broken> {
    let whole = read(method, answer, usize::MAX);
    for size in sizes {
        match (&whole, &read(method, answer, size)) {
            (Ok(whole), Ok(again)) => assert_eq!(whole, again, "in pieces of {size}"),
            // What is wrong may be seen before there is all of it, or only then.
            (Err(_), Err(_)) => {}
            (whole, again) => panic!("in pieces of {size}: {whole:?} {again:?}"),
        }
    }
    if let Ok(seen) = &whole
        && seen.status != StatusCode::SWITCHING_PROTOCOLS
    {
        let (status, mut headers, body) = by_hyper(method, answer);
        if headers.contains_key(header::TRANSFER_ENCODING) {
            headers.remove(header::CONTENT_LENGTH);
        }
        assert_eq!((seen.status, &seen.headers, &seen.body), (status, &headers, &body));
    }
    whole
}

/// What hyper takes an answer for that was taken here.
fn by_hyper(method: &Method, answer: &[u8]) -> (StatusCode, HeaderMap, Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (here, mut there) = tokio::io::duplex(answer.len() + 1024);
        let (mut sender, connection) = http1::handshake(TokioIo::new(here)).await.unwrap();
        let mut connection = Box::pin(connection);
        let request =
            Request::builder().method(method).uri("/").body(Empty::<&[u8]>::new()).unwrap();
        let asked = async {
            let answer = sender.send_request(request).await.expect("hyper takes it");
            let (head, body) = answer.into_parts();
            let body = body.collect().await.expect("hyper reads it").to_bytes().to_vec();
            (head.status, head.headers, body)
        };
        let answered = async {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(there.read_u8().await.unwrap());
            }
            let _ = there.write_all(answer).await;
            drop(there);
        };
        let mut ended = false;
        let driven = poll_fn(|cx| {
            // What is behind the answer is an error of the connection, not of the answer.
            ended = ended || connection.as_mut().poll(cx).is_ready();
            std::task::Poll::<()>::Pending
        });
        tokio::select! {
            (found, ()) = async { tokio::join!(asked, answered) } => found,
            () = driven => unreachable!(),
        }
    })
}
