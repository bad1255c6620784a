//! `poolgate simulate` as a program: files and pipes, hostile input, and how fast it answers.
//!
//! ```sh
//! cargo test --release --test simulate -- --include-ignored --nocapture
//! ```

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests may, and one measures")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde_json::Value;

const LINE: &str = r#"{"PolicyInputList":[{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::demo/home/${aws:username}/*","Condition":{"Bool":{"aws:SecureTransport":"true"}}},{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::demo/secret/*"}]}],"ActionNames":["s3:GetObject"],"ResourceArns":["arn:aws:s3:::demo/home/bob/notes.txt"],"ContextEntries":[{"ContextKeyName":"aws:username","ContextKeyValues":["bob"],"ContextKeyType":"string"},{"ContextKeyName":"aws:SecureTransport","ContextKeyValues":["true"],"ContextKeyType":"boolean"}]}"#;

fn simulate(files: &[&std::path::Path]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_poolgate"))
        .arg("simulate")
        .args(files)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Everything that is said to `input`, which may be larger than a pipe holds.
fn answered(input: &[u8]) -> Output {
    let mut child = simulate(&[]);
    let mut stdin = child.stdin.take().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).unwrap());
        child.wait_with_output().unwrap()
    })
}

fn decision(line: &str) -> String {
    let answer: Value = serde_json::from_str(line).unwrap();
    let code = answer.pointer("/Error/Code");
    let found = code.or_else(|| answer.pointer("/EvaluationResults/0/EvalDecision"));
    found.and_then(Value::as_str).unwrap().to_owned()
}

#[test]
fn lines_are_answered_in_order_and_never_end_it() {
    let long = "x".repeat(5 << 20);
    let input = format!("{LINE}\n\n{long}\n{LINE}\nnonsense\n{}", LINE.replace("bob/", "eve/"));
    let output = answered(input.as_bytes());
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let found: Vec<String> = text.lines().map(decision).collect();
    let wanted =
        ["allowed", "InvalidInput", "InvalidInput", "allowed", "InvalidInput", "implicitDeny"];
    assert_eq!(found, wanted);
}

#[test]
fn files_are_read_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("1"), folder.path().join("2"));
    fs::write(&first, LINE).unwrap();
    fs::write(&second, format!("{}\n", LINE.replace("bob/", "eve/"))).unwrap();
    let output = simulate(&[&first, &second]).wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert_eq!(text.lines().map(decision).collect::<Vec<_>>(), ["allowed", "implicitDeny"]);
    let output = simulate(&[&first, &folder.path().join("3")]).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("/3: "));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 1);
}

#[test]
fn who_waits_for_an_answer_gets_it() {
    let mut child = simulate(&[]);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for _ in 0..3 {
        writeln!(stdin, "{LINE}").unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(decision(&line), "allowed");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn who_reads_no_more_ends_it_quietly() {
    let mut child = simulate(&[]);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    writeln!(stdin, "{LINE}").unwrap();
    stdout.read_exact(&mut [0; 10]).unwrap();
    drop(stdout);
    // As long as it reads, there is something to answer.
    while writeln!(stdin, "{LINE}").is_ok() {}
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

/// A child on this thread's processors, of which there is one.
#[test]
#[ignore = "a measurement of a release build; the command is above"]
fn a_hundred_thousand_lines_a_second_on_one_core() {
    const LINES: u32 = 400_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    fs::write(&path, format!("{LINE}\n").repeat(LINES as usize)).unwrap();
    let all = sched_getaffinity(None).unwrap();
    let mut one = CpuSet::new();
    let first = (0..CpuSet::MAX_CPU).find(|cpu| all.is_set(*cpu)).unwrap();
    one.set(first);
    let mut best = Duration::MAX;
    for _ in 0..5 {
        sched_setaffinity(None, &one).unwrap();
        let started = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_poolgate"))
            .arg("simulate")
            .stdin(fs::File::open(&path).unwrap())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        assert!(child.wait().unwrap().success());
        best = best.min(started.elapsed());
        sched_setaffinity(None, &all).unwrap();
    }
    let rate = f64::from(LINES) / best.as_secs_f64();
    println!("{LINES} lines of {} bytes in {best:?}: {rate:.0} lines a second", LINE.len());
    assert!(rate >= 100_000.0);
}
