//! What the simulator is told and what it answers.

use serde_json::{Value, json};

use super::*;

mod bounds;

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "999999999999";
const USER: &str = "arn:aws:iam::123456789012:user/eve";
const KEY: &str = "arn:aws:s3:::b/k";

fn allow(action: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}})
}

fn deny(action: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": action, "Resource": "*"}]})
}

fn of_resource(effect: &str, principal: Value) -> Value {
    json!({"Statement": {"Effect": effect, "Principal": principal, "Action": "s3:*", "Resource": "*"}})
}

/// `s3:GetObject` on an object, and what `more` says; a member of null is taken out.
fn asked(more: Value) -> Value {
    let mut asked = json!({
        "PolicyInputList": [allow("s3:*")], "ActionNames": ["s3:GetObject"], "ResourceArns": [KEY],
    });
    for (name, value) in more.as_object().unwrap() {
        asked[name] = value.clone();
    }
    asked
}

fn simulated(request: &Value) -> Result<Simulation, SimulateError> {
    Simulation::parse(&request.to_string(), &mut SimulateCache::default())
}

fn all(simulation: &Simulation) -> Vec<EvaluationResult<'_>> {
    (0..simulation.count()).map(|number| simulation.result(number).unwrap()).collect()
}

/// The decisions, or the error.
fn answer(more: Value) -> String {
    match simulated(&asked(more)) {
        Ok(simulation) => {
            let results = all(&simulation);
            let decisions = results.iter().map(|result| result.eval_decision.as_str());
            decisions.collect::<Vec<_>>().join(" ")
        }
        Err(error) => format!("{}: {error}", error.code()),
    }
}

#[test]
fn a_layer_is_set_if_it_has_something() {
    let (nothing, everything) = (allow("sqs:*"), allow("*"));
    for (more, wanted) in [
        (json!({}), "allowed"),
        (json!({"PolicyInputList": [nothing]}), "implicitDeny"),
        (json!({"PolicyInputList": [nothing, allow("s3:Get*")]}), "allowed"),
        (json!({"PolicyInputList": [everything, deny("s3:*")]}), "explicitDeny"),
        // Absent or empty is not set; without identity policies nothing is allowed.
        (json!({"PolicyInputList": []}), "implicitDeny"),
        (json!({"PolicyInputList": null}), "implicitDeny"),
        (
            json!({"PermissionsBoundaryPolicyInputList": [], "SessionPolicyInputList": []}),
            "allowed",
        ),
        (
            json!({"ServiceControlPolicyInputList": [], "ResourceControlPolicyInputList": []}),
            "allowed",
        ),
        (json!({"PermissionsBoundaryPolicyInputList": [nothing]}), "implicitDeny"),
        (json!({"PermissionsBoundaryPolicyInputList": [everything]}), "allowed"),
        (json!({"PermissionsBoundaryPolicyInputList": [deny("s3:*")]}), "explicitDeny"),
        (json!({"SessionPolicyInputList": [nothing]}), "implicitDeny"),
        (json!({"SessionPolicyInputList": [nothing, everything]}), "allowed"),
        (json!({"SessionPolicyInputList": [everything, deny("s3:*")]}), "explicitDeny"),
        // Levels: each has to allow, an empty one allows nothing.
        (
            json!({"ServiceControlPolicyInputList": [[everything], [nothing, everything]]}),
            "allowed",
        ),
        (json!({"ServiceControlPolicyInputList": [[everything], [nothing]]}), "implicitDeny"),
        (json!({"ServiceControlPolicyInputList": [[], [everything]]}), "implicitDeny"),
        (json!({"ServiceControlPolicyInputList": [[]]}), "implicitDeny"),
        (
            json!({"ServiceControlPolicyInputList": [[everything], [everything, deny("s3:*")]]}),
            "explicitDeny",
        ),
    ] {
        assert_eq!(answer(more.clone()), wanted, "{more}");
    }
}

#[test]
fn a_document_is_a_string_or_an_object() {
    let text = allow("s3:*").to_string();
    assert_eq!(answer(json!({"PolicyInputList": [text, deny("sqs:*")]})), "allowed");
    let bucket = of_resource("Deny", json!("*"));
    for policy in [json!(bucket.to_string()), bucket] {
        assert_eq!(answer(json!({"ResourcePolicy": policy, "CallerArn": USER})), "explicitDeny");
    }
    // A member of a document that is written twice doesn't get lost on the way.
    let twice = r#"{"PolicyInputList":[{"Statement":[],"Statement":[]}],"ActionNames":["a:b"]}"#;
    let error = Simulation::parse(twice, &mut SimulateCache::default()).unwrap_err();
    assert!(error.to_string().contains("written twice"), "{error}");
}

#[test]
fn resource_control_policies_only_deny_and_full_access_is_implied() {
    let full = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*",
        "Action": "*", "Resource": "*"}});
    let denies = of_resource("Deny", json!("*"));
    for (levels, wanted) in [
        (json!([[]]), "allowed"),
        (json!([[full]]), "allowed"),
        (json!([[full], [full, denies]]), "explicitDeny"),
        (json!([[], [denies]]), "explicitDeny"),
    ] {
        let more = json!({"ResourceControlPolicyInputList": levels});
        assert_eq!(answer(more.clone()), wanted, "{more}");
    }
    // They bind nobody's credentials too.
    let more = json!({"ResourceControlPolicyInputList": [[denies]], "CallerArn": "anonymous",
        "ResourcePolicy": of_resource("Allow", json!("*"))});
    assert_eq!(answer(more), "explicitDeny");
}

#[test]
fn whoever_calls_is_named_by_the_resources_policy() {
    let nothing = json!([allow("sqs:*")]);
    let session = format!("arn:aws:sts::{ACCOUNT}:assumed-role/R/s");
    let role = format!("arn:aws:iam::{ACCOUNT}:role/R");
    let root = format!("arn:aws:iam::{ACCOUNT}:root");
    let federated = format!("arn:aws:sts::{ACCOUNT}:federated-user/f");
    for (caller, principal, wanted) in [
        (USER, json!({"AWS": USER}), "allowed"),
        (USER, json!({"AWS": role}), "implicitDeny"),
        (USER, json!({"AWS": ACCOUNT}), "implicitDeny"),
        (USER, json!("*"), "allowed"),
        (&session, json!({"AWS": role}), "allowed"),
        (&session, json!({"AWS": session}), "allowed"),
        (&session, json!({"AWS": federated}), "implicitDeny"),
        (&role, json!({"AWS": role}), "allowed"),
        (&root, json!({"AWS": root}), "allowed"),
        (&federated, json!({"AWS": federated}), "allowed"),
        ("anonymous", json!("*"), "allowed"),
        ("anonymous", json!({"AWS": "*"}), "allowed"),
        ("anonymous", json!({"AWS": ACCOUNT}), "implicitDeny"),
    ] {
        let more = json!({"PolicyInputList": nothing, "CallerArn": caller,
            "ResourcePolicy": of_resource("Allow", principal)});
        assert_eq!(answer(more.clone()), wanted, "{more}");
    }
    // Nobody has identity policies.
    assert_eq!(answer(json!({"CallerArn": "anonymous"})), "implicitDeny");
    // A role that a service has for itself isn't bound by an organization.
    let linked = format!("arn:aws:iam::{ACCOUNT}:role/aws-service-role/x.amazonaws.com/R");
    let more = |caller| json!({"CallerArn": caller, "ServiceControlPolicyInputList": [[]]});
    assert_eq!(answer(more(linked.as_str())), "allowed");
    assert_eq!(answer(more(role.as_str())), "implicitDeny");
}

#[test]
fn another_accounts_resource_needs_its_policy_too() {
    let root = |account: &str| json!(format!("arn:aws:iam::{account}:root"));
    let (of_user, of_account) =
        (of_resource("Allow", json!({"AWS": USER})), of_resource("Allow", json!({"AWS": ACCOUNT})));
    let nothing = json!([allow("sqs:*")]);
    for (more, wanted) in [
        (json!({"CallerArn": USER}), "allowed"),
        (json!({"CallerArn": USER, "ResourceOwner": root(ACCOUNT)}), "allowed"),
        (json!({"CallerArn": USER, "ResourceOwner": root(OTHER)}), "implicitDeny"),
        (json!({"CallerArn": USER, "ResourceOwner": OTHER}), "implicitDeny"),
        (json!({"CallerArn": USER, "ResourceOwner": OTHER, "ResourcePolicy": of_user}), "allowed"),
        (
            json!({"CallerArn": USER, "ResourceOwner": OTHER, "ResourcePolicy": of_account}),
            "allowed",
        ),
        (
            json!({"CallerArn": USER, "ResourceOwner": OTHER, "ResourcePolicy": of_user, "PolicyInputList": nothing}),
            "implicitDeny",
        ),
        (
            json!({"CallerArn": USER, "ResourcePolicy": of_user, "PolicyInputList": nothing}),
            "allowed",
        ),
        // What an ARN says goes before it.
        (
            json!({"CallerArn": USER, "ResourceOwner": OTHER, "PolicyInputList": [allow("sqs:*")], "ActionNames": ["sqs:SendMessage"],
            "ResourceArns": [format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:q"), format!("arn:aws:sqs:eu-west-1:{OTHER}:q")]}),
            "allowed implicitDeny",
        ),
        // Somebody who isn't named has what he asks about.
        (json!({"ResourceOwner": root(OTHER)}), "allowed"),
    ] {
        assert_eq!(answer(more.clone()), wanted, "{more}");
    }
    let more = json!({"CallerArn": USER, "ResourceOwner": OTHER, "ResourcePolicy": of_account});
    let simulation = simulated(&asked(more)).unwrap();
    let details = simulation.result(0).unwrap().eval_decision_details.unwrap();
    assert_eq!(details.pairs().map(|(_, said)| said), [EvalDecision::Allowed; 2]);
    let own = simulated(&asked(json!({"CallerArn": USER}))).unwrap();
    assert_eq!(own.result(0).unwrap().eval_decision_details, None);
}

#[test]
fn a_key_is_given_or_absent_and_its_type_says_how_many_values() {
    let with = |condition: Value| json!([{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}}]);
    let entry = |key: &str, kind: Value, values: Value| json!([{"ContextKeyName": key, "ContextKeyType": kind, "ContextKeyValues": values}]);
    let equals = || with(json!({"StringEquals": {"aws:PrincipalTag/Team": "red"}}));
    let any = || with(json!({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a", "b"]}}));
    let number = || with(json!({"NumericLessThan": {"s3:max-keys": "10"}}));
    let (team, tags, keys) = ("aws:principaltag/team", "aws:TagKeys", "s3:max-keys");
    for (policies, entries, wanted) in [
        (equals(), json!([]), "implicitDeny"),
        (equals(), entry(team, json!("string"), json!(["red"])), "allowed"),
        (equals(), entry(team, Value::Null, json!(["red"])), "allowed"),
        (equals(), entry(team, json!("ip"), json!(["red"])), "allowed"),
        (equals(), entry(team, json!("stringList"), json!(["red"])), "implicitDeny"),
        (any(), entry(tags, json!("stringList"), json!(["c", "b"])), "allowed"),
        (any(), entry(tags, json!("numericList"), json!(["c", "b"])), "allowed"),
        (any(), entry(tags, json!("stringList"), json!([])), "implicitDeny"),
        (any(), entry(tags, json!("string"), json!(["b"])), "allowed"),
        (number(), entry(keys, json!("numeric"), json!(["9"])), "allowed"),
        (number(), entry(keys, json!("numeric"), json!(["10"])), "implicitDeny"),
        // Absent, and not unknown: of a Deny too.
        (with(json!({"Null": {"aws:username": "true"}})), json!([]), "allowed"),
        (with(json!({"StringNotEquals": {"aws:username": "eve"}})), json!([]), "allowed"),
        (
            json!([
                allow("*"),
                with(json!({"Bool": {"aws:SecureTransport": "false"}}))[0]
                    .to_string()
                    .replace("Allow", "Deny")
            ]),
            json!([]),
            "allowed",
        ),
        // Nothing follows from who calls.
        (with(json!({"StringLike": {"aws:PrincipalArn": "*"}})), json!([]), "implicitDeny"),
    ] {
        let more =
            json!({"PolicyInputList": policies, "ContextEntries": entries, "CallerArn": USER});
        assert_eq!(answer(more.clone()), wanted, "{more}");
    }
}

#[test]
fn actions_are_outer_and_resources_inner() {
    let more = json!({"ActionNames": ["s3:GetObject", "sqs:SendMessage"], "ResourceArns": [KEY, "*", KEY]});
    let simulation = simulated(&asked(more)).unwrap();
    let found: Vec<_> = all(&simulation)
        .into_iter()
        .map(|result| (result.eval_action_name, result.eval_resource_name, result.eval_decision))
        .collect();
    let (get, send, allowed, not) =
        ("s3:GetObject", "sqs:SendMessage", EvalDecision::Allowed, EvalDecision::ImplicitDeny);
    assert_eq!(
        found,
        [
            (get, KEY, allowed),
            (get, "*", allowed),
            (get, KEY, allowed),
            (send, KEY, not),
            (send, "*", not),
            (send, KEY, not),
        ]
    );
    assert!(simulation.result(6).is_none());
    // Without resources it is `*`, which no ARN of a policy covers.
    let policy =
        json!({"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::*"}});
    for resources in [Value::Null, json!([]), json!(["*"])] {
        let more = json!({"PolicyInputList": [policy], "ResourceArns": resources});
        let simulation = simulated(&asked(more)).unwrap();
        let result = simulation.result(0).unwrap();
        assert_eq!((simulation.count(), result.eval_resource_name), (1, "*"));
        assert_eq!(result.eval_decision, EvalDecision::ImplicitDeny);
    }
}

/// Ids of the statements that decided.
fn matched(more: Value) -> String {
    let simulation = simulated(&asked(more)).unwrap();
    let result = simulation.result(0).unwrap();
    let ids = result.matched_statements.iter().map(|matched| {
        assert_eq!(matched.start_position.is_some(), matched.end_position.is_some());
        format!("{} {}", matched.source_policy_type, matched.source_policy_id)
    });
    ids.collect::<Vec<_>>().join(", ")
}

#[test]
fn the_statements_that_decide_are_named() {
    let (all, bucket) = (allow("*"), of_resource("Allow", json!("*")));
    for (more, wanted) in [
        (json!({}), "IAM Policy PolicyInputList.1"),
        (
            json!({"PolicyInputList": [allow("sqs:*"), all, allow("s3:*")]}),
            "IAM Policy PolicyInputList.2, IAM Policy PolicyInputList.3",
        ),
        (json!({"PolicyInputList": [all, deny("s3:Get*")]}), "IAM Policy PolicyInputList.2"),
        (json!({"PolicyInputList": []}), ""),
        (
            json!({"PolicyInputList": [], "CallerArn": USER, "ResourcePolicy": bucket}),
            "Resource Policy ResourcePolicy",
        ),
        (
            json!({"CallerArn": USER, "ResourcePolicy": bucket}),
            "Resource Policy ResourcePolicy, IAM Policy PolicyInputList.1",
        ),
        (
            json!({"PermissionsBoundaryPolicyInputList": [all], "SessionPolicyInputList": [all], "ServiceControlPolicyInputList": [[all]]}),
            "IAM Policy PolicyInputList.1",
        ),
        (
            json!({"PermissionsBoundaryPolicyInputList": [deny("*")]}),
            "Permissions Boundary Policy PermissionsBoundaryPolicyInputList.1",
        ),
        (
            json!({"SessionPolicyInputList": [all, deny("*")]}),
            "Session Policy SessionPolicyInputList.2",
        ),
        (
            json!({"ServiceControlPolicyInputList": [[all], [all, deny("*")]]}),
            "Service Control Policy ServiceControlPolicyInputList.2.2",
        ),
        (
            json!({"ResourceControlPolicyInputList": [[], [of_resource("Deny", json!("*"))]]}),
            "Resource Control Policy ResourceControlPolicyInputList.2.1",
        ),
    ] {
        assert_eq!(matched(more.clone()), wanted, "{more}");
    }
}

#[test]
fn organizations_and_boundaries_are_told_of_by_themselves() {
    let told = |more: Value| {
        let simulation = simulated(&asked(more)).unwrap();
        let result = simulation.result(0).unwrap();
        let organization = result.organizations_decision_detail;
        let boundary = result.permissions_boundary_decision_detail;
        (
            organization.map(|organization| organization.allowed_by_organizations),
            boundary.map(|boundary| boundary.allowed_by_permissions_boundary),
        )
    };
    let (all, none) = (allow("*"), allow("sqs:*"));
    assert_eq!(told(json!({})), (None, None));
    let more = json!({"PolicyInputList": [], "ServiceControlPolicyInputList": [[all], [none]], "PermissionsBoundaryPolicyInputList": [all]});
    assert_eq!(told(more), (Some(false), Some(true)));
    let more = json!({"ServiceControlPolicyInputList": [[all], [none, all]], "PermissionsBoundaryPolicyInputList": [none]});
    assert_eq!(told(more), (Some(true), Some(false)));
    let more = json!({"ServiceControlPolicyInputList": [[all, deny("s3:*")]], "PermissionsBoundaryPolicyInputList": [deny("*")]});
    assert_eq!(told(more), (Some(false), Some(false)));
}

#[test]
fn keys_are_missing_where_a_statement_could_match_with_them() {
    let missing = |statements: Value, entries: Value| {
        let policy = json!({"Version": "2012-10-17", "Statement": statements});
        let more = json!({"PolicyInputList": [policy], "ContextEntries": entries});
        let simulation = simulated(&asked(more)).unwrap();
        simulation.result(0).unwrap().missing_context_values.join(" ")
    };
    let given =
        |key: &str, value: &str| json!([{"ContextKeyName": key, "ContextKeyValues": [value]}]);
    let statement = |effect: &str, action: &str, resource: &str, condition: Value| json!({"Effect": effect, "Action": action, "Resource": resource, "Condition": condition});
    let ip = || json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
    for (statements, entries, wanted) in [
        (statement("Allow", "*", "*", ip()), json!([]), "aws:SourceIp"),
        (statement("Deny", "*", "*", ip()), json!([]), "aws:SourceIp"),
        (statement("Allow", "*", "*", ip()), given("AWS:sourceip", "10.0.0.1"), ""),
        (statement("Allow", "*", "*", ip()), given("aws:SourceIp", "11.0.0.1"), ""),
        (statement("Allow", "sqs:*", "*", ip()), json!([]), ""),
        (statement("Allow", "*", "arn:aws:s3:::other/*", ip()), json!([]), ""),
        (
            statement("Allow", "*", "arn:aws:s3:::b/${aws:username}", ip()),
            json!([]),
            "aws:username aws:SourceIp",
        ),
        (
            statement("Allow", "*", "arn:aws:s3:::b/${aws:username}", ip()),
            given("aws:username", "k"),
            "aws:SourceIp",
        ),
        (
            statement("Allow", "*", "arn:aws:s3:::b/${aws:username}", ip()),
            given("aws:username", "x"),
            "",
        ),
        // What is given already fails, so that nothing else could matter.
        (
            statement(
                "Allow",
                "*",
                "*",
                json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "StringEquals": {"aws:userid": "a"}}),
            ),
            given("aws:userid", "b"),
            "",
        ),
        (
            statement(
                "Allow",
                "*",
                "*",
                json!({"StringLike": {"aws:userid": "${aws:PrincipalTag/Team}*"}}),
            ),
            json!([]),
            "aws:userid aws:PrincipalTag/Team",
        ),
        (
            statement(
                "Allow",
                "*",
                "*",
                json!({"StringEquals": {"aws:userid": "a"}, "StringLike": {"AWS:UserId": "b"}}),
            ),
            json!([]),
            "aws:userid",
        ),
    ] {
        assert_eq!(missing(statements.clone(), entries), wanted, "{statements}");
    }
}

/// As AWS's own example of SimulateCustomPolicy has them.
#[test]
fn statements_are_placed_as_iam_places_them() {
    let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2015-08-16T12:00:00Z"}}}}"#;
    let places = |text: &str, index: usize| {
        let policies = Documents::compile(Member::Identity, [[text]]).unwrap();
        let place = policies.source(0, 0).unwrap().places[index];
        [place.start, place.end].map(|at| (at.line, at.column))
    };
    assert_eq!(places(text, 0), [(1, 38), (1, 167)]);
    let lines = "{\n \"Statement\": [\n  {\"Effect\": \"Allow\", \"Action\": \"é:*\",\n   \"Resource\": \"*\"}, {\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\"}\n]}";
    let lines = lines.replace('é', "s3");
    assert_eq!(places(&lines, 0), [(3, 4), (4, 20)]);
    assert_eq!(places(&lines, 1), [(4, 23), (4, 67)]);
}

#[test]
fn a_roles_own_policies_come_before_those_that_are_given() {
    use crate::iam::tests::{policy, role};
    use crate::iam::{Organization, PolicyKind};
    let document = |action: &str| allow(action).to_string();
    let mut role = role(&[&document("s3:*")]);
    role.boundary = Some(policy(PolicyKind::Boundary, &document("s3:Get*")).into());
    let control = |action: &str| -> PolicySet {
        policy(PolicyKind::ServiceControl, &document(action)).into()
    };
    let denies = of_resource("Deny", json!("*")).to_string();
    let none = || Organization { service_control: vec![control("*")], ..Organization::default() };
    role.organization = Arc::new(none());
    let ask = |role: &crate::iam::Role, more: Value| {
        let mut request = asked(more);
        request["ActionNames"] = json!(["s3:GetObject", "s3:PutObject", "sqs:SendMessage"]);
        let mut simulation = simulated(&request).unwrap();
        simulation.add_role(role, Some(ACCOUNT)).unwrap();
        let results = all(&simulation);
        let found = results.iter().map(|result| {
            let ids = result.matched_statements.iter().map(|matched| matched.source_policy_id);
            format!("{} {}", result.eval_decision.as_str(), ids.collect::<Vec<_>>().join(","))
        });
        found.map(|found| found.trim().to_owned()).collect::<Vec<_>>()
    };
    let bare = json!({"PolicyInputList": []});
    assert_eq!(ask(&role, bare.clone()), ["allowed p", "implicitDeny", "implicitDeny"]);
    let given = json!({"PolicyInputList": [allow("sqs:*")], "PermissionsBoundaryPolicyInputList": [allow("*")]});
    assert_eq!(ask(&role, given), ["allowed p", "allowed p", "allowed PolicyInputList.1"]);
    let given = json!({"PolicyInputList": [], "ServiceControlPolicyInputList": [[]]});
    assert_eq!(ask(&role, given)[0], "implicitDeny");
    // Resource control policies are over the account's own resources.
    let resource_control = vec![policy(PolicyKind::ResourceControl, &denies).into()];
    role.organization = Arc::new(Organization { resource_control, ..none() });
    assert_eq!(ask(&role, bare)[0], "explicitDeny p");
    let bucket = of_resource("Allow", json!("*"));
    let foreign = json!({"PolicyInputList": [], "ResourceOwner": OTHER, "CallerArn": USER, "ResourcePolicy": bucket});
    assert_eq!(ask(&role, foreign)[0], "allowed ResourcePolicy,p");
}
