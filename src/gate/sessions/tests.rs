use std::sync::Arc;

use super::{MAX_SESSIONS, Sessions, weight};
use crate::{
    iam::{Fact, Facts, PolicySet, Principal, Session},
    identity::{Assumed, RoleChoice},
};

/// A session with the claims of a token: the more it has, the fewer are kept (P6).
#[test]
fn sessions_are_bounded_in_bytes() {
    let mut facts = Facts::new();
    facts.one("jwt:one", "x".repeat(1024));
    facts.set("jwt:many", Fact::Many(vec!["y".repeat(1024); 100]));
    let session =
        Session { principal: Principal::Anonymous, session_policies: PolicySet::default(), facts };
    let (identity, provider) = (Some("us-east-1:1".to_owned()), Some("provider".to_owned()));
    let assumed = Arc::new(Assumed::new(identity, session, RoleChoice::Custom, provider));
    assert!(weight(&assumed) > 101 * 1024, "{}", weight(&assumed));
    let sessions = Sessions::default();
    for serial in 0..3000 {
        sessions.insert(0, serial, Arc::clone(&assumed));
    }
    let count = sessions.count();
    assert!(sessions.shared.weighted_size() <= MAX_SESSIONS);
    assert!(count > 1000, "{count}");
}
