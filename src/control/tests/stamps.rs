//! What tells one state of files from another, where links are replaced.

use std::os::unix::fs::{MetadataExt, symlink};

use super::{super::stamps::Stamp, *};
use crate::clock;

/// As Kubernetes swaps a mounted volume: while files are read, it may have been another for a moment.
#[test]
fn a_link_that_is_put_back_is_another() {
    let place = Place::new();
    for name in ["one", "two"] {
        fs::create_dir(place.path(name)).unwrap();
        place.write(&format!("{name}/a.json"), name);
    }
    let point = |name: &str| {
        symlink(name, place.path("draft")).unwrap();
        fs::rename(place.path("draft"), place.path("data")).unwrap();
    };
    point("one");
    symlink("data/a.json", place.path("a.json")).unwrap();
    symlink("a.json", place.path("b.json")).unwrap();
    let stamps = || ["data/a.json", "a.json", "b.json"].map(|name| Stamp::of(&place.path(name)));
    let before = stamps();
    assert_eq!(stamps(), before);
    // The clock of changes may stand still for that long.
    std::thread::sleep(Duration::from_millis(20));
    point("two");
    point("one");
    for (now, before) in stamps().iter().zip(&before) {
        assert_ne!(now, before);
    }
    // One that leads nowhere, and one that leads to itself.
    symlink("round", place.path("round")).unwrap();
    symlink("none", place.path("lost")).unwrap();
    for name in ["round", "lost", "none"] {
        assert_eq!(Stamp::of(&place.path(name)), Stamp::of(&place.path(name)));
    }
}

/// Two changes within one tick of that clock look like one.
#[tokio::test]
async fn what_has_just_changed_is_read_again() {
    let place = Place::new();
    let file = place.path("poolgate.yaml");
    place.write("poolgate.yaml", CONFIG);
    let changed = clock::now();
    let built = builder().build(&file).unwrap();
    // By the clock of changes, which is behind by up to a tick.
    let stamped = fs::metadata(&file).unwrap();
    let stamped = stamped.ctime() * 1000 + stamped.ctime_nsec() / 1_000_000;
    assert!(clock::now().millis() - stamped > 12, "it was not read again");
    let stamps = place.stamps(&built.settings);
    assert!(stamps.may_be_racy(changed));
    assert!(!stamps.may_be_racy(changed.plus_secs(1)));
    assert!(!stamps.may_be_racy(clock::Time::default()));
}
