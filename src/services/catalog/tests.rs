use std::collections::HashSet;

use super::*;

#[test]
fn names_are_there_once() {
    for service in SERVICES {
        let names: Vec<&str> = service.actions().map(|(name, _)| name).collect();
        let unique: HashSet<String> = names.iter().map(|n| n.to_ascii_lowercase()).collect();
        assert_eq!(unique.len(), names.len(), "{}", service.prefix);
        assert!(names.iter().all(|name| !name.is_empty()), "{}", service.prefix);
        for group in service.actions {
            for name in group.on {
                assert!(service.resource_type(name).is_some(), "{}: {name}", service.prefix);
            }
        }
    }
    let groups = SERVICES.into_iter().flat_map(|service| service.keys).chain(GLOBAL);
    assert_eq!(groups.flat_map(|keys| keys.names.split(' ')).count(), KEYS.len());
}

#[test]
fn keys_are_found_in_any_case_and_below_their_prefix() {
    for (name, expected) in [
        ("aws:SourceIp", Some((KeyKind::IpAddress, false, Seen::Here))),
        ("AWS:sourceip", Some((KeyKind::IpAddress, false, Seen::Here))),
        ("aws:PrincipalTag/Team", Some((KeyKind::String, false, Seen::Here))),
        ("aws:ResourceTag/a/b", Some((KeyKind::String, false, Seen::Unknown))),
        ("dynamodb:leadingkeys", Some((KeyKind::String, true, Seen::Here))),
        ("aws:SourceVpce", Some((KeyKind::String, false, Seen::Never))),
        ("poolgate:spiffeid", Some((KeyKind::String, false, Seen::Here))),
        ("aws:SourceIP/x", None),
        ("aws:PrincipalTag", None),
        ("s3:Prefix2", None),
    ] {
        let found = key(name).map(|key| (key.kind, key.many, key.seen));
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn services_are_known_by_their_prefix() {
    assert!(Service::of("S3").is_some_and(|s3| s3.prefix == "s3"));
    assert!(Service::of("ec2").is_none());
    let s3 = Service::of("s3");
    assert_eq!(s3.and_then(|s3| s3.actions_with("S3:Prefix")).map(<[_]>::len), Some(2));
    assert!(keys_of("aws").any(|key| key == "aws:SourceIp"));
}
