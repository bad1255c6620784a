//! What the gate answers itself, since there is nothing behind it that could.

use super::Grounds;

/// An answer that is made here.
#[derive(Debug)]
pub struct Answer {
    /// What it stands on.
    pub grounds: Grounds,
    /// What it says.
    pub content: Content,
}

/// What an answer says.
#[derive(Debug)]
pub enum Content {
    /// A browser may call the service from any page (CORS).
    Preflight,
}
