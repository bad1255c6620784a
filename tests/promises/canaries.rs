//! P8: no secret, token or credential in any log, metric or process listing, at any level.

use std::{fs, process::Command};

use serde_json::json;

use crate::{
    setup::{Setup, get},
    support::{Backend, CLIENT, Issuer, ROLE, Wire},
};

/// What every secret in these tests has in it.
const CANARY: &str = "CaNaRy";

/// The signed part of a token and its signature; its payload has a canary too.
fn token(edit: impl FnOnce(&mut serde_json::Value)) -> String {
    let issuer = Issuer::shared();
    let mut claims = issuer.claims("user", "id");
    claims["aud"] = json!(CLIENT);
    claims["cognito:preferred_role"] = json!(ROLE);
    claims["cognito:roles"] = json!([ROLE]);
    claims["email"] = json!(format!("{CANARY}@example.com"));
    edit(&mut claims);
    issuer.sign(&claims)
}

/// Requests with secrets wherever callers put them, most of which are refused somewhere else.
fn requests(tokens: &[String]) -> Vec<String> {
    let head = |line: &str, more: &str| format!("{line} HTTP/1.1\r\nhost: gate\r\n{more}\r\n");
    let good = &tokens[0];
    let mut requests: Vec<String> = tokens.iter().map(|token| get("/api/x", token)).collect();
    requests.extend(tokens.iter().map(|token| {
        head("GET /cookie/x", &format!("cookie: a={CANARY}; session={token}; b={CANARY}\r\n"))
    }));
    requests.extend(tokens.iter().map(|token| get("/down/x", token)));
    for query in [
        format!("access_token={good}"),
        format!("X-Amz-Signature={CANARY}&X-Amz-Credential={CANARY}"),
        format!("X-Amz-Security-Token={CANARY}%2F&X-Amz-Signature={CANARY}"),
        format!("password={CANARY}&{CANARY}"),
    ] {
        requests.push(head(&format!("GET /api/x?{query}"), ""));
        requests.push(get(&format!("/api/x?{query}"), good));
        requests.push(get(&format!("/down/x?{query}"), good));
        requests.push(get(&format!("/api/../x?{query}"), good));
        requests.push(get(&format!("/none?{query}"), good));
        requests.push(get(&format!("/api/x?{query}#{CANARY}"), good));
    }
    for more in [
        format!("authorization: Basic {CANARY}\r\n"),
        format!("authorization: {CANARY}\r\n"),
        format!("authorization: Bearer {CANARY} {CANARY}\r\n"),
        format!("authorization: Bearer {good}\r\nauthorization: Bearer {good}\r\n"),
        format!(
            "authorization: AWS4-HMAC-SHA256 Credential={CANARY}, SignedHeaders=a, Signature={CANARY}\r\n"
        ),
        format!("authorization : Bearer {good}\r\n"),
        format!("authorization_: Bearer {good}\r\n"),
        format!("x-amz-security-token: {CANARY}\r\n"),
        format!("dpop: {CANARY}\r\nauthorization: DPoP {good}\r\n"),
        format!("dpop: {good}\r\nauthorization: DPoP {good}\r\n"),
        format!("dpop: {good}\r\ndpop: {CANARY}\r\nauthorization: Bearer {good}\r\n"),
        format!("x-amzn-oidc-data: {good}\r\n"),
        format!("x-amzn-oidc-accesstoken: {good}\r\n"),
        format!("proxy-authorization: Basic {CANARY}\r\n"),
        format!("x-api-key: {CANARY}\r\nauthorization: Bearer {good}\r\n"),
        format!("x-{CANARY}: 1\r\nauthorization: Bearer {good}\r\n"),
        format!("x-forwarded-for: {CANARY}\r\nforwarded: for={CANARY}\r\n"),
        format!("cookie: session={good}; session={CANARY}\r\n"),
        format!("connection: {CANARY}\r\n"),
        format!("upgrade: {CANARY}\r\nconnection: upgrade\r\n"),
        format!("content-length: {CANARY}\r\n"),
        format!("transfer-encoding: {CANARY}\r\n"),
        format!("no colon {CANARY}\r\n"),
    ] {
        requests.push(head("GET /api/x", &more));
        requests.push(head("GET /cookie/x", &more));
    }
    requests
        .push(head("GET /api/x", "").replace("host: gate", &format!("host: user:{CANARY}@gate")));
    requests.push(head(&format!("GET http://user:{CANARY}@gate/api/x"), ""));
    requests.push(format!("{CANARY}\r\n\r\n"));
    requests.push(format!("GET /api/x?{CANARY} HTTP/{CANARY}\r\n\r\n"));
    let body = format!("{{\"AuthParameters\":{{\"PASSWORD\":\"{CANARY}\"}}}}");
    for operation in ["InitiateAuth", "AdminInitiateAuth", "NoSuchOperation"] {
        let length = body.len();
        requests.push(format!(
            "POST / HTTP/1.1\r\nhost: gate\r\ncontent-type: application/x-amz-json-1.1\r\n\
             x-amz-target: AWSCognitoIdentityProviderService.{operation}\r\n\
             content-length: {length}\r\n\r\n{body}"
        ));
    }
    requests.push(format!(
        "PUT /api/own HTTP/1.1\r\nhost: gate\r\nauthorization: Bearer {good}\r\n\
         transfer-encoding: chunked\r\n\r\n{CANARY}\r\n"
    ));
    requests
}

/// Every part of the tokens that could be used or read elsewhere, and the canary itself.
fn secrets(tokens: &[String]) -> Vec<String> {
    let parts = tokens.iter().flat_map(|token| token.split('.').skip(1));
    let mut secrets: Vec<String> =
        parts.filter(|part| part.len() > 40).map(|part| part[..40].to_owned()).collect();
    secrets.push(CANARY.to_ascii_lowercase());
    secrets
}

fn assert_clean(place: &str, text: &str, secrets: &[String]) {
    let lower = text.to_ascii_lowercase();
    for secret in secrets {
        let Some(at) = text.find(secret).or_else(|| lower.find(secret)) else { continue };
        let near = text.get(at.saturating_sub(200)..(at + 60).min(text.len()));
        panic!("{place} has {secret}: {near:?}");
    }
}

fn tokens() -> Vec<String> {
    let good = token(|_| {});
    let (signed, _) = good.rsplit_once('.').unwrap();
    vec![
        good.clone(),
        token(|claims| claims["exp"] = json!(1)),
        token(|claims| claims["aud"] = json!(CANARY)),
        token(|claims| claims["iss"] = json!(CANARY)),
        token(|claims| claims["token_use"] = json!(CANARY)),
        token(|claims| {
            claims["cognito:roles"] = json!([ROLE, "arn:aws:iam::111122223333:role/No"])
        }),
        token(|claims| claims["exp"] = json!(CANARY)),
        format!("{signed}.{}", "A".repeat(342)),
        format!("{CANARY}.{CANARY}.{CANARY}"),
        format!("{CANARY}{}", "A".repeat(9000)),
        CANARY.to_owned(),
    ]
}

#[test]
fn nothing_a_caller_sends_as_a_secret_is_written_anywhere() {
    let backend = Backend::start();
    let extra = format!(
        r#"  - {{ name: cookie, service: execute-api, match: {{ path: /cookie/ }}, engines: {{ iam: off }}, token: {{ cookie: session }}, upstream: {{ url: "http://{0}" }} }}
  - {{ name: down, service: execute-api, match: {{ path: /down/ }}, engines: {{ iam: off }}, upstream: {{ url: "http://127.0.0.1:9" }} }}
  - {{ name: pool, service: cognito-idp, upstream: {{ url: "http://{0}" }} }}
decision_log: {{ sink: stdout }}
access_log: {{ sink: file, path: access }}
admin: {{ token: {{ env: ADMIN_TOKEN }} }}
identities: {{ key: {{ file: identity-key }} }}
timeouts: {{ shutdown_delay: 0s }}"#,
        backend.address
    );
    let setup = Setup::new(backend.address, &extra);
    fs::write(
        setup.path("identity-key"),
        format!("{CANARY}{CANARY}{CANARY}{CANARY}{CANARY}{CANARY}"),
    )
    .unwrap();
    let admin_token = format!("{CANARY}-admin");
    let environment = [("POOLGATE_LOG", "trace"), ("ADMIN_TOKEN", admin_token.as_str())];
    let mut gate = setup.spawn(&environment).await_ready();
    let tokens = tokens();
    let secrets = secrets(&tokens);
    let mut statuses = std::collections::BTreeSet::new();
    for request in requests(&tokens) {
        let mut wire = Wire::connect(gate.proxy);
        wire.send(&request);
        wire.stream.set_read_timeout(Some(std::time::Duration::from_secs(2))).unwrap();
        if let Some(answer) = wire.answer() {
            statuses.insert(answer.status);
            assert_clean("the head of an answer", &answer.head, &secrets);
            assert_clean("an answer", &String::from_utf8_lossy(&answer.body), &secrets);
        }
    }
    for status in [200, 400, 401, 403, 404, 502] {
        assert!(statuses.contains(&status), "{status} was not provoked: {statuses:?}");
    }
    assert!(backend.count() > 5);
    let admin = |path: &str, token: &str| {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        );
        let answer = Wire::connect(gate.admin).ask(request);
        (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
    };
    assert_eq!(admin("/config", &format!("{admin_token}x")).0, 401);
    for path in ["/metrics", "/config", "/decisions", "/readyz"] {
        let (status, text) = admin(path, &admin_token);
        assert_eq!(status, 200, "{path}");
        assert_clean(path, &text, &secrets);
    }
    gate.signal("HUP");
    gate.wait_for("reload", |gate| gate.metric("poolgate_generation") == Some(2.0));
    let listing = fs::read_to_string(format!("/proc/{}/cmdline", gate.pid())).unwrap();
    assert_clean("the process listing", &listing, &secrets);
    gate.signal("TERM");
    assert_eq!(gate.wait(std::time::Duration::from_secs(5)).unwrap().code(), Some(0));
    for file in ["stdout", "stderr", "access"] {
        let text = fs::read_to_string(gate.path(file)).unwrap();
        assert!(text.lines().count() > 10, "{file} is nearly empty: {text}");
        assert_clean(file, &text, &secrets);
    }
}

#[test]
fn explain_does_not_repeat_secrets() {
    let backend = Backend::start();
    let setup = Setup::new(backend.address, "");
    let config = setup.write();
    let tokens = tokens();
    let secrets = secrets(&tokens);
    let file = setup.path("token");
    let query = format!("X-Amz-Signature={CANARY}&token={CANARY}");
    let mut explained = 0;
    for token in &tokens {
        fs::write(&file, token).unwrap();
        for url in [
            "http://gate/api/x".to_owned(),
            format!("http://gate/api/x?{query}"),
            format!("http://gate/api/../x?{query}"),
        ] {
            for output in ["text", "json"] {
                let ran = Command::new(env!("CARGO_BIN_EXE_poolgate"))
                    .args(["explain", "--output", output, "-H"])
                    .arg(format!("cookie: session={CANARY}"))
                    .arg("--config")
                    .arg(&config)
                    .arg("--token")
                    .arg(format!("@{}", file.display()))
                    .args(["GET", &url])
                    .output()
                    .unwrap();
                let said = [ran.stdout, ran.stderr].concat();
                assert!(!said.is_empty());
                assert_clean("explain", &String::from_utf8(said).unwrap(), &secrets);
                explained += 1;
            }
            if explained > 8 && token != &tokens[0] {
                break;
            }
        }
    }
    for wrong in [
        vec!["-H".to_owned(), format!("Authorization Bearer {CANARY}"), "http://gate/".to_owned()],
        vec![format!("http://gate/ x?token={CANARY}")],
        vec![format!("/api/x?token={CANARY}")],
    ] {
        let ran = Command::new(env!("CARGO_BIN_EXE_poolgate"))
            .args(["explain", "--config"])
            .arg(&config)
            .arg("GET")
            .args(&wrong)
            .output()
            .unwrap();
        assert_eq!(ran.status.code(), Some(2), "{wrong:?}");
        assert_clean("explain", &String::from_utf8(ran.stderr).unwrap(), &secrets);
    }
}
