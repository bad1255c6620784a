//! `shadow_policies`: loaded like policies, and nothing wrong with them refuses those in force.

use super::cedar::{SCHEMA, asking, with_policies};
use super::*;
use crate::control::build::Built;

/// A configuration with a shadow in `next` that asks Cedar, and nothing in that folder.
fn place() -> Place {
    let place = with_policies("iam: off, cedar: enforce");
    let config = asking("iam: off, cedar: enforce");
    place.write("poolgate.yaml", &format!("shadow_policies: next\n{config}"));
    place
}

fn build(builder: &Builder, place: &Place) -> Built {
    builder.build(&place.path("poolgate.yaml")).ok().unwrap()
}

/// What is wrong with the shadow, without the folder's name.
fn told(built: &Built, place: &Place) -> Vec<String> {
    let folder = format!("{}/", place.folder.path().display());
    built.shadow_problems.iter().map(|p| p.to_string().replace(&folder, "")).collect()
}

pub(super) fn role(name: &str) -> String {
    format!(
        r#"{{ "RoleName": "{name}", "RoleId": "AROA{name}", "Arn": "arn:aws:iam::123456789012:role/{name}",
        "AssumeRolePolicyDocument": {{ "Statement": {{ "Effect": "Allow", "Principal": "*",
        "Action": "sts:AssumeRoleWithWebIdentity" }} }} }}"#
    )
}

#[tokio::test]
async fn they_are_read_and_watched() {
    let place = place();
    let built = build(&builder(), &place);
    assert!(told(&built, &place)[0].contains("next is not a folder"));
    assert!(built.snapshot.rules.shadow.is_none());
    let before = place.stamps(&built.settings);
    fs::create_dir(place.path("next")).unwrap();
    assert_ne!(place.stamps(&built.settings), before);
    assert!(told(&build(&builder(), &place), &place)[0].contains("this folder has no `cedar`"));
    fs::create_dir(place.path("next/cedar")).unwrap();
    place.write("next/cedar/s.cedarschema", SCHEMA);
    let built = build(&builder(), &place);
    assert!(told(&built, &place).is_empty());
    assert!(built.snapshot.rules.shadow.as_ref().unwrap().cedar.is_some());
    let before = place.stamps(&built.settings);
    place.write("next/cedar/p.cedar", "permit(principal, action, resource);");
    assert_ne!(place.stamps(&built.settings), before);
    assert_ne!(build(&builder(), &place).snapshot.rules.hash, built.snapshot.rules.hash);
}

/// Every way in which a shadow can be wrong: none of them refuses what is in force.
#[tokio::test]
async fn nothing_wrong_with_them_refuses_anything_else() {
    for (name, text, place_told) in [
        ("next/roles/A.json", "{", "next/roles/A.json:1:"),
        ("next/roles/A.json", "{ \"RoleName\": 1 }", "next/roles/A.json:1:"),
        ("next/roles/A.yaml", "", "next/roles/A.yaml:1:1: only files that end in .json"),
        ("next/resources/a.json", "{}", "poolgate.yaml:1:18: aws.account is missing"),
        ("next/organization/a.json", "{}", "poolgate.yaml:1:18: aws.account is missing"),
        ("next/cedar/p.cedar", "permit(principal);", "next/cedar/p.cedar:1:"),
        ("next/cedar/more.txt", "", "next/cedar/more.txt:1:1: is none of"),
    ] {
        let place = place();
        place_with(&place, "next/cedar/s.cedarschema", SCHEMA);
        let good = build(&builder(), &place);
        assert!(good.shadow_problems.is_empty() && good.snapshot.rules.shadow.is_some());
        place_with(&place, name, text);
        let bad = build(&builder(), &place);
        assert!(told(&bad, &place)[0].starts_with(place_told), "{name}: {:?}", told(&bad, &place));
        assert!(bad.snapshot.rules.shadow.is_none(), "{name}");
        // With something wrong with the policies too, both are told.
        place.write("policies/roles/B.json", "{");
        let problems = builder().build(&place.path("poolgate.yaml")).err().unwrap();
        assert!(problems.len() > bad.shadow_problems.len(), "{problems:?}");
    }
}

fn place_with(place: &Place, name: &str, text: &str) {
    fs::create_dir_all(place.path(name).parent().unwrap()).unwrap();
    place.write(name, text);
}

#[tokio::test]
async fn the_last_good_ones_stay() {
    let place = place();
    place_with(&place, "next/cedar/s.cedarschema", SCHEMA);
    place_with(&place, "next/roles/A.json", &role("A"));
    let mut builder = builder();
    let first = build(&builder, &place);
    let last = Arc::clone(first.snapshot.rules.shadow.as_ref().unwrap());
    let hash = first.snapshot.rules.hash.clone();
    builder.applied(first.into_parts().3);

    // The policies in force change, and the shadow breaks.
    place.write("policies/roles/B.json", &role("B"));
    place.write("next/roles/A.json", "{");
    let second = build(&builder, &place);
    assert!(told(&second, &place)[0].starts_with("next/roles/A.json:1:"));
    let rules = &second.snapshot.rules;
    assert!(rules.account.role("arn:aws:iam::123456789012:role/B").is_some());
    assert!(Arc::ptr_eq(rules.shadow.as_ref().unwrap(), &last));
    assert_ne!(rules.hash, hash);
    let with_the_last = rules.hash.clone();
    builder.applied(second.into_parts().3);

    // It stays over further reloads, and the hash is of what decides.
    place.write("next/roles/A.json", "[");
    let third = build(&builder, &place);
    assert!(Arc::ptr_eq(third.snapshot.rules.shadow.as_ref().unwrap(), &last));
    assert_eq!(third.snapshot.rules.hash, with_the_last);
    builder.applied(third.into_parts().3);

    // Not that of another folder, or of policies that mean something else.
    let text = fs::read_to_string(place.path("poolgate.yaml")).unwrap();
    place_with(&place, "other/roles/A.json", "{");
    for other in [
        text.replace("shadow_policies: next", "shadow_policies: other"),
        format!("aws: {{ region: eu-west-1, account: \"999999999999\" }}\n{text}"),
    ] {
        place.write("poolgate.yaml", &other);
        let built = build(&builder, &place);
        assert!(!built.shadow_problems.is_empty() && built.snapshot.rules.shadow.is_none());
    }
    place.write("poolgate.yaml", &text);
    place.write("next/roles/A.json", &role("A"));
    let mended = build(&builder, &place);
    assert!(mended.shadow_problems.is_empty());
    assert!(!Arc::ptr_eq(mended.snapshot.rules.shadow.as_ref().unwrap(), &last));
}

#[tokio::test]
async fn those_that_go_on_changing_are_not_waited_for() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let place = place();
    place_with(&place, "next/cedar/s.cedarschema", SCHEMA);
    // So many that one changes while they are read.
    for number in 0..300 {
        let name = format!("R{number}");
        place_with(&place, &format!("next/roles/{name}.json"), &role(&name));
    }
    let done = AtomicBool::new(false);
    let built = std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in (0_u64..).take_while(|_| !done.load(Ordering::Relaxed)) {
                place.write("draft", &format!("{}{}", role("R1"), " ".repeat(number as usize % 9)));
                fs::rename(place.path("draft"), place.path("next/roles/R1.json")).unwrap();
            }
        });
        let built = builder().build(&place.path("poolgate.yaml"));
        done.store(true, Ordering::Relaxed);
        built
    });
    assert!(built.ok().unwrap().snapshot.rules.shadow.is_some());
}
