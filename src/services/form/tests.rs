use proptest::prelude::*;

use super::*;

#[test]
fn each_name_once_decoded() {
    let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    for (text, expected) in [
        ("", Ok(pairs(&[]))),
        ("a=1&b", Ok(pairs(&[("a", "1"), ("b", "")]))),
        ("&a=%3d+%2B=&", Ok(pairs(&[("a", "= +=")]))),
        ("a=%C3%A9", Ok(pairs(&[("a", "é")]))),
        ("a=1&%61=2", Err(FormError::Repeated)),
        ("a=%", Err(FormError::Encoding)),
        ("a=%4", Err(FormError::Encoding)),
        ("a=%+4", Err(FormError::Encoding)),
        ("a=%FF", Err(FormError::Encoding)),
    ] {
        assert_eq!(form(text), expected, "{text}");
    }
    let many: Vec<String> = (0..=MAX_PARAMETERS).map(|n| format!("n{n}=")).collect();
    assert_eq!(form(&many.join("&")), Err(FormError::TooMany));
    assert!(form(&many[1..].join("&")).is_ok());
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same(name in "\\PC{1,9}", value in "\\PC{0,20}") {
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let text = format!("{}={}", encode(&name), encode(&value));
        prop_assert_eq!(form(&text), Ok(vec![(name, value)]));
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}|[a%+&=0-9F]{0,40}") {
        let _ = form(&text);
    }
}
