//! Bodies in chunks: however they are cut, they are the same body or the same refusal, never more than
//! was announced; and what is inside has the same checksum in chunks of another size.
#![no_main]

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use libfuzzer_sys::fuzz_target;
use poolgate::sigv4::{Algorithm, BodyError, ChunkForm, Chunks, Head, Proof, Signed, SigningKey};
use poolgate_fuzz::headers;

fuzz_target!(|data: &[u8]| {
    let Some((&[length, form, cut], body)) = data.split_first_chunk::<3>() else { return };
    let algorithm = Algorithm::ALL[usize::from(form >> 2) % Algorithm::ALL.len()];
    let trailer = match form & 3 {
        0 => String::new(),
        _ => format!("x-amz-trailer: {}", algorithm.header()),
    };
    let head = [
        format!("x-amz-decoded-content-length: {length}"),
        trailer.clone(),
        "x-amz-date: 20130524T000000Z".to_owned(),
        format!(
            "authorization: AWS4-HMAC-SHA256 Credential=AKID/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host, Signature={}",
            "0".repeat(64)
        ),
    ];
    let headers = headers(head.iter().map(String::as_str));
    let signed = form & 3 != 1;
    let chunks = match signed {
        true => signed_chunks(&headers, !trailer.is_empty()),
        false => Chunks::unsigned(ChunkForm { signed, trailer: true }, &headers).unwrap(),
    };
    let proof = Proof::chunked(chunks);
    let whole = read(&proof, body, usize::MAX);
    assert_eq!(read(&proof, body, usize::from(cut) + 1), whole);
    assert_eq!(read(&proof, body, 1), whole);
    let Ok(inside) = whole else { return };
    assert_eq!(inside.len(), usize::from(length));
    // Nobody has the key of the signed ones.
    assert!(!signed);
    let mut hasher = algorithm.hasher();
    hasher.update(&inside);
    let Some(line) = body.split(|byte| *byte == b'\n').rev().nth(2) else { panic!() };
    let mut again = Vec::new();
    for piece in inside.chunks(3) {
        again.extend_from_slice(format!("{:X}\r\n", piece.len()).as_bytes());
        again.extend_from_slice(piece);
        again.extend_from_slice(b"\r\n");
    }
    again.extend_from_slice(b"0\r\n");
    again.extend_from_slice(line);
    again.extend_from_slice(b"\n\r\n");
    assert_eq!(read(&proof, &again, 7), Ok(inside));
});

fn signed_chunks(headers: &HeaderMap, trailer: bool) -> Chunks {
    let head = Head { method: &Method::PUT, path: "/b/k", query: None, headers };
    let signed = Signed::parse(head).unwrap().unwrap();
    let key = SigningKey::derive(b"secret", signed.scope());
    let key = Arc::new((signed.scope().clone(), key));
    signed.chunks(ChunkForm { signed: true, trailer }, &key).unwrap()
}

/// What is inside, read in pieces of `size`. All that was given out is within what was announced.
fn read(proof: &Proof, body: &[u8], size: usize) -> Result<Vec<u8>, BodyError> {
    let (mut reader, mut inside) = (proof.reader(), Vec::new());
    let most = proof.chunks().unwrap().length();
    for piece in body.chunks(size.max(1)) {
        let mut piece = Bytes::copy_from_slice(piece);
        while !piece.is_empty() {
            inside.extend_from_slice(&reader.read(&mut piece)?.unwrap_or_default());
            assert!(inside.len() as u64 <= most);
        }
    }
    reader.finish().map(|()| inside)
}
