//! The JSON of tokens and keys, read strictly.

use serde_json::{Map, Value};

pub(crate) use crate::http::NotStrictJson;
use crate::http::strict_object;

/// Arrays and objects inside one another, the outermost included.
pub(super) const MAX_DEPTH: usize = 16;

/// Reads `bytes` as one JSON object.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>, NotStrictJson> {
    strict_object(bytes, MAX_DEPTH)
}
