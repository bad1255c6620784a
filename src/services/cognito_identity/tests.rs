use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const ID: &str = "eu-west-1:7c5b0000-0000-4000-8000-000000000000";

fn ask(operation: &str, body: &str) -> Result<IdentityRequest, Fault> {
    let target = format!("AWSCognitoIdentityService.{operation}");
    IdentityRequest::parse(&Method::POST, "/", Some(&target), body.as_bytes())
}

fn asked(operation: &str, body: &Value) -> Result<IdentityRequest, Fault> {
    ask(operation, &body.to_string())
}

#[test]
fn operations_are_read() {
    let logins = || Logins(vec![("p".to_owned(), "t".to_owned())]);
    let (identity, custom_role) = (ID.to_owned(), "arn:aws:iam::123456789012:role/R".to_owned());
    let body = json!({"IdentityPoolId": ID, "Logins": {"p": "t"}, "AccountId": "1", "Other": 1});
    let expected = IdentityRequest::GetId { pool: ID.to_owned(), logins: logins() };
    assert_eq!(asked("GetId", &body), Ok(expected));
    let body = json!({"IdentityId": ID, "Logins": null, "CustomRoleArn": custom_role});
    assert_eq!(
        asked("GetCredentialsForIdentity", &body),
        Ok(IdentityRequest::GetCredentialsForIdentity {
            identity: identity.clone(),
            logins: Logins::default(),
            custom_role: Some(custom_role)
        })
    );
    let body = json!({"IdentityId": ID, "Logins": {"p": "t"}});
    let expected = IdentityRequest::GetOpenIdToken { identity, logins: logins() };
    assert_eq!(asked("GetOpenIdToken", &body), Ok(expected));
}

#[test]
fn members_have_the_models_bounds() {
    let long = "x".repeat(60);
    for (operation, body, message) in [
        (
            "GetId",
            json!({}),
            "Value null at 'identityPoolId' failed to satisfy constraint: Member must not be null",
        ),
        (
            "GetOpenIdToken",
            json!({"IdentityId": null}),
            "Value null at 'identityId' failed to satisfy constraint: Member must not be null",
        ),
        (
            "GetId",
            json!({"IdentityPoolId": "a:B"}),
            r"Value 'a:B' at 'identityPoolId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w-]+:[0-9a-f-]+",
        ),
        (
            "GetId",
            json!({"IdentityPoolId": format!("a:{}", "b".repeat(60))}),
            "Member must have length less than or equal to 55",
        ),
        (
            "GetId",
            json!({"IdentityPoolId": ID, "AccountId": "a"}),
            r"Value 'a' at 'accountId' failed to satisfy constraint: Member must satisfy regular expression pattern: \d+",
        ),
        (
            "GetId",
            json!({"IdentityPoolId": ID, "Logins": {"p": ""}}),
            "Value at 'logins' failed to satisfy constraint: Member must have values of 1 to 50000 characters",
        ),
        ("GetId", json!({"IdentityPoolId": ID, "Logins": {"": "t"}}), "keys of 1 to 128"),
        (
            "GetCredentialsForIdentity",
            json!({"IdentityId": ID, "CustomRoleArn": "short"}),
            "Value 'short' at 'customRoleArn' failed to satisfy constraint: Member must have length greater than or equal to 20",
        ),
    ] {
        let fault = asked(operation, &body).unwrap_err();
        assert_eq!(fault.code, "InvalidParameterException");
        assert!(fault.message.contains("1 validation error detected: "), "{fault}");
        assert!(fault.message.contains(message), "{fault}");
    }
    let both = asked("GetId", &json!({"IdentityPoolId": format!("{long}:!")})).unwrap_err();
    assert!(both.message.starts_with("2 validation errors detected: Value 'xxx"), "{both}");
}

#[test]
fn tokens_are_never_repeated() {
    let secret = "s".repeat(50_001);
    let fault = asked("GetId", &json!({"IdentityPoolId": ID, "Logins": {"p": secret}}));
    assert!(!fault.unwrap_err().message.contains("sss"));
    let fault = ask("GetId", r#"{"Logins": {"p": "ssssss", "p": "ssssss"}}"#).unwrap_err();
    assert!(fault.code == "SerializationException" && !fault.message.contains("sss"));
    let read = asked("GetId", &json!({"IdentityPoolId": ID, "Logins": {"p": "ssssss"}})).unwrap();
    assert!(!format!("{read:?}").contains("sss"));
}

#[test]
fn junk_is_no_operations_json() {
    for body in [
        "",
        "[]",
        "{",
        "1",
        r#"{"IdentityPoolId": 1}"#,
        r#"{"IdentityPoolId": "a:1", "IdentityPoolId": "a:2"}"#,
        r#"{"IdentityPoolId": "a:1", "Logins": []}"#,
        r#"{"IdentityPoolId": "a:1", "Logins": {"p": null}}"#,
        r#"{"IdentityPoolId": "a:1"} x"#,
    ] {
        assert_eq!(ask("GetId", body).unwrap_err().code, "SerializationException", "{body}");
    }
    let many: serde_json::Map<String, Value> =
        (0..11).map(|n| (format!("p{n}"), "t".into())).collect();
    let fault = asked("GetId", &json!({"IdentityPoolId": ID, "Logins": many})).unwrap_err();
    assert!(fault.message.contains("less than or equal to 10"), "{fault}");
}

#[test]
fn what_is_not_served_is_refused_by_name() {
    for operation in NOT_SERVED {
        let fault = ask(operation, "{}").unwrap_err();
        let message = format!("{operation} is not served here.");
        assert_eq!(fault, Fault::new("NotImplementedException", message));
    }
    for operation in ["", "getId", "GetId ", "Nothing"] {
        assert_eq!(ask(operation, "{}").unwrap_err().code, "UnknownOperationException");
    }
    let parse = |method, path, target| IdentityRequest::parse(&method, path, target, b"{}");
    let get_id = Some("AWSCognitoIdentityService.GetId");
    assert_eq!(parse(Method::GET, POOL_KEYS_PATH, None), Ok(IdentityRequest::PoolKeys));
    for (method, path, target) in [
        (Method::POST, "/", None),
        (Method::POST, "/", Some("GetId")),
        (Method::POST, "/x", get_id),
        (Method::GET, "/", get_id),
        (Method::POST, POOL_KEYS_PATH, get_id),
    ] {
        assert_eq!(parse(method, path, target).unwrap_err().code, "UnknownOperationException");
    }
}

proptest! {
    #[test]
    fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..80), operation in 0usize..3) {
        let operation = ["GetId", "GetCredentialsForIdentity", "GetOpenIdToken"][operation];
        let target = format!("{TARGET_PREFIX}{operation}");
        let _ = IdentityRequest::parse(&Method::POST, "/", Some(&target), &body);
    }

    #[test]
    fn no_member_makes_it_panic(id in "\\PC{0,70}", role in "\\PC{0,30}") {
        let read = asked("GetCredentialsForIdentity", &json!({"IdentityId": id, "CustomRoleArn": role}));
        prop_assert_eq!(read.is_ok(), id.len() <= 55 && is_id(&id) && role.chars().count() >= 20);
    }
}
