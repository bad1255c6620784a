//! IAM and Cedar on one route: every composition, every shadow.

use serde_json::{Value, json};

use super::fixture::*;
use crate::{
    cedar::{File, Files, Policies, TypeNames, Types},
    gate::{
        Cedar, Compose, Denial, Engine, Grounds, Outcome, Refusal, Route, Shadow, Trail,
        engines::{Opinion, compose, guarded},
    },
    iam::{Account, AccountFile, FileKind},
    services::execute_api::Api,
};

const SCHEMA: &str = r#"
entity UserGroup, Role;
entity User in [UserGroup, Role] = { email?: String, "custom:level"?: Long };
entity Application;
action "get /api/{id}" appliesTo { principal: [User], resource: [Application],
    context: { token?: { scope?: Set<String> } } };
action "put /api/{id}" appliesTo { principal: [User], resource: [Application] };
action "delete /api/{id}" appliesTo { principal: [User], resource: [Application] };
"#;

/// Permits `get` to who has `email` a@x, forbids `/api/no`… to level 13, fails at the highest level.
const POLICIES: &str = r#"
@id("mail") permit(principal, action == Action::"get /api/{id}", resource == Application::"api")
when { principal has email && principal.email == "a@x" };
@id("put") permit(principal, action == Action::"put /api/{id}", resource);
@id("13") forbid(principal, action, resource)
when { principal has "custom:level" && principal["custom:level"] + 1 == 14 };
"#;

fn cedar(policies: &str) -> Cedar {
    let files = Files {
        policies: vec![File { name: "p.cedar", text: policies }],
        schemas: vec![File { name: "s.cedarschema", text: SCHEMA }],
        ..Files::default()
    };
    let types = Types::new(&TypeNames::default()).unwrap();
    Cedar::new(Policies::load(&files, types).unwrap_or_else(|e| panic!("{e:#?}")))
}

fn route(iam: Engine, cedar: Engine, compose: Compose) -> Route {
    Route { iam, cedar, compose, ..api("api") }
}

fn rig(route: Route) -> Rig {
    let mut rig = Rig::new(vec![route]);
    rig.rules.cedar = Some(cedar(POLICIES));
    rig
}

/// Cedar permits it, says nothing, forbids it, fails.
fn callers() -> [Value; 4] {
    [
        json!({ "email": "a@x", "custom:level": 1 }),
        json!({ "email": "b@x" }),
        json!({ "email": "a@x", "custom:level": 13 }),
        json!({ "email": "a@x", "custom:level": i64::MAX }),
    ]
}

/// What becomes of the four callers' requests that IAM allows, and doesn't.
fn answers(rig: &Rig, allowed: bool) -> [String; 4] {
    callers().map(|claims| {
        let method = if allowed { "GET" } else { "DELETE" };
        rig.reason(Ask::new(method, "/api/1").bearer(&id_token(&claims)))
    })
}

#[test]
fn every_composition_says_what_it_should() {
    use Compose::{All, Any, Guardrail};
    use Engine::{Enforce, Off};
    let both = |compose, allowed| answers(&rig(route(Enforce, Enforce, compose)), allowed);
    assert_eq!(
        both(All, true),
        ["+allowed_by_both", "-cedar_no_permit", "-cedar_forbid", "-cedar_error"]
    );
    assert_eq!(both(All, false), ["-implicit_deny"; 4]);
    assert_eq!(
        both(Any, true),
        ["+allowed_by_both", "+allowed_by_policy", "-cedar_forbid", "-cedar_error"]
    );
    assert_eq!(
        both(Any, false),
        ["-implicit_deny", "-implicit_deny", "-cedar_forbid", "-cedar_error"]
    );
    assert_eq!(
        both(Guardrail, true),
        ["+allowed_by_both", "+allowed_by_policy", "-cedar_forbid", "-cedar_error"]
    );
    assert_eq!(both(Guardrail, false), ["-implicit_deny"; 4]);
    // What Cedar permits and IAM doesn't mention, `any` allows.
    let any = rig(route(Enforce, Enforce, Any));
    let put = Ask::new("PUT", "/api/1").bearer(&id_token(&json!({ "email": "b@x" })));
    assert_eq!(any.reason(put), "+allowed_by_cedar");
    // Cedar alone needs no role, no identity pool and no name of the API.
    let alone = Route {
        pool: None,
        service: crate::gate::Service::ExecuteApi(Api::Unnamed),
        ..route(Off, Enforce, All)
    };
    let alone = rig(alone);
    assert_eq!(
        answers(&alone, true),
        ["+allowed_by_cedar", "-cedar_no_permit", "-cedar_forbid", "-cedar_error"]
    );
    assert_eq!(alone.reason(Ask::get("/api/1")), "-missing_token");
    assert_eq!(
        alone.reason(Ask::get("/api/1/2").bearer(&id_token(&json!({})))),
        "-cedar_no_action"
    );
    // With both off a token is still demanded.
    let off = rig(Route { pool: None, ..route(Off, Off, All) });
    assert_eq!(answers(&off, true), ["+valid_token"; 4]);
    assert_eq!(off.reason(Ask::get("/api/1")), "-missing_token");
}

#[test]
fn the_grounds_and_the_log_name_policies_and_engines() {
    let rig = rig(route(Engine::Enforce, Engine::Enforce, Compose::All));
    let [permitted, silent, forbidden, fails] = callers();
    let decide = |claims| rig.decide(Ask::get("/api/1").bearer(&id_token(claims)));
    let decision = decide(&permitted);
    let Outcome::Allow(permit) = &decision.outcome else { panic!("{decision:?}") };
    let Grounds::Both(statements, policies) = permit.grounds() else { panic!() };
    assert_eq!(statements[0].label(), "Reader/p/Read".replace("Reader/", ""));
    assert_eq!(policies, &["mail"]);
    let heard = |claims| {
        let engines = decide(claims).heard.engines;
        let said = engines.into_iter().map(|e| (e.engine, e.mode, e.verdict, e.policies.concat()));
        said.collect::<Vec<_>>()
    };
    let iam = ("iam", "enforce", "allow", "p/Read".to_owned());
    let cedar = |verdict, policies: &str| ("cedar", "enforce", verdict, policies.to_owned());
    assert_eq!(heard(&permitted), [iam.clone(), cedar("allow", "mail")]);
    assert_eq!(heard(&silent), [iam.clone(), cedar("no_opinion", "")]);
    assert_eq!(heard(&forbidden), [iam.clone(), cedar("deny", "13")]);
    assert_eq!(heard(&fails), [iam, cedar("error", "")]);

    // IAM alone: nothing is noted.
    let plain = Rig::new(vec![api("api")]);
    let decision = plain.decide(Ask::get("/api/1").bearer(&id_token(&permitted)));
    assert!(decision.heard.engines.is_empty() && decision.heard.shadows.is_empty());
}

#[test]
fn explain_shows_each_engine() {
    let rig = rig(route(Engine::Enforce, Engine::Enforce, Compose::All));
    // Cedar is asked although IAM's answer stands.
    let ask = Ask::new("PUT", "/api/1").bearer(&id_token(&json!({})));
    let decision = rig.decide_with(ask, Trail::On(Vec::new()));
    let steps: Vec<&str> = decision.trail.steps().iter().map(|s| s.what.as_str()).collect();
    for expected in ["Cedar: PUT /api/1", "iam (enforce): no_opinion", "cedar (enforce): allow"] {
        assert!(steps.contains(&expected), "{expected}: {steps:#?}");
    }
}

#[test]
fn a_shadow_never_changes_the_answer_and_is_heard() {
    // What is decided with the shadow off, and what is heard with it.
    for (iam, cedar, compose, expected) in [
        (
            Engine::Enforce,
            Engine::Shadow,
            Compose::All,
            [(true, "allow"), (false, "deny"), (false, "deny"), (false, "error")],
        ),
        (
            Engine::Enforce,
            Engine::Shadow,
            Compose::Guardrail,
            [(true, "allow"), (true, "allow"), (false, "deny"), (false, "error")],
        ),
        (
            Engine::Shadow,
            Engine::Enforce,
            Compose::All,
            [(true, "allow"), (true, "deny"), (true, "deny"), (true, "error")],
        ),
        (
            Engine::Shadow,
            Engine::Shadow,
            Compose::All,
            [(true, "allow"), (false, "deny"), (false, "deny"), (false, "error")],
        ),
        (Engine::Shadow, Engine::Off, Compose::All, [(true, "allow"); 4]),
    ] {
        let without = |engine| if engine == Engine::Shadow { Engine::Off } else { engine };
        let base = rig(route(without(iam), without(cedar), compose));
        let with = rig(route(iam, cedar, compose));
        assert_eq!(answers(&base, true), answers(&with, true), "{iam:?} {cedar:?}");
        assert_eq!(answers(&base, false), answers(&with, false), "{iam:?} {cedar:?}");
        let heard = callers().map(|claims| {
            let decision = with.decide(Ask::get("/api/1").bearer(&id_token(&claims)));
            let [shadow] = &decision.heard.shadows[..] else { panic!("{:?}", decision.heard) };
            assert_eq!(shadow.shadow, "engines");
            (shadow.agrees, shadow.effect)
        });
        assert_eq!(heard, expected, "{iam:?} {cedar:?} {compose:?}");
    }
}

#[test]
fn a_shadow_without_a_role_or_policies_changes_nothing() {
    // IAM as a shadow, and the pool gives no role: a client's claim of an unknown one.
    let rig = rig(route(Engine::Shadow, Engine::Enforce, Compose::All));
    let claims = json!({ "email": "a@x", "cognito:preferred_role": role("Nobody"), "cognito:roles": [role("Nobody")] });
    let decision = rig.decide(Ask::get("/api/1").bearer(&id_token(&claims)));
    assert_eq!(reason(&decision), "+allowed_by_cedar");
    assert!(decision.assumed.is_none());
    assert_eq!(
        (decision.heard.shadows[0].agrees, decision.heard.shadows[0].effect),
        (false, "error")
    );
    // Cedar as a shadow, and no policies.
    let bare = Rig::new(vec![route(Engine::Enforce, Engine::Shadow, Compose::All)]);
    let decision = bare.decide(Ask::get("/api/1").bearer(&id_token(&claims_of_reader())));
    assert_eq!(reason(&decision), "+allowed_by_policy");
    assert_eq!(decision.heard.shadows[0].effect, "error");
    // Enforced, it is a denial.
    let bare = Rig::new(vec![route(Engine::Enforce, Engine::Enforce, Compose::All)]);
    assert_eq!(bare.reason(Ask::get("/api/1").bearer(&id_token(&json!({})))), "-misconfigured");
}

fn claims_of_reader() -> Value {
    json!({})
}

#[test]
fn a_panic_is_nobodys_answer() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    assert_eq!(guarded(|| -> u32 { panic!("a shadow's") }), None);
    std::panic::set_hook(hook);
    assert_eq!(guarded(|| 1), Some(1));
}

#[test]
fn shadow_policies_are_compared() {
    let account = |statements: &Value| {
        let text = json!({
            "RoleName": "Reader", "Path": "/", "Arn": role("Reader"), "RoleId": "AROAReader",
            "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": { "Federated": "cognito-identity.amazonaws.com" },
                "Action": "sts:AssumeRoleWithWebIdentity" }] },
            "RolePolicyList": [{ "PolicyName": "p",
                "PolicyDocument": { "Version": "2012-10-17", "Statement": statements } }],
            "AttachedManagedPolicies": [],
        })
        .to_string();
        Account::load(&[AccountFile { name: "r", kind: FileKind::Roles, text: &text }], None)
            .unwrap()
    };
    let everything = json!([{ "Effect": "Allow", "Action": "execute-api:*", "Resource": "*" }]);
    let none = Account::load(&[], None).unwrap();
    let forbids = "@id(\"all\") permit(principal, action, resource);";
    let heard = |shadow: Shadow, request: &str| {
        let mut rig = rig(route(Engine::Enforce, Engine::Enforce, Compose::All));
        let base = rig.reason(Ask::new(request, "/api/1").bearer(&id_token(&callers()[0])));
        rig.rules.shadow = Some(shadow.into());
        let decision = rig.decide(Ask::new(request, "/api/1").bearer(&id_token(&callers()[0])));
        assert_eq!(reason(&decision), base);
        let [shadow] = &decision.heard.shadows[..] else { panic!("{:?}", decision.heard) };
        assert_eq!(shadow.shadow, "policies");
        (shadow.agrees, shadow.effect, shadow.reason)
    };
    let shadow = |account, cedar| Shadow { account, cedar };
    let all = || Some(cedar(forbids));
    assert_eq!(heard(shadow(account(&reads()), all()), "GET"), (true, "allow", "allowed_by_both"));
    assert_eq!(
        heard(shadow(account(&everything), all()), "PUT"),
        (false, "allow", "allowed_by_both")
    );
    assert_eq!(heard(shadow(account(&everything), None), "GET"), (false, "error", "misconfigured"));
    assert_eq!(heard(shadow(none, all()), "GET"), (false, "deny", "role_not_found"));
    let same = Some(cedar(POLICIES));
    assert_eq!(heard(shadow(account(&reads()), same), "PUT"), (true, "deny", "implicit_deny"));
}

/// The law of composition, all of it: three modes, and each engine allowing, silent, denying, failing
/// or not asked.
#[test]
fn composition_is_as_its_table_says() {
    let denial = |reason| Denial::new(reason, Refusal::AccessDenied, "");
    let opinion = |letter, iam: bool| match letter {
        'a' => Some(match iam {
            true => Opinion::Allow(Vec::new(), Vec::new()),
            false => Opinion::Allow(Vec::new(), vec!["p".to_owned()]),
        }),
        'n' => Some(Opinion::None(denial(if iam { "in" } else { "cn" }))),
        'd' => Some(Opinion::Deny(denial(if iam { "id" } else { "cd" }))),
        'e' => Some(Opinion::Error(denial(if iam { "ie" } else { "ce" }))),
        _ => None,
    };
    // Rows are IAM's a n d e -, columns Cedar's.
    let tables = [
        (
            Compose::All,
            [
                ["both", "cn", "cd", "ce", "iam"],
                ["in", "in", "cd", "ce", "in"],
                ["id", "id", "id", "id", "id"],
                ["ie", "ie", "cd", "ie", "ie"],
                ["cedar", "cn", "cd", "ce", "misconfigured"],
            ],
        ),
        (
            Compose::Any,
            [
                ["both", "iam", "cd", "ce", "iam"],
                ["cedar", "in", "cd", "ce", "in"],
                ["id", "id", "id", "id", "id"],
                ["ie", "ie", "cd", "ie", "ie"],
                ["cedar", "cn", "cd", "ce", "misconfigured"],
            ],
        ),
        (
            Compose::Guardrail,
            [
                ["both", "iam", "cd", "ce", "iam"],
                ["in", "in", "cd", "ce", "in"],
                ["id", "id", "id", "id", "id"],
                ["ie", "ie", "cd", "ie", "ie"],
                ["misconfigured", "cn", "cd", "ce", "misconfigured"],
            ],
        ),
    ];
    for (how, table) in tables {
        for (row, iam) in table.iter().zip("ande-".chars()) {
            for (expected, cedar) in row.iter().zip("ande-".chars()) {
                let found =
                    compose(how, opinion(iam, true).as_ref(), opinion(cedar, false).as_ref());
                let found = match &found {
                    Ok(Grounds::Both(..)) => "both",
                    Ok(Grounds::Statements(_)) => "iam",
                    Ok(Grounds::Permit(_)) => "cedar",
                    Ok(other) => panic!("{other:?}"),
                    Err(denial) => denial.reason,
                };
                assert_eq!(found, *expected, "{how:?}: IAM {iam}, Cedar {cedar}");
            }
        }
    }
}
