use super::head::{HeadError, Heads};
use crate::http::{RequestError, TargetError};

const HONEST: &str = "GET /a HTTP/1.1\r\nhost: b\r\n\r\n\
    \r\nPUT /a HTTP/1.1\r\ncontent-length: 40\r\n\r\nCL: 1\r\ncontent-length: 1\r\ncontent-length:\
    PUT /a HTTP/1.1\r\ntransfer-encoding: Chunked\r\n\r\n1b;x\r\ncontent-length: 1\r\ncontent-\r\n\
    0\r\ncontent-length: 1\r\ncontent-length: 1\r\na\n\r\n\r\n\
    GET /a HTTP/1.1\r\ncontent-length: 0\r\n\r\n";

/// What is left of `text` after it came in pieces of `size`, and why it was spoilt.
fn follow(text: &str, size: usize, limit: usize) -> (Vec<u8>, Option<HeadError>) {
    let mut heads = Heads::new(limit);
    let mut bytes = text.as_bytes().to_vec();
    for piece in bytes.chunks_mut(size) {
        heads.follow(piece);
    }
    (bytes, heads.refused())
}

#[test]
fn honest_requests_pass_untouched_in_pieces_of_any_size() {
    for size in 1..HONEST.len() {
        assert_eq!(follow(HONEST, size, 200), (HONEST.as_bytes().to_vec(), None), "{size}");
    }
}

#[test]
fn a_trap_behind_them_is_spoilt_in_pieces_of_any_size() {
    let get = "GET /a HTTP/1.1\r\n";
    for (trap, error) in [
        ("content-length: 1\r\ntransfer-encoding: chunked\r\n", RequestError::LengthAndEncoding),
        ("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", RequestError::LengthAndEncoding),
        ("content-length: 1\r\ncontent-length: 1\r\n", RequestError::Repeated("Content-Length")),
        ("content-length: 1, 1\r\n", RequestError::ContentLength),
        ("transfer-encoding: xchunked\r\n", RequestError::TransferEncoding),
    ] {
        for size in 1..200 {
            let text = format!("{HONEST}{get}{trap}\r\n");
            let (bytes, refused) = follow(&text, size, 200);
            assert_eq!(refused, Some(HeadError::Request(error)), "{trap} {size}");
            let (before, spoilt) = bytes.split_at(HONEST.len());
            assert_eq!(before, HONEST.as_bytes(), "{trap} {size}");
            let nul = spoilt.iter().position(|byte| *byte == 0).unwrap();
            assert!(spoilt[nul..].iter().all(|byte| [0, b'\n'].contains(byte)), "{trap} {size}");
        }
    }
}

#[test]
fn fragments_bare_line_feeds_and_large_heads_are_spoilt() {
    let fragment = HeadError::Request(RequestError::Target(TargetError::Fragment));
    let long = HeadError::Request(RequestError::Target(TargetError::TooLong));
    for (text, error) in [
        ("GET /a#b HTTP/1.1\r\n", fragment),
        ("GET /a HTTP/1.1\nhost: b\n\n", HeadError::LineEnd),
        (&format!("GET /{} HTTP/1.1\r\n", "a".repeat(200)), long),
        (&format!("GET /a HTTP/1.1\r\na: {}\r\n", "b".repeat(200)), HeadError::TooLarge),
    ] {
        for size in 1..text.len() {
            assert_eq!(follow(text, size, 200).1, Some(error), "{text} {size}");
        }
    }
}
