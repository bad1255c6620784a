//! What is refused, and how much is taken.

use super::*;

#[test]
fn what_is_wrong_is_said() {
    let long = "x".repeat(3000);
    for (more, wanted) in [
        (json!({"ActionNames": null}), "ActionNames is missing"),
        (json!({"ActionNames": []}), "ActionNames is missing"),
        (json!({"ActionNames": ["s3:GetObject", "s3:Get*"]}), "ActionNames.2: write service:Name"),
        (json!({"ActionNames": ["GetObject"]}), "ActionNames.1"),
        (json!({"ActionNames": ["s3:"]}), "ActionNames.1"),
        (json!({"ActionNames": [format!("s3:{}", "x".repeat(126))]}), "ActionNames.1"),
        (json!({"ResourceArns": ["*", "b"]}), "ResourceArns.2: not an ARN"),
        (json!({"CallerArn": "eve"}), "CallerArn: not an ARN"),
        (json!({"CallerArn": KEY}), "CallerArn: not the ARN of a user"),
        (json!({"ResourceOwner": "eve"}), "ResourceOwner: write arn:aws:iam"),
        (json!({"ResourceOwner": USER}), "ResourceOwner"),
        (json!({"ResourcePolicy": of_resource("Allow", json!("*"))}), "CallerArn is missing"),
        (
            json!({"ResourcePolicy": [], "CallerArn": USER}),
            "ResourcePolicy: a document is an object or a string",
        ),
        (
            json!({"ResourcePolicy": allow("*"), "CallerArn": USER}),
            "ResourcePolicy: Statement: Principal is missing",
        ),
        (json!({"PolicyInputList": allow("*")}), "PolicyInputList: write a list of documents"),
        (
            json!({"PolicyInputList": [allow("*"), {"Statement": []}]}),
            "PolicyInputList.2: Statement: the list is empty",
        ),
        (json!({"PolicyInputList": ["{"]}), "PolicyInputList.1: not JSON"),
        (json!({"PolicyInputList": [5]}), "PolicyInputList: a document"),
        (json!({"PolicyInputList": [{"Statement": [{}, {}, {}]}]}), "and 4 more"),
        (
            json!({"PermissionsBoundaryPolicyInputList": [allow("*"), allow("*")]}),
            "there can only be one boundary",
        ),
        (
            json!({"ServiceControlPolicyInputList": [allow("*")]}),
            "ServiceControlPolicyInputList: write a list of levels",
        ),
        (json!({"ServiceControlPolicyInputList": [[], [{}]]}), "ServiceControlPolicyInputList.2.1"),
        (
            json!({"ResourceControlPolicyInputList": [[of_resource("Allow", json!("*"))]]}),
            "can only deny",
        ),
        (
            json!({"ContextEntries": [{"ContextKeyName": "aws:username"}]}),
            "aws:username: write one value",
        ),
        (
            json!({"ContextEntries": [{"ContextKeyName": "k", "ContextKeyValues": ["a", "b"], "ContextKeyType": "string"}]}),
            "k: write one value",
        ),
        (
            json!({"ContextEntries": [{"ContextKeyName": "k", "ContextKeyValues": ["a"]}, {"ContextKeyName": "K", "ContextKeyValues": ["a"]}]}),
            "given twice",
        ),
        (
            json!({"ContextEntries": [{"ContextKeyName": "", "ContextKeyValues": ["a"]}]}),
            "ContextKeyName",
        ),
        (
            json!({"ContextEntries": [{"ContextKeyName": "k", "ContextKeyValues": [5]}]}),
            "not a request",
        ),
        (json!({"PermissionBoundary": []}), "unknown field `PermissionBoundary`"),
        (json!({long.as_str(): []}), "unknown field `xxx"),
    ] {
        let found = answer(more.clone());
        assert!(found.starts_with("InvalidInput: ") && found.contains(wanted), "{more}: {found}");
        assert!(found.len() < 2100, "{}", found.len());
    }
    for line in ["", "[]", "null", "{", "{} {}", r#"{"ActionNames":["a:b"],"ActionNames":["a:b"]}"#]
    {
        let error = Simulation::parse(line, &mut SimulateCache::default()).unwrap_err();
        assert!(error.to_string().starts_with("not a request: "), "{line}: {error}");
    }
}

#[test]
fn a_request_is_bounded() {
    let many: Vec<String> = (0..=MAX_RESULTS / 10).map(|n| format!("arn:aws:s3:::b/{n}")).collect();
    let actions: Vec<String> = (0..10).map(|n| format!("s3:A{n}")).collect();
    let more = json!({"ActionNames": actions, "ResourceArns": many});
    assert!(answer(more).contains("more than 10000 actions times resources"));
    let more = json!({"ActionNames": actions, "ResourceArns": many[1..]});
    assert_eq!(simulated(&asked(more)).unwrap().count(), MAX_RESULTS);
    let entries = |count: usize| -> Vec<Value> {
        (0..count)
            .map(|n| json!({"ContextKeyName": format!("k{n}"), "ContextKeyValues": ["v"]}))
            .collect()
    };
    assert_eq!(answer(json!({"ContextEntries": entries(MAX_ENTRIES)})), "allowed");
    assert!(
        answer(json!({"ContextEntries": entries(MAX_ENTRIES + 1)})).contains("context entries")
    );
}

#[test]
fn the_cache_is_bounded_and_tells_members_apart() {
    let mut cache = SimulateCache::default();
    let one = json!([allow("s3:*")]);
    // The same text is an identity policy and a boundary, and no service control policy.
    for _ in 0..2 {
        let more = json!({"PolicyInputList": one, "PermissionsBoundaryPolicyInputList": one});
        let simulation = Simulation::parse(&asked(more).to_string(), &mut cache).unwrap();
        let result = simulation.result(0).unwrap();
        assert_eq!(result.matched_statements[0].source_policy_id, "PolicyInputList.1");
        let more = json!({"ServiceControlPolicyInputList": one});
        assert!(Simulation::parse(&asked(more).to_string(), &mut cache).is_err());
    }
    let filled = cache.bytes();
    for number in 0..5000 {
        let policy = json!([deny(&format!("s3:A{number}")), allow("s3:*")]);
        let more =
            json!({"PolicyInputList": policy, "ActionNames": [format!("s3:A{number}"), "s3:B"]});
        let simulation = Simulation::parse(&asked(more).to_string(), &mut cache).unwrap();
        let found: Vec<_> = all(&simulation).iter().map(|result| result.eval_decision).collect();
        assert_eq!(found, [EvalDecision::ExplicitDeny, EvalDecision::Allowed]);
        assert!(cache.bytes() <= cache::MOST_BYTES);
    }
    assert!(cache.bytes() > filled);
}
