use rcgen::{CertificateParams, KeyPair, SanType};

use super::{CertificateError as E, ClientCertificate, Thumbprint};
use crate::http::SpiffeError;

fn certificate(names: &[&str]) -> Vec<u8> {
    let mut params = CertificateParams::new(["client.example".to_owned()]).unwrap();
    let uris = names.iter().map(|name| SanType::URI((*name).try_into().unwrap()));
    params.subject_alt_names.extend(uris);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

#[test]
fn the_one_uri_name_may_be_a_spiffe_id() {
    let several = Err(E::SeveralUris);
    let wrong = |error| Err(E::SpiffeId(error));
    for (names, expected) in [
        (&[][..], Ok(None)),
        (&["spiffe://example.org/a"], Ok(Some("spiffe://example.org/a"))),
        (&["https://example.org/a"], Ok(None)),
        (&["https://example.org/a", "urn:b"], Ok(None)),
        (&["spiffe://example.org/a", "https://example.org/a"], several.clone()),
        (&["https://example.org/a", "urn:b", "spiffe://example.org/a"], several.clone()),
        (&["spiffe://example.org/a", "spiffe://example.org/a"], several),
        (&["spiffe://example.org/a/"], wrong(SpiffeError::Path)),
        (&["SPIFFE://example.org/a"], wrong(SpiffeError::Scheme)),
        (&["spiffe:example.org"], wrong(SpiffeError::Scheme)),
    ] {
        let der = certificate(names);
        let found = ClientCertificate::of(&der);
        if let Ok(found) = &found {
            assert_eq!(found.thumbprint, Thumbprint::of(&der));
        }
        let found = found.map(|found| found.spiffe_id.map(|id| id.to_string()));
        assert_eq!(found, expected.map(|id| id.map(str::to_owned)), "{names:?}");
    }
}

#[test]
fn what_is_no_certificate_is_none() {
    let der = certificate(&["spiffe://example.org/a"]);
    for bytes in [&[][..], b"nonsense", &der[..der.len() - 1], &[&der[..], &[0]].concat()] {
        assert!(matches!(ClientCertificate::of(bytes), Err(E::Malformed(_))), "{}", bytes.len());
    }
    // Whatever byte is another one: no panic, and never the same certificate.
    let whole = ClientCertificate::of(&der).unwrap();
    for at in 0..der.len() {
        let mut other = der.clone();
        other[at] ^= 0x55;
        assert_ne!(ClientCertificate::of(&other).ok(), Some(whole.clone()));
    }
}

#[test]
fn thumbprints_have_one_text() {
    let of = Thumbprint::of(b"abc");
    let text = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0";
    assert_eq!((of.to_string().as_str(), Thumbprint::parse(text)), (text, Some(of)));
    for text in ["", "ungWv48Bz", &text.replace("Fa0", "Fa1"), &format!("{text}="), &"A".repeat(44)]
    {
        assert_eq!(Thumbprint::parse(text), None, "{text}");
    }
}
