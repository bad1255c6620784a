//! What temporary credentials cost: sealing them into a session token, and opening it again.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use poolgate::clock::Time;
use poolgate::iam::Facts;
use poolgate::sts::{Grant, GrantToken, Sealer, SealingKey};

const NOW: Time = Time::from_secs(1_800_000_000);

fn grant() -> Grant {
    let mut facts = Facts::new();
    let identity = "eu-west-1:0a0b0c0d-0000-4000-8000-000000000001";
    facts.one("cognito-identity.amazonaws.com:sub", identity);
    facts.one(
        "cognito-identity.amazonaws.com:aud",
        "eu-west-1:7c5b0000-0000-4000-8000-000000000000",
    );
    facts.one("aws:PrincipalTag/department", "sales");
    Grant {
        pool: Some("eu-west-1:7c5b0000-0000-4000-8000-000000000000".to_owned()),
        identity: Some(identity.to_owned()),
        role_arn: "arn:aws:iam::123456789012:role/Reader".to_owned(),
        role_id: "AROAEXAMPLEEXAMPLE001".to_owned(),
        session_name: "CognitoIdentityCredentials".to_owned(),
        facts,
        session_policies: Vec::new(),
        token: GrantToken {
            issuer: Some(
                "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E".to_owned(),
            ),
            subject: Some("f3c0ffee-0000-4000-8000-000000000001".to_owned()),
            jti: Some("00000001-1111-4222-8333-444444444444".to_owned()),
            origin_jti: Some("00000001-5555-4666-8777-888888888888".to_owned()),
            issued: Some(NOW),
        },
        issued: NOW,
        expires: Time::from_secs(NOW.secs() + 3600),
    }
}

fn bench(criterion: &mut Criterion) {
    let key = SealingKey { id: "k1".to_owned(), bytes: [7; 32] };
    let sealer = Sealer::new(&[key]).expect("a sealer");
    let grant = grant();
    let sealed = sealer.seal(&grant).expect("credentials");
    println!("a session token of {} bytes", sealed.session_token.len());
    criterion.bench_function("sts/seal", |bencher| {
        bencher.iter(|| sealer.seal(black_box(&grant)).expect("credentials"));
    });
    criterion.bench_function("sts/open", |bencher| {
        let (id, token) = (&sealed.access_key_id, &sealed.session_token);
        bencher.iter(|| sealer.open(id, black_box(token), NOW).expect("a grant"));
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
