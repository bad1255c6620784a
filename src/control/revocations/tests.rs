//! The file of revocations, and what becomes of the list when it changes.

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use super::*;
use crate::config::load_text;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("revoked.jsonl")
    }

    /// Puts it in the place of what is there, at once.
    fn put(&self, text: &str) {
        let draft = self.folder.path().join("draft");
        fs::write(&draft, text).unwrap();
        fs::rename(draft, self.file()).unwrap();
    }

    fn settings(&self, name: &str) -> Settings {
        let text = format!(
            "listen: {{ proxy: {{ address: \"127.0.0.1:8080\" }} }}\ntoken: {{ revocations: {name} }}\nroutes: [{{ name: a, service: execute-api, engines: {{ iam: off }}, upstream: {{ url: \"http://127.0.0.1:1\" }} }}]\n"
        );
        let path = self.folder.path().join("poolgate.yaml");
        load_text(&path, &text, &|_| None).ok().unwrap().0
    }

    fn arranged(&self, known: Option<&Arc<Revocations>>) -> Result<Arc<Revocations>, Vec<String>> {
        let mut problems = Vec::new();
        let arranged = arrange(&self.settings("revoked.jsonl"), known, &mut problems);
        let shown = problems.iter().map(ToString::to_string).collect::<Vec<_>>();
        arranged.filter(|_| problems.is_empty()).ok_or(shown)
    }
}

fn tokens(list: &Revocations) -> usize {
    list.list().counts()[0].1
}

const ONE: &str = "{\"jti\": \"a\"}\n";
const TWO: &str = "{\"jti\": \"a\"}\n{\"jti\": \"b\"}\n";

#[test]
fn without_the_setting_there_is_no_list() {
    let place = Place::new();
    let mut problems = Vec::new();
    assert!(arrange(&place.settings("null"), None, &mut problems).is_none());
    assert!(problems.is_empty());
}

#[test]
fn what_is_wrong_at_the_start_is_told_where_it_is() {
    let place = Place::new();
    let missing = place.arranged(None).unwrap_err();
    assert_eq!(missing.len(), 1);
    assert!(missing[0].contains("poolgate.yaml:2:23: "), "{}", missing[0]);
    assert!(missing[0].contains("token.revocations: can't read"), "{}", missing[0]);

    place.put(&format!("{ONE}\n{{\"sub\": \"a\"}}\n{{\"jti\": 1}}\n"));
    let wrong = place.arranged(None).unwrap_err();
    assert_eq!(wrong.len(), 2);
    assert!(wrong[0].contains("revoked.jsonl:3:1: needs `before`"), "{}", wrong[0]);
    assert!(wrong[1].contains("revoked.jsonl:4:9: invalid type"), "{}", wrong[1]);

    fs::write(place.file(), b"\xff").unwrap();
    assert!(place.arranged(None).unwrap_err()[0].contains("not UTF-8"));
    fs::remove_file(place.file()).unwrap();
    fs::create_dir(place.file()).unwrap();
    assert!(place.arranged(None).unwrap_err()[0].contains("not a regular file"));
}

#[test]
fn a_reload_keeps_the_list_in_force_whatever_its_file_says() {
    let place = Place::new();
    place.put(ONE);
    let list = place.arranged(None).unwrap();
    place.put("nonsense");
    let kept = place.arranged(Some(&list)).unwrap();
    assert!(Arc::ptr_eq(&list, &kept));
    // That of another file is none of it.
    let mut problems = Vec::new();
    assert!(arrange(&place.settings("other"), Some(&list), &mut problems).is_none());
    assert_eq!(problems.len(), 1);
}

#[test]
fn every_look_takes_up_what_changed_and_keeps_the_last_good_list() {
    let place = Place::new();
    place.put(ONE);
    let list = place.arranged(None).unwrap();
    let mut seen = look(&list, None);
    assert_eq!((tokens(&list), seen.refused), (1, None));
    place.put(TWO);
    seen = look(&list, Some(seen));
    assert_eq!((tokens(&list), list.is_refused()), (2, false));

    place.put("{\"jti\": ");
    let confirmed = list.confirmed();
    for looks in 0..12 {
        seen = look(&list, Some(seen));
        assert_eq!(seen.refused, Some(looks));
        assert_eq!((tokens(&list), list.is_refused()), (2, true));
        assert_eq!(list.confirmed(), confirmed);
    }
    place.put(ONE);
    seen = look(&list, Some(seen));
    assert_eq!((tokens(&list), list.is_refused(), seen.refused), (1, false, None));

    fs::remove_file(place.file()).unwrap();
    seen = look(&list, Some(seen));
    assert_eq!((tokens(&list), list.is_refused()), (1, true));
    place.put("");
    look(&list, Some(seen));
    assert_eq!((tokens(&list), list.is_refused()), (0, false));
}

#[test]
fn a_file_that_lasts_confirms_the_list() {
    let place = Place::new();
    place.put(ONE);
    let list = place.arranged(None).unwrap();
    let seen = look(&list, None);
    let first = list.confirmed();
    std::thread::sleep(Duration::from_millis(5));
    look(&list, Some(seen));
    assert!(list.confirmed() > first);
}

#[test]
fn a_list_has_a_size() {
    let place = Place::new();
    let line = format!("{{\"jti\": \"a\", \"note\": \"{}\"}}\n", "x".repeat(1 << 20));
    place.put(&line.repeat(15));
    assert!(place.arranged(None).is_ok());
    place.put(&line.repeat(16));
    assert!(place.arranged(None).unwrap_err()[0].contains("bytes are more than"));
}
