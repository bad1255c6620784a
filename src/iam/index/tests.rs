use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::iam::tests::{check, facts, pattern::processor_time, policy, role, session};
use crate::iam::{
    Denial, Layers, NoObserver, Observer, PolicyKind, PolicySet, Resource, Verdict, evaluate,
};

/// Sees everything, so that every statement is evaluated and no index asked.
struct Watcher;

impl Observer for Watcher {}

fn set(statements: &[String]) -> PolicySet {
    let json = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
    policy(PolicyKind::Inline, &json).into()
}

fn found(set: &PolicySet, action: &str, resource: &str) -> Vec<usize> {
    let check = check(action, resource);
    set.candidates(&check.action, &check.resource).map(|placed| placed.index).collect()
}

fn allow(action: &str, resource: &str) -> String {
    format!(r#"{{"Effect":"Allow","Action":{action},"Resource":{resource}}}"#)
}

#[test]
fn candidates_are_those_that_can_match() {
    let arn = |rest: &str| format!(r#""arn:aws:s3:::{rest}""#);
    let statements = [
        allow(r#""s3:GetObject""#, &arn("demo/*")),
        allow(r#""s3:Get*""#, &arn("demo/home/${jwt:sub}/*")),
        allow(r#"["S3:getobject","s3:PutObject"]"#, &arn("demo")),
        allow(r#""*""#, &arn("other/*")),
        allow(r#""*""#, r#""*""#),
        format!(r#"{{"Effect":"Deny","NotAction":"sqs:*","Resource":{}}}"#, arn("d?mo/*")),
        format!(r#"{{"Effect":"Deny","Action":"s3:*","NotResource":{}}}"#, arn("demo/*")),
        allow(r#""dynamodb:*""#, r#""arn:aws:dynamodb:*:*:table/demo""#),
        allow(r#""s3:GetObjectAcl""#, r#""*""#),
        allow(r#""s3:GetObject""#, r#""arn:aws:s3""#),
    ];
    let set = set(&statements);
    for (action, resource, expected) in [
        ("s3:GetObject", "arn:aws:s3:::demo/home/u/k", &[0, 1, 4, 5, 6, 9][..]),
        ("S3:GETOBJECT", "arn:aws:s3:::demo/key", &[0, 4, 5, 6, 9]),
        ("s3:GetObject", "arn:aws:s3:::demo", &[2, 4, 5, 6, 9]),
        ("s3:PutObject", "arn:aws:s3:::demo", &[2, 4, 5, 6]),
        ("s3:PutObject", "arn:aws:s3:::other/k", &[3, 4, 6]),
        ("s3:ListAllMyBuckets", "*", &[4, 6]),
        ("dynamodb:GetItem", "arn:aws:dynamodb:eu-west-1:123456789012:table/demo", &[4, 7]),
        ("dynamodb:GetItem", "arn:aws:dynamodb:eu-west-1:123456789012:table/demo2", &[4]),
        ("s3:GetObjectAcl", "arn:aws:s3:::é", &[4, 6, 8]),
        ("é", "arn:aws:s3:::other/é", &[3, 4]),
    ] {
        assert_eq!(found(&set, action, resource), expected, "{action} {resource}");
    }
    assert!(found(&PolicySet::default(), "s3:GetObject", "*").is_empty());
}

/// As many keys as a resource has characters: no list of candidates is that long.
#[test]
fn what_lies_too_far_apart_is_not_listed() {
    let key = "k".repeat(60);
    let statements: Vec<String> = (0..60)
        .map(|length| allow(r#""*""#, &format!(r#""arn:aws:s3:::{}*""#, "k".repeat(length))))
        .collect();
    let set = set(&statements);
    let resource = format!("arn:aws:s3:::{key}");
    assert_eq!(found(&set, "s3:GetObject", &resource), (0..60).collect::<Vec<_>>());
    assert_eq!(found(&set, "s3:GetObject", "arn:aws:s3:::kk"), [0, 1, 2]);
}

/// A statement of a thousand actions and a thousand resources doesn't make a million keys.
#[test]
fn an_index_is_not_much_larger_than_its_policies() {
    let list = |prefix: &str, count: usize| {
        let values: Vec<String> = (0..count).map(|n| format!("\"{prefix}{n}\"")).collect();
        format!("[{}]", values.join(","))
    };
    let statement = allow(&list("s3:Get", 1000), &list("arn:aws:s3:::démo/", 1000));
    let set = set(&[statement]);
    let nodes = set.index().resources.len();
    assert!(nodes <= 1000, "{nodes}");
    assert_eq!(found(&set, "s3:Get999", "arn:aws:s3:::démo/999"), [0]);
    assert!(found(&set, "s3:Get999", "arn:aws:s3:::other/999").is_empty());
    assert!(found(&set, "s3:Put", "arn:aws:s3:::démo/999").is_empty());
}

fn statement() -> impl Strategy<Value = String> {
    let actions = vec!["*", "s3:*", "s3:Get*", "s3:get?bject", "s3:GetObject", "s3:Put*", "sqs:*"];
    let resources = vec![
        "*",
        "arn:aws:s3:::*",
        "arn:aws:s3",
        "arn:aws:s3:::b",
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::b/k",
        "arn:aws:s3:::b/k*",
        "arn:aws:s3:::?/k",
        "arn:aws:s3:::${k}/k",
        "arn:aws:s3:::b/${k}*",
        "arn:*:s3:*:*:b/kk",
    ];
    let condition = select(vec![
        "",
        r#","Condition":{"StringEquals":{"k":"b"}}"#,
        r#","Condition":{"StringNotLike":{"k":"a*"}}"#,
    ]);
    let effect = prop_oneof![4 => Just("Allow"), 1 => Just("Deny")];
    let not = || prop_oneof![5 => Just(""), 1 => Just("Not")];
    let (actions, resources) = (subsequence(actions, 1..3), subsequence(resources, 1..3));
    (effect, not(), actions, not(), resources, condition).prop_map(
        |(effect, not_action, actions, not_resource, resources, condition)| {
            format!(
                r#"{{"Effect":"{effect}","{not_action}Action":{},"{not_resource}Resource":{}{condition}}}"#,
                serde_json::to_string(&actions).unwrap(),
                serde_json::to_string(&resources).unwrap(),
            )
        },
    )
}

/// All that a verdict says.
fn told(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Allow(grounds) => {
            grounds.statements().map(|found| found.label()).collect::<Vec<_>>().join(" ")
        }
        Verdict::ExplicitDeny(denial) | Verdict::ImplicitDeny(denial) => {
            let Denial { layer, level, statement, unknown_keys } = denial;
            format!(
                "{layer:?} {level:?} {:?} {unknown_keys:?}",
                statement.as_ref().map(|s| s.label())
            )
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    /// With the index and without, the same verdict for the same reasons.
    #[test]
    fn an_index_changes_nothing(
        statements in prop::collection::vec(statement(), 1..12),
        boundary in prop::option::of(prop::collection::vec(statement(), 1..4)),
        action in select(vec!["s3:GetObject", "S3:PUTOBJECT", "sqs:SendMessage", "x"]),
        resource in select(vec!["*", "arn:aws:s3:::b", "arn:aws:s3:::b/k", "arn:aws:s3:::b/kk", "arn:aws:s3:::c/k"]),
        known in select(vec!["k=b", "k=b/k", "k=*", "k=?", "k=[a,b]", "l=b"]),
    ) {
        let mut role = role(&[]);
        role.policies = set(&statements);
        role.boundary = boundary.map(|statements| set(&statements));
        let (session, check, known) = (session(role), check(action, resource), facts(&[known]));
        let layers = Layers::of(&session);
        let quick = evaluate(&layers, &check, &known, &mut NoObserver);
        let naive = evaluate(&layers, &check, &known, &mut Watcher);
        prop_assert_eq!(told(&quick), told(&naive));
        prop_assert!(check.resource != Resource::Any || resource == "*");
    }
}

/// Where keys of many lengths lead to the same resource, the index gives up early, and a decision
/// costs no more than looking at every statement.
#[test]
fn hostile_policies_and_requests_take_bounded_time() {
    let statements: Vec<String> = (0..500)
        .map(|length| {
            let (action, stars) = ("*".repeat(1 + length % 2), "*a".repeat(length % 40));
            let action = if length % 3 == 0 { "*".to_owned() } else { format!("s3:G{action}") };
            allow(
                &format!("{action:?}"),
                &format!(r#""arn:aws:s3:::{}{stars}b""#, "a".repeat(length)),
            )
        })
        .collect();
    let session = session(role(&[&format!(
        r#"{{"Version":"2012-10-17","Statement":[{}]}}"#,
        statements.join(",")
    )]));
    let layers = Layers::of(&session);
    let time = |length: usize| {
        let check = check("s3:GetObject", &format!("arn:aws:s3:::{}", "a".repeat(length)));
        let once = || {
            let started = processor_time();
            assert!(!evaluate(&layers, &check, &facts(&[]), &mut NoObserver).is_allow());
            processor_time() - started
        };
        (0..9).map(|_| once()).min().unwrap_or_default()
    };
    // Eight times the key is about eight times the time.
    let (short, long) = (time(500), time(4000));
    assert!(long < short * 64 + std::time::Duration::from_millis(5), "{short:?} {long:?}");
}
