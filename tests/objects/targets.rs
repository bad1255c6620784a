//! P2: for every target, what the backend received is exactly what was authorized, or nothing.

use percent_encoding::percent_decode_str;

use super::client::{Caller, Request, decision, gate};
use crate::support::{Backend, Wire};

/// Targets that some server reads as another.
const TARGETS: &[&str] = &[
    "/files/own/plain",
    "/files/own/a%20b",
    "/files/own/a+b",
    "/files/own/a%2Bb",
    "/files/own%2Fx",
    "/files%2Fown/x",
    "/files/own/%73ecret",
    "/files/%73ecret/x",
    "/files/secret%2Fx",
    "/files/own/..%2Fsecret/x",
    "/files/own/../secret/x",
    "/files/own/%2e%2e/secret/x",
    "/files/own/.%2e/secret/x",
    "/files/./secret/x",
    "/files//secret/x",
    "//files/secret/x",
    "/files/own//x",
    "/files/secret//x",
    "/files/own/x/",
    "/files/own/%00",
    "/files/own/x%00.txt",
    "/files/own/%0a",
    "/files/own/%7f",
    "/files/own/%5c..%5csecret",
    "/files/own/%c0%ae%c0%ae/secret",
    "/files/own/%ff",
    "/files/own/%e2%82%ac",
    "/files/own/e%CC%81",
    "/files/own/%C3%A9",
    "/files/own/%252e%252e/secret",
    "/files/own/%25",
    "/files/own/a;b",
    "/files/own/a%3Bb",
    "/files/own/a%3Fversions",
    "/files/own/a%23b",
    "/files/own/*",
    "/files/own/$%7Baws:username%7D",
    "/files/own/a?versionId=..%2F..%2Fsecret",
    "/files/own/a?response-content-type=text%2Fhtml",
    "/files?prefix=own/&delimiter=/",
    "/files?prefix=own%2F..%2Fsecret",
    "/files?list-type=2&prefix=a+b",
    "/files?list-type=2&prefix=a%2Bb",
    "/files?%61cl",
    "/files/?acl",
    "/files",
    "/files/",
    "/FILES/own/x",
    "/files.s3.localhost/own/x",
    "/",
    "/%66iles/own/x",
    "/files/own/x?acl=",
    "/files/own/x?uploads&uploadId=1",
    "/files/own/x?partNumber=1&uploadId=u",
];

#[test]
fn what_arrives_is_what_was_authorized() {
    let backend = Backend::start();
    let gate = gate(&backend);
    let caller = Caller::sign_in(&gate);
    let (mut forwarded, mut refused) = (0, 0);
    for target in TARGETS {
        for host in ["gate.example", "files.s3.localhost"] {
            let before = backend.count();
            // The SDK's signer normalises nothing; a target it can't sign is sent unsigned by nobody.
            let request = Request { host, ..Request::new("GET", target) };
            let head = caller.head(&request);
            let mut wire = Wire::connect(gate.proxy);
            wire.send(format!("{head}\r\n").as_bytes());
            let answer = wire.answer().unwrap();
            let id = answer.header("x-poolgate-decision-id").unwrap().to_owned();
            let record = decision(&gate, &id);
            let seen = backend.seen();
            let Some(seen) = seen.get(before) else {
                assert_eq!(record["effect"], "deny", "{host} {target}: {record}");
                refused += 1;
                continue;
            };
            forwarded += 1;
            assert_eq!(record["effect"], "allow", "{host} {target}");
            let line = seen.line().split(' ').nth(1).unwrap();
            let path = line.split('?').next().unwrap();
            // Decoded once, the path is the resource.
            let path = percent_decode_str(path).decode_utf8().unwrap().into_owned();
            let resource = format!("arn:aws:s3:::{}", path.strip_prefix('/').unwrap());
            let resource = resource
                .strip_suffix('/')
                .filter(|_| path.matches('/').count() == 2 && path.ends_with('/'))
                .unwrap_or(&resource)
                .to_owned();
            let checks = record["checks"].as_array().unwrap();
            assert!(!checks.is_empty());
            for check in checks {
                assert_eq!(check["resource"], resource.as_str(), "{host} {target}: {line}");
            }
            // What no server could read as another path.
            let segments: Vec<&str> = path.split('/').skip(1).collect();
            let inner = &segments[..segments.len() - 1];
            assert!(inner.iter().all(|s| !matches!(*s, "" | "." | "..")), "{target}: {path}");
            assert!(
                !path.contains(['\\', '\0']) && !path.chars().any(char::is_control),
                "{target}"
            );
            assert!(!path.starts_with("/files/secret"), "{target}");
        }
    }
    assert!(forwarded > 20 && refused > 20, "{forwarded} forwarded, {refused} refused");
}
