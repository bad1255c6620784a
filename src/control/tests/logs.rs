//! Where logs can't be is told before anything is served.

use super::{super::check_files, *};

#[tokio::test]
async fn a_log_needs_a_folder_and_makes_no_file_of_a_check() {
    let place = Place::new();
    fs::create_dir(place.path("logs")).unwrap();
    let problems = |log: &str| -> Vec<String> {
        place.write("poolgate.yaml", &format!("{log}\n{CONFIG}"));
        let settings = builder().build(&place.path("poolgate.yaml")).unwrap().settings;
        let folder = format!("{}/", place.folder.path().display());
        let found = check_files(&settings).err().unwrap_or_default();
        found.iter().map(|problem| problem.to_string().replace(&folder, "")).collect()
    };
    for name in ["decision_log", "access_log"] {
        let log = |path: &str| format!("{name}: {{ sink: file, path: {path} }}");
        let at = format!("poolgate.yaml:1:{}: {name}.path: ", name.len() + 23);
        for (path, told) in [
            ("nodir/d.log", "nodir is not a folder; make it first"),
            ("poolgate.yaml/d.log", "poolgate.yaml is not a folder; make it first"),
            ("logs", "logs is a folder; name a file"),
        ] {
            assert_eq!(problems(&log(path)), [format!("{at}{told}")]);
        }
        assert_eq!(problems(&log("logs/d.log")), [""; 0]);
        assert_eq!(problems(&log("d.log")), [""; 0]);
        assert_eq!(problems(&format!("{name}: {{ sink: stdout }}")), [""; 0]);
    }
    let both = "decision_log: { sink: file, path: no/d }\naccess_log: { sink: file, path: no/a }";
    assert_eq!(problems(both).len(), 2);
    assert!(!place.path("logs/d.log").exists() && !place.path("d.log").exists());
}
