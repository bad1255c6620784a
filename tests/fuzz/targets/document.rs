//! Policy documents: whatever is written, it is refused with reasons or decides, with the index of
//! statements as without.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use poolgate::iam::{
    Action, Check, Facts, Layers, NoObserver, Policy, PolicyKind, PolicySet, Resource, evaluate,
};
use poolgate_fuzz::{Watcher, check, layers};

fuzz_target!(|data: &[u8]| {
    let Some((kind, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let kinds = [PolicyKind::Inline, PolicyKind::Resource, PolicyKind::Trust];
    let more = [PolicyKind::ServiceControl, PolicyKind::ResourceControl, PolicyKind::Managed];
    let kind = *kinds.iter().chain(&more).nth(usize::from(*kind) % 6).unwrap();
    let policy = match Policy::parse("fuzzed", kind, text) {
        Ok(policy) => PolicySet::from(Arc::new(policy)),
        Err(errors) => {
            assert!(!errors.is_empty());
            errors.iter().for_each(|error| assert!(!error.to_string().is_empty()));
            return;
        }
    };
    let nothing = PolicySet::default();
    let layers = match kind {
        PolicyKind::Resource | PolicyKind::Trust => {
            Layers { resource: Some(&policy), ..layers(&nothing) }
        }
        PolicyKind::ServiceControl | PolicyKind::ResourceControl => {
            let level = std::slice::from_ref(&policy);
            Layers { service_control: level, resource_control: level, ..layers(&policy) }
        }
        _ => layers(&policy),
    };
    let mut context = Facts::new();
    context.one("aws:username", "bob");
    context.one("aws:SourceIp", "203.0.113.7");
    context.set("aws:TagKeys", poolgate::iam::Fact::Many(vec!["a".to_owned(), "b".to_owned()]));
    context.set("s3:prefix", poolgate::iam::Fact::Unknown);
    let list = Check::new(Action::fixed("s3:ListAllMyBuckets"), Resource::Any);
    for check in [check("b/home/bob/k").unwrap(), check("b").unwrap(), list] {
        let quick = evaluate(&layers, &check, &context, &mut NoObserver);
        let slow = evaluate(&layers, &check, &context, &mut Watcher);
        assert_eq!(quick.is_allow(), slow.is_allow(), "{check:?}");
        assert_eq!(
            quick.denial().map(|denial| (denial.layer, denial.reason())),
            slow.denial().map(|denial| (denial.layer, denial.reason())),
        );
    }
});
