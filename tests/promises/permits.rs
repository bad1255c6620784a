//! P1: nothing is forwarded without a permit.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    bound::Bound,
    server::{KeyServer, Keys},
    setup::{Setup, edit_role, get},
    support::{Backend, CLIENT, Issuer, ROLE, Wire},
};

const UNTRUSTING: &str = "arn:aws:iam::111122223333:role/Untrusting";

/// A request, what it is refused for, and the status.
type Refused = (String, u16, &'static str);

fn claims(edit: impl FnOnce(&mut Value)) -> String {
    let issuer = Issuer::shared();
    let mut claims = issuer.claims("user", "id");
    claims["aud"] = json!(CLIENT);
    claims["cognito:preferred_role"] = json!(ROLE);
    claims["cognito:roles"] = json!([ROLE]);
    edit(&mut claims);
    issuer.sign(&claims)
}

fn access(edit: impl FnOnce(&mut Value)) -> String {
    claims(|claims| {
        claims["token_use"] = json!("access");
        claims["client_id"] = json!(CLIENT);
        claims["scope"] = json!("other/read");
        claims.as_object_mut().unwrap().remove("aud");
        edit(claims);
    })
}

fn unsigned(header: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut claims = Issuer::shared().claims("user", "id");
    claims["aud"] = json!(CLIENT);
    format!("{}.{}.{}", part(header), part(&claims), URL_SAFE_NO_PAD.encode([7; 256]))
}

/// Every token that is refused.
fn tokens() -> Vec<Refused> {
    let of = |token: String, reason| (get("/api/x", &token), 401, reason);
    let good = claims(|_| {});
    let (body, _) = good.rsplit_once('.').unwrap();
    let forged = format!("{body}.{}", URL_SAFE_NO_PAD.encode([7; 256]));
    vec![
        of("a".repeat(9000), "too_large"),
        of("nonsense".to_owned(), "malformed"),
        of(unsigned(&json!({ "alg": "none", "kid": "key-1" })), "unsupported_algorithm"),
        of(unsigned(&json!({ "alg": "HS256", "kid": "key-1" })), "unsupported_algorithm"),
        of(unsigned(&json!({ "alg": "RS256", "kid": "nobody's" })), "unknown_key"),
        of(forged, "bad_signature"),
        of(claims(|c| c["exp"] = json!("tomorrow")), "invalid_claim"),
        of(claims(|c| c["iss"] = json!("https://example.com")), "unknown_issuer"),
        of(claims(|c| c["exp"] = json!(1)), "expired"),
        of(claims(|c| c["nbf"] = json!(4_000_000_000_u64)), "not_yet_valid"),
        of(claims(|c| c["aud"] = json!("another")), "wrong_audience"),
        of(access(|c| c["client_id"] = json!("another")), "wrong_client"),
        of(claims(|c| c["token_use"] = json!("refresh")), "wrong_token_use"),
    ]
}

/// Every caller, and every operation, that is denied.
fn callers() -> Vec<Refused> {
    let good = claims(|_| {});
    let role = |arn: &str| {
        claims(|c| {
            c["cognito:preferred_role"] = json!(arn);
            c["cognito:roles"] = json!([arn]);
        })
    };
    let line = |line: &str, more: &str| format!("{line} HTTP/1.1\r\nhost: gate\r\n{more}\r\n");
    let bearer = format!("authorization: Bearer {good}\r\n");
    let with_bearer = |text: &str| line(text, &bearer);
    let pool = |operation: &str, kind: &str| {
        let target = format!("x-amz-target: AWSCognitoIdentityProviderService.{operation}\r\n");
        line("POST /", &format!("{target}content-type: {kind}\r\ncontent-length: 0\r\n"))
    };
    let preflight = |origin: &str, method: &str, header: &str| {
        let asked = format!(
            "origin: {origin}\r\naccess-control-request-method: {method}\r\naccess-control-request-headers: {header}\r\n"
        );
        line("OPTIONS /pages/x", &asked)
    };
    let json_11 = "application/x-amz-json-1.1";
    vec![
        (get("/cedar/no", &good), 403, "cedar_forbid"),
        (get("/cedar/none", &good), 403, "cedar_no_permit"),
        (get("/cedar/other", &good), 403, "cedar_no_action"),
        (get("/cedar/robots", &good), 403, "cedar_not_applicable"),
        (get("/cedar/fine", &claims(|c| c["custom:level"] = json!(i64::MAX))), 403, "cedar_error"),
        (preflight("https://evil.example", "GET", "x-a"), 403, "cors_origin_not_allowed"),
        (preflight("https://app.example", "DELETE", "x-a"), 403, "cors_method_not_allowed"),
        (preflight("https://app.example", "GET", "x-b"), 403, "cors_header_not_allowed"),
        (with_bearer("GET /elsewhere"), 404, "no_route"),
        (line("GET /api/x", ""), 401, "missing_token"),
        (line("GET /scoped/x", ""), 401, "missing_token"),
        (
            line("GET /api/x", "authorization: Basic dXNlcjpwYXNz\r\n"),
            401,
            "unsupported_credential",
        ),
        (line("GET /api/x?X-Amz-Signature=00", ""), 403, "presigned_malformed"),
        (with_bearer("GET /api/x?X-Amz-Signature=00"), 400, "several_credentials"),
        (
            line("GET /cookie/x", &format!("{bearer}cookie: session={good}\r\n")),
            400,
            "several_credentials",
        ),
        (
            line("GET /cookie/x", &format!("cookie: session={good}; session={good}\r\n")),
            400,
            "cookie_ambiguous",
        ),
        (
            line(
                "POST /cookie/x",
                &format!(
                    "cookie: session={good}\r\norigin: http://evil.example\r\ncontent-length: 0\r\n"
                ),
            ),
            403,
            "origin_not_allowed",
        ),
        (line("GET /api/x", "authorization: Bearer\r\n"), 400, "authorization_malformed"),
        (get("/scoped/x", &good), 401, "access_token_required"),
        (get("/scoped/x", &access(|_| {})), 403, "insufficient_scope"),
        (
            get("/api/x", &access(|c| c["sub"] = json!(CLIENT))),
            403,
            "client_credentials_without_scopes",
        ),
        (
            get("/api/x", &access(|c| c["cognito:groups"] = json!(["a"]))),
            403,
            "groups_not_configured",
        ),
        (get("/api/x", &role("arn:aws:iam::111122223333:role/Nobody")), 403, "role_not_found"),
        (get("/api/x", &role(UNTRUSTING)), 403, "trust_policy"),
        (
            get(
                "/api/x",
                &claims(|c| {
                    c.as_object_mut().unwrap().remove("cognito:preferred_role");
                    c["cognito:roles"] = json!([ROLE, UNTRUSTING]);
                }),
            ),
            403,
            "ambiguous_role",
        ),
        (with_bearer("DELETE /api/x"), 403, "implicit_deny"),
        (with_bearer("GET /api/secret/x"), 403, "explicit_deny"),
        (with_bearer("GET /api/org/x"), 403, "unknown_context_key"),
        (with_bearer("GET /named/nothing"), 403, "no_action"),
        (pool("AdminDeleteUser", json_11), 403, "operation_not_forwarded"),
        (pool("InitiateAuth", "text/plain"), 400, "malformed_operation"),
        (
            pool("InitiateAuth", json_11).replace("host", "authorization: Bearer a.b.c\r\nhost"),
            401,
            "unsupported_credential",
        ),
    ]
}

/// Every request that can be read in two ways.
fn requests() -> Vec<Refused> {
    let good = claims(|_| {});
    let with = |line: &str, more: &str| {
        format!("{line} HTTP/1.1\r\nhost: gate\r\nauthorization: Bearer {good}\r\n{more}\r\n")
    };
    let get = |more: &str| with("GET /api/x", more);
    let at = |path: &str, reason| (with(&format!("GET {path}"), ""), 400, reason);
    vec![
        (with("TRACE /api/x", ""), 405, "method_not_served"),
        (get("").replace("host: gate\r\n", ""), 400, "host_missing"),
        (get("").replace("host: gate", "host: a@b"), 400, "host_invalid"),
        (with("GET http://other/api/x", ""), 400, "host_disagrees"),
        (get("authorization: Bearer a.b.c\r\n"), 400, "header_repeated"),
        (get("x-forwarded-for: nobody\r\n"), 400, "forwarded_header"),
        (get("").replace("Bearer ", "Bearer \u{e9}"), 400, "header_not_ascii"),
        (get("x_name: 1\r\n"), 400, "header_name"),
        (get("connection: authorization\r\n"), 400, "connection_token"),
        (get("connection: upgrade\r\nupgrade: h2c\r\n"), 400, "upgrade"),
        (
            get("connection: upgrade\r\nupgrade: websocket\r\ncontent-length: 1\r\n"),
            400,
            "upgrade_with_body",
        ),
        (get("content-length: 1\r\ntransfer-encoding: chunked\r\n"), 400, "length_and_encoding"),
        (get("content-length: 1, 2\r\n"), 400, "content_length"),
        (get("transfer-encoding: gzip, chunked\r\n"), 400, "transfer_encoding"),
        at("/api//x", "target_empty_segment"),
        at("/api/../x", "target_dot_segment"),
        at("/api/%2e%2e/x", "target_dot_segment"),
        at("/api/a%2Fb", "target_encoded_slash"),
        at("/api/a%5Cb", "target_backslash"),
        at("/api/a;b", "target_matrix_parameter"),
        at("/api/%", "target_bad_escape"),
        at("/api/%00", "target_nul"),
        at("/api/%0a", "target_control_character"),
        at("/api/%252e", "target_double_encoding"),
        at("/api/%23", "target_fragment"),
        at("/api/%c0%ae", "target_not_utf8"),
        at("/api/\u{e9}", "malformed_request"),
        (with(&format!("GET /api/{}", "x".repeat(9000)), ""), 414, "target_too_long"),
    ]
}

/// Reasons that no request can meet at this door.
const ELSEWHERE: [(&str, &str); 67] = [
    ("principal_rate_exceeded", "promises/limited.rs, as the next"),
    ("route_rate_exceeded", ""),
    ("token_revoked", "promises/revoked.rs, as the next"),
    ("session_revoked", ""),
    ("credentials_revoked", "gate/tests/revoking.rs"),
    ("keys_unavailable", "the next test"),
    ("keys_stale", "token/keys/tests.rs: the configuration allows no less than a minute"),
    ("decision_timeout", "every look-up has a shorter limit of its own"),
    ("misconfigured", "the configuration is checked"),
    ("connection_specific_header", "HTTP/2, whose library refuses it first"),
    ("headers_too_large", "http/http2/tests.rs; in HTTP/1 the parser refuses them"),
    ("client_certificate_mismatch", "tests/tls/clients.rs: there is no TLS here"),
    ("body_withheld", "who only asks: interop/test_ext_authz.py, as all that follow"),
    ("incomplete_question", ""),
    ("not_forwarded", ""),
    ("unknown_extension", ""),
    ("target_non_ascii", "the HTTP library refuses it first"),
    ("target_form", "the HTTP library asks for the same"),
    ("target_character", "the HTTP library refuses them first"),
    ("unsupported_provider", "identity/tests.rs, as all that follow"),
    ("no_role_for_client_credentials", ""),
    ("no_subject", ""),
    ("unknown_group", ""),
    ("invalid_role_claim", ""),
    ("claims_over_limit", ""),
    ("unknown_claim", ""),
    ("custom_role_not_allowed", ""),
    ("no_role", ""),
    ("invalid_principal_tag", ""),
    ("guests_not_allowed", "gate/tests/vending.rs, as all that follow"),
    ("mapped_roles", ""),
    ("no_guest_role", ""),
    ("packed_policy_too_large", ""),
    ("body_digest_mismatch", "signed requests: tests/objects, and sigv4's own, as all that follow"),
    ("body_too_large", ""),
    ("chunk_signature_mismatch", ""),
    ("chunks_malformed", ""),
    ("content_sha256_malformed", ""),
    ("content_sha256_missing", ""),
    ("decoded_length_mismatch", ""),
    ("decoded_length_missing", ""),
    ("expired_session_token", ""),
    ("form_malformed", ""),
    ("form_signature_malformed", ""),
    ("headers_not_signed", ""),
    ("invalid_session_token", ""),
    ("presigned_expired", ""),
    ("presigned_expires", ""),
    ("presigned_not_yet", ""),
    ("request_bodies_too_many", ""),
    ("request_body_broken", ""),
    ("request_body_too_slow", ""),
    ("request_time_skewed", ""),
    ("role_gone", ""),
    ("s3_bad_digest", ""),
    ("service_disagrees", ""),
    ("signature_algorithm", ""),
    ("signature_date_missing", ""),
    ("signature_malformed", ""),
    ("signature_mismatch", ""),
    ("signature_scope_date", ""),
    ("signed_header_missing", ""),
    ("streaming_payload", ""),
    ("token_required", ""),
    ("trailer_malformed", ""),
    ("trailer_unsupported", ""),
    ("unknown_access_key", ""),
];

#[test]
fn no_denial_reaches_the_backend() {
    let backend = Backend::start();
    let extra = format!(
        r#"  - {{ name: scoped, service: execute-api, match: {{ path: /scoped/ }}, engines: {{ iam: off }}, scopes: [api/read], upstream: {{ url: "http://{0}" }} }}
  - {{ name: strict, service: execute-api, match: {{ path: /strict/ }}, engines: {{ iam: off }}, bound_tokens: require, upstream: {{ url: "http://{0}" }} }}
  - {{ name: cookie, service: execute-api, match: {{ path: /cookie/ }}, engines: {{ iam: off }}, token: {{ cookie: session }}, upstream: {{ url: "http://{0}" }} }}
  - {{ name: pages, service: execute-api, match: {{ path: /pages/ }}, engines: {{ iam: off }}, cors: {{ origins: ["https://app.example"], methods: [GET], headers: [x-a] }}, upstream: {{ url: "http://{0}" }} }}
  - name: named
    service: execute-api
    match: {{ path: /named/ }}
    actions: [{{ method: GET, path: "/named/pets/{{id}}", action: "pets:Read", resource: "arn:aws:pets:us-east-1:111122223333:pet/{{id}}" }}]
    upstream: {{ url: "http://{0}" }}
  - {{ name: cedar, service: execute-api, match: {{ path: /cedar/ }}, engines: {{ iam: off, cedar: enforce }}, upstream: {{ url: "http://{0}" }} }}
  - {{ name: pool, service: cognito-idp, upstream: {{ url: "http://{0}" }} }}
trusted_proxies: [127.0.0.1]
"#,
        backend.address
    );
    let setup = Setup::new(backend.address, &extra);
    write_roles(setup.folder.path());
    write_cedar(setup.folder.path());
    let gate = setup.start();

    let bound = Bound::new();

    // The table's tools work: without a fault the same requests are forwarded.
    let mut wire = Wire::connect(gate.proxy);
    let fine = [
        get("/api/x", &claims(|_| {})),
        get("/scoped/x", &access(|c| c["scope"] = json!("api/read"))),
        get("/cedar/fine", &claims(|_| {})),
        bound.once.clone(),
    ];
    for request in &fine {
        assert_eq!(wire.ask(request).status, 200, "{request}");
    }
    let before = backend.count();
    assert_eq!(before, fine.len());

    let mut met = BTreeSet::new();
    let mut wrong = Vec::new();
    for (request, status, reason) in [tokens(), callers(), requests(), bound.refused()].concat() {
        let answer = Wire::connect(gate.proxy).ask(latin1(&request));
        let found = (answer.status, answer.reason());
        if found != (status, reason.to_owned()) {
            wrong.push(format!("{found:?} for {reason}: {}", request.lines().next().unwrap()));
        }
        met.insert(reason.to_owned());
    }
    assert_eq!(wrong, [""; 0]);
    thread::sleep(Duration::from_millis(50));
    assert_eq!(backend.count(), before, "a denied request reached the backend");

    let left_out = ELSEWHERE.iter().map(|(reason, _)| (*reason).to_owned());
    let known: BTreeSet<String> = met.into_iter().chain(left_out).collect();
    assert_eq!(known, reasons(), "a reason without a request in this test, or the other way round");
}

/// A request as bytes: its characters are below U+0100.
fn latin1(request: &str) -> Vec<u8> {
    request.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

/// Every reason for which the sources of the gate refuse or deny.
fn reasons() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in [
        "token/error.rs",
        "token/dpop.rs",
        "gate/bound.rs",
        "http/request_error.rs",
        "http/target.rs",
        "http/cors.rs",
        "identity/error.rs",
        "services/mod.rs",
        "gate/decide.rs",
        "gate/decision.rs",
        "gate/demands.rs",
        "gate/named.rs",
        "gate/authenticate.rs",
        "gate/credentials.rs",
        "gate/rules.rs",
        "gate/payload.rs",
        "sigv4/error.rs",
        "sigv4/body/error.rs",
        "iam/verdict.rs",
    ] {
        let text = fs::read_to_string(Path::new("src").join(file)).unwrap();
        for made in text.split("Denial::new(").skip(1) {
            let Some(rest) = made.trim_start().strip_prefix('"') else { continue };
            found.extend(rest.split('"').next().map(str::to_owned));
        }
        for line in text.lines().map(str::trim) {
            let arm = line.split_once("=> \"").filter(|_| line.ends_with("\","));
            let field = line.split_once("reason: \"");
            let Some((_, rest)) = arm.or(field) else { continue };
            let reason = rest.trim_end_matches("\",");
            if reason.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
                found.insert(reason.to_owned());
            }
        }
    }
    for grounds in [
        "allowed_by_policy",
        "allowed_by_cedar",
        "allowed_by_both",
        "valid_token",
        "public_route",
        "public_operation",
        "allowed_by_trust_policy",
        "always_allowed",
        "cors_preflight",
    ] {
        assert!(found.remove(grounds), "{grounds}");
    }
    // Of gate/limits.rs, by whose limit it was.
    found.extend(["principal_rate_exceeded", "route_rate_exceeded"].map(str::to_owned));
    // Where a token was found is no reason.
    assert!(found.remove("cookie"));
    // How the server words what the HTTP library itself refuses.
    found.insert("malformed_request".to_owned());
    found.extend(["implicit_deny", "explicit_deny", "unknown_context_key"].map(str::to_owned));
    // Of cedar/error.rs, which has those of files too, and gate/engines.rs.
    let cedar = ["forbid", "no_permit", "no_action", "not_applicable", "error"];
    found.extend(cedar.map(|reason| format!("cedar_{reason}")));
    found
}

/// Policies of which one forbids, and one fails for whoever has the highest level.
fn write_cedar(folder: &Path) {
    let folder = folder.join("policies/cedar");
    fs::create_dir_all(&folder).unwrap();
    let schema = r#"entity User = { "custom:level"?: Long }; entity Robot; entity Application;
action "get /cedar/fine", "get /cedar/none", "get /cedar/no" appliesTo { principal: [User], resource: [Application] };
action "get /cedar/robots" appliesTo { principal: [Robot], resource: [Application] };
"#;
    fs::write(folder.join("api.cedarschema"), schema).unwrap();
    let policies = r#"permit(principal, action == Action::"get /cedar/fine", resource);
forbid(principal, action == Action::"get /cedar/no", resource);
forbid(principal is User, action, resource)
when { principal has "custom:level" && principal["custom:level"] + 1 == 0 };
"#;
    fs::write(folder.join("api.cedar"), policies).unwrap();
}

/// The tester's role with an explicit deny and an unknown key, and a role that trusts nobody here.
fn write_roles(folder: &Path) {
    let mut other = Value::Null;
    edit_role(folder, |role| {
        other = role.clone();
        let api = "arn:aws:execute-api:us-east-1:111122223333:testapi/test/GET/api";
        let statements = role["RolePolicyList"][0]["PolicyDocument"]["Statement"].as_array_mut();
        statements.unwrap().extend([
            json!({ "Effect": "Deny", "Action": "*", "Resource": format!("{api}/secret/*") }),
            json!({
                "Effect": "Deny", "Action": "*", "Resource": format!("{api}/org/*"),
                "Condition": { "StringEquals": { "aws:PrincipalOrgID": "o-1" } },
            }),
        ]);
    });
    other["RoleName"] = json!("Untrusting");
    other["Arn"] = json!(UNTRUSTING);
    other["RoleId"] = json!("AROATESTTESTTESTTEST2");
    other["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["StringEquals"] =
        json!({ "cognito-identity.amazonaws.com:aud": "us-east-1:another" });
    fs::write(folder.join("policies/roles/Untrusting.json"), other.to_string()).unwrap();
}

#[test]
fn without_keys_everything_is_denied_and_nothing_is_ready() {
    let backend = Backend::start();
    let keys = KeyServer::start(Keys::Down);
    let gate = Setup::new(backend.address, "").keys_from(&keys.url()).spawn(&[]);
    gate.wait_for("admin address", |gate| gate.admin("/livez").is_some());
    let request = get("/api/x", &claims(|_| {}));
    let answer = Wire::connect(gate.proxy).ask(&request);
    assert_eq!((answer.status, answer.reason().as_str()), (503, "keys_unavailable"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(gate.admin("/readyz").unwrap().0, 503);
    assert_eq!(backend.count(), 0);

    keys.turn(Keys::Good(Issuer::jwks(&[Issuer::shared()])));
    let gate = gate.await_ready();
    assert_eq!(Wire::connect(gate.proxy).ask(&request).status, 200);
}

#[test]
fn who_leaves_or_waits_too_long_while_keys_are_fetched_is_not_forwarded() {
    let backend = Backend::start();
    let keys = KeyServer::with(&[Issuer::shared()]);
    let gate = Setup::new(backend.address, "").keys_from(&keys.url()).start();
    keys.turn(Keys::Hang);
    let fetched = keys.count();

    // A token that would be allowed, if only its key came: it does, after the caller has gone.
    let rotated = Issuer::new("key-2");
    let token = rotated.id_token("user", &[], Some(ROLE));
    let mut leaver = Wire::connect(gate.proxy);
    leaver.send(get("/api/left", &token));
    gate.wait_for("fetch", |_| keys.count() > fetched);
    drop(leaver);

    let started = Instant::now();
    let mut waiter = Wire::connect(gate.proxy);
    let answer = waiter.ask(get("/api/waited", &token));
    assert_eq!((answer.status, answer.reason().as_str()), (401, "unknown_key"));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    gate.wait_for("end of the requests", |gate| {
        gate.metric("poolgate_requests_in_flight") == Some(0.0)
    });
    assert_eq!(backend.count(), 0);

    // Whom the wait doesn't concern is not held up by it.
    let known = Wire::connect(gate.proxy).ask(get("/api/known", &claims(|_| {})));
    assert_eq!(known.status, 200);
    let lines: Vec<String> = backend.seen().iter().map(|seen| seen.line().to_owned()).collect();
    assert_eq!(lines, ["GET /api/known HTTP/1.1"]);
}
