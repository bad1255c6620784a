use proptest::prelude::*;

use super::*;

#[test]
fn anything_but_one_whole_grant_is_refused() {
    let grant = Grant {
        pool: Some("p".to_owned()),
        identity: None,
        role_arn: "a".repeat(300),
        role_id: "i".to_owned(),
        session_name: "s".to_owned(),
        facts: Facts::new(),
        session_policies: vec![SessionPolicy::GuestScopeDown],
        token: GrantToken::default(),
        issued: Time::from_secs(-1),
        expires: Time::from_secs(1),
    };
    let bytes = encode(&grant);
    assert_eq!(decode(&bytes), Some(grant));
    for length in 0..bytes.len() {
        assert_eq!(decode(&bytes[..length]), None, "{length}");
    }
    assert_eq!(decode(&[bytes.as_slice(), &[0]].concat()), None);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
    }
}
