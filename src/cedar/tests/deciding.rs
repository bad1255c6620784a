use serde_json::json;

use super::*;

const POLICIES: &str = r#"
@id("readers")
permit(principal in UserGroup::"pool|readers", action == Action::"get /pets/{id}", resource == Application::"shop");
@id("own email")
permit(principal, action, resource is Application) when { principal has email && principal.email == "a@x" };
@id("by role")
permit(principal in Role::"arn:aws:iam::1:role/R", action, resource is Application);
@id("scope")
permit(principal is User, action in Action::"all", resource) when { context has token && context.token has scope && context.token.scope.contains("pets/write") };
@id("not 13")
forbid(principal, action == Action::"get /pets/{id}", resource) when { context.pathParameters.id == "13" };
@id("public")
permit(principal, action == Action::"s3:GetObject", resource) when { resource.arn like "arn:aws:s3:::demo/public/*" };
@id("bucket")
permit(principal is User, action, resource in Resource::"arn:aws:s3:::own");
"#;

#[test]
fn groups_are_parents_whether_the_token_is_of_which_kind() {
    let policies = load(POLICIES);
    let nobody = policies.principal(&user("pool|1"));
    assert_eq!(ask(&policies, &nobody, "GET /pets/1"), Verdict::Nothing);
    let reader = Caller { groups: vec!["pool|readers".into()], ..user("pool|1") };
    let reader = policies.principal(&reader);
    assert_eq!(reader.name(), r#"User::"pool|1""#);
    assert_eq!(ask(&policies, &reader, "GET /pets/1"), permit("readers"));
    assert_eq!(ask(&policies, &reader, "POST /pets/1"), Verdict::Nothing);
    assert_eq!(ask(&policies, &reader, "GET /pets/13"), forbid("not 13"));
    let other = Caller { groups: vec!["other|readers".into()], ..user("pool|1") };
    assert_eq!(ask(&policies, &policies.principal(&other), "GET /pets/1"), Verdict::Nothing);
}

#[test]
fn claims_are_attributes_as_far_as_they_are_declared() {
    let policies = load(POLICIES);
    let claims = json!({ "email": "a@x", "unknown": [1.5], "custom:level": 3, "address": { "country": "DE" } });
    let who = policies.principal(&with(user("pool|1"), &claims));
    assert_eq!(ask(&policies, &who, "GET /pets/1"), permit("own email"));
    // Of another type than declared: not decided, whatever would permit it.
    for wrong in [
        json!({ "email": 1 }),
        json!({ "email": "a@x", "custom:level": "3" }),
        json!({ "email": "a@x", "custom:level": 1.5 }),
        json!({ "email": "a@x", "custom:tags": ["a", 1] }),
        json!({ "email": { "__entity": { "type": "UserGroup", "id": "pool|readers" } } }),
        json!({ "email": { "__extn": { "fn": "ip", "arg": "::1" } } }),
        json!({ "email": "a@x", "address": { "country": "DE", "city": "B" } }),
    ] {
        let who = policies.principal(&with(user("pool|1"), &wrong));
        assert_eq!(reason(&ask(&policies, &who, "GET /pets/1")), "cedar_error", "{wrong}");
    }
    let none = json!({ "email": null });
    let who = policies.principal(&with(user("pool|1"), &none));
    assert_eq!(ask(&policies, &who, "GET /pets/1"), Verdict::Nothing);
}

#[test]
fn an_access_token_is_in_the_context() {
    let policies = load(POLICIES);
    let claims =
        json!({ "scope": "pets/read pets/write", "client_id": "c", "email": "a@x", "x": {} });
    let token = claims.as_object().unwrap().iter().map(|(n, v)| (n.as_str(), v.clone())).collect();
    let who = policies.principal(&Caller { token: Some(token), ..user("pool|1") });
    assert_eq!(ask(&policies, &who, "PUT /pets/1"), permit("scope"));
    // Twice, since it is made once; and its email is no attribute.
    assert_eq!(ask(&policies, &who, "PUT /pets/1/x"), permit("scope"));
    assert_eq!(ask(&policies, &who, "GET /pets/1"), Verdict::Nothing);
    let wrong = json!({ "scope": "pets/write", "client_id": ["c"] });
    let token = wrong.as_object().unwrap().iter().map(|(n, v)| (n.as_str(), v.clone())).collect();
    let who = policies.principal(&Caller { token: Some(token), ..user("pool|1") });
    assert_eq!(reason(&ask(&policies, &who, "PUT /pets/1")), "cedar_error");
}

#[test]
fn a_role_is_a_parent_too() {
    let policies = load(POLICIES);
    let who = Caller { role: Some("arn:aws:iam::1:role/R"), ..user("pool|1") };
    assert_eq!(ask(&policies, &policies.principal(&who), "GET /pets/1"), permit("by role"));
}

#[test]
fn what_iam_names_is_an_entity_by_its_arn() {
    let policies = load(POLICIES);
    let guest = policies.principal(&Caller { kind: CallerKind::Guest, ..user("pool") });
    let object = "arn:aws:s3:::demo/public/a";
    assert_eq!(named(&policies, &guest, "s3:GetObject", object), permit("public"));
    assert_eq!(named(&policies, &guest, "s3:PutObject", object), Verdict::Nothing);
    let object = "arn:aws:s3:::own/a";
    assert_eq!(named(&policies, &guest, "s3:GetObject", object), Verdict::Nothing);
    let who = policies.principal(&user("pool|1"));
    assert_eq!(named(&policies, &who, "s3:PutObject", object), permit("bucket"));
    assert_eq!(named(&policies, &who, "s3:ListBucket", "arn:aws:s3:::own"), permit("bucket"));
    assert_eq!(named(&policies, &who, "s3:PutObject", "arn:aws:s3:::owner/a"), Verdict::Nothing);
}

#[test]
fn what_the_schema_does_not_name_is_not_decided() {
    let policies = load(POLICIES);
    let who = policies.principal(&user("pool|1"));
    assert_eq!(reason(&ask(&policies, &who, "GET /toys/1")), "cedar_no_action");
    let resource = "arn:aws:dynamodb:::table/t";
    assert_eq!(reason(&named(&policies, &who, "dynamodb:GetItem", resource)), "cedar_no_action");
    let guest = policies.principal(&Caller { kind: CallerKind::Guest, ..user("pool") });
    assert_eq!(reason(&ask(&policies, &guest, "GET /pets/1")), "cedar_not_applicable");
}

#[test]
fn a_policy_that_fails_fails_all() {
    // Overflow is what the strictest validation can't exclude.
    let policies = load(
        r#"@id("all") permit(principal, action, resource);
        @id("sum") forbid(principal, action, resource is Application) when {
            principal has "custom:level" && principal["custom:level"] + 1 > 5 };"#,
    );
    let level = |level: i64| json!({ "custom:level": level });
    let (fine, high, over) = (level(1), level(9), level(i64::MAX));
    let ask_with =
        |claims| ask(&policies, &policies.principal(&with(user("pool|1"), claims)), "GET /pets/1");
    assert_eq!(ask_with(&fine), permit("all"));
    assert_eq!(ask_with(&high), forbid("sum"));
    let verdict = ask_with(&over);
    assert_eq!(reason(&verdict), "cedar_error");
    let Verdict::Error(error) = verdict else { unreachable!() };
    assert!(error.to_string().contains("sum"), "{error}");
}

#[test]
fn the_context_has_the_request() {
    let policies = load(
        r#"@id("c") permit(principal, action == Action::"get /pets/{id}", resource) when {
            context.sourceIp.isInRange(ip("203.0.113.0/24")) && context.secure &&
            context.method == "GET" && context.path == "/pets/a b" &&
            context.pathParameters.id == "a b" &&
            context.time == datetime("2024-10-15T11:35:00.123Z") };
        @id("s3") permit(principal, action == Action::"s3:*", resource) when { context.action == "s3:X" };"#,
    );
    let who = policies.principal(&user("pool|1"));
    assert_eq!(ask(&policies, &who, "GET /pets/a b"), permit("c"));
    assert_eq!(ask(&policies, &who, "GET /pets/b"), Verdict::Nothing);
    assert_eq!(named(&policies, &who, "s3:X", "*"), permit("s3"));
    assert_eq!(named(&policies, &who, "s3:Y", "*"), Verdict::Nothing);
}

#[test]
fn entities_of_the_file_are_there() {
    let entities = json!([
        { "uid": { "type": "UserGroup", "id": "pool|readers" }, "attrs": {},
          "parents": [{ "type": "UserGroup", "id": "staff" }] },
        { "uid": { "type": "UserGroup", "id": "staff" }, "attrs": {}, "parents": [] },
    ])
    .to_string();
    let schema =
        SCHEMA.replace("entity UserGroup, Role;", "entity UserGroup in [UserGroup];\nentity Role;");
    let policies = r#"@id("staff") permit(principal in UserGroup::"staff", action, resource);"#;
    let files = Files {
        entities: Some(File { name: "entities.json", text: &entities }),
        ..files(policies, &schema)
    };
    let policies = Policies::load(&files, types()).unwrap();
    let who = Caller { groups: vec!["pool|readers".into(), "pool|x".into()], ..user("pool|1") };
    assert_eq!(ask(&policies, &policies.principal(&who), "GET /pets/1"), permit("staff"));
    assert_eq!(ask(&policies, &policies.principal(&user("p")), "GET /pets/1"), Verdict::Nothing);
}
