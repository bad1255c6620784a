//! The context keys of the request itself, computed when a statement asks for them.
//!
//! Types and presence follow the IAM User Guide, "AWS global condition context keys". A key that
//! AWS would have and that can't be observed here is *unknown*, never absent. Keys of `poolgate:` are
//! this program's own.

use std::{borrow::Cow, sync::OnceLock};

use ::http::{HeaderMap, header};

use crate::{
    cedar::Surroundings,
    clock::Time,
    http::{ClientCertificate, Received, Scheme},
    iam::{Context, Lookup},
};

use super::{Question, Rules};

/// The request's own keys.
#[derive(Debug)]
pub(super) struct RequestContext<'a> {
    headers: &'a HeaderMap,
    received: &'a Received,
    certificate: Option<&'a ClientCertificate>,
    now: Time,
    region: Option<&'a str>,
    account: Option<&'a str>,
    /// Written once, however many statements ask.
    source_ip: OnceLock<String>,
    current_time: OnceLock<String>,
    epoch_time: OnceLock<String>,
}

impl<'a> RequestContext<'a> {
    pub(super) fn new(
        rules: &'a Rules,
        headers: &'a HeaderMap,
        received: &'a Received,
        certificate: Option<&'a ClientCertificate>,
        now: Time,
    ) -> Self {
        let (region, account) = (rules.region.as_deref(), rules.account_id.as_deref());
        let (source_ip, current_time) = (OnceLock::new(), OnceLock::new());
        let epoch_time = OnceLock::new();
        Self {
            headers,
            received,
            certificate,
            now,
            region,
            account,
            source_ip,
            current_time,
            epoch_time,
        }
    }

    /// Those of `question`.
    pub(super) fn of(rules: &'a Rules, question: &'a Question) -> Self {
        let Question { headers, received, certificate, now, .. } = question;
        Self::new(rules, headers, received, certificate.as_deref(), *now)
    }

    /// When the request was received.
    pub(super) fn now(&self) -> Time {
        self.now
    }

    /// The same for Cedar.
    pub(super) fn surroundings(&self) -> Surroundings<'a> {
        Surroundings {
            source_ip: self.received.client_ip,
            millis: self.now.millis(),
            secure: self.received.scheme == Scheme::Https,
            spiffe_id: self.spiffe_id(),
        }
    }

    /// The SPIFFE id of the caller's certificate, if it has one.
    fn spiffe_id(&self) -> Option<&'a str> {
        Some(self.certificate?.spiffe_id.as_ref()?.as_str())
    }

    /// A header that a condition may read: unknown where it is repeated or isn't text, since AWS
    /// doesn't say what it makes of those.
    fn header(&self, name: header::HeaderName) -> Lookup<'a> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Lookup::Absent,
            (Some(value), None) => {
                value.to_str().map_or(Lookup::Unknown, |text| Lookup::One(Cow::Borrowed(text)))
            }
            (Some(_), Some(_)) => Lookup::Unknown,
        }
    }
}

impl Context for RequestContext<'_> {
    fn lookup(&self, key: &str) -> Lookup<'_> {
        match key {
            // Nobody calls from it: whoever asks wasn't told the address.
            "aws:sourceip" if self.received.client_ip.is_unspecified() => Lookup::Unknown,
            "aws:sourceip" => written(&self.source_ip, || self.received.client_ip.to_string()),
            "aws:currenttime" => written(&self.current_time, || self.now.rfc3339()),
            "aws:epochtime" => written(&self.epoch_time, || self.now.secs().to_string()),
            "aws:securetransport" => Lookup::One(Cow::Borrowed(match self.received.scheme {
                Scheme::Https => "true",
                Scheme::Http => "false",
            })),
            "aws:useragent" => self.header(header::USER_AGENT),
            "aws:referer" => self.header(header::REFERER),
            "poolgate:spiffeid" => {
                self.spiffe_id().map_or(Lookup::Absent, |id| Lookup::One(Cow::Borrowed(id)))
            }
            "aws:requestedregion" => configured(self.region),
            "aws:resourceaccount" => configured(self.account),
            "aws:viaawsservice" | "aws:principalisawsservice" => {
                Lookup::One(Cow::Borrowed("false"))
            }
            "aws:principalorgid"
            | "aws:principalorgpaths"
            | "aws:resourceorgid"
            | "aws:resourceorgpaths" => Lookup::Unknown,
            _ if key.starts_with("aws:resourcetag/") => Lookup::Unknown,
            _ => Lookup::Absent,
        }
    }
}

fn written(place: &OnceLock<String>, write: impl FnOnce() -> String) -> Lookup<'_> {
    Lookup::One(Cow::Borrowed(place.get_or_init(write)))
}

/// A key whose value the configuration may name: AWS always has it.
fn configured(value: Option<&str>) -> Lookup<'_> {
    value.map_or(Lookup::Unknown, |value| Lookup::One(Cow::Borrowed(value)))
}
