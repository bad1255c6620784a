//! What is wrong with a file that can't be read is told where it is.

use super::*;

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
