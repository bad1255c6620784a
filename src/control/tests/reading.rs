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
