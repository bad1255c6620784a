//! The server: one acceptor a port, data threads that serve connections, and the drain.
//!
//! Every connection is handed to the least loaded data thread, a single-threaded runtime with its
//! own upstream connections. Nothing a request needs is shared under a lock.

mod acceptor;
mod admin;
mod asking;
mod begun;
mod connection;
mod data;
mod gathered;
mod head;
mod http2;
mod listener;
mod preface;
mod refusal;
mod tls;
mod watched;
mod whole_writes;

pub use acceptor::{Serves, accept};
pub use admin::serve_admin;
pub use data::DataThreads;
pub use listener::{Address, BindError, Listener};
pub use tls::{ClientAuth, TlsError, server_config};

#[cfg(test)]
mod tests;
