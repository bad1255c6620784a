use serde_json::json;

use super::*;
use crate::iam::JsonPath;

/// The text at the place that is told.
fn at<'a>(text: &'a str, place: &Place) -> &'a str {
    let Place::Offset(offset) = place else { panic!("{place:?}") };
    let rest = text.get(*offset..).unwrap();
    rest.get(..8).unwrap_or(rest)
}

#[test]
fn every_problem_of_a_policy_is_at_its_place() {
    let text = "permit(principal, action, resource) when { principal.nmae == \"x\" };\n\
        forbid(principal, action == Action::\"get /pest\", resource);";
    let found = wrong(&files(text, SCHEMA));
    // The first for each type of principal.
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found.iter().all(|f| f.0 == "shop.cedar cedar_policy_invalid"), "{found:#?}");
    assert!(found[0].2.contains("nmae"), "{found:#?}");
    assert_eq!(at(text, &found[0].1), "principa");
    assert!(found[2].2.contains("get /pest"), "{found:#?}");
    assert_eq!(at(text, &found[2].1), "Action::");
}

#[test]
fn a_syntax_error_is_at_its_place() {
    let text = "permit(principal, action, resource);\npermit(principal action, resource);";
    let found = wrong(&files(text, SCHEMA));
    assert_eq!(found[0].0, "shop.cedar cedar_policy_syntax");
    assert_eq!(at(text, &found[0].1), "action, ");
    let schema = "entity User;\nentity User in;";
    let found = wrong(&files("", schema));
    assert_eq!(found[0].0, "shop.cedarschema cedar_schema");
    assert_eq!(at(schema, &found[0].1), ";");
}

#[test]
fn a_schema_is_needed() {
    let files = Files { schemas: Vec::new(), ..files("permit(principal, action, resource);", "") };
    let found = wrong(&files);
    assert!(found[0].2.contains("no schema"), "{found:?}");
}

#[test]
fn ids_are_unique() {
    let text = "@id(\"a\") permit(principal, action, resource);\n@id(\"a\") forbid(principal, action, resource);";
    let found = wrong(&files(text, SCHEMA));
    assert_eq!(found[0].0, "shop.cedar cedar_policy_syntax");
    assert!(found[0].2.contains("\"a\""), "{found:?}");
    // Without `@id` they are named by file and place.
    let policies = load("permit(principal, action, resource);");
    let who = policies.principal(&user("u"));
    assert_eq!(ask(&policies, &who, "GET /pets/1"), permit("shop[0]"));
}

#[test]
fn actions_have_to_be_such_that_requests_can_conform() {
    let schema = r#"
entity User, Application;
action "GET /pets" appliesTo { principal: [User], resource: [Application] };
action "get /a/{x}" appliesTo { principal: [User], resource: [Application] };
action "get /a/{y}" appliesTo { principal: [User], resource: [Application] };
action "get /b" appliesTo { principal: [User], resource: [Application], context: {
    mfa: Bool, spiffeId: String, sourceIp: String, action: String, pathParameters: { id: String } } };
action "s3:GetObject" appliesTo { principal: [User], resource: [Application], context: { path: String } };
"#;
    let found = wrong(&files("", schema));
    let told: Vec<&str> = found.iter().map(|f| f.2.as_str()).collect();
    assert!(found.iter().all(|f| f.0 == "shop.cedarschema cedar_action"), "{found:#?}");
    for (message, place) in [
        ("action \"GET /pets\": not a method", "\"GET /pe"),
        ("action \"get /a/{y}\" is for the same requests as \"get /a/{x}\"", "\"get /a/"),
        ("no request has `mfa`", "\"get /b\""),
        ("`spiffeId` of the context can't be required", "\"get /b\""),
        ("`sourceIp` of the context is of type ipaddr, not String", "\"get /b\""),
        ("no request has `action`", "\"get /b\""),
        ("`pathParameters.id` isn't in the action's path", "\"get /b\""),
        ("no request has `path`", "\"s3:GetO"),
    ] {
        let index = told.iter().position(|t| t.contains(message));
        let index = index.unwrap_or_else(|| panic!("{message}: {told:#?}"));
        assert_eq!(at(schema, &found[index].1), place);
    }
}

#[test]
fn templates_are_linked() {
    let text = r#"@id("share") permit(principal == ?principal, action == Action::"s3:GetObject", resource == ?resource);"#;
    let links = json!([{ "template_id": "share", "link_id": "ann's", "args": {
        "?principal": "User::\"ann\"", "?resource": "Resource::\"arn:aws:s3:::b/k\"" } }])
    .to_string();
    fn with<'a>(text: &'a str, links: &'a str) -> Files<'a> {
        let links = Some(File { name: "template-links.json", text: links });
        Files { links, ..files(text, SCHEMA) }
    }
    let policies = Policies::load(&with(text, &links), types()).unwrap();
    let ann = policies.principal(&user("ann"));
    let object = "arn:aws:s3:::b/k";
    assert_eq!(named(&policies, &ann, "s3:GetObject", object), permit("ann's"));
    assert_eq!(named(&policies, &ann, "s3:GetObject", "arn:aws:s3:::b/x"), Verdict::Nothing);
    let bob = policies.principal(&user("bob"));
    assert_eq!(named(&policies, &bob, "s3:GetObject", object), Verdict::Nothing);

    for (link, message) in [
        (json!({ "template_id": "none", "link_id": "a", "args": {} }), "none"),
        (json!({ "template_id": "share", "link_id": "a", "args": {} }), "slot"),
        (
            json!({ "template_id": "share", "link_id": "share", "args": {
            "?principal": "User::\"ann\"", "?resource": "Resource::\"r\"" } }),
            "share",
        ),
        (
            json!({ "template_id": "share", "link_id": "a", "args": { "?x": "" } }),
            "`?x` is no slot",
        ),
        (
            json!({ "template_id": "share", "link_id": "a", "args": { "?principal": "ann" } }),
            "must be an entity",
        ),
        (json!({ "template_id": "share", "link_id": "a", "args": {}, "more": 1 }), "`more`"),
        // Strict validation covers links.
        (
            json!({ "template_id": "share", "link_id": "a", "args": {
            "?principal": "Nobody::\"ann\"", "?resource": "Resource::\"r\"" } }),
            "`a`",
        ),
    ] {
        let links = json!([link]).to_string();
        let found = wrong(&with(text, &links));
        assert!(found[0].0.starts_with("template-links.json "), "{found:?}");
        assert_eq!(found[0].1, Place::Path(JsonPath::root().index(0)), "{found:?}");
        assert!(found[0].2.contains(message), "{message}: {found:?}");
    }
}

#[test]
fn entities_conform_to_the_schema_and_are_no_callers() {
    for (entity, message) in [
        (
            json!({ "uid": { "type": "User", "id": "a" }, "attrs": {}, "parents": [] }),
            "callers come from",
        ),
        (json!({ "uid": { "type": "Nobody", "id": "a" }, "attrs": {}, "parents": [] }), "Nobody"),
        (
            json!({ "uid": { "type": "UserGroup", "id": "a" }, "attrs": { "x": 1 }, "parents": [] }),
            "x",
        ),
    ] {
        let text = json!([entity]).to_string();
        let files = Files {
            entities: Some(File { name: "entities.json", text: &text }),
            ..files("", SCHEMA)
        };
        let found = wrong(&files);
        assert_eq!(found[0].0, "entities.json cedar_entity");
        assert_eq!(found[0].1, Place::Path(JsonPath::root().index(0)));
        assert!(found[0].2.contains(message), "{found:?}");
    }
}

#[test]
fn a_schema_may_be_json_and_in_several_files_and_in_a_namespace() {
    let json = json!({ "App": {
        "entityTypes": { "UserGroup": {}, "Application": {}, "User": {
            "memberOfTypes": ["UserGroup"],
            "shape": { "type": "Claims" } } },
        "commonTypes": { "Claims": { "type": "Record", "attributes": {
            "email": { "type": "EntityOrCommon", "name": "String", "required": false } } } },
        "actions": {},
    }})
    .to_string();
    let actions = r#"namespace Acts { action "get /x" appliesTo { principal: [App::User], resource: [App::Application] }; }"#;
    let policies = r#"@id("e") permit(principal in App::UserGroup::"g", action == Acts::Action::"get /x", resource)
        when { principal has email && principal.email == "a@x" };"#;
    let files = Files {
        schemas: vec![
            File { name: "types.json", text: &json },
            File { name: "acts.cedarschema", text: actions },
        ],
        ..files(policies, "")
    };
    let names = TypeNames { action: "Acts::Action".into(), ..TypeNames::of("App") };
    let policies = Policies::load(&files, Types::new(&names).unwrap()).unwrap();
    let claims = json!({ "email": "a@x" });
    let who = with(Caller { groups: vec!["g".into()], ..user("u") }, &claims);
    let who = policies.principal(&who);
    assert_eq!(who.name(), r#"App::User::"u""#);
    assert_eq!(ask(&policies, &who, "GET /x"), permit("e"));
}

#[test]
fn a_policy_that_never_applies_is_worth_a_warning() {
    let policies = load("permit(principal, action, resource) when { false };");
    let told: Vec<String> = policies.warnings().iter().map(ToString::to_string).collect();
    assert!(told[0].contains("shop[0]"), "{told:?}");
}
