use super::*;
use crate::gate::{
    Route,
    tests::fixture::{Rig, api, token_only},
};

fn read(event: &Value) -> Result<Event, String> {
    Event::read(event.as_object().unwrap())
}

const ARN: &str = "arn:aws:execute-api:us-east-1:123456789012:abc123/prod/GET/api/orders/1";

fn request() -> Value {
    json!({
        "type": "REQUEST", "methodArn": ARN, "resource": "/api/{path+}", "path": "/api/orders/1",
        "httpMethod": "GET",
        "headers": { "authorization": "Bearer last" },
        "multiValueHeaders": { "authorization": ["Bearer a"], "x-a": ["1", "2"] },
        "queryStringParameters": { "q": "b" },
        "multiValueQueryStringParameters": { "q": ["a b", "b&c"] },
        "requestContext": { "domainName": "api.example.com", "identity": { "sourceIp": "203.0.113.9" } },
    })
}

fn http_api() -> Value {
    json!({
        "version": "2.0", "type": "REQUEST", "routeArn": ARN, "rawPath": "/api/orders/1", "rawQueryString": "a=1",
        "headers": { "authorization": "Bearer a", "cookie": "x=1" }, "cookies": ["x=1", "y=2"],
        "requestContext": { "domainName": "api.example.com",
            "http": { "method": "GET", "path": "/api/orders/1", "sourceIp": "203.0.113.9" } },
    })
}

#[test]
fn a_request_as_events_tell_of_it() {
    let event = read(&request()).unwrap();
    assert_eq!((event.method.as_str(), event.host.as_str()), ("GET", "api.example.com"));
    assert_eq!(event.target, "/api/orders/1?q=a%20b&q=b%26c");
    assert_eq!(event.headers.get_all("x-a").iter().count(), 2);
    assert_eq!(event.headers["authorization"], "Bearer a");
    assert!(!event.simple);
    let event = read(&http_api()).unwrap();
    assert_eq!(event.target, "/api/orders/1?a=1");
    assert_eq!(event.headers["cookie"], "x=1; y=2");
    assert!(event.simple);
    let token = |token: &str| {
        read(&json!({ "type": "TOKEN", "methodArn": ARN, "authorizationToken": token })).unwrap()
    };
    let event = token("Bearer a.b.c");
    assert_eq!((event.method.as_str(), event.target.as_str()), ("GET", "/api/orders/1"));
    assert_eq!(event.host, "abc123.execute-api.us-east-1.amazonaws.com");
    assert_eq!(event.headers["authorization"], "Bearer a.b.c");
    assert_eq!(token("a.b.c").headers["authorization"], "Bearer a.b.c");
}

/// API Gateway tells of the certificate in two places, and of none by null or not at all.
#[test]
fn the_clients_certificate_is_in_the_event() {
    let mut params = rcgen::CertificateParams::default();
    let name = "spiffe://example.org/web";
    params.subject_alt_names = vec![rcgen::SanType::URI(name.try_into().unwrap())];
    let pem = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem();
    let (ignored, verified) = (ClientCertificates::Ignored, ClientCertificates::Verified);
    let shown = |base: &Value, parent: &str, cert: Value| {
        let mut event = base.clone();
        let context = event.pointer_mut("/requestContext").unwrap();
        context[parent]["clientCert"] = cert;
        read(&event)
    };
    for (base, parent) in [(request(), "identity"), (http_api(), "authentication")] {
        assert_eq!(certificate(&read(&base).unwrap(), verified), Ok(None));
        let none = shown(&base, parent, json!(null)).unwrap();
        assert_eq!(certificate(&none, verified), Ok(None));
        let event =
            shown(&base, parent, json!({ "clientCertPem": pem, "subjectDN": "CN=x" })).unwrap();
        let found = certificate(&event, verified).unwrap().unwrap();
        assert_eq!(found.spiffe_id.as_ref().map(|id| id.as_str()), Some(name));
        assert_eq!(certificate(&event, ignored), Ok(None), "whoever asks may verify none");
        let garbled = shown(&base, parent, json!({ "clientCertPem": "-----BEGIN" })).unwrap();
        assert!(certificate(&garbled, verified).is_err());
        for wrong in [json!("x"), json!({}), json!({ "clientCertPem": 1 })] {
            assert!(shown(&base, parent, wrong).is_err());
        }
    }
}

/// Which API key a caller has isn't known here, and none is made up: API Gateway refuses whoever needs one.
#[test]
fn no_answer_names_an_api_key() {
    let mut event = request();
    event["headers"]["x-api-key"] = json!("of-the-caller");
    event["multiValueHeaders"]["x-api-key"] = json!(["of-the-caller"]);
    event["requestContext"]["identity"]["apiKey"] = json!("of-the-caller");
    let about = asking::undecided(StatusCode::FORBIDDEN, "x", "x").about;
    for form in [Form::Policy, Form::Simple] {
        let answer = told(form, &read(&event).unwrap(), true, &about, "allowed_by_policy");
        let body: Value = serde_json::from_slice(answer.body()).unwrap();
        let names: Vec<&String> = body.as_object().unwrap().keys().collect();
        match form {
            Form::Policy => assert_eq!(names, ["principalId", "policyDocument", "context"]),
            Form::Simple => assert_eq!(names, ["isAuthorized", "context"]),
        }
        assert!(!body.to_string().contains("of-the-caller"));
    }
}

#[test]
fn what_is_no_event() {
    let with = |base: &Value, path: &str, value: Value| {
        let mut event = base.clone();
        *event.pointer_mut(path).unwrap() = value;
        event
    };
    let (v1, v2) = (request(), http_api());
    for event in [
        json!({}),
        with(&v1, "/type", json!("OTHER")),
        with(&v2, "/version", json!("3.0")),
        with(&v1, "/path", json!("/a?b")),
        with(&v2, "/rawPath", json!("/a#b")),
        with(&v1, "/methodArn", json!(1)),
        with(&v1, "/multiValueHeaders/x-a", json!("1")),
        with(&v1, "/multiValueHeaders/x-a", json!(["a\nb"])),
        with(&v1, "/requestContext/identity/sourceIp", json!("nowhere")),
        with(&v2, "/requestContext/http", json!(null)),
        json!({ "type": "TOKEN", "methodArn": "arn:aws:s3:::b", "authorizationToken": "a" }),
        json!({ "type": "TOKEN", "methodArn": ARN }),
    ] {
        assert!(read(&event).is_err(), "{event}");
    }
}

/// What is answered to an event is for its ARN, so that the ARN has to be of the API that was asked about.
#[test]
fn the_arn_is_of_the_routes_api() {
    let rig = Rig::new(vec![api("orders"), Route { matching: None, ..token_only("other") }]);
    let routes = &rig.rules.routes;
    let prefix = match routes.iter().next().map(|route| &route.service) {
        Some(Service::ExecuteApi(Api::Gateway { prefix })) => prefix.as_str(),
        other => panic!("{other:?}"),
    };
    let of = |route: Option<&str>, form: Form, arn: &str| {
        let about = asking::undecided(StatusCode::FORBIDDEN, "x", "x").about;
        let about = About { route: route.map(str::to_owned), ..about };
        let mut event = read(&request()).unwrap();
        event.arn = arn.to_owned();
        is_of_route(routes, &about, form, &event)
    };
    let orders = |form, arn: &str| of(Some("orders"), form, arn);
    let own = format!("{prefix}/GET/orders/1");
    assert!(orders(Form::Policy, &own) && orders(Form::Simple, &own));
    // Its policy would be for another method than the one that was asked about.
    let posted = format!("{prefix}/POST/orders/1");
    assert!(!orders(Form::Policy, &posted) && orders(Form::Simple, &posted));
    let stage = own.replace("/prod/", "/dev/");
    for other in [ARN, prefix, &format!("{prefix}2/GET/a"), &stage] {
        assert!(!orders(Form::Policy, other) && !orders(Form::Simple, other), "{other}");
    }
    // Where routes have no API of API Gateway's, nothing is known of its name.
    assert!(of(Some("other"), Form::Policy, ARN) && of(None, Form::Policy, ARN));
}

/// A path may have what is a pattern in a policy, and a policy is kept for other requests.
#[test]
fn a_policy_is_for_one_arn() {
    assert!(is_one(ARN));
    for name in ["*", "?", "${aws:username}"] {
        assert!(!is_one(&format!("{ARN}/{name}")));
    }
}
