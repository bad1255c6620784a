use super::*;

fn parse(operation: &str, body: &Value) -> Result<VerifiedRequest, Refused> {
    let target = format!("VerifiedPermissions.{operation}");
    VerifiedRequest::parse(&Method::POST, "/", Some(&target), body.to_string().as_bytes())
}

fn asked() -> Value {
    json!({
        "policyStoreId": "PSexample",
        "principal": { "entityType": "User", "entityId": "ann" },
        "action": { "actionType": "App::Action", "actionId": "read" },
        "resource": { "entityType": "Note", "entityId": "1" },
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut asked = asked();
    asked[name] = value;
    asked
}

fn code(refused: Refused) -> &'static str {
    match refused {
        Refused::Fault(fault) => fault.code,
        Refused::Invalid(_) => "ValidationException",
    }
}

#[test]
fn a_question() {
    let request = parse("IsAuthorized", &with("context", json!({ "contextMap": {} }))).unwrap();
    assert_eq!(request.operation.action(), "verifiedpermissions:IsAuthorized");
    let [question] = request.questions.as_slice() else { panic!() };
    assert_eq!(question.action, Identifier { kind: "App::Action".into(), id: "read".into() });
    assert_eq!(question.context, Context::Map(Map::new()));
    let json = json!({ "cedarJson": r#"{"a":[1]}"# });
    let request = parse("IsAuthorized", &with("context", json)).unwrap();
    let Context::Json(map) = &request.questions[0].context else { panic!() };
    assert_eq!(map["a"], json!([1]));
}

#[test]
fn members_that_are_wrong_are_named() {
    let text = |length: usize| "x".repeat(length);
    for (name, value, path) in [
        ("policyStoreId", json!(null), "policyStoreId"),
        ("policyStoreId", json!("a b"), "policyStoreId"),
        ("policyStoreId", json!(text(201)), "policyStoreId"),
        ("principal", json!(null), "principal"),
        ("principal", json!("ann"), "principal"),
        ("principal", json!({ "entityType": "User" }), "principal.entityId"),
        ("principal", json!({ "entityType": "User", "entityId": text(613) }), "principal.entityId"),
        ("action", json!({ "actionType": "Deed", "actionId": "a" }), "action.actionType"),
        ("action", json!({ "actionType": "Action", "actionId": text(513) }), "action.actionId"),
        ("resource", json!({ "entityType": 1, "entityId": "a" }), "resource.entityType"),
        ("context", json!({}), "context"),
        ("context", json!({ "contextMap": {}, "cedarJson": "{}" }), "context"),
        ("context", json!({ "contextMap": [] }), "context.contextMap"),
        ("context", json!({ "cedarJson": "[]" }), "context.cedarJson"),
        ("context", json!({ "cedarJson": r#"{"a":1,"a":2}"# }), "context.cedarJson"),
        ("entities", json!({ "contextMap": {} }), "entities"),
        ("entities", json!({ "entityList": {} }), "entities.entityList"),
        ("entities", json!({ "cedarJson": "{}" }), "entities.cedarJson"),
    ] {
        let found = parse("IsAuthorized", &with(name, value.clone())).unwrap_err();
        let Refused::Invalid(wrong) = &found else { panic!("{found:?}") };
        assert_eq!(wrong[0].0, path, "{value}");
        assert!(message(wrong).starts_with("1 validation error detected: Value at '"), "{wrong:?}");
        assert_eq!(fields(wrong)["fieldList"][0]["path"], path);
    }
    let all = parse("IsAuthorized", &json!({})).unwrap_err();
    let Refused::Invalid(wrong) = all else { panic!() };
    let paths: Vec<&str> = wrong.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["policyStoreId", "principal", "action", "resource"]);
}

#[test]
fn batches_are_about_one_principal_or_one_resource() {
    let item = |who: &str, what: &str| {
        let mut item = asked();
        item.as_object_mut().unwrap().remove("policyStoreId");
        item["principal"]["entityId"] = json!(who);
        item["resource"]["entityId"] = json!(what);
        item
    };
    let batch = |items: Vec<Value>| {
        parse("BatchIsAuthorized", &json!({ "policyStoreId": "PS", "requests": items }))
    };
    let request = batch(vec![item("a", "1"), item("a", "2")]).unwrap();
    assert_eq!(request.operation.action(), "verifiedpermissions:IsAuthorized");
    assert_eq!(request.questions[1].written, item("a", "2"));
    assert!(batch(vec![item("a", "1"), item("b", "1")]).is_ok());
    assert!(batch(vec![item("a", "1"); 30]).is_ok());
    for items in
        [vec![], vec![item("a", "1"); 31], vec![item("a", "1"), item("b", "2")], vec![json!(1)]]
    {
        assert_eq!(code(batch(items).unwrap_err()), "ValidationException");
    }
}

#[test]
fn tokens() {
    let request = |tokens: Value| {
        let mut asked = asked();
        let members = asked.as_object_mut().unwrap();
        members.remove("principal");
        members.extend(tokens.as_object().unwrap().clone());
        parse("IsAuthorizedWithToken", &asked)
    };
    let found = request(json!({ "identityToken": "a.secret.c" })).unwrap();
    assert_eq!(found.operation.action(), "verifiedpermissions:IsAuthorizedWithToken");
    assert_eq!(
        (found.access_token.is_none(), found.questions[0].principal.is_none()),
        (true, true)
    );
    assert!(!format!("{found:?}").contains("secret"));
    assert!(request(json!({ "accessToken": "a.b.c" })).is_ok());
    assert_eq!(code(request(json!({})).unwrap_err()), "ValidationException");
    assert_eq!(code(request(json!({ "accessToken": 1 })).unwrap_err()), "ValidationException");
    assert_eq!(
        code(request(json!({ "accessToken": "x".repeat(131_073) })).unwrap_err()),
        "ValidationException"
    );
}

#[test]
fn what_is_no_operation() {
    for target in [None, Some("VerifiedPermissions.CreatePolicy"), Some("IsAuthorized")] {
        let found = VerifiedRequest::parse(&Method::POST, "/", target, b"{}").unwrap_err();
        assert_eq!(code(found), "UnknownOperationException");
    }
    let target = Some("VerifiedPermissions.IsAuthorized");
    for (method, path) in [(Method::GET, "/"), (Method::POST, "/x")] {
        let found = VerifiedRequest::parse(&method, path, target, b"{}").unwrap_err();
        assert_eq!(code(found), "UnknownOperationException");
    }
    for body in ["", "[]", "{", r#"{"a":1,"a":1}"#] {
        let found =
            VerifiedRequest::parse(&Method::POST, "/", target, body.as_bytes()).unwrap_err();
        assert_eq!(code(found), "SerializationException", "{body}");
    }
}
