//! The certification scenario of the Authorization API 1.0, the decisions of the interoperability
//! scenarios, and what is no question.

mod in_time;
mod searching;

use std::time::Duration;

use super::*;
use crate::{
    cedar::{File, Files, Policies, TypeNames, Types},
    gate::{Cedar, tests::fixture::Rig},
};

/// A gate with the policies of a folder in tests/data/authzen.
fn rig(folder: &str) -> Rig {
    let read = |name: &str| {
        let root = env!("CARGO_MANIFEST_DIR");
        std::fs::read_to_string(format!("{root}/tests/data/authzen/{folder}/{name}")).unwrap()
    };
    let names = ["policies.cedar", "types.cedarschema", "entities.json"];
    rig_of(&names.map(read))
}

/// A gate with these policies, this schema, and these entities.
fn rig_of([policies, schema, entities]: &[String; 3]) -> Rig {
    let files = Files {
        policies: vec![File { name: "policies.cedar", text: policies }],
        schemas: vec![File { name: "types.cedarschema", text: schema }],
        entities: Some(File { name: "entities.json", text: entities }),
        ..Files::default()
    };
    let types = Types::new(&TypeNames::default()).unwrap();
    let policies = Policies::load(&files, types).unwrap_or_else(|e| panic!("{e:#?}"));
    let mut rig = Rig::new(Vec::new());
    rig.rules.cedar = Some(Cedar::new(policies));
    rig
}

fn head(method: &str, path: &str) -> Parts {
    let request = ::http::Request::builder().method(method).uri(path);
    request.header("content-type", "application/json").body(()).unwrap().into_parts().0
}

/// The answer of a decision point that is called `url` and has all the time.
fn answered(rig: &Rig, url: Option<&str>, head: &Parts, body: &[u8]) -> Answered {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let until = Instant::now() + Duration::from_secs(600);
    runtime.block_on(answer(&rig.gate(), url, head, body, until))
}

fn send(rig: &Rig, path: &str, body: &[u8]) -> (u16, Value) {
    let answered = answered(rig, None, &head("POST", path), body);
    assert_eq!(answered.response.headers()["content-type"], "application/json");
    let status = answered.response.status().as_u16();
    (status, serde_json::from_slice(answered.response.body()).unwrap())
}

fn post(rig: &Rig, path: &str, body: &Value) -> (u16, Value) {
    send(rig, &format!("/access/v1/{path}"), body.to_string().as_bytes())
}

fn decision(rig: &Rig, body: &Value) -> bool {
    let (status, found) = post(rig, "evaluation", body);
    assert_eq!(status, 200, "{found}");
    found["decision"].as_bool().unwrap()
}

fn thing(kind: &str, id: &str) -> Value {
    json!({ "type": kind, "id": id })
}

fn of(kind: &str, id: &str, properties: Value) -> Value {
    json!({ "type": kind, "id": id, "properties": properties })
}

fn asked(subject: Value, action: Value, resource: Value) -> Value {
    json!({ "subject": subject, "action": action, "resource": resource })
}

fn named(name: &str) -> Value {
    json!({ "name": name })
}

fn archived() -> Value {
    of("record", "record-2", json!({ "status": "archived" }))
}

fn admin() -> Value {
    of("user", "bob", json!({ "role": "admin" }))
}

#[test]
fn basic_certification() {
    let rig = rig("certification");
    let (alice, bob, one) =
        (thing("user", "alice"), thing("user", "bob"), thing("record", "record-1"));
    let soft = |is: bool| json!({ "name": "delete", "properties": { "soft": is } });
    let more = asked(
        of("user", "alice", json!({ "department": "Sales", "role": "manager" })),
        json!({ "name": "read", "properties": { "method": "GET" } }),
        of("record", "record-1", json!({ "status": "active", "owner": "bob" })),
    );
    for (body, expected) in [
        (asked(alice.clone(), named("read"), one.clone()), true),
        (asked(alice.clone(), named("write"), one.clone()), true),
        (asked(bob.clone(), named("read"), one.clone()), true),
        (asked(bob, named("write"), one.clone()), false),
        (asked(alice.clone(), named("write"), archived()), false),
        (asked(admin(), named("write"), archived()), true),
        (asked(alice.clone(), soft(true), one.clone()), true),
        (asked(alice.clone(), soft(false), one.clone()), false),
        (more, true),
    ] {
        let mut around = body.clone();
        around["context"] = json!({ "time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1" });
        around["futureField"] = json!({ "nested": true });
        for body in [&body, &body, &around] {
            assert_eq!(decision(&rig, body), expected, "{body}");
        }
    }
}

#[test]
fn what_is_no_question() {
    let rig = rig("certification");
    let whole = asked(thing("user", "alice"), named("read"), thing("record", "record-1"));
    let without = |path: &str| {
        let mut body = whole.clone();
        let (parent, name) = path.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        body
    };
    let with = |name: &str, value: Value| {
        let mut body = whole.clone();
        body[name] = value;
        body
    };
    for body in [
        without("/subject"),
        without("/action"),
        without("/resource"),
        without("/subject/type"),
        without("/subject/id"),
        without("/action/name"),
        without("/resource/type"),
        without("/resource/id"),
        with("subject", json!("alice")),
        with("subject", json!({ "type": 1, "id": "alice" })),
        with("subject", of("user", "alice", json!([]))),
        with("action", json!({ "name": 123 })),
        with("context", json!("now")),
        json!({}),
    ] {
        for path in ["evaluation", "evaluations"] {
            let (status, found) = post(&rig, path, &body);
            assert_eq!((status, found.is_string()), (400, true), "{body}");
        }
    }
    for body in ["", "{", "[]", "1", r#"{"a":1,"a":1}"#] {
        assert_eq!(send(&rig, "/access/v1/evaluation", body.as_bytes()).0, 400, "{body}");
    }
    let text = whole.to_string();
    let ask = |mut head: Parts, kind: Option<&'static str>| {
        head.headers.remove("content-type");
        if let Some(kind) = kind {
            head.headers.insert("content-type", HeaderValue::from_static(kind));
        }
        answered(&rig, None, &head, text.as_bytes()).response.status().as_u16()
    };
    let evaluation = || head("POST", "/access/v1/evaluation");
    assert_eq!(ask(evaluation(), Some("application/json; charset=utf-8")), 200);
    assert_eq!(ask(evaluation(), Some("text/plain")), 400);
    assert_eq!(ask(evaluation(), None), 400);
    assert_eq!(ask(head("GET", "/access/v1/evaluation"), Some("application/json")), 405);
    assert_eq!(ask(head("POST", "/access/v1/other"), Some("application/json")), 404);
    // A type or an action that the schema hasn't is a question, and denied.
    for body in [
        with("subject", thing("spaceship", "alice")),
        with("resource", of("spaceship", "1", json!({ "a": 1 }))),
        with("action", named("launch")),
        with("subject", of("user", "alice", json!({ "role": 7 }))),
    ] {
        let (status, found) = post(&rig, "evaluation", &body);
        assert_eq!((status, &found["decision"]), (200, &json!(false)), "{body}");
        assert!(found["context"]["reason"].as_str().unwrap().starts_with("cedar_"), "{found}");
    }
}

#[test]
fn a_request_has_its_id_back() {
    let rig = rig("certification");
    for (path, body) in [("/access/v1/evaluation", "{"), ("/access/v1/nothing", "{}")] {
        let mut head = head("POST", path);
        assert!(
            answered(&rig, None, &head, b"{}").response.headers().get("x-request-id").is_none()
        );
        head.headers.insert("x-request-id", HeaderValue::from_static("bfe9eb29"));
        let found = answered(&rig, None, &head, body.as_bytes()).response;
        assert_eq!(found.headers()["x-request-id"], "bfe9eb29");
    }
}

fn batch(rig: &Rig, body: &Value) -> Vec<bool> {
    let (status, found) = post(rig, "evaluations", body);
    assert_eq!(status, 200, "{found}");
    let all = found["evaluations"].as_array().unwrap().iter();
    all.map(|one| one["decision"].as_bool().unwrap()).collect()
}

#[test]
fn batch_certification() {
    let rig = rig("certification");
    let (alice, bob, one) =
        (thing("user", "alice"), thing("user", "bob"), thing("record", "record-1"));
    let active = of("record", "record-1", json!({ "status": "active" }));
    let resources = json!([{ "resource": active }, { "resource": archived() }]);
    let write = json!({ "subject": alice, "action": named("write") });
    let with = |base: &Value, name: &str, value: Value| {
        let mut base = base.clone();
        base[name] = value;
        base
    };
    let read = json!({ "subject": alice, "action": named("read"), "context": { "time": "2025-06-27T18:03-07:00" } });
    let records = json!([{ "resource": one }, { "resource": thing("record", "record-2"), "context": { "source": "x" } }]);
    for (body, expected) in [
        (with(&read, "evaluations", records), vec![true, true]),
        (
            json!({ "subject": bob, "resource": one,
                    "evaluations": [{ "action": named("read") }, { "action": named("write") }] }),
            vec![true, false],
        ),
        (with(&write, "evaluations", resources), vec![true, false]),
        (
            json!({ "action": named("write"), "resource": archived(),
                    "evaluations": [{ "subject": alice }, { "subject": admin() }] }),
            vec![false, true],
        ),
        (
            json!({ "evaluations": [asked(alice.clone(), named("read"), one.clone()), asked(bob, named("write"), one.clone())] }),
            vec![true, false],
        ),
        // Whole members are inherited, and replaced.
        (
            with(
                &with(&write, "resource", active),
                "evaluations",
                json!([{}, { "resource": archived() }]),
            ),
            vec![true, false],
        ),
        (
            with(
                &with(&read, "options", json!({ "evaluations_semantic": "execute_all" })),
                "evaluations",
                json!([{ "resource": one }, {}, 1]),
            ),
            vec![true, false, false],
        ),
    ] {
        assert_eq!(batch(&rig, &body), expected, "{body}");
    }
    let single = asked(alice, named("read"), one.clone());
    for body in [single.clone(), with(&single, "evaluations", json!([]))] {
        let (status, found) = post(&rig, "evaluations", &body);
        assert_eq!((status, &found["decision"]), (200, &json!(true)));
    }
    let failed = post(&rig, "evaluations", &with(&read, "evaluations", json!([{}]))).1;
    assert_eq!(failed["evaluations"][0]["context"]["error"]["status"], 400);
    for (name, value) in [
        ("evaluations", json!({})),
        ("evaluations", json!(vec![json!({}); 501])),
        ("options", json!([])),
        ("options", json!({ "evaluations_semantic": "any" })),
    ] {
        let body = with(&with(&single, "evaluations", json!([{}])), name, value);
        assert_eq!(post(&rig, "evaluations", &body).0, 400, "{name}");
    }
}

#[test]
fn semantics_end_early() {
    let rig = rig("certification");
    let ask = |semantic: &str, actions: &[&str]| {
        let items: Vec<Value> =
            actions.iter().map(|name| json!({ "action": named(name) })).collect();
        batch(
            &rig,
            &json!({
                "subject": thing("user", "bob"), "resource": thing("record", "record-1"),
                "options": { "evaluations_semantic": semantic, "other": 1 }, "evaluations": items,
            }),
        )
    };
    let all = ["read", "write", "read"];
    assert_eq!(ask("execute_all", &all), [true, false, true]);
    assert_eq!(ask("deny_on_first_deny", &all), [true, false]);
    assert_eq!(ask("permit_on_first_permit", &all), [true]);
    assert_eq!(
        ask("permit_on_first_permit", &["write", "launch", "read", "read"]),
        [false, false, true]
    );
}

/// Empty properties say no more than none: a forbid that hangs on what nobody told denies.
#[test]
fn empty_properties_tell_nothing() {
    let schema = r#"
        entity UserGroup;
        entity User in [UserGroup] = { email?: String };
        entity Note = { size?: Long };
        action read, write appliesTo { principal: [User], resource: [Note] };"#;
    let policies = r#"
        @id("all") permit (principal, action, resource);
        @id("suspended") forbid (principal in UserGroup::"pool|suspended", action == Action::"read", resource);
        @id("big") forbid (principal, action == Action::"write", resource)
            when { resource has size && resource.size > 9 };"#;
    let entities = r#"[{ "uid": { "type": "Note", "id": "kept" }, "attrs": {}, "parents": [] }]"#;
    let rig = rig_of(&[policies, schema, entities].map(str::to_owned));
    let reason = |subject: &Value, action: &str, resource: &Value| {
        let body = asked(subject.clone(), named(action), resource.clone());
        post(&rig, "evaluation", &body).1["context"]["reason"].as_str().unwrap().to_owned()
    };
    let (user, note) = (thing("User", "pool|ann"), thing("Note", "1"));
    let user_of = |properties| of("User", "pool|ann", properties);
    for nothing in [&user, &user_of(json!({})), &user_of(json!({ "email": null }))] {
        assert_eq!(reason(nothing, "read", &note), "cedar_unknown_principal", "{nothing}");
    }
    for (properties, expected) in [
        (json!({ "email": "a@x" }), "allowed_by_cedar"),
        (json!({ "cognito:groups": [] }), "allowed_by_cedar"),
        (json!({ "cognito:groups": ["suspended"] }), "cedar_forbid"),
    ] {
        assert_eq!(reason(&user_of(properties.clone()), "read", &note), expected, "{properties}");
    }
    let note_of = |properties| of("Note", "1", properties);
    for nothing in [&note, &note_of(json!({})), &note_of(json!({ "size": null }))] {
        assert_eq!(reason(&user, "write", nothing), "cedar_unknown_resource", "{nothing}");
    }
    assert_eq!(reason(&user, "write", &note_of(json!({ "size": 9 }))), "allowed_by_cedar");
    assert_eq!(reason(&user, "write", &thing("Note", "kept")), "allowed_by_cedar");
}

#[test]
fn metadata_tells_where_to_ask() {
    let rig = rig("certification");
    let ask = |url| answered(&rig, url, &head("GET", METADATA), b"").response;
    assert_eq!(ask(None).status(), 404);
    let found = ask(Some("https://pdp.example.com"));
    assert_eq!(
        (found.status().as_u16(), &found.headers()["content-type"]),
        (200, &HeaderValue::from_static("application/json"))
    );
    let found: Value = serde_json::from_slice(found.body()).unwrap();
    assert_eq!(found["policy_decision_point"], "https://pdp.example.com");
    for (name, url) in found.as_object().unwrap() {
        let url = url.as_str().unwrap();
        assert!(url.starts_with("https://pdp.example.com"), "{name}");
        assert!(
            name == "policy_decision_point"
                || is_for(url.strip_prefix("https://pdp.example.com").unwrap())
        );
    }
    assert!(!is_for("/check/envoy"));
}

/// Users of the to-do list, and whether each may read users, read, create, and for each owner's
/// to-do update and delete it.
#[test]
fn the_to_do_list_of_the_interoperability_events() {
    let rig = rig("todo");
    let user = |key: &str| {
        thing("user", &format!("CiRmZD{key}MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs"))
    };
    let rick = "rick@the-citadel.com";
    for (key, own, creates, updates_ricks, updates_own, deletes_ricks, deletes_own) in [
        ("A2", "morty@the-citadel.com", true, true, true, true, true),
        ("E2", "morty@the-citadel.com", true, false, true, false, true),
        ("I2", "summer@the-smiths.com", true, false, true, false, true),
        ("M2", "beth@the-smiths.com", false, false, false, false, false),
        ("Q2", "jerry@the-smiths.com", false, false, false, false, false),
    ] {
        let todo = |owner: &str| {
            of("todo", "7240d0db-8ff0-41ec-98b2-34a096273b92", json!({ "ownerID": owner }))
        };
        for (action, resource, expected) in [
            ("can_read_user", thing("user", "beth@the-smiths.com"), true),
            ("can_read_user", thing("user", own), true),
            ("can_read_todos", thing("todo", "todo-1"), true),
            ("can_create_todo", thing("todo", "todo-1"), creates),
            ("can_update_todo", todo(rick), updates_ricks),
            ("can_update_todo", todo(own), updates_own),
            ("can_delete_todo", todo(rick), deletes_ricks),
            ("can_delete_todo", todo(own), deletes_own),
        ] {
            let body = asked(user(key), named(action), resource);
            assert_eq!(decision(&rig, &body), expected, "{body}");
        }
        let both = json!({ "subject": user(key), "action": named("can_update_todo"),
            "evaluations": [{ "resource": todo(rick) }, { "resource": todo(own) }] });
        assert_eq!(batch(&rig, &both), [updates_ricks, updates_own]);
    }
}
