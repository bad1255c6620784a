//! What a policy costs: parsing it once, and deciding with it at each request.
//!
//! Each size is one policy of that many statements, of which the last allows: the worst order. A
//! statement names actions and a resource with a policy variable, as roles of identity pools do.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use poolgate::iam::{
    Action, Arn, Check, Facts, Layers, NoObserver, Policy, PolicyKind, Resource, Role, Session,
    evaluate,
};

const SIZES: [usize; 3] = [1, 10, 100];
const IDENTITY: &str = "eu-west-1:00000000-0000-4000-8000-000000000001";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow",
    "Principal":{"Federated":"cognito-identity.amazonaws.com"},
    "Action":"sts:AssumeRoleWithWebIdentity"}}"#;

/// A document of `statements` statements.
fn document(statements: usize) -> String {
    let list: Vec<String> = (0..statements)
        .rev()
        .map(|number| {
            let bucket = if number == 0 { "demo".to_owned() } else { format!("other{number}") };
            format!(
                r#"{{"Sid":"S{number}","Effect":"Allow","Action":["s3:GetObject","s3:Put*"],
                "Resource":"arn:aws:s3:::{bucket}/home/${{cognito-identity.amazonaws.com:sub}}/*",
                "Condition":{{"Bool":{{"aws:SecureTransport":"true"}},
                "IpAddress":{{"aws:SourceIp":["10.0.0.0/8","203.0.113.0/24"]}}}}}}"#
            )
        })
        .collect();
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, list.join(","))
}

fn parsed(kind: PolicyKind, json: &str) -> Arc<Policy> {
    match Policy::parse("bench", kind, json) {
        Ok(policy) => Arc::new(policy),
        Err(errors) => unreachable!("{errors:?}"),
    }
}

fn arn(text: &str) -> Arn {
    match Arn::parse(text) {
        Ok(arn) => arn,
        Err(error) => unreachable!("{error}"),
    }
}

fn session(json: &str) -> Session {
    let role = Role {
        arn: arn("arn:aws:iam::123456789012:role/Writer"),
        name: "Writer".to_owned(),
        id: "AROAEXAMPLE".to_owned(),
        trust: parsed(PolicyKind::Trust, TRUST).into(),
        policies: parsed(PolicyKind::Inline, json).into(),
        boundary: None,
        organization: Arc::default(),
        max_session_duration: 3600,
        tags: Vec::new(),
    };
    let mut facts = Facts::new();
    facts.one("cognito-identity.amazonaws.com:sub", IDENTITY);
    Session::for_role(Arc::new(role), "CognitoIdentityCredentials", facts)
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for statements in SIZES {
        let json = document(statements);
        group.bench_with_input(BenchmarkId::from_parameter(statements), &json, |bencher, json| {
            bencher.iter(|| Policy::parse("bench", PolicyKind::Inline, black_box(json)));
        });
    }
    group.finish();
}

fn decide(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide");
    let mut request = Facts::new();
    request.one("aws:SourceIp", "203.0.113.9");
    request.one("aws:SecureTransport", "true");
    let object = arn(&format!("arn:aws:s3:::demo/home/{IDENTITY}/notes/today.txt"));
    let check = Check::new(Action::fixed("s3:GetObject"), Resource::Arn(object));
    for statements in SIZES {
        let session = session(&document(statements));
        assert!(evaluate(&Layers::of(&session), &check, &request, &mut NoObserver).is_allow());
        group.bench_with_input(
            BenchmarkId::from_parameter(statements),
            &check,
            |bencher, check| {
                bencher.iter(|| {
                    evaluate(&Layers::of(&session), black_box(check), &request, &mut NoObserver)
                });
            },
        );
    }
    group.finish();
}

criterion_group!(benches, parse, decide);
criterion_main!(benches);
