//! Whether what was permitted once would be permitted still.

use serde_json::json;

use super::fixture::{
    API, Ask, Rig, access_token, api, id_token, reads, scoped, token_only, user_pool,
};
use crate::{
    clock::Time,
    gate::{Authenticate, BoundTokens, Route},
    token::testing::NOW,
};

impl Rig {
    /// `stands`, or the reason why it doesn't, at `now`.
    pub(super) fn stands(&self, ask: Ask, now: Time) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let stands = runtime.block_on(self.gate().stands(&ask.question(), now));
        stands.map_or_else(|denial| denial.reason.to_owned(), |()| "stands".to_owned())
    }
}

fn asked() -> Ask {
    Ask::get("/api/orders").bearer(&id_token(&json!({})))
}

#[test]
fn a_right_stands_for_as_long_as_rules_and_token_do() {
    let rig = Rig::new(vec![api("shop")]);
    assert_eq!(rig.stands(asked(), NOW), "stands");
    assert_eq!(rig.stands(asked(), NOW.plus_secs(30 * 24 * 3600)), "expired");
    assert_eq!(rig.stands(Ask::get("/api/orders"), NOW), "missing_token");

    let narrowed = reads().to_string().replace("/api/*", "/api/other/*");
    let rig = Rig::with(vec![api("shop")], &serde_json::from_str(&narrowed).unwrap());
    assert_eq!(rig.stands(asked(), NOW), "implicit_deny");
    let denied = json!([
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": "execute-api:Invoke", "Resource": format!("{API}/GET/api/orders") },
    ]);
    assert_eq!(Rig::with(vec![api("shop")], &denied).stands(asked(), NOW), "explicit_deny");
}

#[test]
fn it_is_the_routes_that_are_in_force_which_are_asked() {
    let asked = || Ask::get("/api/orders").bearer(&access_token(&json!({ "scope": "a" })));
    for (route, expected) in [
        (token_only("open"), "stands"),
        (scoped(&["a"]), "stands"),
        (scoped(&["b"]), "insufficient_scope"),
        (Route { authenticate: Authenticate::Public, ..token_only("public") }, "stands"),
        (
            Route { bound_tokens: BoundTokens::Require, ..token_only("bound") },
            "bound_token_required",
        ),
        (Route { upstream: None, ..token_only("asked about") }, "misconfigured"),
        (
            Route {
                matching: super::fixture::matching(None, Some("/other")),
                ..token_only("moved")
            },
            "no_route",
        ),
        (user_pool(), "no_route"),
    ] {
        let name = route.name.clone();
        assert_eq!(Rig::new(vec![route]).stands(asked(), NOW), expected, "{name}");
    }
}
