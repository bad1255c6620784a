//! `poolgate demo`: its folder, its users, its answers on the API.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod support;

use std::{
    fs,
    io::Read,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use base64::Engine;
use support::{Wire, free_port};

const PROGRAM: &str = env!("CARGO_BIN_EXE_poolgate");

struct Demo {
    child: Child,
    gate: SocketAddr,
    admin: SocketAddr,
}

impl Demo {
    fn start(data: Option<&Path>) -> Self {
        Self::start_at((free_port(), free_port()), data)
    }

    fn start_at((gate, admin): (SocketAddr, SocketAddr), data: Option<&Path>) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(["demo", "--listen", &gate.to_string(), "--admin", &admin.to_string()]);
        if let Some(data) = data {
            command.arg("--data").arg(data);
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let demo = Self { child: child.spawn().unwrap(), gate, admin };
        let end = Instant::now() + Duration::from_secs(20);
        while !demo.is_ready() {
            assert!(Instant::now() < end, "the demo is not ready");
            sleep(Duration::from_millis(20));
        }
        demo
    }

    fn is_ready(&self) -> bool {
        let Ok(stream) = std::net::TcpStream::connect(self.admin) else { return false };
        drop(stream);
        let mut wire = Wire::connect(self.admin);
        wire.send("GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n");
        wire.answer().is_some_and(|answer| answer.status == 200)
    }

    fn token(&self, user: &str, token_use: &str) -> String {
        let endpoint = format!("http://{}", self.gate);
        let arguments = ["token", "--endpoint", &endpoint, "--user", user, "--use", token_use];
        let output = Command::new(PROGRAM).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn ask(&self, method: &str, path: &str, token: Option<&str>) -> u16 {
        let authorization =
            token.map(|t| format!("authorization: Bearer {t}\r\n")).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{authorization}content-length: 0\r\n\r\n",
            self.gate
        );
        Wire::connect(self.gate).ask(request).status
    }

    /// Status and body of an operation of a service that takes JSON.
    fn call(&self, target: &str, body: &str, token: Option<&str>) -> (u16, String) {
        let authorization =
            token.map(|t| format!("authorization: Bearer {t}\r\n")).unwrap_or_default();
        let version = if target.starts_with("DynamoDB") { "1.0" } else { "1.1" };
        let request = format!(
            "POST / HTTP/1.1\r\nhost: {}\r\n{authorization}x-amz-target: {target}\r\n\
             content-type: application/x-amz-json-{version}\r\ncontent-length: {}\r\n\r\n{body}",
            self.gate,
            body.len()
        );
        let answer = Wire::connect(self.gate).ask(request);
        (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// The identity id that a user's token stands for.
    fn identity(&self, token: &str) -> String {
        let body = format!(
            r#"{{"IdentityPoolId":"us-east-1:00000000-0000-4000-8000-000000000001",
                "Logins":{{"cognito-idp.us-east-1.amazonaws.com/us-east-1_Demo00001":"{token}"}}}}"#
        );
        let (status, body) = self.call("AWSCognitoIdentityService.GetId", &body, None);
        assert_eq!(status, 200, "{body}");
        body.split('"').nth(3).unwrap().to_owned()
    }

    fn stop(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The design's table, for the API: what each may do, with either token.
#[test]
fn everyone_gets_the_answers_of_the_table() {
    let demo = Demo::start(None);
    let requests = [
        ("GET", "/api/orders/1"),
        ("GET", "/api/anything?q=1"),
        ("POST", "/api/orders/1"),
        ("PUT", "/api/orders/1"),
        ("DELETE", "/api/orders/1"),
        ("POST", "/api/other"),
    ];
    for (user, statuses) in [
        ("alice", [200, 200, 403, 403, 403, 403]),
        ("bob", [200, 200, 200, 200, 403, 403]),
        ("carol", [200, 200, 200, 200, 200, 200]),
        ("dave", [403, 403, 403, 403, 403, 403]),
    ] {
        for token_use in ["id", "access"] {
            let token = demo.token(user, token_use);
            let found = requests.map(|(method, path)| demo.ask(method, path, Some(&token)));
            assert_eq!(found, statuses, "{user} with the {token_use} token");
        }
    }
    assert_eq!(requests.map(|(method, path)| demo.ask(method, path, None)), [401; 6]);
    assert_eq!(demo.stop(), Some(0));
}

/// Load with as many users as are wanted: their tokens, and credentials of the identity pool, hold.
#[test]
fn a_load_of_its_own_users_is_answered() {
    let demo = Demo::start(None);
    let gate = format!("http://{}", demo.gate);
    let pool = "us-east-1:00000000-0000-4000-8000-000000000001";
    let signed = ["--identity-pool", pool, "--sigv4"];
    for (path, more) in [
        ("/api/orders/1", &["--demo"][..]),
        ("/api/orders/1", &["--demo=bob", "--use", "access"]),
        (
            "/demo/public/hello.txt?x-id=GetObject",
            &["--demo=bob", signed[0], signed[1], signed[2], "us-east-1/s3"],
        ),
        (
            "/api/orders/a%20b",
            &["--demo", signed[0], signed[1], signed[2], "us-east-1/execute-api"],
        ),
    ] {
        let url = format!("{gate}{path}");
        let output = Command::new(PROGRAM)
            .args([
                "load",
                &url,
                "--users",
                "12",
                "--rate",
                "60/s",
                "--duration",
                "1s",
                "--warmup",
                "0s",
            ])
            .args(["--connections", "4", "--fail-if", "errors>0", "--fail-if", "rate<20%"])
            .args(more)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{path}: {text}{:?}", output.stderr);
        assert!(text.contains("12 users with") && text.contains("200: 60"), "{text}");
    }
    assert_eq!(demo.stop(), Some(0));
}

/// The same on S3, where nobody is a guest.
#[test]
fn everyone_gets_the_rights_of_the_table_on_objects() {
    let demo = Demo::start(None);
    let requests = [
        ("GET", "/demo/public/hello.txt"),
        ("GET", "/demo/home/nobody/notes.txt"),
        ("GET", "/demo/secret/plans.txt"),
        ("GET", "/demo/public/missing"),
        ("GET", "/demo?list-type=2"),
        ("PUT", "/demo/public/new"),
        ("DELETE", "/demo/public/new"),
        ("GET", "/demo/public/../secret/plans.txt"),
    ];
    for (user, statuses) in [
        (Some("alice"), [200, 200, 403, 404, 200, 403, 403, 400]),
        (Some("bob"), [200, 200, 403, 404, 200, 403, 403, 400]),
        (Some("carol"), [200, 200, 403, 404, 200, 200, 204, 400]),
        (Some("dave"), [403, 403, 403, 403, 403, 403, 403, 400]),
        (None, [200, 403, 403, 403, 403, 403, 403, 400]),
    ] {
        let token = user.map(|user| demo.token(user, "access"));
        let found = requests.map(|(method, path)| demo.ask(method, path, token.as_deref()));
        assert_eq!(found, statuses, "{user:?}");
    }
    assert_eq!(demo.stop(), Some(0));
}

/// The same on DynamoDB: what each may do with own rows, with nobody's, and with all.
#[test]
fn everyone_gets_the_rights_of_the_table_on_rows() {
    let demo = Demo::start(None);
    let requests = [
        ("PutItem", r#""TableName":"demo","Item":OWN"#),
        ("GetItem", r#""TableName":"demo","Key":OWN"#),
        ("BatchGetItem", r#""RequestItems":{"demo":{"Keys":[OWN]}}"#),
        (
            "Query",
            r#""TableName":"demo","KeyConditionExpression":"pk=:me",
               "ExpressionAttributeValues":{":me":{"S":"ME"}}"#,
        ),
        ("ExecuteStatement", r#""Statement":"SELECT * FROM demo WHERE pk = 'ME'""#),
        ("BatchWriteItem", r#""RequestItems":{"demo":[{"PutRequest":{"Item":OWN}}]}"#),
        (
            "TransactWriteItems",
            r#""TransactItems":[{"ConditionCheck":{"TableName":"demo","Key":OWN,
               "ConditionExpression":"attribute_exists(pk)"}}]"#,
        ),
        ("DeleteItem", r#""TableName":"demo","Key":OWN"#),
        ("GetItem", r#""TableName":"demo","Key":{"pk":{"S":"nobody"},"sk":{"S":"notes"}}"#),
        ("ExecuteStatement", r#""Statement":"SELECT * FROM demo WHERE pk = 'nobody'""#),
        ("Scan", r#""TableName":"demo""#),
        ("DescribeTable", r#""TableName":"demo""#),
    ];
    let (reads, writes) = ([400, 200, 200, 200, 400, 400, 400, 400], [200; 8]);
    for (user, own, others) in [
        (Some("alice"), reads, [400; 4]),
        (Some("bob"), writes, [400; 4]),
        (Some("carol"), writes, [200; 4]),
        (Some("dave"), writes, [400; 4]),
        (None, [400; 8], [400; 4]),
    ] {
        let token = user.map(|user| demo.token(user, "id"));
        let me = token.as_deref().map_or_else(|| "me".to_owned(), |token| demo.identity(token));
        let row = format!(r#"{{"pk":{{"S":"{me}"}},"sk":{{"S":"1"}}}}"#);
        let found = requests.map(|(operation, members)| {
            let body = format!("{{{}}}", members.replace("OWN", &row).replace("ME", &me));
            let target = format!("DynamoDB_20120810.{operation}");
            let (status, body) = demo.call(&target, &body, token.as_deref());
            // Nobody is refused for another reason than rights.
            let denied = if user.is_some() { "AccessDenied" } else { "MissingAuthenticationToken" };
            assert!(status == 200 || body.contains(denied), "{user:?} {operation}: {body}");
            status
        });
        assert_eq!(found, [own.as_slice(), &others].concat()[..], "{user:?}");
    }
    assert_eq!(demo.stop(), Some(0));
}

/// What it would write beside somebody's policies would be policies too.
#[test]
fn a_folder_of_somebody_elses_is_left_alone() {
    for name in ["poolgate.yaml", "policies"] {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join(name), "listen: {}\n").unwrap();
        let refused = Command::new(PROGRAM)
            .args(["demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data"])
            .arg(data.path())
            .output()
            .unwrap();
        assert_eq!(refused.status.code(), Some(64));
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains("that aren't a demo's"), "{said}");
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 1);
    }
}

/// Somebody's first second demo, beside one that still runs.
#[test]
fn an_address_that_is_taken_is_told_with_its_option() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = Command::new(PROGRAM)
        .args(["demo", "--listen", "127.0.0.1:0", "--admin", &address])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(64));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    let wanted =
        format!("can't listen on {address}: Address already in use (os error 98); --admin");
    assert!(said.contains(&wanted), "{said}");
}

#[test]
fn a_given_folder_keeps_keys_and_identities_and_serves_one_demo_at_a_time() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(Some(data.path()));
    let identity = fs::read(data.path().join("identity.key")).unwrap();

    let second = Command::new(PROGRAM)
        .args(["demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(64));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("another demo is running on"), "{said}");

    let token = demo.token("alice", "id");
    assert_eq!(demo.ask("GET", "/api/x", Some(&token)), 200);
    let carol = demo.token("carol", "id");
    assert_eq!(demo.ask("PUT", "/demo/kept", Some(&carol)), 200);
    assert_eq!(demo.ask("DELETE", "/demo/public/hello.txt", Some(&carol)), 204);
    let row = r#"{"pk":{"S":"somebody"},"sk":{"S":"kept"}}"#;
    let put = format!(r#"{{"TableName":"demo","Item":{row}}}"#);
    assert_eq!(demo.call("DynamoDB_20120810.PutItem", &put, Some(&carol)).0, 200);
    assert_eq!(demo.stop(), Some(0));

    let demo = Demo::start(Some(data.path()));
    // Its port is another, so that its tokens are too.
    let carol = demo.token("carol", "id");
    assert_eq!(demo.ask("GET", "/demo/kept", Some(&carol)), 200);
    assert_eq!(demo.ask("GET", "/demo/public/hello.txt", Some(&carol)), 404);
    let get = format!(r#"{{"TableName":"demo","Key":{row}}}"#);
    let (status, found) = demo.call("DynamoDB_20120810.GetItem", &get, Some(&carol));
    assert!(status == 200 && found.contains("kept"), "{status} {found}");
    assert_eq!(fs::read(data.path().join("identity.key")).unwrap(), identity);
    assert_eq!(demo.ask("GET", "/api/x", Some(&demo.token("alice", "id"))), 200);
}

/// Its first line says how.
#[test]
fn a_configuration_that_was_taken_over_works_at_the_next_start() {
    let data = tempfile::tempdir().unwrap();
    let config = data.path().join("poolgate.yaml");
    let demo = Demo::start(Some(data.path()));
    let addresses = (demo.gate, demo.admin);
    assert_eq!(demo.stop(), Some(0));

    let written = fs::read_to_string(&config).unwrap();
    let (heading, rest) = written.split_once('\n').unwrap();
    assert!(heading.contains("delete this line to keep your own changes"), "{heading}");
    fs::write(&config, format!("# my own\n{rest}")).unwrap();
    let demo = Demo::start_at(addresses, Some(data.path()));
    let token = demo.token("alice", "id");
    assert_eq!(demo.ask("GET", "/api/x", Some(&token)), 200);
    assert_eq!(demo.ask("GET", "/demo/public/hello.txt", Some(&token)), 200);
    let own = demo.identity(&token);
    let get = format!(r#"{{"TableName":"demo","Key":{{"pk":{{"S":"{own}"}},"sk":{{"S":"x"}}}}}}"#);
    assert_eq!(demo.call("DynamoDB_20120810.GetItem", &get, Some(&token)).0, 200);
    assert_eq!(demo.stop(), Some(0));
    assert!(fs::read_to_string(&config).unwrap().starts_with("# my own\n"));

    // Another program has the API's port by now.
    let ports = fs::read_to_string(data.path().join("ports")).unwrap();
    let port: u16 = ports.lines().nth(1).unwrap().parse().unwrap();
    let taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let start = || {
        let (listen, admin) = (addresses.0.to_string(), addresses.1.to_string());
        let mut command = Command::new(PROGRAM);
        command.args(["demo", "--listen", &listen, "--admin", &admin, "--data"]);
        command.arg(data.path()).output().unwrap()
    };
    let refused = start();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(64), "{said}");
    assert!(said.contains(&format!("the API stand-in can't listen on 127.0.0.1:{port}")), "{said}");
    // Its own configuration follows.
    fs::write(&config, &written).unwrap();
    let demo = Demo::start_at(addresses, Some(data.path()));
    assert_eq!(demo.ask("GET", "/api/x", Some(&demo.token("alice", "id"))), 200);
    assert_ne!(fs::read_to_string(data.path().join("ports")).unwrap(), ports);
    drop(taken);
}

/// Runs `explain` with the configuration in `data`: what it prints, as JSON and as text.
fn explain(data: &Path, arguments: &[&str]) -> (serde_json::Value, String) {
    let run = |more: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.arg("explain").arg("--config").arg(data.join("poolgate.yaml"));
        String::from_utf8(command.args(more).args(arguments).output().unwrap().stdout).unwrap()
    };
    (serde_json::from_str(&run(&["--output", "json"])).unwrap(), run(&[]))
}

#[test]
fn explain_tells_what_is_refused_of_many() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(Some(data.path()));
    let carol = demo.token("carol", "id");
    let body = data.path().join("body");
    let delete = |keys: &[&str]| {
        let keys: String =
            keys.iter().map(|key| format!("<Object><Key>{key}</Key></Object>")).collect();
        let text = format!("<Delete>{keys}</Delete>");
        fs::write(&body, &text).unwrap();
        let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        let sum = base64::engine::general_purpose::STANDARD.encode(sum);
        let header = format!("x-amz-checksum-sha256: {sum}");
        let (body, url) = (body.display().to_string(), format!("http://{}/demo?delete", demo.gate));
        let arguments = ["--token", &carol, "-H", &header, "--body", &body, "POST", &url];
        explain(data.path(), &arguments)
    };
    let (json, text) = delete(&["a.txt", "secret/b.txt", "secret/c.txt"]);
    assert_eq!(json["effect"], "allow", "{json}");
    let found = serde_json::json!({ "refused": 2, "keys": ["secret/b.txt", "secret/c.txt"] });
    assert_eq!(json["found"], found);
    let told = "\nALLOW (allowed_by_policy), but for what is refused\n  refused: 2\n  \
                keys: secret/b.txt, secret/c.txt\n";
    assert!(text.contains(told), "{text}");
    let (json, text) = delete(&["a.txt"]);
    assert!(json["found"].is_null() && text.contains("\nALLOW (allowed_by_policy)\n"), "{text}");
    let (json, _) = delete(&["secret/b.txt"]);
    assert_eq!((&json["effect"], &json["found"]["refused"]), (&"deny".into(), &1.into()));
}

#[test]
fn explain_tells_the_resources_of_statements_about_others_and_the_level_that_denies() {
    let data = tempfile::tempdir().unwrap();
    let demo = Demo::start(Some(data.path()));
    let alice = demo.token("alice", "id");
    let ask = |path: &str| {
        let url = format!("http://{}{path}", demo.gate);
        explain(data.path(), &["--token", &alice, "GET", &url])
    };
    let (json, text) = ask("/other/key");
    let role = data.path().join("policies/roles/Reader.json");
    let role = fs::canonicalize(role).unwrap().display().to_string();
    let others: Vec<_> = json["trail"].as_array().unwrap().iter().map(|s| &s["found"]).collect();
    let others: Vec<_> = others.into_iter().filter(|found| found["resource"] == "false").collect();
    let place = |found: &serde_json::Value| found["place"].as_str().unwrap().to_owned();
    let own = others.iter().find(|found| place(found).starts_with(&role)).unwrap();
    assert_eq!(own["Resource"], serde_json::json!(["arn:aws:s3:::demo/*"]));
    let line = format!("    {}: Resource \"arn:aws:s3:::demo/*\"\n", place(own));
    assert!(text.contains(&line), "{line}{text}");

    let allow = r#"{ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] }"#;
    let levels = format!(
        r#"{{ "ServiceControlPolicies": [ [{allow}], [{}] ] }}"#,
        allow.replace("\"*\", \"R", "\"sqs:*\", \"R")
    );
    fs::create_dir(data.path().join("policies/organization")).unwrap();
    fs::write(data.path().join("policies/organization/all.json"), levels).unwrap();
    let (json, text) = ask("/demo/public/hello.txt");
    assert_eq!(json["reason"], "implicit_deny", "{json}");
    assert_eq!(
        (&json["found"]["level"], &json["found"]["layer"]),
        (&1.into(), &"service control policy".into())
    );
    assert!(text.contains("  service control policy: nothing in SCP[1] allows it\n"), "{text}");
    // What another layer says is told all the same.
    assert!(text.contains("  identity-based policy: allowed by "), "{text}");
}

#[test]
fn passwords_that_everyone_knows_are_not_exposed_by_accident() {
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8080"] {
        let output = Command::new(PROGRAM).args(["demo", "--listen", listen]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{listen}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("--expose"));
    }
}

#[test]
fn the_tour_names_a_program_that_a_shell_finds() {
    let mut child = Command::new(PROGRAM)
        .args(["demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        .env("PATH", "/nowhere")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut text = vec![0; 2000];
    let mut out = child.stdout.take().unwrap();
    let count = out.read(&mut text).unwrap();
    let text = String::from_utf8_lossy(&text[..count]).into_owned();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(text.contains(&format!("$({PROGRAM} token")), "{text}");
}
