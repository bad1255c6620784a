//! A grant as bytes: fields in a fixed order, lengths as LEB128, no names.
//!
//! The version of this layout is the session token's first byte; a change here is a new version.

use crate::clock::Time;
use crate::iam::{Fact, Facts};

use super::grant::{Grant, GrantToken, SessionPolicy};

/// The bytes of a grant.
pub(super) fn encode(grant: &Grant) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(512));
    out.option(grant.pool.as_deref());
    out.option(grant.identity.as_deref());
    out.text(&grant.role_arn);
    out.text(&grant.role_id);
    out.text(&grant.session_name);
    out.number(grant.facts.iter().count());
    for (key, fact) in grant.facts.iter() {
        out.text(key);
        match fact {
            Fact::Unknown => out.0.push(UNKNOWN),
            Fact::One(value) => {
                out.0.push(ONE);
                out.text(value);
            }
            Fact::Many(values) => {
                out.0.push(MANY);
                out.number(values.len());
                values.iter().for_each(|value| out.text(value));
            }
        }
    }
    out.number(grant.session_policies.len());
    for policy in &grant.session_policies {
        match policy {
            SessionPolicy::GuestScopeDown => out.0.push(SCOPE_DOWN),
            SessionPolicy::Document(json) => {
                out.0.push(DOCUMENT);
                out.text(json);
            }
        }
    }
    let GrantToken { issuer, subject, jti, origin_jti, issued } = &grant.token;
    for claim in [issuer, subject, jti, origin_jti] {
        out.option(claim.as_deref());
    }
    out.0.push(u8::from(issued.is_some()));
    if let Some(issued) = issued {
        out.0.extend_from_slice(&issued.secs().to_be_bytes());
    }
    for time in [grant.issued, grant.expires] {
        out.0.extend_from_slice(&time.secs().to_be_bytes());
    }
    out.0
}

/// The grant of these bytes; none if they are anything but one whole grant.
pub(super) fn decode(bytes: &[u8]) -> Option<Grant> {
    let mut input = Reader(bytes);
    let (pool, identity) = (input.option()?, input.option()?);
    let (role_arn, role_id, session_name) = (input.text()?, input.text()?, input.text()?);
    let mut facts = Facts::new();
    for _ in 0..input.number()? {
        let key = input.text()?;
        let fact = match input.byte()? {
            UNKNOWN => Fact::Unknown,
            ONE => Fact::One(input.text()?),
            MANY => {
                let count = input.number()?;
                Fact::Many((0..count).map(|_| input.text()).collect::<Option<_>>()?)
            }
            _ => return None,
        };
        facts.set(key, fact);
    }
    let mut session_policies = Vec::new();
    for _ in 0..input.number()? {
        session_policies.push(match input.byte()? {
            SCOPE_DOWN => SessionPolicy::GuestScopeDown,
            DOCUMENT => SessionPolicy::Document(input.text()?),
            _ => return None,
        });
    }
    let token = GrantToken {
        issuer: input.option()?,
        subject: input.option()?,
        jti: input.option()?,
        origin_jti: input.option()?,
        issued: match input.byte()? {
            0 => None,
            1 => Some(input.time()?),
            _ => return None,
        },
    };
    let (issued, expires) = (input.time()?, input.time()?);
    input.0.is_empty().then_some(Grant {
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
    })
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut number: usize) {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn option(&mut self, text: Option<&str>) {
        self.0.push(u8::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// At most three groups of seven bits: more than a session token can hold.
    fn number(&mut self) -> Option<usize> {
        let mut number = 0;
        for shift in [0, 7, 14] {
            let byte = self.byte()?;
            number |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn text(&mut self) -> Option<String> {
        let length = self.number()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(str::to_owned)
    }

    fn option(&mut self) -> Option<Option<String>> {
        match self.byte()? {
            0 => Some(None),
            1 => self.text().map(Some),
            _ => None,
        }
    }

    fn time(&mut self) -> Option<Time> {
        let (seconds, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(Time::from_secs(i64::from_be_bytes(*seconds)))
    }
}

const UNKNOWN: u8 = 0;
const ONE: u8 = 1;
const MANY: u8 = 2;
const SCOPE_DOWN: u8 = 0;
const DOCUMENT: u8 = 1;

#[cfg(test)]
mod tests;
