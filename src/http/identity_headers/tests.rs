use percent_encoding::percent_decode_str;
use proptest::prelude::*;

use super::{IdentityHeaders, list, written};

#[test]
fn encodes_what_could_break_a_list() {
    assert_eq!(written("arn:aws:iam::1:role/a@b"), "arn:aws:iam::1:role/a@b");
    assert_eq!(written("a,b%2C c\r\nx: y"), "a%2Cb%252C%20c%0D%0Ax:%20y");
    assert_eq!(written("Zoë"), "Zo%C3%AB");
    assert_eq!(list(&["a,b", "c"]), "a%2Cb,c");
    assert_eq!(list(&[]), "");
}

#[test]
fn all_are_there_and_each_has_its_own() {
    let told = |headers: &IdentityHeaders| {
        headers.pairs().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
    };
    let headers =
        IdentityHeaders::new(Some("me"), None, Some("arn:aws:iam::1:role/r"), &["a", "b,c"]);
    assert_eq!(
        told(&headers),
        [
            "x-poolgate-subject: me",
            "x-poolgate-identity: ",
            "x-poolgate-role: arn:aws:iam::1:role/r",
            "x-poolgate-groups: a,b%2Cc",
        ]
    );
    assert!(told(&IdentityHeaders::default()).iter().all(|line| line.ends_with(": ")));
    assert_eq!(
        told(&IdentityHeaders::new(None, None, None, &[])),
        told(&IdentityHeaders::default())
    );
}

proptest! {
    #[test]
    fn lists_split_back_into_their_items(items in prop::collection::vec(any::<String>(), 1..5)) {
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        let list = list(&items);
        let back: Vec<_> = list
            .split(',')
            .map(|item| percent_decode_str(item).decode_utf8().unwrap().into_owned())
            .collect();
        prop_assert_eq!(back, items);
    }
}
