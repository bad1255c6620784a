use super::*;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;

fn addresses(listen: &str) -> Addresses {
    let at = |text: &str| text.parse().unwrap();
    Addresses {
        listen: at(listen),
        admin: at("127.0.0.1:9901"),
        ext_authz: at("127.0.0.1:9191"),
        user_pool: at("127.0.0.1:4001"),
        echo: at("127.0.0.1:4002"),
        s3: at("127.0.0.1:4003"),
        dynamodb: at("127.0.0.1:4004"),
    }
}

#[test]
fn writes_only_what_is_missing() {
    let data = tempfile::tempdir().unwrap();
    let first = write(data.path(), &addresses("127.0.0.1:8080")).unwrap();
    let read = |name: &str| fs::read_to_string(data.path().join(name)).unwrap();
    let keys = ["identity.key", "credentials.key", "token.pem"];
    for name in keys.into_iter().chain(["s3.secret"]) {
        let mode = fs::metadata(data.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let kept = keys.map(read);
    assert!(kept.iter().take(2).all(|key| STANDARD.decode(key).unwrap().len() == 32));
    fs::write(data.path().join("policies/roles/Reader.json"), "mine").unwrap();
    let second = write(data.path(), &addresses("0.0.0.0:81")).unwrap();
    assert_eq!(keys.map(read), kept);
    assert_eq!(read("policies/roles/Reader.json"), "mine");
    // This one nobody keeps.
    assert_ne!(second.s3_secret, first.s3_secret);
    assert_eq!(read("s3.secret"), second.s3_secret);
    let path = second.configuration;
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(r#"issuer: "http://127.0.0.1:81/us-east-1_Demo00001""#), "{text}");
    let tour = tour(&addresses("0.0.0.0:81"), data.path(), "poolgate");
    assert!(tour.contains("http://127.0.0.1:81/api/orders/1"));
    assert!(tour.contains("http://127.0.0.1:81/demo/public/hello.txt"));
}

/// What a shell makes of the tour's quotes.
#[test]
fn the_tour_gives_rows_as_json() {
    let tour = tour(&addresses("127.0.0.1:8080"), Path::new("/x"), "poolgate");
    let mut script = String::from("ID=me\naws() { printf '%s\\n' \"$@\"; }\n");
    let lines = tour.lines().skip_while(|line| !line.starts_with("Rows of")).skip(1);
    for line in lines.take_while(|line| *line != "Why?").filter(|line| line.starts_with("  ")) {
        script += line;
        script.push('\n');
    }
    let output = std::process::Command::new("sh").args(["-euc", &script]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let values: Vec<Value> = said
        .lines()
        .filter(|argument| argument.starts_with('{'))
        .map(|argument| serde_json::from_str(argument).unwrap())
        .collect();
    let row = |pk: &str, sk: &str| serde_json::json!({ "pk": { "S": pk }, "sk": { "S": sk } });
    let value = serde_json::json!({ ":me": { "S": "me" } });
    let [(nobody, notes, _)] = ROWS;
    assert_eq!(values, [row("me", "tea"), row("me", "tea"), value, row(nobody, notes)]);
    assert!(said.contains("SELECT * FROM demo WHERE pk = 'me'\n"), "{said}");
}

#[test]
fn the_demo_has_a_route_to_each_backend() {
    let text = configuration(&addresses("127.0.0.1:8080"));
    for (service, port) in
        [("cognito-idp", 4001), ("execute-api", 4002), ("s3", 4003), ("dynamodb", 4004)]
    {
        let (_, route) = text.split_once(&format!("service: {service}\n")).unwrap();
        let route = route.split("  - name:").next().unwrap();
        assert!(route.contains(&format!("url: \"http://127.0.0.1:{port}\"")), "{route}");
    }
}

#[test]
fn policies_have_the_shape_of_exports() {
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    for (name, text) in FILES.iter().filter(|(name, _)| !name.contains("/cedar/")) {
        let file = parse(text);
        if name.contains("/roles/") {
            let role = file["RoleName"].as_str().unwrap();
            assert_eq!(file["Arn"], format!("arn:aws:iam::000000000000:role/{role}"));
            assert!(file["RoleId"].as_str().unwrap().starts_with("AROA"));
            assert_eq!(file["MaxSessionDuration"], 3600);
            let attached = &file["AttachedManagedPolicies"][0]["PolicyArn"];
            assert_eq!(attached, "arn:aws:iam::000000000000:policy/DenySecret");
            let trust = &file["AssumeRolePolicyDocument"]["Statement"][0]["Condition"];
            let amr = &trust["ForAnyValue:StringLike"]["cognito-identity.amazonaws.com:amr"];
            let guest = role == "Guest";
            assert_eq!(*amr, if guest { "unauthenticated" } else { "authenticated" });
            for statement in
                file["RolePolicyList"][0]["PolicyDocument"]["Statement"].as_array().unwrap()
            {
                let rows = statement["Resource"].as_str().is_some_and(|r| r.contains(":table/"));
                let condition = &statement["Condition"];
                assert_eq!(rows, condition["ForAllValues:StringEquals"].is_object());
                assert_eq!(rows, condition["Null"]["dynamodb:LeadingKeys"] == "false");
            }
        } else if name.contains("/managed/") {
            assert_eq!(file["PolicyVersionList"][0]["Document"]["Statement"][0]["Effect"], "Deny");
        } else if name.contains("/user-pools/") {
            let directory = crate::standin::Directory::demo();
            let groups = file["Groups"].as_array().unwrap();
            assert_eq!(groups.len(), directory.groups.len());
            for (group, expected) in groups.iter().zip(directory.groups) {
                assert_eq!(group["GroupName"], expected.name);
                assert_eq!(group["Precedence"], expected.precedence.unwrap());
                assert_eq!(group["RoleArn"], expected.role_arn.unwrap());
            }
        } else {
            assert_eq!(file["CognitoIdentityProviders"][0]["ClientId"], CLIENT_ID);
        }
    }
}
