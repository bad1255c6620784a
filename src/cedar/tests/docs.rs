//! The examples of `docs/cedar.md`, and the demo's files, do what is said of them.

use serde_json::json;

use super::*;

fn block<'a>(page: &'a str, language: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("```{language}\n")).unwrap();
    rest.split("```").next().unwrap()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn in_group(group: &str) -> Caller<'static> {
    Caller { groups: vec![group.to_owned()], ..user("eu-west-1_Ab12Cd34E|1") }
}

#[test]
fn the_examples_of_the_page() {
    let page = read("docs/cedar.md");
    let (schema, policies) = (block(&page, "cedarschema"), block(&page, "cedar"));
    let policies =
        Policies::load(&files(policies, schema), types()).unwrap_or_else(|e| panic!("{e:#?}"));
    let ask = |who: &Principal, request: &str| {
        let (method, path) = request.split_once(' ').unwrap();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let question = Question::Api { method, path, segments: &segments, application: "orders" };
        policies.decide(who, &question, &around()).verdict
    };
    let reader = policies.principal(&in_group("eu-west-1_Ab12Cd34E|readers"));
    assert_eq!(ask(&reader, "GET /orders/1"), permit("readers read"));
    assert_eq!(ask(&reader, "PUT /orders/1"), Verdict::Nothing);
    let claims = json!({ "email": "a@x", "email_verified": false });
    let unverified = with(in_group("eu-west-1_Ab12Cd34E|readers"), &claims);
    assert_eq!(ask(&policies.principal(&unverified), "GET /orders/1"), forbid("verified only"));
    let scope = json!("orders/write");
    let writer = Caller { token: Some(vec![("scope", scope.clone())]), ..user("u") };
    assert_eq!(ask(&policies.principal(&writer), "PUT /orders/1"), permit("by scope"));
    let guest = policies.principal(&Caller { kind: CallerKind::Guest, ..user("anonymous") });
    let public = "arn:aws:s3:::demo/public/a";
    assert_eq!(named(&policies, &guest, "s3:GetObject", public), permit("public"));
    assert_eq!(named(&policies, &guest, "s3:PutObject", public), Verdict::Nothing);
}

#[test]
fn the_demo_has_its_table_of_rights() {
    let [policies, schema, links] = ["api.cedar", "api.cedarschema", "template-links.json"]
        .map(|n| read(&format!("policies/cedar/{n}")));
    let links = Some(File { name: "template-links.json", text: &links });
    let files = Files { links, ..files(&policies, &schema) };
    let policies = Policies::load(&files, types()).unwrap_or_else(|e| panic!("{e:#?}"));
    assert_eq!(policies.warnings(), []);
    let requests = [
        "GET /api/x",
        "GET /api/orders/1",
        "POST /api/orders/1",
        "PUT /api/orders/1",
        "DELETE /api/orders/1",
        "POST /api/x",
    ];
    let pool = "us-east-1_Demo00001";
    for (group, role, may) in [
        ("readers", "Reader", [true, true, false, false, false, false]),
        ("writers", "Writer", [true, true, true, true, false, false]),
        ("admins", "Admin", [true; 6]),
        ("", "Authenticated", [false; 6]),
    ] {
        let role = format!("arn:aws:iam::000000000000:role/{role}");
        let by_token = Caller { groups: vec![format!("{pool}|{group}")], ..user("u") };
        let signed = Caller { role: Some(&role), ..user("u") };
        for caller in [by_token, signed] {
            let who = policies.principal(&caller);
            let found = requests.map(|request| {
                let (method, path) = request.split_once(' ').unwrap();
                let segments: Vec<&str> = path.split('/').skip(1).collect();
                let question =
                    Question::Api { method, path, segments: &segments, application: "api" };
                match policies.decide(&who, &question, &around()).verdict {
                    Verdict::Permit(_) => true,
                    Verdict::Nothing => false,
                    other => panic!("{other:?}"),
                }
            });
            assert_eq!(found, may, "{caller:?}");
        }
    }
}
