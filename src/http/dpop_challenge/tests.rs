use proptest::prelude::*;

use super::{DPOP_ALGORITHMS, DpopChallenge};

#[test]
fn challenges_as_rfc_9449_words_them() {
    let value = |challenge: DpopChallenge| challenge.header_value().to_str().unwrap().to_owned();
    let algs = format!("algs=\"{DPOP_ALGORITHMS}\"");
    assert_eq!(value(DpopChallenge::Welcome), format!("DPoP realm=\"poolgate\", {algs}"));
    let description = "a \"proof\"".to_owned();
    assert_eq!(
        value(DpopChallenge::InvalidProof { description: description.clone() }),
        format!(
            "DPoP realm=\"poolgate\", error=\"invalid_dpop_proof\", \
             error_description=\"a ?proof?\", {algs}"
        )
    );
    assert_eq!(
        value(DpopChallenge::InvalidToken { description }),
        format!(
            "DPoP realm=\"poolgate\", error=\"invalid_token\", error_description=\"a ?proof?\", {algs}"
        )
    );
    assert_eq!(
        value(DpopChallenge::InsufficientScope { scope: "a  b".to_owned() }),
        format!("DPoP realm=\"poolgate\", error=\"insufficient_scope\", scope=\"a b\", {algs}")
    );
}

proptest! {
    #[test]
    fn no_text_leaves_its_quotes(description in any::<String>()) {
        let value = DpopChallenge::InvalidProof { description }.header_value();
        let text = value.to_str().unwrap();
        prop_assert_eq!(text.matches('"').count(), 8);
        prop_assert!(!text.contains('\\') && text.ends_with('"'));
    }
}
