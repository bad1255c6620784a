//! Questions in Cedar's own terms: what is given counts, and what nobody told hangs.

use serde_json::{Map, json};

use super::*;
use crate::cedar::{Around, Given, Name, Typed, Who, Written};

const NOTES: &str = r#"
type Token = { client_id?: String, scope?: Set<String> };
entity UserGroup, Role;
entity User in [UserGroup, Role] = { email?: String, suspended?: Bool };
entity Guest;
entity Application;
entity Resource in [Resource] = { arn: String };
entity Folder;
entity Note in [Folder] = { owner: User, tags?: Set<String>, from?: ipaddr, size?: Long };
action "get /notes" appliesTo { principal: [User], resource: [Application], context: { token?: Token } };
action all;
action read, write in [all] appliesTo {
    principal: [User], resource: [Note], context: { mfa: Bool, token?: Token, at?: datetime },
};
action list in [all] appliesTo { principal: [User], resource: [Folder] };
"#;

const POLICIES: &str = r#"
@id("owner") permit(principal, action in Action::"all", resource is Note) when { resource.owner == principal };
@id("staff") permit(principal in UserGroup::"pool|staff", action == Action::"read", resource);
@id("in public") permit(principal, action == Action::"read", resource in Folder::"public");
@id("by scope") permit(principal, action == Action::"read", resource is Note)
    when { context has token && context.token has scope && context.token.scope.contains("notes") };
@id("mfa") forbid(principal, action == Action::"write", resource) unless { context.mfa };
@id("list") permit(principal, action == Action::"list", resource);
"#;

fn notes(policies: &str, entities: Option<&str>) -> Policies {
    let entities = entities.map(|text| File { name: "entities.json", text });
    let files = Files { entities, ..files(policies, NOTES) };
    Policies::load(&files, types()).unwrap_or_else(|e| panic!("{e:#?}"))
}

fn of(kind: &str, id: &str) -> Name {
    Name { kind: kind.to_owned(), id: id.to_owned() }
}

fn map(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn identifier(kind: &str, id: &str) -> Value {
    json!({ "entityType": kind, "entityId": id })
}

fn given(policies: &Policies, list: &Value) -> Given {
    policies.given(Written::List(list.as_array().unwrap())).unwrap()
}

fn verdict(
    policies: &Policies,
    who: Who<'_>,
    action: &str,
    on: &Name,
    given: &Given,
    context: &Value,
) -> Verdict {
    let (action, context) = (of("Action", action), map(context.clone()));
    let context = Around::Values(&context);
    let asked = Typed { principal: who, action: &action, resource: on, context, given: &[given] };
    policies.ask(&asked).verdict
}

/// Ann, and a note of hers in a folder.
fn anns() -> Value {
    json!([
        { "identifier": identifier("User", "ann") },
        { "identifier": identifier("Note", "1"), "attributes": {
            "owner": { "entityIdentifier": identifier("User", "ann") },
            "tags": { "set": [ { "string": "a" } ] }, "from": { "ipaddr": "10.0.0.1" }, "size": { "long": 3 },
          }, "parents": [identifier("Folder", "public")] },
    ])
}

#[test]
fn what_is_given_counts() {
    let policies = notes(POLICIES, None);
    let given = given(&policies, &anns());
    let (ann, bob, note) = (of("User", "ann"), of("User", "bob"), of("Note", "1"));
    let mfa = |is: bool| json!({ "mfa": { "boolean": is } });
    let ask = |who: &Name, action: &str, is| {
        verdict(&policies, Who::Named(who), action, &note, &given, &mfa(is))
    };
    assert_eq!(ask(&ann, "write", true), permit("owner"));
    assert_eq!(ask(&ann, "write", false), forbid("mfa"));
    assert_eq!(ask(&ann, "read", true), Verdict::Permit(vec!["in public".into(), "owner".into()]));
    // Of bob only the name is known, which is enough for what hangs on no more.
    assert_eq!(ask(&bob, "read", false), permit("in public"));
    assert_eq!(ask(&bob, "write", true), Verdict::Nothing);
    // A context is what the schema says, and there.
    let read = |context: &Value| {
        reason(&verdict(&policies, Who::Named(&ann), "read", &note, &given, context))
    };
    assert_eq!(read(&json!({})), "cedar_error");
    assert_eq!(read(&json!({ "mfa": { "string": "true" } })), "cedar_error");
    assert_eq!(read(&json!({ "mfa": { "boolean": true }, "more": { "long": 1 } })), "cedar_error");
    assert_eq!(
        read(&json!({ "mfa": { "boolean": true }, "at": { "datetime": "2026-01-01" } })),
        "permit"
    );
}

#[test]
fn what_nobody_told_permits_nothing_and_lifts_no_forbid() {
    let policies = notes(
        r#"@id("all") permit(principal, action, resource is Note);
           @id("staff") permit(principal in UserGroup::"pool|staff", action == Action::"list", resource);
           @id("suspended") forbid(principal, action == Action::"read", resource)
               when { principal has suspended && principal.suspended };
           @id("big") forbid(principal, action == Action::"write", resource is Note)
               when { resource has size && resource.size > 9 };"#,
        None,
    );
    let context = json!({ "mfa": { "boolean": true } });
    let (ann, note) = (of("User", "ann"), of("Note", "1"));
    let ask = |action: &str, given: &Given| {
        let on = if action == "list" { of("Folder", "f") } else { note.clone() };
        let context = if action == "list" { json!({}) } else { context.clone() };
        verdict(&policies, Who::Named(&ann), action, &on, given, &context)
    };
    let nothing = Given::default();
    assert_eq!(reason(&ask("read", &nothing)), "cedar_unknown_principal");
    assert_eq!(reason(&ask("write", &nothing)), "cedar_unknown_resource");
    assert_eq!(ask("list", &nothing), Verdict::Nothing);
    let told = given(&policies, &anns());
    assert_eq!(ask("read", &told), permit("all"));
    assert_eq!(ask("write", &told), permit("all"));
    // A permit that nothing is known against is no permit either.
    let unless = notes(
        r#"@id("unless") permit(principal, action, resource) unless { principal in UserGroup::"pool|bad" };"#,
        None,
    );
    let list = |given: &Given| {
        verdict(&unless, Who::Named(&ann), "list", &of("Folder", "f"), given, &json!({}))
    };
    assert_eq!(reason(&list(&nothing)), "cedar_unknown_principal");
    assert_eq!(list(&given(&unless, &anns())), permit("unless"));
    // As for who signs, but a role is no better known than a group.
    let role = notes(
        r#"permit(principal, action, resource); @id("no") forbid(principal in Role::"r", action, resource);"#,
        None,
    );
    let found = verdict(&role, Who::Named(&ann), "list", &of("Folder", "f"), &nothing, &json!({}));
    assert_eq!(reason(&found), "cedar_unknown_principal");
}

#[test]
fn a_policy_that_fails_denies() {
    let policies = notes(
        r#"permit(principal, action, resource);
           @id("sum") forbid(principal, action == Action::"read", resource is Note)
               when { resource has size && resource.size + 9223372036854775807 > 0 };"#,
        None,
    );
    let given = given(&policies, &anns());
    let context = json!({ "mfa": { "boolean": true } });
    let (ann, note) = (of("User", "ann"), of("Note", "1"));
    let found = verdict(&policies, Who::Named(&ann), "read", &note, &given, &context);
    assert_eq!(reason(&found), "cedar_error");
}

#[test]
fn a_token_is_its_own_witness() {
    let policies = notes(POLICIES, None);
    let scope = json!("openid notes");
    let staff = policies.principal(&Caller { groups: vec!["pool|staff".into()], ..user("pool|1") });
    let access = policies
        .principal(&Caller { token: Some(vec![("scope", scope.clone())]), ..user("pool|1") });
    let given = given(&policies, &anns());
    let note = of("Note", "2");
    let ask = |who: Who<'_>, context: Value| {
        let note = if matches!(who, Who::Token(_)) { of("Note", "1") } else { note.clone() };
        verdict(&policies, who, "read", &note, &given, &context)
    };
    let mfa = json!({ "mfa": { "boolean": true } });
    assert_eq!(
        ask(Who::Token(&staff), mfa.clone()),
        Verdict::Permit(vec!["in public".into(), "staff".into()])
    );
    assert_eq!(
        ask(Who::Token(&access), mfa.clone()),
        Verdict::Permit(vec!["by scope".into(), "in public".into()])
    );
    assert_eq!(
        ask(Who::Tokens(&staff, &access), mfa),
        Verdict::Permit(vec!["by scope".into(), "staff".into()])
    );
    // What an access token says, nobody says for it.
    let forged =
        json!({ "mfa": { "boolean": true }, "token": { "record": { "scope": { "set": [] } } } });
    assert_eq!(reason(&ask(Who::Token(&staff), forged.clone())), "cedar_error");
    assert_eq!(reason(&ask(Who::Token(&access), forged)), "cedar_error");
}

#[test]
fn what_the_schema_has_not_is_denied() {
    let policies = notes(POLICIES, None);
    let given = given(&policies, &anns());
    let (ann, note) = (of("User", "ann"), of("Note", "1"));
    let ask = |who: &Name, action: &Name, on: &Name| {
        let asked = Typed {
            principal: Who::Named(who),
            action,
            resource: on,
            context: Around::Nothing,
            given: &[&given],
        };
        reason(&policies.ask(&asked).verdict)
    };
    assert_eq!(ask(&ann, &of("Action", "erase"), &note), "cedar_no_action");
    assert_eq!(ask(&ann, &of("Other::Action", "list"), &note), "cedar_no_action");
    assert_eq!(ask(&ann, &of("Action", "list"), &note), "cedar_not_applicable");
    assert_eq!(
        ask(&of("Spaceship", "1"), &of("Action", "list"), &of("Folder", "f")),
        "cedar_not_applicable"
    );
    assert_eq!(ask(&of("no name", "1"), &of("Action", "list"), &of("Folder", "f")), "cedar_error");
    assert_eq!(ask(&ann, &of("Action", "list"), &of("Folder", "f")), "permit");
}

#[test]
fn entities_that_are_not_the_schemas_are_refused() {
    let policies = notes(POLICIES, None);
    let refused = |list: Value| {
        let error = policies.given(Written::List(list.as_array().unwrap())).unwrap_err();
        format!("{}: {}", error.path, error.message)
    };
    let owner = json!({ "owner": { "entityIdentifier": identifier("User", "a") } });
    let note = |attributes: Value| json!([{ "identifier": identifier("Note", "1"), "attributes": attributes }]);
    for (list, expected) in [
        (json!([{}]), "entityList[0].identifier: must not be null"),
        (
            json!([{ "identifier": identifier("no name", "1") }]),
            "entityList[0].identifier.entityType: an entity's type is a name",
        ),
        (json!([{ "identifier": identifier("Spaceship", "1") }]), "entityList: entity"),
        (json!([{ "identifier": identifier("Action", "read") }]), "entityList[0]: is an action"),
        (note(json!({})), "entityList: "),
        (note(json!({ "owner": { "string": "ann" } })), "entityList: "),
        (note(json!({ "owner": {} })), "entityList[0].attributes.owner: must have exactly one"),
        (
            note(json!({ "owner": { "string": "a", "long": 1 } })),
            "entityList[0].attributes.owner: must have exactly one",
        ),
        (
            note(json!({ "size": { "long": 1.5 } })),
            "entityList[0].attributes.size: must be a whole number",
        ),
        (note(json!({ "from": { "ipaddr": "nowhere" } })), "entityList[0]: "),
        (
            json!([{ "identifier": identifier("Note", "1"), "attributes": owner, "parents": [identifier("User", "a")] }]),
            "entityList: ",
        ),
        (json!(vec![json!({ "identifier": identifier("Folder", "1") }); 201]), ": at most 200"),
    ] {
        let found = refused(list.clone());
        assert!(found.starts_with(expected), "{list}: {found}");
    }
    let mut deep = json!({ "long": 1 });
    for _ in 0..18 {
        deep = json!({ "set": [deep] });
    }
    assert!(refused(note(json!({ "tags": deep }))).contains("nested too deep"));
    // Of two with one name the last counts.
    let twice = json!([{ "identifier": identifier("User", "a"), "attributes": { "email": { "string": "1" } } },
                       { "identifier": identifier("User", "a"), "attributes": { "email": { "string": "2" } } }]);
    assert!(policies.given(Written::List(twice.as_array().unwrap())).is_ok());
    // Cedar's own JSON.
    let json = json!([{ "uid": { "type": "Note", "id": "1" }, "attrs": { "owner": { "type": "User", "id": "ann" } }, "parents": [] }]);
    let given = policies.given(Written::Json(&json)).unwrap();
    let note = of("Note", "1");
    let context = json!({ "mfa": { "boolean": true } });
    assert_eq!(
        verdict(&policies, Who::Named(&of("User", "ann")), "read", &note, &given, &context),
        permit("owner")
    );
    let action = json!([{ "uid": { "type": "Action", "id": "read" }, "attrs": {}, "parents": [{ "type": "Action", "id": "all" }] }]);
    assert!(policies.given(Written::Json(&action)).unwrap().entities.is_empty());
    assert!(policies.given(Written::Json(&json!({}))).is_err());
}

/// What the file has is known; what a caller gives of the same counts instead.
#[test]
fn the_file_tells_too() {
    let owner = |id: &str| json!({ "type": "User", "id": id });
    let mut all =
        vec![json!({ "uid": { "type": "Folder", "id": "public" }, "attrs": {}, "parents": [] })];
    for number in 0..9_000 {
        let parents =
            json!([{ "type": "Folder", "id": if number == 7 { "public" } else { "private" } }]);
        all.push(json!({ "uid": { "type": "Note", "id": number.to_string() }, "attrs": { "owner": owner("bob") }, "parents": parents }));
    }
    let text = json!(all).to_string();
    let policies = notes(POLICIES, Some(&text));
    let context = json!({ "mfa": { "boolean": true } });
    let (ann, bob) = (of("User", "ann"), of("User", "bob"));
    let ask = |who: &Name, id: &str, given: &Given| {
        verdict(&policies, Who::Named(who), "read", &of("Note", id), given, &context)
    };
    let nothing = Given::default();
    assert_eq!(ask(&ann, "7", &nothing), permit("in public"));
    assert_eq!(ask(&ann, "8", &nothing), Verdict::Nothing);
    assert_eq!(ask(&bob, "8", &nothing), permit("owner"));
    let hers = json!([{ "identifier": identifier("Note", "7"), "attributes": { "owner": { "entityIdentifier": identifier("User", "ann") } } }]);
    assert_eq!(ask(&ann, "7", &given(&policies, &hers)), permit("owner"));
    assert_eq!(policies.stored("Note").len(), 9_000);
    // Nobody pays for the thousands: a question is far below a clone of them.
    let started = std::time::Instant::now();
    for _ in 0..200 {
        ask(&bob, "8", &nothing);
    }
    let each = started.elapsed() / 200;
    let cloning = std::time::Instant::now();
    for _ in 0..20 {
        std::hint::black_box(policies.entities.clone());
    }
    let clone = cloning.elapsed() / 20;
    assert!(each < clone, "{each:?} a question, {clone:?} a clone");
}

#[test]
fn properties_are_taken_as_far_as_they_are_declared() {
    let note = json!([{ "uid": { "type": "Note", "id": "1" }, "attrs": { "owner": { "type": "User", "id": "bob" }, "size": 3 }, "parents": [] }]);
    let policies = notes(POLICIES, Some(&note.to_string()));
    let described = |properties: Value| policies.described(&of("Note", "1"), &map(properties));
    let owner = json!({ "type": "User", "id": "ann" });
    let context = json!({ "mfa": { "boolean": true } });
    let ask = |given: &Given| {
        verdict(
            &policies,
            Who::Named(&of("User", "ann")),
            "read",
            &of("Note", "1"),
            given,
            &context,
        )
    };
    assert_eq!(
        ask(&described(json!({ "owner": owner, "colour": "red", "tags": null })).unwrap()),
        permit("owner")
    );
    // Where they say nothing, what the file has stands.
    assert_eq!(ask(&described(json!({ "size": 4 })).unwrap()), Verdict::Nothing);
    assert!(described(json!({ "size": "4" })).is_err());
    assert!(described(json!({ "owner": { "__entity": 4 } })).is_err());
    assert!(policies.described(&of("Note", "2"), &map(json!({}))).is_err(), "it has no owner");
    assert_eq!(policies.kind("Note").as_deref(), Some("Note"));
    assert_eq!(policies.kind("Spaceship"), None);
    let actions: Vec<String> = policies.actions("User", "Note").into_iter().map(|n| n.id).collect();
    assert_eq!(actions, ["read", "write"]);
    assert_eq!(policies.actions("User", "no such"), []);
}
