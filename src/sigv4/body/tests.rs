use std::sync::Arc;

use ::http::HeaderMap;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use proptest::prelude::*;

use super::{signatures::Chain, *};
use crate::sigv4::{
    Scope, SigV4Error, SigningKey,
    parse::unhex,
    testing::{SECRET, hex_text},
};

fn seed(signature: &str) -> Seed {
    let scope = Scope::parse("20130524/us-east-1/s3/aws4_request").unwrap();
    let key = SigningKey::derive(SECRET.as_bytes(), &scope);
    Seed {
        key: Arc::new((scope, key)),
        stamp: *b"20130524T000000Z",
        signature: unhex(signature).unwrap(),
    }
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn chunks(form: &str, length: usize, trailer: Option<&str>) -> Chunks {
    let form = ChunkForm::named(form).unwrap();
    let length = length.to_string();
    let mut pairs = vec![("x-amz-decoded-content-length", length.as_str())];
    pairs.extend(trailer.map(|name| ("x-amz-trailer", name)));
    let signed = match form.trailer {
        true => "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
        false => "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    };
    Chunks::of(form, &headers(&pairs), form.signed.then(|| seed(signed))).unwrap()
}

/// What is inside, in pieces of at most `size` bytes.
fn read(proof: &Proof, body: &[u8], size: usize) -> Result<Vec<u8>, BodyError> {
    let (mut reader, mut inside) = (proof.reader(), Vec::new());
    for piece in body.chunks(size.max(1)) {
        let mut piece = Bytes::copy_from_slice(piece);
        while !piece.is_empty() {
            if let Some(found) = reader.read(&mut piece)? {
                assert!(!found.is_empty());
                inside.extend_from_slice(&found);
            }
        }
    }
    reader.finish().map(|()| inside)
}

const SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const SIGNED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
const CRC32C: &str = "x-amz-checksum-crc32c";

/// S3 API Reference, "Transferring Payload in Multiple Chunks": 65 KiB of `a`.
fn example(signatures: [&str; 3], trailer: &str) -> Vec<u8> {
    let sizes = [65536, 1024, 0];
    let mut body = Vec::new();
    for (size, signature) in sizes.into_iter().zip(signatures) {
        body.extend_from_slice(format!("{size:x};chunk-signature={signature}\r\n").as_bytes());
        body.resize(body.len() + size, b'a');
        if size > 0 {
            body.extend_from_slice(b"\r\n");
        }
    }
    body.extend_from_slice(trailer.as_bytes());
    body
}

fn signed_example() -> Vec<u8> {
    example(
        [
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        ],
        "\r\n",
    )
}

const TRAILER_SIGNATURES: [&str; 3] = [
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
];
const TRAILER_SIGNATURE: &str =
    "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435";

fn trailer_example() -> Vec<u8> {
    let trailer = format!("x-amz-checksum-crc32c:sOO8/Q==\r\n{TRAILER_SIGNATURE}\r\n\r\n");
    example(TRAILER_SIGNATURES, &trailer)
}

#[test]
fn the_examples_of_aws_hold() {
    let inside = vec![b'a'; 66560];
    let proof = Proof::chunked(chunks(SIGNED, inside.len(), None));
    let trailed = Proof::chunked(chunks(SIGNED_TRAILER, inside.len(), Some(CRC32C)));
    for size in [1, 7, 1000, usize::MAX] {
        assert_eq!(read(&proof, &signed_example(), size).as_ref(), Ok(&inside));
        assert_eq!(read(&trailed, &trailer_example(), size).as_ref(), Ok(&inside));
    }
    assert_eq!(proof.unwrap(signed_example().into()).as_deref(), Ok(inside.as_slice()));
    // As MinIO's clients send it.
    let theirs = format!("x-amz-checksum-crc32c:sOO8/Q==\n\r\n{TRAILER_SIGNATURE}\r\n\r\n");
    let theirs = example(TRAILER_SIGNATURES, &theirs);
    assert_eq!(read(&trailed, &theirs, 100).as_ref(), Ok(&inside));
}

/// Every byte counts: what isn't data can't be changed without being seen, and data neither.
#[test]
fn a_changed_byte_is_seen() {
    for (form, trailer, body) in
        [(SIGNED, None, signed_example()), (SIGNED_TRAILER, Some(CRC32C), trailer_example())]
    {
        let proof = Proof::chunked(chunks(form, 66560, trailer));
        let near_ends = (0..90).chain(65_540..65_800).chain(66_500..body.len());
        for at in near_ends.filter(|at| *at < body.len()) {
            let mut changed = body.clone();
            changed[at] ^= 1;
            let found = read(&proof, &changed, 4096);
            // The one that means the same: a trailer's name in capitals.
            assert!(found.is_err(), "{form} {at} {:?}", char::from(body[at]));
            let found = read(&proof, &body[..at], 4096);
            assert!(found.is_err(), "{form} cut off at {at}");
        }
        let mut longer = body.clone();
        longer.push(b'\n');
        assert!(read(&proof, &longer, 4096).is_err());
    }
}

fn unsigned(body: &str, length: usize) -> Result<String, BodyError> {
    let proof = Proof::chunked(chunks(UNSIGNED_TRAILER, length, Some(CRC32C)));
    let whole = read(&proof, body.as_bytes(), usize::MAX);
    for size in 1..=body.len() {
        assert_eq!(read(&proof, body.as_bytes(), size), whole, "in pieces of {size}: {body:?}");
    }
    whole.map(|inside| String::from_utf8(inside).unwrap())
}

#[test]
fn chunks_that_nobody_signed_have_their_checksum() {
    let trailer = "x-amz-checksum-crc32c:yZRlqg==\r\n\r\n";
    let good = format!("6\r\nhello \r\n05\r\nworld\r\n0\r\n{trailer}");
    assert_eq!(unsigned(&good, 11).as_deref(), Ok("hello world"));
    assert_eq!(unsigned(&good.replace("-crc32c:", "-CRC32C: "), 11).as_deref(), Ok("hello world"));
    let nothing = "0\r\nx-amz-checksum-crc32c:AAAAAA==\r\n\r\n";
    assert_eq!(unsigned(nothing, 0).as_deref(), Ok(""));

    use BodyError::{Checksum, Framing, Length, Trailer};
    let refused = [
        (good.replace("world", "World"), 11, Checksum("CRC32C")),
        (good.replace("yZRl", "yZRm"), 11, Checksum("CRC32C")),
        (good.clone(), 10, Length),
        (good.clone(), 12, Length),
        (String::new(), 0, Length),
        ("0\r\n".to_owned(), 0, Length),
        (good.replace("0\r\n", "\r\n"), 11, Framing("a chunk's size can't be read")),
        (good.replace("05\r\n", "+5\r\n"), 11, Framing("a chunk's size can't be read")),
        (good.replace("05\r\n", " 5\r\n"), 11, Framing("a chunk's size can't be read")),
        (good.replace("05", &"0".repeat(17)), 11, Framing("a chunk's size can't be read")),
        (good.replace("05\r", "05;a=b\r"), 11, Framing("a chunk has an extension")),
        (good.replace("05\r\n", "05\n"), 11, Framing("a line doesn't end in CR LF")),
        (good.replace("05\r\n", "04\r\n"), 11, Framing("a chunk doesn't end where its size says")),
        (good.replace("05", &"0".repeat(300)), 11, Framing("a line is too long")),
        (format!("ffffffffffffffff\r\n{good}"), 11, Length),
        (format!("{good}\r\n"), 11, Framing("there is something behind its end")),
        (good.replace(trailer, "\r\n"), 11, Trailer("it isn't there")),
        (good.replace("crc32c", "crc32"), 11, Trailer("it has another name than was announced")),
        (good.replace("yZRlqg==", "yZRl"), 11, Trailer("its checksum can't be read")),
        (good.replace("yZRlqg==", "?"), 11, Trailer("its checksum can't be read")),
        (good.replace("crc32c:", "crc32c="), 11, Trailer("a line of it can't be read")),
        (
            good.replace(trailer, &format!("{}{trailer}", trailer.replace("\r\n\r\n", "\r\n"))),
            11,
            Trailer("there is more of it than was announced"),
        ),
        (
            good.replace("\r\n\r\n", &format!("\r\n{TRAILER_SIGNATURE}\r\n\r\n")),
            11,
            Trailer("it is signed, and the chunks are not"),
        ),
    ];
    for (body, length, expected) in refused {
        assert_eq!(unsigned(&body, length), Err(expected), "{body:?}");
    }
}

#[test]
fn signed_chunks_are_signed() {
    let proof = Proof::chunked(chunks(SIGNED, 66560, None));
    let text = |body: Vec<u8>| String::from_utf8(body).unwrap();
    let good = text(signed_example());
    let refused = [
        (good.replace(";chunk-signature=ad80", ";chunk-signature=ad81"), BodyError::Signature),
        (
            good.replacen(";chunk-signature=", ";signature=", 1),
            BodyError::Framing("a chunk's signature can't be read"),
        ),
        (
            good.replacen("ad80c730", "AD80C730", 1),
            BodyError::Framing("a chunk's signature can't be read"),
        ),
        (format!("10000\r\n{good}"), BodyError::Framing("a chunk isn't signed")),
        // The chain ends before it should: the last chunk is signed for another place.
        (good.split_at(good.len() - 86).1.to_owned(), BodyError::Length),
    ];
    for (body, expected) in refused {
        assert_eq!(read(&proof, body.as_bytes(), 1 << 16), Err(expected));
    }
    // A trailer where there may be none.
    let more =
        good.split_at(good.len() - 2).0.to_owned() + "x-amz-checksum-crc32c:sOO8/Q==\r\n\r\n";
    let expected = Err(BodyError::Trailer("there is one"));
    assert_eq!(read(&proof, more.as_bytes(), 1 << 16), expected);

    let proof = Proof::chunked(chunks(SIGNED_TRAILER, 66560, Some(CRC32C)));
    let good = text(trailer_example());
    let unsigned = good.replace(&format!("{TRAILER_SIGNATURE}\r\n"), "");
    let line = "x-amz-checksum-crc32c:sOO8/Q==\r\n";
    let refused = [
        (unsigned, BodyError::Length),
        (good.replace(line, ""), BodyError::Trailer("its signature comes before it")),
        (
            good.replace(&format!("{line}{TRAILER_SIGNATURE}\r\n"), ""),
            BodyError::Trailer("it isn't signed"),
        ),
        (good.replace("sOO8", "sOO9"), BodyError::Signature),
    ];
    for (body, expected) in refused {
        assert_eq!(read(&proof, body.as_bytes(), 1 << 16), Err(expected));
    }
}

#[test]
fn headers_say_what_is_inside() {
    let of = |form: &str, pairs: &[(&'static str, &str)]| {
        let form = ChunkForm::named(form).unwrap();
        Chunks::of(form, &headers(pairs), None).map(|chunks| (chunks.length(), chunks.trailer()))
    };
    let length = ("x-amz-decoded-content-length", "5");
    let trailer = |name| ("x-amz-trailer", name);
    let found = of(UNSIGNED_TRAILER, &[length, trailer(" X-Amz-Checksum-CRC64NVME")]);
    assert_eq!(found, Ok((5, Some(Algorithm::Crc64Nvme))));
    assert_eq!(of(SIGNED, &[length]), Ok((5, None)));
    for bad in ["", "-1", "+1", " 1", "1e3", "0x1", "18446744073709551616"] {
        let bad = of(SIGNED, &[("x-amz-decoded-content-length", bad)]);
        assert_eq!(bad, Err(SigV4Error::DecodedLength));
    }
    assert_eq!(of(SIGNED, &[]), Err(SigV4Error::DecodedLength));
    for bad in
        ["", "x-amz-checksum-crc99", "x-amz-meta-a", "x-amz-checksum-crc32,x-amz-checksum-sha1"]
    {
        assert_eq!(of(UNSIGNED_TRAILER, &[length, trailer(bad)]), Err(SigV4Error::Trailer));
    }
    assert_eq!(of(UNSIGNED_TRAILER, &[length]), Err(SigV4Error::Trailer));
    assert_eq!(of(SIGNED, &[length, trailer(CRC32C)]), Err(SigV4Error::Trailer));
    let mut twice = headers(&[length]);
    twice.append("x-amz-decoded-content-length", "5".parse().unwrap());
    let form = ChunkForm::named(SIGNED).unwrap();
    assert_eq!(Chunks::of(form, &twice, None).err(), Some(SigV4Error::DecodedLength));
    assert_eq!(Chunks::unsigned(form, &twice).err(), Some(SigV4Error::StreamingPayload));
    for other in
        ["STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "STREAMING-", "STREAMING-UNSIGNED-PAYLOAD"]
    {
        assert_eq!(ChunkForm::named(other), None);
    }
}

#[test]
fn digests_are_of_what_is_inside() {
    let body = Bytes::from_static(b"hello world");
    let sums = Algorithm::ALL.map(|algorithm| {
        let mut hasher = algorithm.hasher();
        hasher.update(b"hello ");
        hasher.update(b"world");
        assert_eq!(hasher.finish().len(), algorithm.length());
        (algorithm, hasher.finish())
    });
    assert_eq!(STANDARD.encode(&sums[1].1), "yZRlqg==");
    for (algorithm, sum) in sums {
        let digest = |sum| Digest::checksum(algorithm, sum).unwrap();
        assert_eq!(Proof::NONE.and(digest(sum.clone())).unwrap(body.clone()), Ok(body.clone()));
        let mut other = sum.clone();
        other[0] ^= 1;
        let expected = Err(BodyError::Checksum(algorithm.name()));
        assert_eq!(Proof::NONE.and(digest(other)).unwrap(body.clone()), expected);
        assert_eq!(Digest::checksum(algorithm, sum[1..].to_vec()), None);
        assert_eq!(Algorithm::of_header(algorithm.header()), Some(algorithm));
    }
    let hash = crate::sigv4::sha256(&body);
    assert_eq!(Proof::sha256(hash).unwrap(body.clone()), Ok(body));
    assert_eq!(Proof::sha256(hash).unwrap(Bytes::new()), Err(BodyError::ContentSha256));
    assert_eq!(Proof::sha256(hash).content_sha256(), Some(hash));
}

/// A body in signed chunks of these sizes, with a CRC-32.
fn signed_body(pieces: &[Vec<u8>]) -> (Proof, Vec<u8>, Vec<u8>) {
    let inside = pieces.concat();
    let chunks = chunks(SIGNED_TRAILER, inside.len(), Some("x-amz-checksum-crc32"));
    let mut previous = seed("106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
    let mut body = Vec::new();
    let last = Vec::new();
    for piece in pieces.iter().filter(|piece| !piece.is_empty()).chain([&last]) {
        let hash = hex_text(&crate::sigv4::sha256(piece));
        let nothing = hex_text(&crate::sigv4::sha256(b""));
        let text = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n{}\n\
             {nothing}\n{hash}",
            hex_text(&previous.signature)
        );
        previous.signature = sign(&text);
        let signature = hex_text(&previous.signature);
        body.extend_from_slice(
            format!("{:x};chunk-signature={signature}\r\n", piece.len()).as_bytes(),
        );
        body.extend_from_slice(piece);
        if !piece.is_empty() {
            body.extend_from_slice(b"\r\n");
        }
    }
    let mut hasher = Algorithm::Crc32.hasher();
    hasher.update(&inside);
    let line = format!("x-amz-checksum-crc32:{}", STANDARD.encode(hasher.finish()));
    let text = format!(
        "AWS4-HMAC-SHA256-TRAILER\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n{}\n{}",
        hex_text(&previous.signature),
        hex_text(&crate::sigv4::sha256(format!("{line}\n").as_bytes()))
    );
    let signature = hex_text(&sign(&text));
    body.extend_from_slice(
        format!("{line}\r\nx-amz-trailer-signature:{signature}\r\n\r\n").as_bytes(),
    );
    (Proof::chunked(chunks), inside, body)
}

/// HMAC-SHA256 with the key of the examples, by another way than the code's.
fn sign(text: &str) -> [u8; 32] {
    use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
    let chain = ["20130524", "us-east-1", "s3", "aws4_request"];
    let start = format!("AWS4{SECRET}").into_bytes();
    let key = chain.into_iter().fold(start, |key, part| {
        sign(&Key::new(HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec()
    });
    sign(&Key::new(HMAC_SHA256, &key), text.as_bytes()).as_ref().try_into().unwrap()
}

proptest! {
    /// However it is cut, it is the same body, or the same refusal.
    #[test]
    fn any_split_gives_the_same(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..5),
        cuts in prop::collection::vec(1_usize..400, 1..40),
        change in prop::option::of((any::<prop::sample::Index>(), 1_u8..=255)),
    ) {
        let (proof, inside, mut body) = signed_body(&pieces);
        if let Some((at, by)) = &change {
            let at = at.index(body.len());
            body[at] ^= by;
        }
        let whole = read(&proof, &body, usize::MAX);
        match &change {
            None => prop_assert_eq!(whole.as_ref(), Ok(&inside)),
            // Letters of a name in capitals, or of a size, are the same.
            Some((at, 0x20)) => {
                let same = whole.as_ref() == Ok(&inside);
                prop_assert!(whole.is_err() || same, "{}", at.index(body.len()));
            }
            Some(_) => prop_assert!(whole.is_err()),
        }
        let (mut reader, mut found, mut rest) = (proof.reader(), Vec::new(), body.as_slice());
        let mut refused = None;
        let mut cuts = cuts.iter().cycle();
        while !rest.is_empty() && refused.is_none() {
            let (piece, after) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
            rest = after;
            let mut piece = Bytes::copy_from_slice(piece);
            while !piece.is_empty() {
                match reader.read(&mut piece) {
                    Ok(data) => found.extend_from_slice(&data.unwrap_or_default()),
                    Err(error) => {
                        refused = Some(error);
                        break;
                    }
                }
            }
        }
        let split = match refused {
            Some(error) => Err(error),
            None => reader.finish().map(|()| found),
        };
        prop_assert_eq!(split, whole);
    }
}

#[test]
fn nothing_of_a_key_is_shown() {
    let chunks = chunks(SIGNED, 1, None);
    let shown = format!(
        "{chunks:?} {:?} {:?}",
        Proof::chunked(chunks.clone()).reader(),
        Chain::new(&seed(&"0".repeat(64)))
    );
    assert!(shown.contains("Seed") && !shown.contains("4f232c43"), "{shown}");
}
