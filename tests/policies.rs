//! What decisions and configurations may cost: memory, and time beside the verification of a
//! signature.
//!
//! ```sh
//! cargo test --release --test policies -- --include-ignored --nocapture
//! ```

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests may, and these measure")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use poolgate::iam::{Account, AccountFile, FileKind, Layers, NoObserver, PolicyKind, evaluate};
use poolgate::lint::{Given, Home, lint_account};

#[path = "support/policies.rs"]
mod support;

use support::{check, document, exported, parsed, policies, request, session, statements};

#[test]
fn a_decision_takes_no_memory() {
    let mut session = session(policies(&statements(300, 5)));
    let all = parsed(PolicyKind::Session, &document(&statements(20, 2)));
    session.session_policies = all.into();
    let (layers, check, request) = (Layers::of(&session), check(), request());
    let mut allowed = false;
    let memory = allocation_counter::measure(|| {
        allowed = evaluate(&layers, black_box(&check), &request, &mut NoObserver).is_allow();
    });
    assert!(allowed);
    assert_eq!(memory.count_total, 0, "{memory:?}");
}

/// What this thread has used: other programs don't count.
fn processor_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(now).unwrap()
}

fn load(files: usize) -> (Account, Duration, allocation_counter::AllocationInfo) {
    let texts: Vec<String> = (0..files).map(|n| exported(&format!("R{n}"), 20)).collect();
    let list: Vec<AccountFile<'_>> = texts
        .iter()
        .map(|text| AccountFile { name: "role", kind: FileKind::Roles, text })
        .collect();
    let started = processor_time();
    let mut account = None;
    let memory = allocation_counter::measure(|| account = Account::load(&list, None).ok());
    (account.unwrap(), processor_time() - started, memory)
}

/// Memory grows with the roles that are kept, not with the texts that they are read from.
#[test]
fn a_thousand_statements_take_little_memory() {
    let (account, _, memory) = load(50);
    assert_eq!(account.roles().count(), 50);
    assert!(memory.bytes_max < 50 * 50_000, "{memory:?}");
}

#[test]
#[ignore = "a measurement of a release build; the command is above"]
fn ten_thousand_roles_load_in_five_seconds() {
    let (account, time, memory) = load(10_000);
    let kept = memory.bytes_current;
    println!("10,000 roles of 20 statements: {time:?}, {kept} bytes, at most {}", memory.bytes_max);
    println!("1,000 of them: {} bytes", kept / 10);
    assert_eq!(account.roles().count(), 10_000);
    assert!(time < Duration::from_secs(5) && memory.bytes_max < 500 << 20);
}

/// Lints what [`load`] loads: how long it takes, and what it takes at most.
fn lint(files: usize) -> (usize, Duration, allocation_counter::AllocationInfo) {
    let texts: Vec<String> = (0..files).map(|n| exported(&format!("R{n}"), 20)).collect();
    let list: Vec<(FileKind, &str)> =
        texts.iter().map(|text| (FileKind::Roles, text.as_str())).collect();
    let home = Home { partition: "aws", region: "eu-west-1", account: "123456789012" };
    let given = Given { home: Some(home), ..Given::default() };
    let started = processor_time();
    let mut found = 0;
    let memory = allocation_counter::measure(|| found = lint_account(&list, given).len());
    (found, processor_time() - started, memory)
}

/// Role by role: what is kept of one is what was found in it.
#[test]
fn lints_take_no_more_memory_for_more_roles() {
    let (found, _, few) = lint(5);
    let (more_found, _, many) = lint(50);
    assert_eq!((found, more_found), (10, 100), "neither audience nor amr in the trust policies");
    assert!(many.bytes_max < few.bytes_max + 100 * 2_000, "{few:?} {many:?}");
}

#[test]
#[ignore = "a measurement of a release build; the command is above"]
fn ten_thousand_roles_are_linted_in_ten_seconds() {
    let (found, time, memory) = lint(10_000);
    println!("10,000 roles of 20 statements linted: {time:?}, at most {} bytes", memory.bytes_max);
    assert_eq!(found, 20_000);
    assert!(time < Duration::from_secs(10), "{time:?}");
}

/// The least time of one of many rounds.
fn least(rounds: u32, mut work: impl FnMut()) -> Duration {
    let once = |work: &mut dyn FnMut()| {
        let started = Instant::now();
        (0..rounds).for_each(|_| work());
        started.elapsed() / rounds
    };
    (0..200).map(|_| once(&mut work)).min().unwrap()
}

#[test]
#[ignore = "a measurement of a release build; the command is above"]
fn a_decision_is_cheap_beside_a_verification() {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let (message, mut signature) = ([b'm'; 785], vec![0; key.public_modulus_len()]);
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &message, &mut signature).unwrap();
    let public = key.public_key();
    let public = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public.as_ref()).unwrap();
    let verification = least(100, || public.verify_sig(black_box(&message), &signature).unwrap());
    let (check, request) = (check(), request());
    let decision = |count: usize, matching: usize| {
        let session = session(policies(&statements(count, matching)));
        let layers = Layers::of(&session);
        least(500, || {
            let verdict = evaluate(&layers, black_box(&check), &request, &mut NoObserver);
            assert!(verdict.is_allow());
        })
    };
    let hundred = decision(100, 5);
    let (ten, ten_thousand) = (decision(10, 10), decision(10_000, 10));
    println!(
        "RS256 {verification:?}; of 100 statements {hundred:?}; of 10 {ten:?}, of 10,000 {ten_thousand:?}"
    );
    assert!(hundred * 13 <= verification);
    assert!(ten_thousand <= ten * 2);
}
