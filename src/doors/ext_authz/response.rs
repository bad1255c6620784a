//! `CheckResponse` of Envoy's `envoy.service.auth.v3`, as it is written.

use ::http::{HeaderMap, HeaderName, StatusCode};

use super::{
    super::asking::{About, Changes, Refused},
    wire::{bytes, message, number, open, size},
};
use crate::{config::Metadata, http::DECISION_ID};

/// Writes that the request is let through, with these changes.
pub(super) fn allowed(out: &mut Vec<u8>, changes: &Changes, told: Metadata) {
    let Changes { reason, set, remove, remove_query, about } = changes;
    status(out, OK, "");
    message(out, 3, |out| {
        for (name, value) in set {
            header(out, 2, name, value.as_bytes(), OVERWRITE_IF_EXISTS_OR_ADD);
        }
        for name in remove {
            bytes(out, 5, name.as_str().as_bytes());
        }
        let id = about.id.as_str().as_bytes();
        header(out, 6, &DECISION_ID, id, OVERWRITE_IF_EXISTS_OR_ADD);
        for parameter in remove_query {
            bytes(out, 8, parameter.as_bytes());
        }
    });
    if told == Metadata::All {
        metadata(out, reason, about);
    }
}

/// Writes that the request is denied, and what its sender is answered.
pub(super) fn denied(out: &mut Vec<u8>, refused: &Refused, told: Metadata) {
    let Refused { reason, response, about } = refused;
    let code = match response.status() {
        StatusCode::UNAUTHORIZED => UNAUTHENTICATED,
        _ => PERMISSION_DENIED,
    };
    status(out, code, reason);
    message(out, 2, |out| {
        message(out, 1, |out| number(out, 1, u32::from(response.status().as_u16())));
        headers(out, response.headers());
        bytes(out, 3, response.body());
    });
    if told != Metadata::None {
        metadata(out, reason, about);
    }
}

/// Of two values, as of two challenges, the second stands beside the first.
fn headers(out: &mut Vec<u8>, headers: &HeaderMap) {
    for name in headers.keys() {
        for (place, value) in headers.get_all(name).iter().enumerate() {
            let action = if place == 0 { OVERWRITE_IF_EXISTS_OR_ADD } else { APPEND };
            header(out, 2, name, value.as_bytes(), action);
        }
    }
}

/// `google.rpc.Status`.
fn status(out: &mut Vec<u8>, code: u32, reason: &str) {
    message(out, 1, |out| {
        number(out, 1, code);
        bytes(out, 2, reason.as_bytes());
    });
}

/// `HeaderValueOption`.
fn header(out: &mut Vec<u8>, field: u32, name: &HeaderName, value: &[u8], action: u32) {
    let name = name.as_str().as_bytes();
    let pair = size(name.len()) + size(value.len());
    // Two numbers of one byte follow the pair, each with its key.
    open(out, field, size(pair) + 4);
    open(out, 1, pair);
    bytes(out, 1, name);
    bytes(out, 2, value);
    number(out, 3, action);
    // An empty one replaces what a client sent.
    number(out, 4, 1);
}

/// What Envoy's own log and filters may have of the decision, under the filter's name: a
/// `google.protobuf.Struct`.
fn metadata(out: &mut Vec<u8>, reason: &str, about: &About) {
    let About { id, route, identity } = about;
    let told = [
        ("decision_id", id.as_str().as_bytes()),
        ("reason", reason.as_bytes()),
        ("route", route.as_deref().unwrap_or_default().as_bytes()),
        ("subject", identity.subject().as_bytes()),
        ("identity", identity.identity().as_bytes()),
        ("role", identity.role().as_bytes()),
    ];
    message(out, 4, |out| {
        for (key, text) in told.into_iter().filter(|(_, text)| !text.is_empty()) {
            open(out, 1, size(key.len()) + size(size(text.len())));
            bytes(out, 1, key.as_bytes());
            open(out, 2, size(text.len()));
            bytes(out, 3, text);
        }
    });
}

/// `HeaderAppendAction`.
const OVERWRITE_IF_EXISTS_OR_ADD: u32 = 2;
const APPEND: u32 = 0;
/// `google.rpc.Code`.
const OK: u32 = 0;
const PERMISSION_DENIED: u32 = 7;
const UNAUTHENTICATED: u32 = 16;
