//! Request targets: what is accepted is read alike by whoever gets it, however often it is parsed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolgate::http::{Target, TargetMode};

fuzz_target!(|text: &str| {
    let Ok(target) = Target::parse(text, TargetMode::Strict) else { return };
    let again = Target::parse(target.path_and_query().as_str(), TargetMode::Strict);
    assert_eq!(again.as_ref(), Ok(&target));
    let path = target.canonical_path();
    assert!(path.starts_with('/') && !path.contains("//"), "{path:?}");
    assert!(!path.contains(['\\', ';', '\0']) && !path.chars().any(char::is_control), "{path:?}");
    assert!(!path.split('/').any(|segment| segment == "." || segment == ".."), "{path:?}");
    assert_eq!(target.segments().count(), target.path().matches('/').count());
    let pairs = target.query_pairs().count();
    assert!(target.clone().without(|_| true).unwrap().query_pairs().count() == 0 || pairs == 0);
});
