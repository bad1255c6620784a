//! The gate as a whole, over real rooms: signed tokens, key sets, identity pools, policies.

mod asking;
mod authenticating;
mod binding;
mod cedar_callers;
mod contexts;
mod deciding;
mod demanding;
mod engines;
pub(crate) mod fixture;
mod limiting;
mod preflights;
mod revoking;
mod routing;
mod rows;
mod sessions;
mod signing;
mod simulating;
mod standing;
mod vending;
mod verifying;
mod waiting;
