//! Layers, denials and their wording, observers.

use super::*;

const GET: &str = "s3:GetObject";
const KEY: &str = "arn:aws:s3:::b/k";
const ALL: &str = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
const NOTHING: &str = r#"{"Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"*"}}"#;
const DENY: &str = r#"{"Statement":{"Sid":"No","Effect":"Deny","Action":"s3:*","Resource":"*"}}"#;
const IF_KNOWN: &str = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*",
    "Condition":{"StringEquals":{"aws:ResourceTag/team":"a"}}}}"#;
const DENY_IF_KNOWN: &str = r#"{"Statement":{"Sid":"Tag","Effect":"Deny","Action":"*",
    "Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"b"}}}}"#;

/// Evaluates identity policies, a boundary and session policies.
fn layers(identity: &[&str], boundary: Option<&str>, sessions: &[&str], known: &[&str]) -> Verdict {
    let mut role = role(identity);
    role.boundary = boundary.map(|json| policy(PolicyKind::Boundary, json).into());
    let mut session = session(role);
    session.session_policies =
        sessions.iter().map(|json| policy(PolicyKind::Session, json)).collect();
    evaluate(&Layers::of(&session), &check(GET, KEY), &facts(known), &mut NoObserver)
}

fn denial(verdict: &Verdict) -> (&'static str, Layer, Vec<String>) {
    let denial = verdict.denial().unwrap_or_else(|| panic!("{verdict:?}"));
    assert_eq!(matches!(verdict, Verdict::ExplicitDeny(_)), denial.statement.is_some());
    (denial.reason(), denial.layer, denial.unknown_keys.clone())
}

#[test]
fn every_layer_that_is_set_has_to_allow() {
    use Layer::{Boundary, Identity, Session};
    for (identity, boundary, sessions, expected) in [
        (&[ALL][..], None, &[][..], None),
        (&[NOTHING, ALL], Some(ALL), &[ALL], None),
        (&[ALL], None, &[NOTHING, ALL], None),
        (&[], None, &[], Some(("implicit_deny", Identity))),
        (&[NOTHING], Some(NOTHING), &[], Some(("implicit_deny", Identity))),
        (&[ALL], Some(NOTHING), &[NOTHING], Some(("implicit_deny", Boundary))),
        (&[ALL], None, &[NOTHING], Some(("implicit_deny", Session))),
        (&[ALL, DENY], None, &[], Some(("explicit_deny", Identity))),
        (&[DENY, ALL], None, &[], Some(("explicit_deny", Identity))),
        (&[ALL], Some(DENY), &[], Some(("explicit_deny", Boundary))),
        (&[NOTHING], Some(ALL), &[DENY], Some(("explicit_deny", Session))),
        (&[ALL], None, &[ALL, DENY], Some(("explicit_deny", Session))),
    ] {
        let verdict = layers(identity, boundary, sessions, &[]);
        match expected {
            None => assert!(verdict.is_allow(), "{verdict:?}"),
            Some((reason, layer)) => assert_eq!(denial(&verdict), (reason, layer, Vec::new())),
        }
    }
}

#[test]
fn grounds_name_a_statement_of_each_layer() {
    let Verdict::Allow(grounds) = layers(&[NOTHING, ALL], Some(ALL), &[ALL], &[]) else { panic!() };
    let kinds: Vec<_> = grounds.statements().map(|found| found.policy.kind()).collect();
    assert_eq!(kinds, [PolicyKind::Inline, PolicyKind::Boundary, PolicyKind::Session]);
    assert_eq!(grounds.statements().next().unwrap().label(), "p[0]");
}

/// A denial names unknown keys only if, had they been known, the answer could have been another.
#[test]
fn unknown_keys_deny_and_are_named() {
    let key = vec!["aws:ResourceTag/team".to_owned()];
    let unknown = &["aws:ResourceTag/team=?"][..];
    for (identity, boundary, known, expected) in [
        (
            &[IF_KNOWN][..],
            None,
            unknown,
            Some(("unknown_context_key", Layer::Identity, key.clone())),
        ),
        (
            &[ALL],
            Some(IF_KNOWN),
            unknown,
            Some(("unknown_context_key", Layer::Boundary, key.clone())),
        ),
        (
            &[ALL, DENY_IF_KNOWN],
            None,
            unknown,
            Some(("unknown_context_key", Layer::Identity, key.clone())),
        ),
        (&[ALL, DENY_IF_KNOWN], None, &["aws:ResourceTag/team=a"], None),
        (&[ALL, DENY_IF_KNOWN], None, &[], None),
        (&[IF_KNOWN, ALL], None, unknown, None),
        // Denied whatever the key is.
        (
            &[ALL, DENY_IF_KNOWN, DENY],
            None,
            unknown,
            Some(("explicit_deny", Layer::Identity, vec![])),
        ),
        (&[DENY_IF_KNOWN], None, unknown, Some(("implicit_deny", Layer::Identity, vec![]))),
        (&[IF_KNOWN], Some(NOTHING), unknown, Some(("implicit_deny", Layer::Boundary, vec![]))),
    ] {
        let verdict = layers(identity, boundary, &[], known);
        match expected {
            None => assert!(verdict.is_allow(), "{verdict:?}"),
            Some(expected) => assert_eq!(denial(&verdict), expected),
        }
    }
    // What is undecided without a key is a plain denial.
    let open = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*",
        "Condition":{"NumericNotEquals":{"s3:max-keys":"5"}}}}"#;
    let verdict = layers(&[open], None, &[], &["s3:max-keys=many"]);
    assert_eq!(denial(&verdict), ("implicit_deny", Layer::Identity, vec![]));
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
#[test]
fn denials_are_worded_as_aws_words_them() {
    let start = "User: arn:aws:sts::123456789012:assumed-role/Writer/alice is not authorized to \
                 perform: s3:GetObject on resource: arn:aws:s3:::b/k ";
    let principal = session(role(&[])).principal;
    for (identity, boundary, sessions, end) in [
        (&[][..], None, &[][..], "because no identity-based policy allows the s3:GetObject action"),
        (
            &[ALL],
            Some(NOTHING),
            &[],
            "because no permissions boundary allows the s3:GetObject action",
        ),
        (&[ALL], None, &[NOTHING], "because no session policy allows the s3:GetObject action"),
        (&[DENY], None, &[], "with an explicit deny in an identity-based policy"),
        (&[ALL], Some(DENY), &[], "with an explicit deny in a permissions boundary"),
        (&[ALL], None, &[DENY], "with an explicit deny in a session policy"),
    ] {
        let message =
            layers(identity, boundary, sessions, &[]).message(&principal, &check(GET, KEY));
        assert_eq!(message.unwrap(), format!("{start}{end}"));
    }
    assert_eq!(layers(&[ALL], None, &[], &[]).message(&principal, &check(GET, KEY)), None);
    let anonymous = Session::anonymous();
    let listing = check("s3:ListAllMyBuckets", "*");
    let verdict = evaluate(&Layers::of(&anonymous), &listing, &Facts::new(), &mut NoObserver);
    assert_eq!(
        verdict.message(&anonymous.principal, &listing).unwrap(),
        "User: anonymous is not authorized to perform: s3:ListAllMyBuckets on resource: * because \
         no resource-based policy allows the s3:ListAllMyBuckets action"
    );
}

fn allows(elements: &str, action: &str, resource: &str) -> bool {
    ask(&format!(r#""Effect":"Allow",{elements}"#), &check(action, resource), &Facts::new())
        .is_allow()
}

#[test]
fn actions_and_resources() {
    let table = "arn:aws:dynamodb:eu-west-1:123456789012:table/t";
    for (elements, action, resource, allowed) in [
        (r#""Action":"S3:getobject","Resource":"*""#, GET, KEY, true),
        (r#""Action":"s3:Get*","Resource":"*""#, "s3:PutObject", KEY, false),
        (r#""Action":["a:b","s3:?etObject"],"Resource":"*""#, GET, KEY, true),
        (r#""NotAction":"s3:Put*","Resource":"*""#, GET, KEY, true),
        (r#""NotAction":["s3:Put*","s3:Get*"],"Resource":"*""#, GET, KEY, false),
        (r#""Action":"*","Resource":"arn:aws:s3:::b/*""#, GET, KEY, true),
        (r#""Action":"*","Resource":"arn:aws:s3:::B/*""#, GET, KEY, false),
        (r#""Action":"*","NotResource":"arn:aws:s3:::b/*""#, GET, KEY, false),
        (r#""Action":"*","NotResource":"arn:aws:s3:::c/*""#, GET, KEY, true),
        // A star stays within its part, and spans all of the last.
        (r#""Action":"*","Resource":"arn:aws:dynamodb:*:table/t""#, GET, table, false),
        (r#""Action":"*","Resource":"arn:aws:dynamodb:*:*:table/*""#, GET, table, true),
        (r#""Action":"*","Resource":"arn:aws:s3:::*/z""#, GET, "arn:aws:s3:::b/x:y/z", true),
        // Short ARNs are padded with stars.
        (r#""Action":"*","Resource":"arn:aws:s3""#, GET, KEY, true),
        (r#""Action":"*","Resource":"arn:aws:s3:*""#, GET, KEY, true),
        (r#""Action":"*","Resource":"arn:aws:sqs""#, GET, KEY, false),
        (r#""Action":"*","Resource":"arn:aws:dynamodb:us-east-1""#, GET, table, false),
        (r#""Action":"*","NotResource":"arn:aws:s3""#, GET, KEY, false),
        // Wildcards of a request are none.
        (r#""Action":"*","Resource":"arn:aws:s3:::b/k""#, GET, "arn:aws:s3:::b/*", false),
        // Actions without resource type.
        (r#""Action":"*","Resource":"*""#, "s3:ListAllMyBuckets", "*", true),
        (r#""Action":"*","Resource":"arn:aws:s3:::*""#, "s3:ListAllMyBuckets", "*", false),
        (r#""Action":"*","Resource":"arn:*:s3:*:*:*""#, "s3:ListAllMyBuckets", "*", false),
        (r#""Action":"*","NotResource":"arn:aws:s3:::*""#, "s3:ListAllMyBuckets", "*", true),
        (r#""Action":"*","NotResource":"*""#, "s3:ListAllMyBuckets", "*", false),
    ] {
        assert_eq!(allows(elements, action, resource), allowed, "{elements} {action} {resource}");
    }
}

#[test]
fn trust_policies_decide_alone() {
    let trust = |principal: &str, effect: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}","Principal":{principal},
            "Action":"sts:AssumeRoleWithWebIdentity","Condition":{{
            "StringEquals":{{"cognito-identity.amazonaws.com:aud":"pool"}},
            "ForAnyValue:StringLike":{{"cognito-identity.amazonaws.com:amr":"authenticated"}}}}}}}}"#
        )
    };
    let cognito = "cognito-identity.amazonaws.com";
    let authenticated = "cognito-identity.amazonaws.com:amr=[authenticated,x]";
    let known = &["cognito-identity.amazonaws.com:aud=pool", authenticated][..];
    let federated = r#"{"Federated":["accounts.google.com","cognito-identity.amazonaws.com"]}"#;
    let assume = Action::fixed("sts:AssumeRoleWithWebIdentity");
    for (principal, effect, action, context, allowed) in [
        (federated, "Allow", &assume, known, true),
        (r#""*""#, "Allow", &assume, known, true),
        (r#"{"AWS":"*"}"#, "Allow", &assume, known, true),
        (r#"{"Federated":"accounts.google.com"}"#, "Allow", &assume, known, false),
        (r#"{"Service":"cognito-identity.amazonaws.com"}"#, "Allow", &assume, known, false),
        (r#"{"AWS":"123456789012"}"#, "Allow", &assume, known, false),
        (federated, "Deny", &assume, known, false),
        (federated, "Allow", &Action::fixed("sts:TagSession"), known, false),
        (
            federated,
            "Allow",
            &assume,
            &["cognito-identity.amazonaws.com:aud=other", authenticated],
            false,
        ),
        (federated, "Allow", &assume, &["cognito-identity.amazonaws.com:aud=pool"], false),
    ] {
        let mut role = role(&[ALL]);
        role.trust = policy(PolicyKind::Trust, &trust(principal, effect)).into();
        let verdict = evaluate_trust(&role, action, cognito, &facts(context), &mut NoObserver);
        assert_eq!(verdict.is_allow(), allowed, "{principal} {effect} {context:?}");
        if let Some(denial) = verdict.denial() {
            assert_eq!(denial.layer, Layer::Trust);
        }
    }
}

#[test]
fn sessions_bring_their_keys() {
    let mut role = role(&[]);
    role.tags = vec![("Team".to_owned(), "role".to_owned()), ("Cost".to_owned(), "1".to_owned())];
    let extra =
        facts(&["aws:PrincipalTag/team=session", "aws:PrincipalArn=forged", "aws:userid=forged"]);
    let session = Session::for_role(Arc::new(role), "alice", extra);
    for (key, value) in [
        ("aws:principalarn", "arn:aws:iam::123456789012:role/app/Writer"),
        ("aws:principalaccount", "123456789012"),
        ("aws:principaltype", "AssumedRole"),
        ("aws:userid", "AROAEXAMPLE:alice"),
        ("aws:principaltag/team", "session"),
        ("aws:principaltag/cost", "1"),
        ("aws:principalisawsservice", "false"),
    ] {
        assert_eq!(session.facts.lookup(key), Lookup::One(value.into()), "{key}");
    }
    assert_eq!(session.facts.lookup("aws:username"), Lookup::Absent);
    let arn = "arn:aws:sts::123456789012:assumed-role/Writer/alice";
    assert_eq!(session.principal.arn().as_deref(), Some(arn));
    assert_eq!(session.principal.account(), Some("123456789012"));
    let anonymous = Session::anonymous();
    assert_eq!(anonymous.facts.lookup("aws:userid"), Lookup::One("anonymous".into()));
    assert_eq!(anonymous.facts.lookup("aws:principaltype"), Lookup::One("Anonymous".into()));
    assert_eq!(anonymous.facts.lookup("aws:principalarn"), Lookup::Absent);
    assert_eq!(anonymous.principal.arn(), None);
}

/// The check's keys go before the session's, and those before the request's.
#[test]
fn keys_are_looked_up_in_order() {
    let wanted = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*",
        "Condition":{"StringEquals":{"k":"right"}}}}"#;
    for (of_check, of_session, of_request, allowed) in [
        ("right", "wrong", "wrong", true),
        ("", "right", "wrong", true),
        ("", "", "right", true),
        ("wrong", "right", "right", false),
        ("?", "right", "right", false),
        ("", "wrong", "right", false),
    ] {
        let known = |value: &str| {
            if value.is_empty() { facts(&[]) } else { facts(&[&format!("k={value}")]) }
        };
        let mut session = session(role(&[wanted]));
        session.facts = known(of_session);
        let mut check = check(GET, KEY);
        check.context = known(of_check);
        let verdict = evaluate(&Layers::of(&session), &check, &known(of_request), &mut NoObserver);
        assert_eq!(verdict.is_allow(), allowed, "{of_check} {of_session} {of_request}");
    }
}

/// A context that must not be asked.
struct Silent;

impl Context for Silent {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        panic!("{key} was looked up")
    }
}

#[test]
fn keys_are_looked_up_only_when_asked_for() {
    let condition = r#""Condition":{"StringEquals":{"jwt:x":"1"}}"#;
    let other_action = format!(
        r#"{{"Statement":{{"Effect":"Deny","Action":"s3:Put*","Resource":"*",{condition}}}}}"#
    );
    let other_resource = format!(
        r#"{{"Statement":{{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::c/*",{condition}}}}}"#
    );
    // Already allowed: another Allow has nothing to add.
    let later =
        format!(r#"{{"Statement":{{"Effect":"Allow","Action":"*","Resource":"*",{condition}}}}}"#);
    let session = session(role(&[&other_action, &other_resource, ALL, &later]));
    assert!(evaluate(&Layers::of(&session), &check(GET, KEY), &Silent, &mut NoObserver).is_allow());
}

/// Notes down what it sees.
#[derive(Default)]
struct Notes(Vec<String>, Vec<ConditionSeen>);

impl Observer for Notes {
    fn statement(&mut self, seen: &Considered<'_>) {
        let resource = seen.resource.map_or("-", Truth::as_str);
        self.0.push(format!(
            "{} {}[{}] {} action={} resource={resource} => {}",
            seen.sid.unwrap_or("-"),
            seen.policy.name(),
            seen.index,
            seen.effect.as_str(),
            seen.action.as_str(),
            seen.truth.as_str()
        ));
        self.1.extend(seen.conditions.iter().cloned());
    }
}

#[test]
fn observers_see_every_statement_and_what_was_compared() {
    let document = r#"{"Version":"2012-10-17","Statement":[
        {"Sid":"All","Effect":"Allow","Action":"s3:*","Resource":"*"},
        {"Sid":"Put","Effect":"Allow","Action":"s3:Put*","Resource":"*"},
        {"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::c/*"},
        {"Sid":"Own","Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/*","Condition":{
            "StringLike":{"s3:prefix":["home/${jwt:sub}/*","${jwt:gone}","${jwt:hidden}x"]},
            "StringEqualsIfExists":{"jwt:groups":"a","jwt:gone":"b"},
            "Null":{"jwt:hidden":false}}}]}"#;
    let known = facts(&["s3:prefix=home/u1/", "jwt:sub=u1", "jwt:groups=[a,b]", "jwt:hidden=?"]);
    let mut notes = Notes::default();
    let verdict =
        evaluate(&Layers::of(&session(role(&[document]))), &check(GET, KEY), &known, &mut notes);
    assert!(verdict.is_allow());
    assert_eq!(
        notes.0,
        [
            "All p[0] Allow action=true resource=true => true",
            "Put p[1] Allow action=false resource=- => false",
            "- p[2] Deny action=true resource=false => false",
            "Own p[3] Allow action=true resource=true => false",
        ]
    );
    let seen: Vec<_> = notes
        .1
        .iter()
        .map(|c| {
            let values: Vec<_> = c.values.iter().map(|v| (&*v.text, v.variables)).collect();
            format!("{} {} {} {:?} {values:?}", c.operator, c.key, c.truth.as_str(), c.request)
        })
        .collect();
    assert_eq!(
        seen,
        [
            r#"StringLike s3:prefix true One("home/u1/") [("home/u1/*", Known), ("${jwt:gone}", Null), ("${jwt:hidden}x", Unknown)]"#,
            r#"StringEqualsIfExists jwt:groups false Many(["a", "b"]) [("a", Known)]"#,
            r#"StringEqualsIfExists jwt:gone true Absent [("b", Known)]"#,
            r#"Null jwt:hidden unknown Unknown [("false", Known)]"#,
        ]
    );
}

#[test]
fn arns_have_six_parts() {
    let arn = Arn::parse("arn:aws-cn:dynamodb:cn-north-1:123456789012:table/t/index/a:b").unwrap();
    assert_eq!(
        (arn.partition(), arn.service(), arn.region(), arn.account(), arn.resource()),
        ("aws-cn", "dynamodb", "cn-north-1", "123456789012", "table/t/index/a:b")
    );
    for (text, reason) in [
        ("", "malformed_arn"),
        ("arn:aws:s3", "malformed_arn"),
        ("urn:aws:s3:::b", "malformed_arn"),
        ("ARN:aws:s3:::b", "malformed_arn"),
        ("arn::s3:::b", "empty_arn_part"),
        ("arn:aws::::b", "empty_arn_part"),
        ("arn:aws:s3:::", "empty_arn_part"),
        (&format!("arn:aws:s3:::{}", "x".repeat(MAX_ARN_BYTES)), "arn_too_long"),
    ] {
        assert_eq!(Arn::parse(text).unwrap_err().reason(), reason, "{text}");
    }
    let action = Action::new("execute-api:Invoke");
    assert_eq!((action.service(), action.name()), ("execute-api", "Invoke"));
    assert_eq!(action, Action::fixed("Execute-API:invoke"));
}
