//! Poolgate: an authorizer sidecar for the Amazon Cognito model.
//!
//! Every protocol that can ask a question is a *door* ([`doors`]). A door only translates: its
//! protocol into one question, one decision back into its protocol. All doors lead to the same
//! [`gate`], which works through the same stages in the same order:
//!
//! ```text
//! door ──Request──▶ authenticate ──Login──▶ assume ──Session──▶ describe ──Operation──▶ decide ──▶ door
//!                   token                   identity            services                iam
//! ```
//!
//! Lower rooms know nothing of higher ones; `docs/architecture.md` draws the house.

pub mod cedar;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod doors;
pub mod gate;
pub mod http;
pub mod iam;
pub mod identity;
pub mod lint;
pub mod load;
mod near;
pub mod server;
pub mod services;
pub mod sigv4;
pub mod standin;
pub mod sts;
pub mod telemetry;
pub mod token;
pub mod upstream;
