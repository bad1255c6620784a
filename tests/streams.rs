//! What lasts longer than a request, and what shares a connection: WebSockets, HTTP/2, events of a server, on real
//! sockets.

#![expect(
    clippy::unwrap_used,
    unreachable_pub,
    clippy::indexing_slicing,
    reason = "the helpers of tests fail as tests do"
)]
#![allow(dead_code, reason = "the rig of the traps has more than is used here")]

#[path = "streams/events.rs"]
mod events;
#[path = "streams/http2.rs"]
mod http2;
#[path = "traps/rig.rs"]
mod rig;
#[path = "streams/rights.rs"]
mod rights;
mod support;
#[path = "streams/websocket.rs"]
mod websocket;
