//! What the targets have in common: a caller, a question, and the answer of one policy.

pub mod rows;

use std::sync::{Arc, LazyLock};

use http::{HeaderMap, HeaderName, HeaderValue};
use poolgate::iam::{
    Action, Arn, Check, Context, Facts, Layers, NoObserver, Observer, Policy, PolicyKind,
    PolicySet, Principal, Resource, Session, Verdict, evaluate,
};
use serde_json::{Value, json};

/// The policy of one statement for everything, with this condition. None if it is refused.
pub fn conditional(version: &str, effect: &str, condition: Value) -> Option<Policy> {
    let statement =
        json!({ "Effect": effect, "Action": "*", "Resource": "*", "Condition": condition });
    let document = json!({ "Version": version, "Statement": statement });
    Policy::parse("fuzzed", PolicyKind::Inline, &document.to_string()).ok()
}

/// What a policy of an identity says to `check`.
pub fn ask(policy: Policy, check: &Check, context: &dyn Context) -> Verdict {
    let identity = PolicySet::from(Arc::new(policy));
    evaluate(&layers(&identity), check, context, &mut NoObserver)
}

/// A session whose identity has these policies.
pub fn layers(identity: &PolicySet) -> Layers<'_> {
    static CALLER: LazyLock<Session> = LazyLock::new(|| Session {
        principal: Principal::named("arn:aws:iam::123456789012:user/bob").unwrap(),
        ..Session::anonymous()
    });
    Layers { identity, ..Layers::of(&CALLER) }
}

/// GetObject on an object.
pub fn check(key: &str) -> Option<Check> {
    let arn = Arn::parse(&format!("arn:aws:s3:::{key}")).ok()?;
    Some(Check::new(Action::fixed("s3:GetObject"), Resource::Arn(arn)))
}

/// One single-valued key.
pub fn known(key: &str, value: &str) -> Facts {
    let mut facts = Facts::new();
    facts.one(key.to_owned(), value);
    facts
}

/// Has every statement looked at, so that no index is asked and no short cut taken.
pub struct Watcher;

impl Observer for Watcher {}

/// Lines of `Name: value`, up to an empty one; what can't be sent is left out.
pub fn headers<'t>(lines: impl Iterator<Item = &'t str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        let name = HeaderName::from_bytes(name.as_bytes()).ok();
        if let Some((name, value)) = name.zip(HeaderValue::from_bytes(value.as_bytes()).ok()) {
            headers.append(name, value);
        }
    }
    headers
}

/// As many parts as asked for, separated by `separator`; the last has the rest.
pub fn parts<const N: usize>(data: &[u8], separator: char) -> Option<[&str; N]> {
    let mut parts = std::str::from_utf8(data).ok()?.splitn(N, separator);
    let found = [(); N].map(|()| parts.next());
    found.iter().all(Option::is_some).then(|| found.map(Option::unwrap_or_default))
}
