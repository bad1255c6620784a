//! A gate in front of tables, and who asks it.

use std::{fs, net::SocketAddr};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::world::{Kind, TABLES, owner_of};
use crate::support::{CLIENT, Gate, Issuer, POOL, configuration, free_port, policies};

/// The actions on rows that both roles have, on their own ones.
const ACTIONS: [&str; 12] = [
    "GetItem",
    "BatchGetItem",
    "Query",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "BatchWriteItem",
    "ConditionCheckItem",
    "PartiQLSelect",
    "PartiQLInsert",
    "PartiQLUpdate",
    "PartiQLDelete",
];

/// The role whose conditions have `Null` beside `ForAllValues`, and the one whose haven't.
pub(crate) const ROLES: [&str; 2] = ["Guarded", "Plain"];

/// A running gate in front of `upstream`, with `extra` lines of configuration.
pub(crate) fn gate(upstream: SocketAddr, extra: &str) -> Gate {
    let folder = tempfile::tempdir().unwrap();
    Issuer::shared().write_jwks(&folder.path().join("jwks.json"));
    policies(folder.path());
    let pool = folder.path().join("policies/identity-pools/test.json");
    edit(&pool, |pool| {
        let provider = format!("cognito-idp.us-east-1.amazonaws.com/{POOL}");
        let tags = ["owner", "number", "bytes"];
        let tags = tags.map(|tag| (tag.to_owned(), Value::from(format!("custom:{tag}"))));
        let tags: serde_json::Map<String, Value> = tags.into_iter().collect();
        pool["PrincipalTags"] =
            json!({ provider: { "UseDefaults": false, "PrincipalTags": tags } });
    });
    let tester = folder.path().join("policies/roles/Tester.json");
    for (number, name) in ROLES.into_iter().enumerate() {
        let path = folder.path().join(format!("policies/roles/{name}.json"));
        fs::copy(&tester, &path).unwrap();
        edit(&path, |role| {
            role["RoleName"] = json!(name);
            role["Arn"] = json!(arn(name));
            role["RoleId"] = json!(format!("AROATESTTESTTESTROWS{number}"));
            let trust = &mut role["AssumeRolePolicyDocument"]["Statement"][0];
            trust["Action"] = json!(["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]);
            role["RolePolicyList"][0]["PolicyDocument"]["Statement"] =
                statements(name == "Guarded");
        });
    }
    let (proxy, admin) = (free_port(), free_port());
    fs::write(folder.path().join("backend.secret"), "backend secret").unwrap();
    fs::write(folder.path().join("sealing.key"), STANDARD.encode([7; 32])).unwrap();
    let more = format!(
        r#"  - name: rows
    service: dynamodb
    upstream:
      url: "http://{upstream}"
      sign: {{ access_key_id: backendkey, secret_access_key: {{ file: backend.secret }} }}
decision_log: {{ sink: none }}
{extra}"#
    );
    fs::write(folder.path().join("poolgate.yaml"), configuration(proxy, admin, upstream, &more))
        .unwrap();
    Gate::run(folder, proxy, admin)
}

fn edit(path: &std::path::Path, edit: impl FnOnce(&mut Value)) {
    let mut file = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    edit(&mut file);
    fs::write(path, file.to_string()).unwrap();
}

fn arn(role: &str) -> String {
    format!("arn:aws:iam::111122223333:role/{role}")
}

/// The policy that gives everybody their own rows, of every table and its indexes; what `by-kind`
/// indexes nobody may read.
fn statements(guarded: bool) -> Value {
    let mut statements =
        vec![json!({ "Effect": "Allow", "Action": "dynamodb:ListTables", "Resource": "*" })];
    for table in &TABLES {
        let arn = format!("arn:aws:dynamodb:us-east-1:111122223333:table/{}", table.name);
        let indexes = table.indexes.iter().map(|(name, _)| format!("{arn}/index/{name}"));
        let resources: Vec<String> = [arn.clone()].into_iter().chain(indexes).collect();
        let mut condition = json!({
            "ForAllValues:StringEquals": { "dynamodb:LeadingKeys": [table.variable] },
        });
        if guarded {
            condition["Null"] = json!({ "dynamodb:LeadingKeys": "false" });
        }
        statements.push(json!({
            "Effect": "Allow",
            "Action": ACTIONS.map(|action| format!("dynamodb:{action}")),
            "Resource": resources,
            "Condition": condition,
        }));
    }
    statements.into()
}

/// The token of `person` in a role.
pub(crate) fn token(person: usize, role: &str) -> String {
    let issuer = Issuer::shared();
    let mut claims = issuer.claims(&format!("person-{person}"), "id");
    claims["aud"] = json!(CLIENT);
    claims["cognito:username"] = json!(format!("person-{person}"));
    claims["cognito:groups"] = json!(["testers"]);
    claims["cognito:preferred_role"] = json!(arn(role));
    claims["cognito:roles"] = json!([arn(role)]);
    claims["custom:owner"] = json!(owner_of(Kind::S, person));
    claims["custom:number"] = json!(owner_of(Kind::N, person));
    claims["custom:bytes"] = json!(owner_of(Kind::B, person));
    issuer.sign(&claims)
}
