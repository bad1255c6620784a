//! ARNs: the parts make up the whole, and who is named is told or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolgate::iam::{Arn, Principal};

fuzz_target!(|text: &str| {
    let Ok(arn) = Arn::parse(text) else { return };
    let head = ["arn", arn.partition(), arn.service(), arn.region(), arn.account()].join(":");
    assert_eq!([head.as_str(), arn.resource()].join(":"), text);
    assert!(!arn.resource().is_empty() && !head.contains("arn:arn:arn:arn:arn:arn"));
    if let Ok(principal) = Principal::named(text) {
        assert_eq!(principal.arn().as_deref(), Some(text));
        assert_eq!(principal.account().map(str::len), Some(12));
    }
});
