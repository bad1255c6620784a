//! What a token is bound to (`cnf`, RFC 7800): whoever shows it has to prove to have that.

use serde_json::Value;

use super::ClaimValue;
use crate::http::Thumbprint;

/// What a token is bound to: all of it has to be proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// `jkt`: the key of a DPoP proof, by its thumbprint (RFC 9449 §6.1).
    pub key: Option<Thumbprint>,
    /// `x5t#S256`: the certificate of the TLS client, by its thumbprint (RFC 8705 §3.1).
    pub certificate: Option<Thumbprint>,
    /// There is another method, or none at all: it can't be proven here.
    pub unknown: bool,
}

impl Confirmation {
    /// Reads the claim; `None` if it is no object, or a thumbprint in it none.
    pub(super) fn read(claim: ClaimValue<'_>) -> Option<Self> {
        let ClaimValue::Nested(Value::Object(members)) = claim else { return None };
        let mut confirmation = Self { key: None, certificate: None, unknown: members.is_empty() };
        for (name, value) in members {
            match name.as_str() {
                "jkt" => confirmation.key = Some(Thumbprint::parse(value.as_str()?)?),
                "x5t#S256" => {
                    confirmation.certificate = Some(Thumbprint::parse(value.as_str()?)?);
                }
                _ => confirmation.unknown = true,
            }
        }
        Some(confirmation)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_can_be_proven_is_known() {
        let print = Thumbprint::of(b"key");
        let text = print.to_string();
        let (key, certificate) = (Some(print), Some(print));
        for (claim, expected) in [
            (json!({ "jkt": text }), Some((key, None, false))),
            (json!({ "x5t#S256": text }), Some((None, certificate, false))),
            (json!({ "jkt": text, "x5t#S256": text }), Some((key, certificate, false))),
            (json!({ "jkt": text, "kid": "k" }), Some((key, None, true))),
            (json!({ "jwk": {} }), Some((None, None, true))),
            (json!({ "JKT": text }), Some((None, None, true))),
            (json!({}), Some((None, None, true))),
            (json!({ "jkt": "short" }), None),
            (json!({ "jkt": format!("{text}=") }), None),
            (json!({ "jkt": null }), None),
            (json!({ "x5t#S256": [text] }), None),
            (json!(text), None),
            (json!([]), None),
            (json!(null), None),
        ] {
            let found = Confirmation::read((&claim).into());
            let found = found.map(|c| (c.key, c.certificate, c.unknown));
            assert_eq!(found, expected, "{claim}");
        }
    }
}
