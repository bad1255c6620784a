//! AWS signatures: nothing is signed by guessing.
#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use poolgate::clock::Time;
use poolgate::sigv4::{Head, Payload, Signed};
use poolgate_fuzz::{headers, parts};

fuzz_target!(|data: &[u8]| {
    let Some([path, query, lines]) = parts(data, '\n') else { return };
    let headers = headers(lines.split('\n'));
    let query = (!query.is_empty()).then_some(query);
    let _ = Payload::of(&headers, query);
    let head = Head { method: &Method::GET, path, query, headers: &headers };
    let Ok(Some(signed)) = Signed::parse(head) else { return };
    assert!(!signed.access_key_id().is_empty());
    let _ = signed.check_time(Time::from_secs(1_700_000_000));
});
