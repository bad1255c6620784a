//! What a signature claims, before it is proven.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use ::http::header::{AUTHORIZATION, DATE};
use ::http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use time::format_description::well_known::Rfc2822;
use time::macros::format_description;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, UtcOffset};

use super::{ChunkForm, Chunks, Scope, SigV4Error, SigningKey, body::Seed};
use crate::clock::Time;
use crate::http::{SIGNED_BY_VERSION_2, is_signed_query, query_names, visible};

/// A request's head, as it was received.
#[derive(Clone, Copy, Debug)]
pub struct Head<'r> {
    /// The method.
    pub method: &'r Method,
    /// The raw path.
    pub path: &'r str,
    /// The raw query.
    pub query: Option<&'r str>,
    /// The headers.
    pub headers: &'r HeaderMap,
}

/// What a signature claims.
pub struct Signed<'r> {
    pub(super) head: Head<'r>,
    pub(super) access_key_id: Cow<'r, str>,
    pub(super) session_token: Option<Cow<'r, str>>,
    pub(super) scope: Scope,
    pub(super) signed_headers: Cow<'r, str>,
    pub(super) signature: [u8; 32],
    pub(super) kind: Kind,
    pub(super) time: Time,
    pub(super) stamp: Stamp,
    pub(super) payload: Payload,
}

/// `yyyymmddThhmmssZ`.
pub(super) type Stamp = [u8; 16];

impl std::fmt::Debug for Signed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut signed = f.debug_struct("Signed");
        signed.field("scope", &self.scope).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// How a signature was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In `Authorization`.
    Header,
    /// In the fields of a form.
    Form,
    /// In the query.
    Presigned {
        /// How long it is good for.
        expires: Duration,
    },
}

/// What `x-amz-content-sha256` says of the body, header or parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// It isn't there. Of a presigned request to S3 that means unsigned.
    Unstated,
    /// The body isn't signed.
    Unsigned,
    /// Its SHA-256.
    Sha256([u8; 32]),
    /// It comes in chunks (`STREAMING-…`).
    Chunked(ChunkForm),
}

impl Payload {
    /// What a request's head says of its body, signed or not: in the header, or in the parameter of
    /// that name, since S3 reads `X-Amz-*` from either.
    ///
    /// # Errors
    /// [`SigV4Error::ContentSha256`], if it is neither a hash nor one of AWS's words, or is said twice;
    /// [`SigV4Error::StreamingPayload`], if it names a form of chunks that isn't known here.
    pub fn of(headers: &HeaderMap, query: Option<&str>) -> Result<Self, SigV4Error> {
        let header = headers.get(CONTENT_SHA256).map(|value| value.to_str());
        let header = header.transpose().map_err(|_| SigV4Error::ContentSha256)?;
        let pairs = query.unwrap_or_default().split('&');
        let mut said = header.map(Cow::Borrowed);
        for (name, value) in pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))) {
            if !percent_decode_str(name).decode_utf8_lossy().eq_ignore_ascii_case(CONTENT_SHA256) {
                continue;
            }
            let value = percent_decode_str(value).decode_utf8();
            if said.replace(value.map_err(|_| SigV4Error::ContentSha256)?).is_some() {
                return Err(SigV4Error::ContentSha256);
            }
        }
        let Some(text) = said else { return Ok(Self::Unstated) };
        match &*text {
            "UNSIGNED-PAYLOAD" => Ok(Self::Unsigned),
            text if text.starts_with("STREAMING-") => {
                ChunkForm::named(text).map(Self::Chunked).ok_or(SigV4Error::StreamingPayload)
            }
            text => unhex(text).map(Self::Sha256).ok_or(SigV4Error::ContentSha256),
        }
    }
}

impl<'r> Signed<'r> {
    /// What the signature of a request claims; `None` if there is none in its head.
    ///
    /// # Errors
    /// A signature that can't be read. One in the header *and* one in the query is
    /// [`SigV4Error::MalformedQuery`].
    pub fn parse(head: Head<'r>) -> Result<Option<Box<Self>>, SigV4Error> {
        let mut values = head.headers.get_all(AUTHORIZATION).iter();
        let header = match values.next().filter(|value| is_aws(value.as_bytes())).map(visible) {
            Some(Some(text)) => Some(text),
            Some(None) => return Err(SigV4Error::MalformedHeader("it has unreadable bytes")),
            None => None,
        };
        match (header, head.query.filter(|query| is_signed_query(query))) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(SigV4Error::SignedTwice),
            (Some(_), None) if values.next().is_some() => {
                Err(SigV4Error::MalformedHeader("it was sent twice"))
            }
            (Some(text), None) => Self::of_header(head, text).map(|signed| Some(Box::new(signed))),
            (None, Some(query)) => Self::of_query(head, query).map(|signed| Some(Box::new(signed))),
        }
    }

    fn of_header(head: Head<'r>, text: &'r str) -> Result<Self, SigV4Error> {
        let malformed = SigV4Error::MalformedHeader;
        let (algorithm, rest) = text.split_once(' ').ok_or(malformed("it has no credential"))?;
        if algorithm != ALGORITHM {
            return Err(SigV4Error::UnsupportedAlgorithm);
        }
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for part in rest.split(',') {
            let (name, value) =
                part.trim().split_once('=').ok_or(malformed("a part of it has no value"))?;
            let place = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return Err(malformed("it has a part that isn't known")),
            };
            if place.replace(value).is_some() {
                return Err(malformed("it has a part twice"));
            }
        }
        let (Some(credential), Some(signed_headers), Some(signature)) =
            (credential, signed_headers, signature)
        else {
            return Err(malformed("it needs Credential, SignedHeaders and Signature"));
        };
        let (access_key_id, scope) =
            Scope::of_credential(credential).ok_or(malformed("its Credential can't be read"))?;
        let (time, stamp) = header_time(head.headers)?;
        Ok(Self {
            head,
            access_key_id: access_key_id.into(),
            session_token: text_of(head.headers, "x-amz-security-token").map(Cow::Borrowed),
            scope,
            signed_headers: checked(signed_headers.into())
                .ok_or(malformed("its SignedHeaders can't be read"))?,
            signature: unhex(signature).ok_or(malformed("its Signature can't be read"))?,
            kind: Kind::Header,
            time,
            stamp,
            payload: Payload::of(head.headers, head.query)?,
        })
    }

    fn of_query(head: Head<'r>, query: &'r str) -> Result<Self, SigV4Error> {
        let malformed = SigV4Error::MalformedQuery;
        // Before its other parameters, some of which have version 4's names.
        if query_names(query).any(|(_, name)| name.eq_ignore_ascii_case(SIGNED_BY_VERSION_2)) {
            return Err(SigV4Error::UnsupportedAlgorithm);
        }
        let mut found: [Option<Cow<'r, str>>; 7] = Default::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = percent_decode_str(name).decode_utf8_lossy();
            let Some(at) = PARAMETERS.iter().position(|known| name.eq_ignore_ascii_case(known))
            else {
                continue;
            };
            if PARAMETERS.get(at) != Some(&&*name) {
                return Err(malformed("a parameter isn't written as it should be"));
            }
            let value = percent_decode_str(value).decode_utf8();
            let value = value.map_err(|_| malformed("a parameter isn't UTF-8"))?;
            if let Some(place) = found.get_mut(at)
                && place.replace(value).is_some()
            {
                return Err(malformed("a parameter was sent twice"));
            }
        }
        let [algorithm, credential, date, expires, signed_headers, signature, token] = found;
        let algorithm = algorithm.ok_or(malformed("X-Amz-Algorithm is missing"))?;
        if algorithm != ALGORITHM {
            return Err(SigV4Error::UnsupportedAlgorithm);
        }
        let credential = credential.ok_or(malformed("X-Amz-Credential is missing"))?;
        let (access_key_id, scope) =
            Scope::of_credential(&credential).ok_or(malformed("X-Amz-Credential can't be read"))?;
        let date = date.ok_or(malformed("X-Amz-Date is missing"))?;
        let expires = expires.ok_or(malformed("X-Amz-Expires is missing"))?;
        let digits =
            (1..=6).contains(&expires.len()) && expires.bytes().all(|b| b.is_ascii_digit());
        let seconds = expires.parse().ok().filter(|s| digits && (1..=MAX_EXPIRES).contains(s));
        let expires = Duration::from_secs(seconds.ok_or(SigV4Error::ExpiresOutOfRange)?);
        if token.is_some() && head.headers.contains_key("x-amz-security-token") {
            return Err(malformed("there is a session token in a header as well"));
        }
        let (time, stamp) = amz_time(&date).ok_or(malformed("X-Amz-Date can't be read"))?;
        let access_key_id = access_key_id.to_owned();
        let signed_headers = signed_headers.ok_or(malformed("X-Amz-SignedHeaders is missing"))?;
        let signature = signature.ok_or(malformed("X-Amz-Signature is missing"))?;
        Ok(Self {
            head,
            access_key_id: access_key_id.into(),
            session_token: token
                .or_else(|| text_of(head.headers, "x-amz-security-token").map(Cow::Borrowed)),
            scope,
            signed_headers: checked(signed_headers)
                .ok_or(malformed("X-Amz-SignedHeaders can't be read"))?,
            signature: unhex(&signature).ok_or(malformed("X-Amz-Signature can't be read"))?,
            kind: Kind::Presigned { expires },
            time,
            stamp,
            payload: Payload::of(head.headers, head.query)?,
        })
    }

    /// Whose key it claims to be made with.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The session token of temporary credentials.
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    /// Day, region and service.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// How it was sent.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// When it says it was made.
    pub fn time(&self) -> Time {
        self.time
    }

    /// What is said of the body.
    pub fn payload(&self) -> Payload {
        self.payload
    }

    /// What a body in chunks has to be, by a signature that was proven with `key`, the key of its
    /// scope.
    ///
    /// # Errors
    /// [`SigV4Error::DecodedLength`], [`SigV4Error::Trailer`]; [`SigV4Error::StreamingPayload`] for a
    /// presigned request, of which AWS has no such form.
    pub fn chunks(
        &self,
        form: ChunkForm,
        key: &Arc<(Scope, SigningKey)>,
    ) -> Result<Chunks, SigV4Error> {
        if self.kind != Kind::Header {
            return Err(SigV4Error::StreamingPayload);
        }
        let (key, stamp, signature) = (Arc::clone(key), self.stamp, self.signature);
        let seed = form.signed.then_some(Seed { key, stamp, signature });
        Chunks::of(form, self.head.headers, seed)
    }
}

/// Whether a query's parameter is a part of its signature.
pub fn signs(parameter: &str) -> bool {
    PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(parameter))
}

/// Whether a scheme is one of AWS's.
fn is_aws(authorization: &[u8]) -> bool {
    authorization.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"AWS4"))
}

/// Names of signed headers: lower case, sorted, each once, joined by `;`.
fn checked(names: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let token =
        |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-') || b"!#$%&'*+-.^_`|~".contains(&b);
    let mut last = "";
    for name in names.split(';') {
        if name.is_empty() || !name.bytes().all(token) || name <= last {
            return None;
        }
        last = name;
    }
    Some(names)
}

/// A hash in lower-case hexadecimal digits.
pub(super) fn hex(bytes: impl AsRef<[u8]>) -> [u8; 64] {
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
    let mut text = [0; 64];
    let (pairs, _) = text.as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(bytes.as_ref()) {
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
    text
}

/// 64 lower-case hexadecimal digits.
pub(super) fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    if pairs.len() != bytes.len() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn text_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// `X-Amz-Date`, else `Date`.
fn header_time(headers: &HeaderMap) -> Result<(Time, Stamp), SigV4Error> {
    if headers.contains_key("x-amz-date") {
        let date = text_of(headers, "x-amz-date").and_then(amz_time);
        return date.ok_or(SigV4Error::MalformedHeader("X-Amz-Date can't be read"));
    }
    let date = headers.get(DATE).ok_or(SigV4Error::MissingDate)?;
    let date = date.to_str().ok().and_then(|text| {
        amz_time(text).or_else(|| {
            let date = OffsetDateTime::parse(text, &Rfc2822).ok()?;
            let form = format_description!("[year][month][day]T[hour][minute][second]Z");
            amz_time(&date.to_offset(UtcOffset::UTC).format(form).ok()?)
        })
    });
    date.ok_or(SigV4Error::MalformedHeader("Date can't be read"))
}

/// `yyyymmddThhmmssZ`.
pub(super) fn amz_time(text: &str) -> Option<(Time, Stamp)> {
    let stamp: Stamp = text.as_bytes().try_into().ok()?;
    let shape = text.bytes().enumerate().all(|(at, byte)| match at {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    });
    if !shape {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u8>().ok();
    let year = text.get(..4)?.parse::<i32>().ok()?;
    let date =
        Date::from_calendar_date(year, Month::try_from(number(4, 6)?).ok()?, number(6, 8)?).ok()?;
    let time = time::Time::from_hms(number(9, 11)?, number(11, 13)?, number(13, 15)?).ok()?;
    let moment = PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp();
    Some((Time::from_secs(moment), stamp))
}

pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The parameters of a presigned request.
const PARAMETERS: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Security-Token",
];
/// Says what the body is, in a header or a query.
const CONTENT_SHA256: &str = "x-amz-content-sha256";
/// Seven days, in seconds.
const MAX_EXPIRES: u64 = 604_800;

#[cfg(test)]
mod tests;
