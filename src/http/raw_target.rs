//! The request target before it is known whose it is.
//!
//! S3's keys may have in them what an API's path may not (`//`, `%2F`, `;`), so a target is judged
//! only when its route is found: [`RawTarget::strict`] for APIs, S3's own parser for buckets.

use std::borrow::Cow;

use ::http::Uri;
use ::http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;

use super::target::{MAX_LENGTH, origin_form};
use super::{Scheme, Target, TargetError};

/// A target of a bounded length that begins with `/`, byte for byte as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawTarget(PathAndQuery);

impl RawTarget {
    /// The target of a request read by the HTTP library; shares its buffer.
    ///
    /// # Errors
    /// [`TargetError::TooLong`]; [`TargetError::Form`] for one without a path
    /// (`CONNECT host:port`) or of another scheme.
    pub fn of(uri: &Uri) -> Result<Self, TargetError> {
        if uri.scheme_str().is_some_and(|scheme| Scheme::parse(scheme).is_none()) {
            return Err(TargetError::Form);
        }
        let raw = uri.path_and_query().ok_or(TargetError::Form)?;
        if raw.as_str().len() > MAX_LENGTH {
            return Err(TargetError::TooLong);
        }
        if !raw.as_str().starts_with('/') {
            return Err(TargetError::Form);
        }
        Ok(Self(raw.clone()))
    }

    /// Parses a raw origin-form or absolute-form target.
    ///
    /// # Errors
    /// As [`RawTarget::of`], and [`TargetError::Fragment`] and [`TargetError::Character`] for what no
    /// target may have.
    pub fn parse(raw: &str) -> Result<Self, TargetError> {
        let origin_form = origin_form(raw)?;
        // The type of targets cuts a fragment off.
        if origin_form.contains('#') {
            return Err(TargetError::Fragment);
        }
        let parsed = PathAndQuery::try_from(origin_form).map_err(|_| TargetError::Character)?;
        if parsed.as_str() != origin_form || !origin_form.starts_with('/') {
            return Err(TargetError::Character);
        }
        Ok(Self(parsed))
    }

    /// The path as received.
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// The query as received, without its `?`.
    pub fn query(&self) -> Option<&str> {
        self.0.query()
    }

    /// The path decoded once, to find the route by. What can't be decoded has a replacement
    /// character there, which no route's path has.
    pub fn routing_path(&self) -> Cow<'_, str> {
        percent_decode_str(self.path()).decode_utf8_lossy()
    }

    /// The target of an API, if every HTTP implementation reads it alike.
    ///
    /// # Errors
    /// The first rule of [`super::TargetMode::Strict`] that it breaks.
    pub fn strict(&self) -> Result<Target, TargetError> {
        Target::judged(&self.0)
    }
}
