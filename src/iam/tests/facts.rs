//! The three states of a context key.

use super::*;

#[test]
fn below_a_prefix_every_key_that_is_not_set_is_unknown() {
    let mut facts = Facts::new();
    facts.one("s3:ExistingObjectTag/Team", "red");
    facts.unknown_below("s3:existingobjecttag/");
    assert_eq!(facts.lookup("s3:existingobjecttag/team"), Lookup::One("red".into()));
    assert_eq!(facts.lookup("s3:existingobjecttag/other"), Lookup::Unknown);
    assert_eq!(facts.lookup("s3:existingobjecttag/"), Lookup::Unknown);
    assert_eq!(facts.lookup("s3:existingobjecttag"), Lookup::Absent);
    assert_eq!(facts.lookup("s3:buckettag/team"), Lookup::Absent);
    assert_eq!(facts.iter().count(), 1);
    // Unknown is found: a context that is asked later doesn't fill it in.
    let mut later = Facts::new();
    later.one("s3:existingobjecttag/other", "blue");
    assert_eq!(Both(&facts, &later).lookup("s3:existingobjecttag/other"), Lookup::Unknown);
}
