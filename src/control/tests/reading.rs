//! What is wrong with a file that can't be read is told where it is.

use super::{super::check_files, shadow::role, *};

fn refused(place: &Place) -> Vec<String> {
    let folder = format!("{}/", place.folder.path().display());
    let problems = builder().build(&place.path("poolgate.yaml")).err().unwrap();
    problems.iter().map(|problem| problem.to_string().replace(&folder, "")).collect()
}

#[tokio::test]
async fn at_the_file_and_the_character() {
    for (name, bytes, told) in [
        ("policies/roles/a.json", &b"{\n  \"\xff"[..], "policies/roles/a.json:2:4: not UTF-8"),
        (
            "policies/roles/a.json",
            b"\xef\xbb\xbf{}",
            "policies/roles/a.json:1:1: it begins with a byte order mark: save it",
        ),
        ("policies/roles/a.jsn", b"{}", "policies/roles/a.jsn:1:1: only files that end in .json"),
        ("policies/cedar/a.cedar", b"// \xe4", "policies/cedar/a.cedar:1:4: not UTF-8"),
        ("policies/identity-pools/a.json", b"\xff\xfe{", "policies/identity-pools/a.json:1:1: not"),
    ] {
        let place = Place::new();
        fs::create_dir_all(place.path(name).parent().unwrap()).unwrap();
        fs::write(place.path(name), bytes).unwrap();
        let found = refused(&place);
        assert!(found[0].starts_with(told), "{name}: {found:?}");
        assert_eq!(found.len(), 1, "{found:?}");
    }
}

#[tokio::test]
async fn where_the_configuration_names_what_is_not_there() {
    let place = Place::new();
    let pool = "user_pools: [{ id: eu-west-1_Ab, clients: [c], groups: none.json }]\n";
    place.write("poolgate.yaml", &format!("{pool}{CONFIG}"));
    let found = refused(&place);
    assert!(found[0].starts_with("poolgate.yaml:1:56: can't read none.json: No such"), "{found:?}");
}

#[tokio::test]
async fn a_named_folder_of_policies_that_is_none_is_told() {
    let place = Place::new();
    let warned = || -> Vec<String> {
        let folder = format!("{}/", place.folder.path().display());
        let built = builder().build(&place.path("poolgate.yaml")).ok().unwrap();
        let warnings = built.warnings.iter().map(|w| w.to_string().replace(&folder, ""));
        warnings.filter(|warning| warning.contains("not a folder")).collect()
    };
    fs::remove_dir_all(place.path("policies")).unwrap();
    assert_eq!(warned(), [""; 0], "nothing names it");
    for name in ["nothere", "policies"] {
        place.write("poolgate.yaml", &format!("policies: {name}\n{CONFIG}"));
        let told = "is not a folder: there are no policies";
        assert_eq!(warned(), [format!("poolgate.yaml:1:11: warning: {name} {told}")]);
    }
    fs::create_dir(place.path("policies")).unwrap();
    assert_eq!(warned(), [""; 0]);
}

#[tokio::test]
async fn a_key_file_has_to_have_a_key() {
    let place = Place::new();
    let pool = "user_pools: [{ id: eu-west-1_Ab, clients: [c], jwks: file:keys.json }]\n";
    let provider =
        "oidc_providers: [{ issuer: \"https://a\", audiences: [b], jwks: file:keys.json }]\n";
    for (text, at) in [
        (pool, "poolgate.yaml:1:54: user_pools[0].jwks: "),
        (provider, "poolgate.yaml:1:63: oidc_providers[0].jwks: "),
    ] {
        let _ = fs::remove_file(place.path("keys.json"));
        place.write("poolgate.yaml", &format!("{text}{CONFIG}"));
        let found = || {
            // What a reload and tests of policies go by: keys that are in use outlive their file.
            let built = builder().build(&place.path("poolgate.yaml")).unwrap();
            let folder = format!("{}/", place.folder.path().display());
            let found = check_files(&built.settings).err().unwrap_or_default();
            found.iter().map(|p| p.to_string().replace(&folder, "")).collect::<Vec<_>>()
        };
        let told = |message: &str| {
            let found = found();
            assert!(found[0].starts_with(&format!("{at}{message}")), "{message}: {found:?}");
            assert_eq!(found.len(), 1, "{found:?}");
        };
        told("can't read keys.json: No such file");
        for wrong in ["", "{", "[]", "{}"] {
            place.write("keys.json", wrong);
            told("keys.json: the document is not a JWK Set");
        }
        place.write("keys.json", r#"{ "keys": [{ "kty": "oct", "kid": "k", "k": "AAAA" }] }"#);
        told("keys.json: the key document has no usable key");
        place.write("keys.json", &pool_jwks());
        assert_eq!(found(), [""; 0]);
        fs::remove_file(place.path("keys.json")).unwrap();
        fs::create_dir(place.path("keys.json")).unwrap();
        told("can't read keys.json: it is not a regular file");
        fs::remove_dir(place.path("keys.json")).unwrap();
    }
}

#[tokio::test]
async fn roles_that_no_file_has_are_told() {
    let place = Place::new();
    let arn = |name: &str| format!("arn:aws:iam::123456789012:role/{name}");
    let group = |name: &str, role: &str| {
        format!(r#"{{ "GroupName": "{name}", "RoleArn": "{}" }}"#, arn(role))
    };
    let groups = [group("a", "A"), group("b", "B"), group("c", "B")].join(",");
    place.write("policies/roles/A.json", &role("A"));
    place.write("groups.json", &format!(r#"{{ "Groups": [{groups}] }}"#));
    let pool = "user_pools: [{ id: eu-west-1_Ab, clients: [c], groups: groups.json }]\n";
    place.write("poolgate.yaml", &format!("{pool}{CONFIG}"));
    let told = || -> Vec<String> {
        let folder = format!("{}/", place.folder.path().display());
        let built = builder().build(&place.path("poolgate.yaml")).ok().unwrap();
        let warnings = built.warnings.iter().map(|w| w.to_string().replace(&folder, ""));
        warnings.filter(|warning| warning.contains("role/")).collect()
    };
    let expected = format!(
        "poolgate.yaml:1:56: warning: a group of user pool eu-west-1_Ab has the role {}, which no file has",
        arn("B")
    );
    assert_eq!(told(), [expected]);
    place.write("policies/roles/B.json", &role("B"));
    assert_eq!(told(), [""; 0]);
}

#[tokio::test]
async fn folders_that_nobody_reads_are_told() {
    let place = Place::new();
    let warned = || -> Vec<String> {
        let folder = format!("{}/", place.folder.path().display());
        let built = builder().build(&place.path("poolgate.yaml")).ok().unwrap();
        let warnings = built.warnings.iter().map(|w| w.to_string().replace(&folder, ""));
        warnings.filter(|warning| warning.contains("no such folder")).collect()
    };
    for name in ["organisation/scp", "resource", "tests", "notes", "empty", ".hidden", "groups"] {
        fs::create_dir_all(place.path("policies").join(name)).unwrap();
    }
    place.write("policies/organisation/scp/a.json", "{}");
    place.write("policies/resource/a.json", "{}");
    place.write("policies/tests/a.json", "{}");
    place.write("policies/notes/a.md", "");
    place.write("policies/.hidden/a.json", "{}");
    // The configuration names it.
    place.write("policies/groups/a.json", r#"{ "Groups": [] }"#);
    let pool = "user_pools: [{ id: eu-west-1_Ab, clients: [c], groups: policies/groups/a.json }]\n";
    place.write("poolgate.yaml", &format!("{pool}{CONFIG}"));
    assert_eq!(
        warned(),
        [
            "policies/organisation:1:1: warning: no such folder is read, its policies decide nothing; did you mean `organization`?",
            "policies/resource:1:1: warning: no such folder is read, its policies decide nothing; did you mean `resources`?",
        ]
    );
    // A shadow's too.
    fs::create_dir_all(place.path("policies/next/role")).unwrap();
    place.write("policies/next/role/a.json", "{}");
    place.write("poolgate.yaml", &format!("shadow_policies: policies/next\n{pool}{CONFIG}"));
    assert_eq!(warned().len(), 3);
    assert!(warned()[2].starts_with("policies/next/role:1:1: "), "{:?}", warned());
}
