use percent_encoding::percent_decode_str;
use proptest::prelude::*;

use super::{identity_list, identity_value};

#[test]
fn encodes_what_could_break_a_list() {
    assert_eq!(identity_value("arn:aws:iam::1:role/a@b"), "arn:aws:iam::1:role/a@b");
    assert_eq!(identity_value("a,b%2C c\r\nx: y"), "a%2Cb%252C%20c%0D%0Ax:%20y");
    assert_eq!(identity_value("Zoë"), "Zo%C3%AB");
    assert_eq!(identity_list(["a,b", "c"]), "a%2Cb,c");
    assert_eq!(identity_list([]), "");
}

proptest! {
    /// The short way writes what the long one does.
    #[test]
    fn a_name_is_written_the_same_alone_and_in_a_list(name in any::<String>()) {
        let alone = identity_value(&name);
        let list = identity_list([name.as_str(), ""]);
        prop_assert_eq!(alone.to_str().unwrap(), list.to_str().unwrap().strip_suffix(',').unwrap());
    }


    #[test]
    fn lists_split_back_into_their_items(items in prop::collection::vec(any::<String>(), 1..5)) {
        let list = identity_list(items.iter().map(String::as_str));
        let back: Vec<_> = list
            .to_str()
            .unwrap()
            .split(',')
            .map(|item| percent_decode_str(item).decode_utf8().unwrap().into_owned())
            .collect();
        prop_assert_eq!(back, items);
    }
}
