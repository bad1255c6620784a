//! What a sub-request tells.

use std::net::IpAddr;

use ::http::{HeaderMap, Version};

use super::super::asking::{Account, TakesOut};
use crate::{
    gate::{AskedQuery, AskedRoute},
    http::Scheme,
};

/// What a sub-request tells of the request it is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) door: &'static str,
    pub(super) takes_out: TakesOut,
    pub(super) method: String,
    pub(super) host: String,
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) version: Version,
    pub(super) client: IpAddr,
    pub(super) scheme: Scheme,
}

impl Report {
    /// The account of it, for `route`. No dialect has the body, and none changes the query.
    pub(super) fn view<'a>(&'a self, route: AskedRoute<'a>) -> Account<'a> {
        Account {
            door: self.door,
            route,
            query: AskedQuery::Fixed,
            takes_out: self.takes_out,
            method: &self.method,
            host: &self.host,
            instead: None,
            target: &self.target,
            headers: self.headers.clone(),
            version: self.version,
            client: self.client,
            // No dialect says in a way that only the proxy can.
            certificate: None,
            scheme: self.scheme,
            body: None,
        }
    }
}
