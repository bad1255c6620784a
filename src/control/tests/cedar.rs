//! Cedar's files, from the folder to the rules.

use super::*;

pub(super) const SCHEMA: &str = r#"entity UserGroup; entity User in [UserGroup] = { email?: String }; entity Application;
action "get /x" appliesTo { principal: [User], resource: [Application] };
"#;

pub(super) fn asking(engines: &str) -> String {
    CONFIG
        .replace("engines: { iam: off }", &format!("engines: {{ {engines} }}"))
        .replace("    authenticate: none\n", "")
}

pub(super) fn with_policies(engines: &str) -> Place {
    let place = Place::new();
    place.write("poolgate.yaml", &asking(engines));
    fs::create_dir(place.path("policies/cedar")).unwrap();
    place.write("policies/cedar/shop.cedarschema", SCHEMA);
    place.write("policies/cedar/shop.cedar", "permit(principal, action, resource);\n");
    place
}

fn problems(place: &Place) -> Vec<String> {
    let problems = builder().build(&place.path("poolgate.yaml")).err().unwrap();
    let folder = format!("{}/", place.folder.path().display());
    problems.iter().map(|p| p.to_string().replace(&folder, "")).collect()
}

#[tokio::test]
async fn policies_are_loaded_and_watched() {
    let place = with_policies("iam: off, cedar: enforce");
    let (settings, built, warnings, _) =
        builder().build(&place.path("poolgate.yaml")).unwrap().into_parts();
    assert!(built.rules.cedar.is_some() && built.rules.shadow.is_none());
    assert!(!warnings.iter().any(|w| w.to_string().contains("edar")), "{warnings:?}");
    let before = place.stamps(&settings);
    place.write("policies/cedar/more.cedar", "forbid(principal, action, resource);");
    assert_ne!(place.stamps(&settings), before, "a reload would not see it");
    let again = builder().build(&place.path("poolgate.yaml")).unwrap();
    assert_ne!(again.snapshot.rules.hash, built.rules.hash);
}

#[tokio::test]
async fn problems_are_at_their_places() {
    let place = with_policies("iam: off, cedar: enforce");
    place.write(
        "policies/cedar/shop.cedar",
        "permit(principal, action, resource)\nwhen { principal.nmae == \"x\" };\n",
    );
    place.write("policies/cedar/deny.txt", "forbid(principal, action, resource);");
    place.write("policies/cedar/entities.json", "[\n  { \"uid\": { \"type\": \"User\", \"id\": \"a\" }, \"attrs\": {}, \"parents\": [] }\n]");
    let found = problems(&place);
    let has = |text: &str| assert!(found.iter().any(|p| p.starts_with(text)), "{text}: {found:#?}");
    has("policies/cedar/shop.cedar:2:8: for policy `shop[0]`, attribute `nmae`");
    has("policies/cedar/deny.txt:1:1: is none of *.cedar");
    has("policies/cedar/entities.json:2:3: callers come from tokens");
}

#[tokio::test]
async fn who_asks_cedar_needs_policies_and_the_other_way_round() {
    let place = Place::new();
    place.write("poolgate.yaml", &asking("iam: off, cedar: shadow"));
    assert!(
        problems(&place)[0].contains("route `open` asks Cedar, and policies/cedar has no policies")
    );
    let place = with_policies("iam: off");
    let built = builder().build(&place.path("poolgate.yaml")).unwrap();
    let told: Vec<String> = built.warnings.iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|w| w.contains("no route asks Cedar")), "{told:?}");
}

#[tokio::test]
async fn a_policy_store_is_asked_and_needs_policies() {
    let aws = "aws: { region: eu-west-1, account: \"123456789012\" }";
    let store = format!("cedar: {{ policy_store: PSexample }}\n{aws}\n{}", asking("iam: off"));
    let place = with_policies("iam: off");
    place.write("poolgate.yaml", &store);
    let built = builder().build(&place.path("poolgate.yaml")).unwrap();
    assert_eq!(built.snapshot.rules.policy_store.as_deref(), Some("PSexample"));
    let told: Vec<String> = built.warnings.iter().map(ToString::to_string).collect();
    assert!(!told.iter().any(|w| w.contains("no route asks Cedar")), "{told:?}");
    let place = Place::new();
    place.write("poolgate.yaml", &store);
    assert!(problems(&place)[0].contains("policies/cedar has no policies for the store"));
}

#[tokio::test]
async fn the_types_are_named_as_the_configuration_says() {
    let place = with_policies("iam: off, cedar: enforce");
    let config = asking("iam: off, cedar: enforce");
    place.write("poolgate.yaml", &format!("cedar: {{ namespace: App }}\n{config}"));
    assert!(problems(&place)[0].contains("no action of the type App::Action"));
    let schema = format!("namespace App {{ {SCHEMA} }}");
    place.write("policies/cedar/shop.cedarschema", &schema);
    assert!(builder().build(&place.path("poolgate.yaml")).is_ok());
}
