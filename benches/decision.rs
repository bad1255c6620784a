//! What policies cost: parsing them once, deciding with them at each request, and keeping roles.
//!
//! `decide/N` is a role of N statements of which up to ten are of the action and the resource that is
//! asked about, and only the last of those allows: the worst order. `RS256` is the verification of
//! a signature by aws-lc, as a measure of what a decision costs beside a token.

use std::hint::black_box;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use poolgate::iam::{Account, AccountFile, FileKind, Layers, NoObserver, evaluate};

#[path = "../tests/support/policies.rs"]
mod policies;

use policies::{check, exported, request, session, statements};

/// Statements, and how many of them can match.
const SIZES: [(usize, usize); 5] = [(1, 1), (10, 10), (100, 5), (1_000, 10), (10_000, 10)];

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for (count, matching) in SIZES {
        let statements = statements(count, matching);
        group.bench_with_input(BenchmarkId::from_parameter(count), &statements, |bencher, all| {
            bencher.iter(|| policies::policies(black_box(all)));
        });
    }
    group.finish();
}

fn decide(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide");
    let (check, request) = (check(), request());
    for (count, matching) in SIZES {
        let session = session(policies::policies(&statements(count, matching)));
        let layers = Layers::of(&session);
        assert!(evaluate(&layers, &check, &request, &mut NoObserver).is_allow());
        group.bench_with_input(BenchmarkId::from_parameter(count), &check, |bencher, check| {
            bencher.iter(|| evaluate(&layers, black_box(check), &request, &mut NoObserver));
        });
    }
    group.finish();
}

fn verify(criterion: &mut Criterion) {
    let Ok(key) = RsaKeyPair::generate(KeySize::Rsa2048) else { return };
    let mut signature = vec![0; key.public_modulus_len()];
    let message = [b'm'; 785];
    if key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &message, &mut signature).is_err() {
        return;
    }
    let parsed = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
    let Ok(parsed) = parsed else { return };
    criterion.bench_function("RS256", |bencher| {
        bencher.iter(|| parsed.verify_sig(black_box(&message), &signature));
    });
}

/// Loading a thousand roles of twenty statements, and what they take of memory.
fn roles(criterion: &mut Criterion) {
    let texts: Vec<String> = (0..1_000).map(|n| exported(&format!("R{n}"), 20)).collect();
    let files: Vec<AccountFile<'_>> = texts
        .iter()
        .map(|text| AccountFile { name: "role", kind: FileKind::Roles, text })
        .collect();
    let load = || Account::load(black_box(&files), None).ok();
    let memory = allocation_counter::measure(|| std::mem::forget(load()));
    println!(
        "1000 roles of 20 statements: {} bytes kept, {} at most",
        memory.bytes_current, memory.bytes_max
    );
    let mut group = criterion.benchmark_group("load");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    group.bench_function("1000 roles", |bencher| {
        bencher.iter_with_large_drop(load);
    });
    group.finish();
}

criterion_group!(benches, verify, parse, decide, roles);
criterion_main!(benches);
