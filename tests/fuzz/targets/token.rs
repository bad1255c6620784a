//! Tokens: nothing is a token that no key signed.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use poolgate::clock::Time;
use poolgate::token::{Claims, Issuer, Issuers, KeySet};

static ISSUERS: LazyLock<Issuers> = LazyLock::new(|| {
    // The public key of RFC 7515, appendix A.2, under the key id `k`.
    let keys = KeySet::fixed(include_bytes!("../keys.json")).unwrap();
    let issuer = Issuer::user_pool("eu-west-1_Ab12Cd34E", Vec::new(), None, keys).unwrap();
    Issuers::new(vec![issuer.into()], 0).unwrap()
});

fuzz_target!(|data: &[u8]| {
    let _ = Claims::parse(data);
    if let Ok(text) = std::str::from_utf8(data) {
        let error = ISSUERS.verify(text, Time::from_secs(1_700_000_000)).unwrap_err();
        assert!(!error.reason().is_empty() && !error.to_string().is_empty());
    }
});
