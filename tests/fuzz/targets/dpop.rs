//! Proofs of tokens' keys, SPIFFE ids and the URIs they are compared with: nothing is a proof that no
//! key signed.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use poolgate::clock::Time;
use poolgate::http::{ClientCertificate, RequestUri, SpiffeId, Thumbprint};
use poolgate::token::{DpopProof, DpopRequest, thumbprint};
use serde_json::Value;

static KEY: LazyLock<Thumbprint> = LazyLock::new(|| {
    let keys: Value = serde_json::from_slice(include_bytes!("../keys.json")).unwrap();
    thumbprint(keys["keys"][0].as_object().unwrap()).unwrap()
});

static URI: LazyLock<RequestUri> =
    LazyLock::new(|| RequestUri::parse("https://gate.example/api").unwrap());

fuzz_target!(|data: &[u8]| {
    let _ = ClientCertificate::of(data);
    let Ok(text) = std::str::from_utf8(data) else { return };
    let now = Time::from_secs(1_700_000_000);
    let request = DpopRequest { method: "GET", uri: &URI, token: "a.b.c", key: *KEY, now };
    let error = DpopProof::verify(text, &request).unwrap_err();
    assert!(!error.reason().is_empty() && !error.to_string().is_empty());
    if let Ok(id) = SpiffeId::parse(text) {
        assert_eq!(id.as_str(), text);
    }
    let _ = RequestUri::parse(text);
});
