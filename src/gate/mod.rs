//! The gate: one line of stages that every question passes, whatever door it came through.
//!
//! authenticate (whose request is it?) → assume (as which role does it act?) → describe (what
//! would it do?) → decide (do the policies allow it?). There is no HTTP server and no network in
//! here; a look-up that needs one is asked of the rooms below through their traits.
//!
//! INVARIANT: a [`Permit`] is made in `decide.rs` alone, from one of the [`Grounds`]. Every error,
//! and every future that is dropped half way, leaves the caller without one.

mod answer;
mod ask;
mod asking;
mod assume;
mod assume_role;
mod authenticate;
mod body;
mod bound;
mod callers;
mod context;
mod credentials;
mod decide;
mod decision;
mod demands;
mod engines;
mod form;
mod heard;
mod judge;
mod layers;
mod limits;
mod logins;
mod named;
mod objects;
mod payload;
mod post;
mod preflight;
mod question;
mod random;
mod reasons;
mod right;
mod routes;
mod rows;
mod rules;
mod search;
mod sessions;
mod signature;
mod simulate;
mod standing;
mod stored;
mod tables;
mod trail;
mod typed;
mod vend;
mod verified;

pub use answer::{
    Answer, AssumedRoleUser, Content, IamContent, IdentityContent, OpenIdToken, PolicyContent,
    Simulated, StsContent, VerifiedContent,
};
pub use asking::{AskedQuery, AskedRoute, Withheld};
pub use authenticate::Login;
pub use callers::Cedar;
pub use credentials::{CredentialError, CredentialRules, Presented};
pub use decide::{DECISION_DEADLINE, Gate, Permit};
pub use decision::{
    AnswerRule, Challenge, Decision, DecisionId, Denial, Forget, Grounds, Outcome, Refusal,
};
pub use heard::{EngineVerdict, Heard, ShadowVerdict};
pub use limits::{Limits, Rate};
pub use payload::{Enough, Payload, PayloadError, ReadFuture, Whole};
pub use question::Question;
pub use reasons::REASONS;
pub use right::Right;
pub use routes::{
    Authenticate, BoundTokens, BuiltIn, Destination, Forward, Match, ResourcePolicies, Route,
    RouteConflict, RouteIndex, Routes, Service,
};
pub use rules::{AlbSource, Compose, CookieSource, Engine, Rules, Shadow, TokenSources};
pub use search::{Found, Searched};
pub use sessions::Sessions;
pub use stored::{ExpectedRevision, PolicyChange, PolicyPermit, StoredPolicy, revision};
pub use tables::Tables;
pub use trail::{LAYERS_ASKED, STATEMENT_CONSIDERED, Step, Trail, statement_label};
pub use typed::{Judged, Thing, TypedQuestion};

#[cfg(test)]
pub(crate) mod tests;
