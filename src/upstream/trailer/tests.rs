use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;
use crate::sigv4::{ChunkForm, Chunks, Proof};

/// What is sent is what is read: of the announced length, and with the announced checksum.
#[test]
fn a_body_with_its_trailer_reads_as_it_is_announced() {
    for algorithm in Algorithm::ALL {
        for body in [&b""[..], b"x", &[7; 70_000]] {
            let trailed = Trailed { algorithm, length: body.len() as u64 };
            let mut hasher = algorithm.hasher();
            hasher.update(body);
            let checksum = STANDARD.encode(hasher.finish());
            let sent = [&trailed.before()[..], body, &trailed.behind(&checksum)].concat();
            assert_eq!(trailed.whole(), sent.len() as u64);
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            trailed.announce(&mut headers);
            assert_eq!(headers[header::CONTENT_ENCODING], "aws-chunked,gzip");
            assert_eq!(headers[header::CONTENT_LENGTH], sent.len().to_string());
            let form = ChunkForm { signed: false, trailer: true };
            let chunks = Chunks::unsigned(form, &headers).unwrap();
            assert_eq!(Proof::chunked(chunks).unwrap(sent.into()).as_deref(), Ok(body));
        }
    }
}
