//! Searches: what they find, page by page, and what is logged of them.

use super::*;
use crate::doors::DecisionRecord;

fn ids(rig: &Rig, what: &str, body: &Value) -> Vec<String> {
    let (status, found) = post(rig, &format!("search/{what}"), body);
    assert_eq!(status, 200, "{found}");
    let all = found["results"].as_array().unwrap().iter();
    let id = |one: &Value| {
        one.get("id").or_else(|| one.get("name")).unwrap().as_str().unwrap().to_owned()
    };
    all.map(id).collect()
}

#[test]
fn search_certification() {
    let rig = rig("certification");
    let (alice, one) = (thing("user", "alice"), thing("record", "record-1"));
    let (user, record) = (json!({ "type": "user" }), json!({ "type": "record" }));
    let context = json!({ "time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1" });
    for (what, body, expected) in [
        ("subject", asked(user.clone(), named("read"), one.clone()), vec!["alice", "bob"]),
        ("subject", asked(alice.clone(), named("read"), one.clone()), vec!["alice", "bob"]),
        ("subject", asked(user.clone(), named("write"), archived()), vec!["bob"]),
        (
            "resource",
            asked(alice.clone(), named("read"), record.clone()),
            vec!["record-1", "record-2"],
        ),
        (
            "resource",
            asked(alice.clone(), named("read"), one.clone()),
            vec!["record-1", "record-2"],
        ),
        ("resource", asked(admin(), named("write"), record.clone()), vec!["record-2"]),
        ("action", json!({ "subject": alice, "resource": one }), vec!["read", "write"]),
        ("action", json!({ "subject": admin(), "resource": archived() }), vec!["read", "write"]),
        (
            "action",
            json!({ "subject": thing("user", "nonexistent-user"), "resource": one }),
            vec![],
        ),
        (
            "resource",
            asked(thing("user", "nonexistent-user"), named("read"), record.clone()),
            vec![],
        ),
        ("subject", asked(json!({ "type": "spaceship" }), named("read"), one.clone()), vec![]),
        ("resource", asked(alice.clone(), named("read"), json!({ "type": "spaceship" })), vec![]),
        ("action", json!({ "subject": thing("spaceship", "1"), "resource": one }), vec![]),
    ] {
        let mut around = body.clone();
        around["context"] = context.clone();
        assert_eq!(ids(&rig, what, &body), expected, "{what} {body}");
        assert_eq!(ids(&rig, what, &around), expected, "{what} {around}");
    }
    for (what, body) in [
        ("subject", json!({ "subject": user, "resource": one })),
        ("resource", json!({ "action": named("read"), "resource": record })),
        ("action", json!({ "subject": alice })),
        ("subject", asked(user.clone(), named("read"), record.clone())),
        ("resource", asked(user.clone(), named("read"), record)),
        ("action", json!({ "subject": user, "resource": one })),
    ] {
        assert_eq!(post(&rig, &format!("search/{what}"), &body).0, 400, "{what} {body}");
    }
}

/// What the decision log has of a request.
fn logged(rig: &Rig, path: &str, body: &Value) -> (Value, Vec<Value>) {
    let head = head("POST", &format!("/access/v1/{path}"));
    let answered = answered(rig, None, &head, body.to_string().as_bytes());
    let told = crate::doors::Asked::of(
        &head,
        std::net::Ipv4Addr::UNSPECIFIED.into(),
        crate::clock::Time::from_secs(0),
    );
    let line = |decision| {
        let record = DecisionRecord::new("authzen", &rig.rules, &told, decision, 1);
        serde_json::to_value(&record).unwrap()
    };
    let lines = answered.decisions.iter().map(line).collect();
    (serde_json::from_slice(answered.response.body()).unwrap(), lines)
}

#[test]
fn a_search_is_one_line_of_the_decision_log() {
    let rig = rig("certification");
    let search = asked(json!({ "type": "user" }), named("read"), thing("record", "record-1"));
    let (found, lines) = logged(&rig, "search/subject", &search);
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(found["context"]["id"], line["decision_id"]);
    assert_eq!((&line["effect"], &line["reason"]), (&json!("allow"), &json!("allowed_by_cedar")));
    assert_eq!(line["policies"], json!(["staff reads"]));
    let one = |principal: &str| {
        json!({ "principal": principal, "action": "Action::\"read\"", "resource": "record::\"record-1\"",
                "effect": "allow", "reason": "allowed_by_cedar", "policies": ["staff reads"] })
    };
    assert_eq!(line["asked"], json!([one("user::\"alice\""), one("user::\"bob\"")]));
    assert_eq!(
        line["found"],
        json!({ "searched": "subject", "principal": "user", "action": "Action::\"read\"",
                "resource": "record::\"record-1\"", "results": 2, "more": false })
    );
    let mut page = search;
    page["page"] = json!({ "limit": 1 });
    let (_, lines) = logged(&rig, "search/subject", &page);
    assert_eq!(
        (&lines[0]["found"]["results"], &lines[0]["found"]["more"]),
        (&json!(1), &json!(true))
    );
    // Where nothing is found, nothing is permitted.
    let none =
        json!({ "subject": thing("user", "nobody"), "resource": thing("record", "record-1") });
    let (found, lines) = logged(&rig, "search/action", &none);
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(found["context"]["id"], line["decision_id"]);
    assert_eq!((&line["effect"], &line["reason"]), (&json!("deny"), &json!("cedar_no_permit")));
    assert_eq!(
        line["found"],
        json!({ "searched": "action", "principal": "user::\"nobody\"", "action": "Action",
                "resource": "record::\"record-1\"", "results": 0, "more": false })
    );
    // What is no question isn't decided.
    assert_eq!(logged(&rig, "search/action", &json!({})).1, Vec::<Value>::new());
}

#[test]
fn results_come_in_pages() {
    let rig = rig("certification");
    let search = |page: Value| {
        let mut body = asked(json!({ "type": "user" }), named("read"), thing("record", "record-1"));
        body["page"] = page;
        post(&rig, "search/subject", &body)
    };
    let (_, first) = search(json!({ "limit": 1 }));
    assert_eq!(first["results"], json!([{ "type": "user", "id": "alice" }]));
    assert_eq!(first["page"]["count"], 1);
    let token = first["page"]["next_token"].as_str().unwrap().to_owned();
    assert!(!token.is_empty());
    let (_, second) = search(json!({ "token": token }));
    assert_eq!(second["results"], json!([{ "type": "user", "id": "bob" }]));
    let mut last = second["page"]["next_token"].as_str().unwrap().to_owned();
    if !last.is_empty() {
        let (_, third) = search(json!({ "token": last }));
        assert_eq!(third["results"], json!([]));
        last = third["page"]["next_token"].as_str().unwrap().to_owned();
    }
    assert_eq!(last, "");
    assert_eq!(search(json!({})).1["page"], json!({ "next_token": "", "count": 2 }));
    assert_eq!(search(json!({ "limit": 0 })).1["results"], json!([]));
    // A token of another search means nothing, nor does one that nobody gave.
    let mut other = asked(json!({ "type": "user" }), named("write"), archived());
    other["page"] = json!({ "token": token });
    assert_eq!(post(&rig, "search/subject", &other).0, 400);
    for page in [json!({ "token": "x" }), json!({ "token": 1 }), json!({ "limit": -1 }), json!([])]
    {
        assert_eq!(search(page.clone()).0, 400, "{page}");
    }
}
