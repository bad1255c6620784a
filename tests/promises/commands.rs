//! The command line: what it says and its exit codes.

use std::{
    fs,
    process::{Command, Output},
};

use serde_json::Value;

use crate::{
    setup::{Setup, edit_role},
    support::{Backend, Issuer, ROLE},
};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_poolgate"))
        .args(arguments)
        .env_remove("POOLGATE_CONFIG")
        .env_remove("POOLGATE_TOKEN")
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    [output.stdout.as_slice(), output.stderr.as_slice()]
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .concat()
}

#[test]
fn every_command_explains_itself_and_refuses_what_it_does_not_know() {
    for command in ["demo", "serve", "check", "explain", "token", "schema"] {
        let help = run(&[command, "--help"]);
        assert_eq!(help.status.code(), Some(0), "{command}");
        assert!(said(&help).contains(&format!("Usage: poolgate {command}")), "{}", said(&help));
        assert!(said(&run(&["--help"])).contains(command));
        assert_eq!(run(&[command, "--no-such-option"]).status.code(), Some(2), "{command}");
    }
    assert_eq!(run(&[]).status.code(), Some(2));
    assert_eq!(run(&["no-such-command"]).status.code(), Some(2));
    assert_eq!(run(&["--version"]).status.code(), Some(0));
    let schema = run(&["schema"]);
    assert_eq!(schema.status.code(), Some(0));
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    assert!(schema["properties"]["routes"].is_object());
}

#[test]
fn check_finds_every_problem_and_serve_does_not_start_with_one() {
    let backend = Backend::start();
    let setup = Setup::new(backend.address, "");
    let config = setup.write();
    let path = config.to_str().unwrap();
    let fine = run(&["check", "--config", path]);
    assert_eq!(fine.status.code(), Some(0), "{}", said(&fine));
    assert!(said(&fine).lines().all(|line| line.contains(": warning: ")), "{}", said(&fine));

    type Edit = fn(&Setup);
    let cases: [(Edit, &[&str]); 7] = [
        // What is wrong with the file, with its policies and with their folder: all in one run.
        (
            |s| {
                drop(fs::write(s.path("poolgate.yaml"), format!("{}\nextra: 1\n", s.text)));
                edit_role(s.folder.path(), |role| {
                    role["RolePolicyList"][0]["PolicyDocument"]["Version"] = "2030-01-01".into();
                });
                let pool = s.path("policies/identity-pools/test.json");
                drop(fs::write(pool, "{ \"IdentityPoolId\": 1 }"));
            },
            &[
                "poolgate.yaml:18:1: ",
                "Tester.json:27:20: role Tester, policy Test: Version: unknown policy version",
                "test.json:1:21: ",
            ],
        ),
        (
            |s| {
                drop(fs::write(
                    s.path("poolgate.yaml"),
                    format!("{}\nextra: 1\nlog: {{ level: loud }}\n", s.text),
                ))
            },
            &["poolgate.yaml:18:1: ", "poolgate.yaml:19:"],
        ),
        (|s| drop(fs::write(s.path("poolgate.yaml"), "routes: [")), &["poolgate.yaml:2:1: "]),
        (|s| drop(fs::remove_file(s.path("poolgate.yaml"))), &["poolgate.yaml:1:1: "]),
        (
            |s| {
                edit_role(s.folder.path(), |role| {
                    let document = &mut role["RolePolicyList"][0]["PolicyDocument"];
                    document["Statement"][0]["Effect"] = "Maybe".into();
                    document["Version"] = "2030-01-01".into();
                })
            },
            &[
                "Tester.json:31:23: role Tester, policy Test: Statement[0].Effect: unknown effect",
                "Tester.json:27:20: role Tester, policy Test: Version: unknown policy version",
            ],
        ),
        (
            |s| drop(fs::write(s.path("policies/roles/Tester.json"), "{\n  \"RoleName\": \n")),
            &["Tester.json:"],
        ),
        (
            |s| drop(fs::remove_file(s.path("policies/identity-pools/test.json"))),
            &["poolgate.yaml:11:", "identity pool"],
        ),
    ];
    for (edit, places) in cases {
        let setup = Setup::new(backend.address, "");
        let config = setup.write();
        edit(&setup);
        let path = config.to_str().unwrap();
        for (command, code) in [("check", 1), ("serve", 64)] {
            let output = run(&[command, "--config", path]);
            let text = said(&output);
            assert_eq!(output.status.code(), Some(code), "{command}: {text}");
            for place in places {
                assert!(text.contains(place), "{command}: no {place} in {text}");
            }
        }
    }
}

#[test]
fn explain_answers_with_its_exit_code_and_as_json() {
    let backend = Backend::start();
    let setup = Setup::new(backend.address, "");
    let config = setup.write();
    let config = config.to_str().unwrap();
    let file = setup.path("token");
    fs::write(&file, Issuer::shared().id_token("user", &[], Some(ROLE))).unwrap();
    let token = format!("@{}", file.display());
    let explain = |arguments: &[&str]| {
        run(&[&["explain", "--config", config, "--token", token.as_str()], arguments].concat())
    };
    for (method, url, code, effect, reason) in [
        ("GET", "http://gate/api/x", 0, "allow", "allowed_by_policy"),
        ("DELETE", "http://gate/api/x", 1, "deny", "implicit_deny"),
        ("GET", "http://gate/none", 1, "deny", "no_route"),
    ] {
        let output = explain(&["--output", "json", method, url]);
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&answer["effect"], &answer["reason"]), (&effect.into(), &reason.into()));
        assert!(answer["trail"].is_array());
        let text = explain(&[method, url]);
        assert_eq!(text.status.code(), Some(code));
        let verdict = format!("{} ({reason})", effect.to_uppercase());
        assert!(said(&text).contains(&verdict), "{}", said(&text));
    }
    assert_eq!(explain(&["GET", "http://gate/api/../x"]).status.code(), Some(1));
    assert_eq!(explain(&["GET", "/api/x"]).status.code(), Some(2));
    assert_eq!(explain(&["GET"]).status.code(), Some(2));
    fs::write(setup.path("poolgate.yaml"), "routes: [").unwrap();
    assert_eq!(explain(&["GET", "http://gate/api/x"]).status.code(), Some(64));
    assert_eq!(backend.count(), 0, "nothing is forwarded");
}
