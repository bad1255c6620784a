use std::collections::HashSet;

use super::RequestError as E;
use crate::http::TargetError as T;

const ALL: [E; 34] = [
    E::Target(T::TooLong),
    E::Target(T::Form),
    E::Target(T::Escape),
    E::Target(T::Nul),
    E::Target(T::EncodedSlash),
    E::Target(T::Backslash),
    E::Target(T::DotSegment),
    E::Target(T::DoubleEncoding),
    E::Target(T::MatrixParameter),
    E::Target(T::Fragment),
    E::Target(T::EmptySegment),
    E::Target(T::Control),
    E::Target(T::NonAscii),
    E::Target(T::Encoding),
    E::Target(T::Character),
    E::Method,
    E::HostMissing,
    E::HostInvalid,
    E::HostDisagrees,
    E::Repeated("Host"),
    E::NotAscii("Host"),
    E::HeaderName,
    E::ConnectionToken,
    E::ConnectionSpecific,
    E::LengthAndEncoding,
    E::ContentLength,
    E::TransferEncoding,
    E::UpgradeWithBody,
    E::Upgrade,
    E::Forwarded("X-Forwarded-For"),
    E::Authorization,
    E::SeveralCredentials,
    E::Cookie,
    E::Origin,
];

#[test]
fn every_reason_is_its_own_and_documented() {
    let documentation = include_str!("../../../docs/http.md");
    let mut reasons = HashSet::new();
    for error in ALL {
        assert!(reasons.insert(error.reason()), "{error:?}");
        assert!(documentation.contains(&format!("`{}`", error.reason())), "{error:?}");
        assert!(error.status().is_client_error(), "{error:?}");
        assert!(!error.to_string().is_empty(), "{error:?}");
    }
}
