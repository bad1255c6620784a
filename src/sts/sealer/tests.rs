use proptest::prelude::*;

use super::super::grant::{GrantToken, SessionPolicy};
use super::*;
use crate::iam::{Fact, Facts};

const NOW: Time = Time::from_secs(1_800_000_000);

fn key(id: &str, byte: u8) -> SealingKey {
    SealingKey { id: id.to_owned(), bytes: [byte; 32] }
}

fn sealer(keys: &[(&str, u8)]) -> Sealer {
    Sealer::new(&keys.iter().map(|(id, byte)| key(id, *byte)).collect::<Vec<_>>()).unwrap()
}

fn grant() -> Grant {
    let mut facts = Facts::new();
    facts.one("cognito-identity.amazonaws.com:sub", "eu-west-1:7c5b");
    facts.set("aws:principaltag/list", Fact::Unknown);
    Grant {
        pool: Some("eu-west-1:7c5b0000-0000-4000-8000-000000000000".to_owned()),
        identity: Some("eu-west-1:7c5b".to_owned()),
        role_arn: "arn:aws:iam::123456789012:role/Reader".to_owned(),
        role_id: "AROAEXAMPLE".to_owned(),
        session_name: "CognitoIdentityCredentials".to_owned(),
        facts,
        session_policies: Vec::new(),
        token: GrantToken { jti: Some("j".to_owned()), ..GrantToken::default() },
        issued: NOW,
        expires: NOW.plus_secs(3600),
    }
}

#[test]
fn credentials_look_like_those_of_aws() {
    let credentials = sealer(&[("k1", 1)]).seal(&grant()).unwrap();
    let id = &credentials.access_key_id;
    assert!(id.len() == 20 && id.starts_with("ASIA") && is_id(id), "{id}");
    let secret = credentials.secret_access_key.expose();
    assert!(secret.len() == 40 && STANDARD.decode(secret).is_ok());
    assert_eq!(credentials.expires, NOW.plus_secs(3600));
    let again = sealer(&[("k1", 1)]).seal(&grant()).unwrap();
    assert_ne!(&again.access_key_id, id);
    assert_ne!(again.secret_access_key.expose(), secret);
    assert_ne!(again.session_token, credentials.session_token);
}

#[test]
fn every_key_opens_what_it_sealed_wherever_it_stands() {
    let (old, new) = (("k1", 1), ("k2", 2));
    let sealed = sealer(&[old]).seal(&grant()).unwrap();
    let open = |sealer: &Sealer| sealer.open(&sealed.access_key_id, &sealed.session_token, NOW);
    for keys in [&[old][..], &[old, new], &[new, old]] {
        let opened = open(&sealer(keys)).unwrap();
        assert_eq!((&opened.grant, &opened.secret), (&grant(), &sealed.secret_access_key));
    }
    // Retired, of the same bytes under another id, of other bytes under the same id.
    for keys in [&[new][..], &[("k3", 1)], &[("k1", 3)]] {
        assert_eq!(open(&sealer(keys)).unwrap_err(), StsError::InvalidToken, "{keys:?}");
    }
    let by_new = sealer(&[new, old]).seal(&grant()).unwrap();
    let opened = sealer(&[old]).open(&by_new.access_key_id, &by_new.session_token, NOW);
    assert_eq!(opened.unwrap_err(), StsError::InvalidToken, "the first key seals");
}

#[test]
fn credentials_end_at_the_second_they_say() {
    let sealer = sealer(&[("k1", 1)]);
    let sealed = sealer.seal(&grant()).unwrap();
    let at = |now| sealer.open(&sealed.access_key_id, &sealed.session_token, now).map(|_| ());
    assert_eq!(at(Time::from_millis(sealed.expires.millis() - 1)), Ok(()));
    assert_eq!(at(sealed.expires), Err(StsError::Expired));
    // Expiry is told of what was proven only.
    let other = sealer.open("ASIAAAAAAAAAAAAAAAAA", &sealed.session_token, sealed.expires);
    assert_eq!(other.unwrap_err(), StsError::InvalidToken);
}

#[test]
fn halves_of_two_pairs_never_fit() {
    let sealer = sealer(&[("k1", 1)]);
    let (one, two) = (sealer.seal(&grant()).unwrap(), sealer.seal(&grant()).unwrap());
    for id in [two.access_key_id.as_str(), "", "AKIAIOSFODNN7EXAMPLE", "asiaaaaaaaaaaaaaaaaa"] {
        let opened = sealer.open(id, &one.session_token, NOW);
        assert_eq!(opened.unwrap_err(), StsError::InvalidToken, "{id}");
    }
}

#[test]
fn what_would_be_too_long_is_not_sealed() {
    let mut large = grant();
    large.session_policies = vec![SessionPolicy::Document("x".repeat(2048))];
    let sealed = sealer(&[("k1", 1)]).seal(&large).unwrap();
    assert!(sealed.session_token.len() <= MAX_SESSION_TOKEN_BYTES);
    for length in [3000, 4096, 10_000_000] {
        large.session_policies = vec![SessionPolicy::Document("x".repeat(length))];
        let refused = sealer(&[("k1", 1)]).seal(&large).unwrap_err();
        assert_eq!(refused, StsError::PackedPolicyTooLarge, "{length}");
    }
}

#[test]
fn keys_have_ids_of_their_own() {
    let long = "k".repeat(33);
    for ids in [&[][..], &[""], &["a b"], &["é"], &[long.as_str()], &["k1", "k2", "k1"]] {
        let keys: Vec<SealingKey> = ids.iter().map(|id| key(id, 1)).collect();
        assert_eq!(Sealer::new(&keys).unwrap_err(), StsError::Keys, "{ids:?}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let sealer = sealer(&[("k1", 0x41)]);
    let sealed = sealer.seal(&grant()).unwrap();
    let opened = sealer.open(&sealed.access_key_id, &sealed.session_token, NOW).unwrap();
    let shown = format!("{sealer:?} {sealed:?} {opened:?} {:?}", key("k1", 0x41));
    assert!(!shown.contains(sealed.secret_access_key.expose()), "{shown}");
    assert!(!shown.contains(&sealed.session_token) && !shown.contains("65, 65"), "{shown}");
}

/// Any grant of a size that fits.
fn grants() -> impl Strategy<Value = Grant> {
    let text = || "\\PC{0,12}";
    let option = || prop::option::of("\\PC{0,12}");
    let fact = prop_oneof![
        Just(Fact::Unknown),
        text().prop_map(Fact::One),
        prop::collection::vec("\\PC{0,6}", 0..4).prop_map(Fact::Many),
    ];
    let facts = prop::collection::vec(("[a-z:/]{1,12}", fact), 0..6).prop_map(|list| {
        let mut facts = Facts::new();
        list.into_iter().for_each(|(key, fact)| facts.set(key, fact));
        facts
    });
    let policy = prop_oneof![
        Just(SessionPolicy::GuestScopeDown),
        "\\PC{0,200}".prop_map(SessionPolicy::Document),
    ];
    let token = (option(), option(), option(), option(), prop::option::of(0i64..2_000_000_000))
        .prop_map(|(issuer, subject, jti, origin_jti, issued)| {
            let issued = issued.map(Time::from_secs);
            GrantToken { issuer, subject, jti, origin_jti, issued }
        });
    let names = (option(), option(), text(), text(), text());
    let times = (-10i64..2_000_000_000, 1i64..50_000);
    (names, facts, prop::collection::vec(policy, 0..3), token, times).prop_map(
        |(names, facts, session_policies, token, (issued, lasts))| {
            let (pool, identity, role_arn, role_id, session_name) = names;
            let (issued, expires) = (Time::from_secs(issued), Time::from_secs(issued + lasts));
            Grant {
                pool,
                identity,
                role_arn,
                role_id,
                session_name,
                facts,
                session_policies,
                token,
                issued,
                expires,
            }
        },
    )
}

proptest! {
    #[test]
    fn what_is_sealed_opens_to_the_same(grant in grants(), ids in prop::collection::hash_set("[a-z]{1,4}", 2), swap: bool) {
        let mut keys: Vec<SealingKey> =
            ids.iter().zip(1..).map(|(id, byte)| key(id, byte)).collect();
        let sealed = Sealer::new(&keys).unwrap().seal(&grant).unwrap();
        if swap {
            keys.reverse();
        }
        let opened = Sealer::new(&keys).unwrap().open(&sealed.access_key_id, &sealed.session_token, grant.issued).unwrap();
        prop_assert_eq!(opened.grant, grant);
        prop_assert_eq!(opened.secret, sealed.secret_access_key);
    }

    #[test]
    fn a_flipped_bit_is_refused(grant in grants(), at: prop::sample::Index, bit in 0u8..8) {
        let sealer = sealer(&[("k1", 1), ("k0", 1), ("j1", 1)]);
        let sealed = sealer.seal(&grant).unwrap();
        let mut bytes = STANDARD.decode(&sealed.session_token).unwrap();
        let at_byte = at.index(bytes.len());
        bytes[at_byte] ^= 1 << bit;
        let opened = sealer.open(&sealed.access_key_id, &STANDARD.encode(bytes), grant.issued);
        prop_assert_eq!(opened.unwrap_err(), StsError::InvalidToken);
        // And of its text: base64 has one spelling only.
        let mut text = sealed.session_token.clone().into_bytes();
        let at_byte = at.index(text.len());
        text[at_byte] ^= 1 << (bit % 7);
        let text = String::from_utf8(text).unwrap();
        let opened = sealer.open(&sealed.access_key_id, &text, grant.issued);
        prop_assert_eq!(opened.unwrap_err(), StsError::InvalidToken);
    }

    #[test]
    fn no_text_makes_it_panic(id in "(ASIA[A-Z2-7]{16})|\\PC{0,30}", token in "[A-Za-z0-9+/=]{0,80}|\\PC{0,80}", start in prop::option::of("AgJrM[Q-T]")) {
        let token = start.unwrap_or_default() + &token;
        let opened = sealer(&[("k1", 1)]).open(&id, &token, NOW);
        prop_assert_eq!(opened.unwrap_err(), StsError::InvalidToken);
    }
}
