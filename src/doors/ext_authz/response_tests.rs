//! What is written by hand is what a library reads.

use ::http::{Response, StatusCode, header};
use prost::Message;

use super::{
    super::asking::{About, Changes, Refused},
    envoy::*,
    response,
};
use crate::{
    config::Metadata,
    gate::DecisionId,
    http::{DECISION_ID, IdentityHeaders},
};

fn about() -> About {
    let identity = IdentityHeaders::new(Some("user-1"), None, None, &[]);
    About { id: DecisionId::fresh(), route: Some("api".to_owned()), identity }
}

fn field(key: &str, text: &str) -> Field {
    let value = Some(Value { string_value: Some(text.to_owned()) });
    Field { key: key.to_owned(), value }
}

fn option(key: &str, value: &str, append_action: i32) -> HeaderValueOption {
    let (key, value) = (key.to_owned().into(), value.to_owned().into());
    let header = HeaderValue { key, value, ..HeaderValue::default() };
    HeaderValueOption { header: Some(header), append_action, keep_empty_value: true }
}

#[test]
fn an_allow() {
    let about = about();
    let id = about.id.to_string();
    // Longer than a length of one byte can say.
    let role = format!("arn:aws:iam::111122223333:role/{}", "r".repeat(300));
    let changes = Changes {
        reason: "valid_token",
        set: vec![
            ("x-poolgate-role".parse().unwrap(), role.parse().unwrap()),
            ("x-poolgate-groups".parse().unwrap(), "".parse().unwrap()),
        ],
        remove: vec!["x-amz-date".parse().unwrap()],
        remove_query: vec!["X-Amz-Signature".to_owned()],
        about,
    };
    let mut out = Vec::new();
    response::allowed(&mut out, &changes, Metadata::All);
    let expected = CheckResponse {
        status: Some(Status { code: 0, message: String::new() }),
        denied_response: None,
        ok_response: Some(OkResponse {
            headers: vec![option("x-poolgate-role", &role, 2), option("x-poolgate-groups", "", 2)],
            headers_to_remove: vec!["x-amz-date".to_owned()],
            response_headers_to_add: vec![option(DECISION_ID.as_str(), &id, 2)],
            query_parameters_to_remove: vec!["X-Amz-Signature".to_owned()],
        }),
        dynamic_metadata: Some(Struct {
            fields: vec![
                field("decision_id", &id),
                field("reason", "valid_token"),
                field("route", "api"),
                field("subject", "user-1"),
            ],
        }),
    };
    assert_eq!(CheckResponse::decode(&*out).unwrap(), expected);
}

#[test]
fn a_denial() {
    let response = Response::builder()
        .status(StatusCode::UNAUTHORIZED)
        .header(header::WWW_AUTHENTICATE, "Bearer")
        .header(header::WWW_AUTHENTICATE, "DPoP")
        .body("{}".into())
        .unwrap();
    let about = about();
    let id = about.id.to_string();
    let mut out = Vec::new();
    response::denied(&mut out, &Refused { reason: "expired", response, about }, Metadata::All);
    let expected = CheckResponse {
        status: Some(Status { code: 16, message: "expired".to_owned() }),
        denied_response: Some(DeniedResponse {
            status: Some(HttpStatus { code: 401 }),
            headers: vec![
                option("www-authenticate", "Bearer", 2),
                option("www-authenticate", "DPoP", 0),
            ],
            body: "{}".into(),
        }),
        ok_response: None,
        dynamic_metadata: Some(Struct {
            fields: vec![
                field("decision_id", &id),
                field("reason", "expired"),
                field("route", "api"),
                field("subject", "user-1"),
            ],
        }),
    };
    assert_eq!(CheckResponse::decode(&*out).unwrap(), expected);
}

#[test]
fn metadata_is_told_of_as_many_answers_as_the_configuration_says() {
    let told = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        CheckResponse::decode(&*out).unwrap().dynamic_metadata.is_some()
    };
    let changes =
        Changes { reason: "", set: vec![], remove: vec![], remove_query: vec![], about: about() };
    let refused = Refused { reason: "", response: Response::default(), about: about() };
    let cases = [
        (Metadata::All, true, true),
        (Metadata::Denials, false, true),
        (Metadata::None, false, false),
    ];
    for (metadata, allow, denial) in cases {
        let allowed = told(&|out| response::allowed(out, &changes, metadata));
        let denied = told(&|out| response::denied(out, &refused, metadata));
        assert_eq!((allowed, denied), (allow, denial), "{metadata:?}");
    }
}
