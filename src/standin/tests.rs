use super::*;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ISSUER: &str = "http://127.0.0.1:8080/us-east-1_Demo00001";

async fn start(folder: &Path) -> (Arc<UserPool>, SocketAddr) {
    let pool = UserPool::open(Directory::demo(), ISSUER, folder).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(Arc::clone(&pool).serve(listener));
    (pool, address)
}

/// Status, head and body of the answer to raw bytes.
async fn raw(address: SocketAddr, request: &[u8]) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.get(9..12).unwrap().parse().unwrap(), head.to_ascii_lowercase(), body.to_owned())
}

async fn target(address: SocketAddr, operation: &str, body: &str) -> (u16, String, Value) {
    let request = format!(
        "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\
         x-amz-target: AWSCognitoIdentityProviderService.{operation}\r\n\r\n{body}",
        body.len()
    );
    let (status, head, body) = raw(address, request.as_bytes()).await;
    (status, head, serde_json::from_str(&body).unwrap())
}

async fn sign_in(address: SocketAddr, user: &str) -> Value {
    let (status, _, answer) = target(address, "InitiateAuth", &password(user, PASSWORD)).await;
    assert_eq!(status, 200, "{answer}");
    answer["AuthenticationResult"].clone()
}

fn password(user: &str, password: &str) -> String {
    auth("USER_PASSWORD_AUTH", json!({ "USERNAME": user, "PASSWORD": password }))
}

fn auth(flow: &str, parameters: Value) -> String {
    json!({ "ClientId": CLIENT_ID, "AuthFlow": flow, "AuthParameters": parameters }).to_string()
}

async fn jwks(address: SocketAddr) -> JwkSet {
    let path = format!("/{POOL_ID}/.well-known/jwks.json");
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let (status, head, body) = raw(address, request.as_bytes()).await;
    assert_eq!(status, 200);
    assert!(head.contains("access-control-allow-origin: *"));
    serde_json::from_str(&body).unwrap()
}

/// Verified by another library than the one that signed; none if the key isn't in the set.
fn verify(keys: &JwkSet, token: &str) -> Option<Value> {
    let header = decode_header(token).unwrap();
    assert_eq!((header.typ, header.alg), (None, Algorithm::RS256));
    let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap())?).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_aud = false;
    validation.set_issuer(&[ISSUER]);
    Some(decode::<Value>(token, &key, &validation).unwrap().claims)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn precedence_gives_the_preferred_role() {
    type Case<'c> = (&'c [(Option<u32>, Option<&'c str>)], Option<&'c str>);
    let cases: [Case<'_>; 10] = [
        (&[], None),
        (&[(Some(1), None)], None),
        (&[(Some(1), Some("r1")), (Some(2), Some("r2"))], Some("r1")),
        (&[(Some(2), Some("r2")), (Some(0), Some("r1"))], Some("r1")),
        (&[(Some(1), Some("r1")), (Some(1), Some("r1"))], Some("r1")),
        (&[(Some(1), Some("r1")), (Some(1), Some("r2"))], None),
        (&[(None, Some("r1"))], Some("r1")),
        (&[(None, Some("r1")), (None, Some("r2"))], None),
        (&[(None, Some("r1")), (Some(u32::MAX), Some("r2"))], Some("r2")),
        (&[(Some(0), None), (Some(5), Some("r2"))], Some("r2")),
    ];
    for (groups, expected) in cases {
        let groups: Vec<Group> = groups
            .iter()
            .enumerate()
            .map(|(n, (precedence, role))| Group {
                name: format!("g{n}"),
                precedence: *precedence,
                role_arn: role.map(str::to_owned),
            })
            .collect();
        assert_eq!(group_claims(&groups).preferred_role.as_deref(), expected, "{groups:?}");
    }
}

#[tokio::test]
async fn tokens_have_the_claims_of_cognito() {
    let folder = tempfile::tempdir().unwrap();
    let (_, address) = start(folder.path()).await;
    let tokens = sign_in(address, "bob").await;
    let keys = jwks(address).await;
    assert_eq!(keys.keys.len(), 2);
    let id = verify(&keys, text(&tokens["IdToken"])).unwrap();
    let access = verify(&keys, text(&tokens["AccessToken"])).unwrap();
    let kid = |name: &str| decode_header(text(&tokens[name])).unwrap().kid;
    assert_ne!(kid("IdToken"), kid("AccessToken"));
    assert_eq!(id["cognito:groups"], json!(["writers", "readers"]));
    let role = |name: &str| format!("arn:aws:iam::000000000000:role/{name}");
    assert_eq!(id["cognito:roles"], json!([role("Writer"), role("Reader")]));
    assert_eq!(id["cognito:preferred_role"], role("Writer"));
    assert_eq!((&id["aud"], &id["token_use"]), (&json!(CLIENT_ID), &json!("id")));
    assert_eq!(id["exp"].as_i64().unwrap() - id["iat"].as_i64().unwrap(), 3600);
    let mut names: Vec<&str> = access.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let expected = "auth_time client_id cognito:groups event_id exp iat iss jti origin_jti scope \
                    sub token_use username";
    assert_eq!(names.join(" "), expected);
    assert_eq!(access["origin_jti"], id["origin_jti"]);
    assert_ne!(access["jti"], id["jti"]);
    let dave = sign_in(address, "dave").await;
    let dave = verify(&keys, text(&dave["IdToken"])).unwrap();
    assert!(dave.as_object().unwrap().keys().all(|name| !name.starts_with("cognito:g")
        && !name.starts_with("cognito:r")
        && !name.starts_with("cognito:p")));
}

#[tokio::test]
async fn a_restart_keeps_keys_and_refresh_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let (pool, address) = start(folder.path()).await;
    let tokens = sign_in(address, "alice").await;
    let before = verify(&jwks(address).await, text(&tokens["IdToken"])).unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    drop(pool);
    let (pool, address) = start(folder.path()).await;
    let keys = jwks(address).await;
    assert!(verify(&keys, text(&tokens["IdToken"])).is_some());
    for flow in ["REFRESH_TOKEN_AUTH", "REFRESH_TOKEN"] {
        let body = auth(flow, json!({ "REFRESH_TOKEN": tokens["RefreshToken"] }));
        let (status, _, answer) = target(address, "InitiateAuth", &body).await;
        assert_eq!(status, 200);
        let result = &answer["AuthenticationResult"];
        assert!(result.get("RefreshToken").is_none());
        let after = verify(&keys, text(&result["IdToken"])).unwrap();
        assert_eq!(after["origin_jti"], before["origin_jti"]);
        assert_eq!(after["auth_time"], before["auth_time"]);
        assert_ne!(after["jti"], before["jti"]);
    }
    pool.rotate(Retired::Published).await.unwrap();
    let keys = jwks(address).await;
    assert_eq!(keys.keys.len(), 4);
    assert!(verify(&keys, text(&tokens["IdToken"])).is_some());
    pool.rotate(Retired::Dropped).await.unwrap();
    let keys = jwks(address).await;
    assert_eq!(keys.keys.len(), 2);
    assert!(verify(&keys, text(&tokens["IdToken"])).is_none());
    let fresh = sign_in(address, "alice").await;
    assert!(verify(&keys, text(&fresh["IdToken"])).is_some());
}

#[tokio::test]
async fn refusals_are_worded_as_cognito_words_them() {
    let folder = tempfile::tempdir().unwrap();
    let (_, address) = start(folder.path()).await;
    let unknown = json!({ "ClientId": "nobody", "AuthFlow": "USER_PASSWORD_AUTH" }).to_string();
    let wrong = ("NotAuthorizedException", "Incorrect username or password.");
    let no_client = ("ResourceNotFoundException", "User pool client nobody does not exist.");
    let refresh = |token: &str| auth("REFRESH_TOKEN_AUTH", json!({ "REFRESH_TOKEN": token }));
    let invalid = ("NotAuthorizedException", "Invalid Refresh Token");
    let srp = ("InvalidParameterException", "USER_SRP_AUTH flow not enabled for this client");
    let admin = ("InvalidParameterException", "Initiate Auth method not supported");
    let missing = ("InvalidParameterException", "Missing required parameter USERNAME");
    let cases = [
        ("InitiateAuth", password("alice", "wrong"), wrong),
        ("InitiateAuth", password("nobody", PASSWORD), wrong),
        ("InitiateAuth", password("nobody", ""), wrong),
        ("InitiateAuth", unknown, no_client),
        ("InitiateAuth", refresh("x"), invalid),
        ("InitiateAuth", refresh("AAAAAAAAAAAAAAAA.AAAA"), invalid),
        ("InitiateAuth", auth("USER_SRP_AUTH", json!({})), srp),
        ("InitiateAuth", auth("ADMIN_NO_SRP_AUTH", json!({})), admin),
        ("InitiateAuth", auth("USER_PASSWORD_AUTH", json!([])), missing),
        ("InitiateAuth", "{".into(), ("SerializationException", "The body is no JSON object.")),
        ("InitiateAuth", "[]".into(), ("SerializationException", "The body is no JSON object.")),
        (
            "SignUp",
            "{}".into(),
            ("UnknownOperationException", "The demo's user pool answers InitiateAuth only."),
        ),
    ];
    for (operation, body, (kind, message)) in cases {
        let (status, head, answer) = target(address, operation, &body).await;
        assert_eq!(status, 400, "{body}");
        assert_eq!(answer, json!({ "__type": kind, "message": message }), "{body}");
        assert!(head.contains(&format!("x-amzn-errortype: {}:", kind.to_lowercase())), "{head}");
        assert!(head.contains("content-type: application/x-amz-json-1.1"), "{head}");
    }
    let large = format!("\"{}\"", "x".repeat(64 * 1024));
    assert_eq!(target(address, "InitiateAuth", &large).await.0, 413);
}

#[tokio::test]
async fn the_api_answers_with_the_request_it_saw() {
    let echo = Echo::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(Arc::clone(&echo).serve(listener));
    let head = "PUT /api/a%2Fb?q=1 HTTP/1.1\r\nconnection: close\r\nx-a: 1\r\nx-a: 2\r\n";
    let request = format!("{head}content-length: 2\r\n\r\nhi");
    let (status, _, body) = raw(address, request.as_bytes()).await;
    assert_eq!(status, 200);
    let seen: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&seen["method"], &seen["path"]), (&json!("PUT"), &json!("/api/a%2Fb")));
    assert_eq!((&seen["query"], &seen["body"]), (&json!("q=1"), &json!("hi")));
    assert_eq!(seen["headers"]["x-a"], "1, 2");
    let request = [head.as_bytes(), b"content-length: 2\r\n\r\n\xff\xfe"].concat();
    let seen: Value = serde_json::from_str(&raw(address, &request).await.2).unwrap();
    assert_eq!((&seen["body"], &seen["bodyBase64"]), (&json!("//4="), &json!(true)));
    let request = format!("{head}content-length: 16777217\r\n\r\n");
    assert_eq!(raw(address, request.as_bytes()).await.0, 413);
    assert_eq!(echo.requests(), 3);
}

#[tokio::test]
async fn browsers_and_discovery_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let (_, address) = start(folder.path()).await;
    let ask = async |line: String| {
        raw(address, format!("{line} HTTP/1.1\r\nconnection: close\r\n\r\n").as_bytes()).await
    };
    let (status, head, _) = ask("OPTIONS /".into()).await;
    assert_eq!(status, 200);
    assert!(head.contains("access-control-allow-headers:") && head.contains("x-amz-target"));
    let (_, _, body) = ask(format!("GET /{POOL_ID}/.well-known/openid-configuration")).await;
    let discovery: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(discovery["issuer"], ISSUER);
    assert_eq!(discovery["jwks_uri"], format!("{ISSUER}/.well-known/jwks.json"));
    assert_eq!(ask("GET /other/.well-known/jwks.json".into()).await.0, 404);
    assert_eq!(ask("DELETE /".into()).await.0, 400);
}

#[test]
fn there_are_as_many_users_like_alice_as_a_load_test_wants() {
    let directory = Directory::demo();
    let alice = directory.user("alice").unwrap();
    let one = directory.user("alice+1").unwrap();
    let last = directory.user("alice+1000000").unwrap();
    assert_eq!((one.groups.clone(), one.sub.len()), (alice.groups.clone(), alice.sub.len()));
    assert!(one.sub != alice.sub && one.sub != last.sub);
    assert_ne!(one.sub, directory.user("bob+1").unwrap().sub);
    assert!(directory.sign_in("alice+1", PASSWORD).is_some());
    assert!(directory.sign_in("alice+1", "x").is_none());
    for name in ["alice+0", "alice+01", "alice++1", "alice+", "alice+1000001", "eve+1", "alice+1+1"]
    {
        assert!(directory.user(name).is_none(), "{name}");
    }
}
