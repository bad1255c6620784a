use super::*;

const BUCKET: &str = "arn:aws:s3:::demo";

fn arn(text: &str) -> Arn {
    Arn::parse(text).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_policy_is_written_replaced_and_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("resources");
    let undo = put(&folder, None, &arn(BUCKET), "{ \"a\" :1}").unwrap();
    let file = folder.join("s3-demo.json");
    let first = fs::read_to_string(&file).unwrap();
    assert_eq!(first, format!("{{ \"Resource\": \"{BUCKET}\", \"Policy\": {{ \"a\" :1}} }}\n"));
    let known = StoredPolicy { file: file.clone(), text: "{ \"a\" :1}".into() };
    // What a crash left behind is taken for the next change, never through a link.
    std::os::unix::fs::symlink("/nowhere/at/all", folder.join(ASIDE)).unwrap();
    let second = put(&folder, Some(&known), &arn(BUCKET), "{\"b\":2}").unwrap();
    assert!(fs::read_to_string(&file).unwrap().contains("\"b\":2"));
    assert_eq!(names(&folder), ["s3-demo.json"]);
    second.undo().unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), first);
    let deleted = delete(&known, &arn(BUCKET)).unwrap().unwrap();
    assert!(names(&folder).is_empty());
    deleted.undo().unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), first);
    undo.undo().unwrap();
    assert!(names(&folder).is_empty());
}

#[test]
fn a_file_of_another_name_is_the_one_replaced_and_one_of_another_resource_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.json");
    fs::write(&file, format!("{{\"Resource\":\"{BUCKET}\",\"Policy\":{{}}}}")).unwrap();
    let known = StoredPolicy { file: file.clone(), text: "{}".into() };
    put(folder.path(), Some(&known), &arn(BUCKET), "{\"b\":2}").unwrap();
    assert_eq!(names(folder.path()), ["mine.json"]);
    // Somebody has made it another's meanwhile.
    let others = "{\"Resource\":\"arn:aws:s3:::other\",\"Policy\":{}}";
    fs::write(&file, others).unwrap();
    assert!(delete(&known, &arn(BUCKET)).unwrap().is_none());
    put(folder.path(), Some(&known), &arn(BUCKET), "{\"c\":3}").unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), others);
    assert_eq!(names(folder.path()), ["mine.json", "s3-demo.json"]);
}

#[test]
fn no_resource_names_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(400);
    for resource in [
        "arn:aws:s3:::../../etc/passwd",
        "arn:aws:s3:::..",
        "arn:aws:s3:::.hidden",
        "arn:aws:dynamodb:us-east-1:000000000000:table/../../a",
        "arn:aws:dynamodb:us-east-1:000000000000:table/demo/stream/2026-01-01T00:00:00.000",
        &format!("arn:aws:s3:::{long}"),
    ] {
        let path = unused(folder.path(), &arn(resource)).unwrap();
        assert_eq!(path.parent(), Some(folder.path()), "{resource}");
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.len() < 200 && !name.starts_with('.') && name.ends_with(".json"), "{name}");
    }
    fs::write(folder.path().join("s3-demo.json"), "").unwrap();
    let other = unused(folder.path(), &arn(BUCKET)).unwrap();
    assert!(other.to_str().unwrap().contains("/s3-demo-"), "{other:?}");
    fs::write(&other, "").unwrap();
    let error = unused(folder.path(), &arn(BUCKET)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
}

#[test]
fn a_document_is_told_as_it_is_written() {
    for (written, told) in [
        ("{ \"a\" : 1 }", Some("{ \"a\" : 1 }")),
        ("\"{\\\"a\\\":1}\"", Some("{\"a\":1}")),
        ("\"%7B%22a%22%3A1%7D\"", Some("{\"a\":1}")),
        ("\"%FF\"", None),
    ] {
        let text = format!("{{\"Resource\":\"{BUCKET}\",\"Policy\":{written}}}");
        let file: ResourceFile = serde_json::from_str(&text).unwrap();
        assert_eq!(file.document().as_deref(), told, "{written}");
    }
}
