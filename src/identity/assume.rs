//! From a verified token, or from none, to an IAM session.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicI64, Ordering},
};

use crate::clock::Time;
use crate::http::IdentityHeaders;
use crate::iam::{Fact, Facts, PolicySet, Role, Session};
use crate::token::VerifiedToken;

use super::claims::Claims;
use super::error::AssumeError;
use super::groups::Groups;
use super::ids::IdentityIds;
use super::jwt::JwtClaims;
use super::mapping::{Login, RoleChoice, choose};
use super::pool::IdentityPool;
use super::tags::tags;
use super::trail::{Step, Trail};
use super::web_identity::WebIdentity;

/// The session name that Amazon Cognito uses in the enhanced flow.
pub const SESSION_NAME: &str = "CognitoIdentityCredentials";

/// What a caller got.
#[derive(Debug)]
pub struct Assumed {
    /// `region:uuid`. None for guests of a route, who have no identity, and for tokens that AWS STS
    /// takes without an identity pool.
    pub identity_id: Option<String>,
    /// The session, with its facts.
    pub session: Session,
    /// Why it has this role.
    pub role_choice: RoleChoice,
    /// The provider, as `Logins` names it; none for guests.
    pub provider: Option<String>,
    /// What upstreams are told of whose session it is.
    pub(crate) told: OnceLock<IdentityHeaders>,
    /// Counts it among those that are kept with their tokens.
    #[expect(dead_code, reason = "it is there to be dropped")]
    pub(crate) counted: Option<Counted>,
}

impl Assumed {
    /// A session, and how it came about.
    pub fn new(
        identity_id: Option<String>,
        session: Session,
        role_choice: RoleChoice,
        provider: Option<String>,
    ) -> Self {
        Self { identity_id, session, role_choice, provider, told: OnceLock::new(), counted: None }
    }
}

/// One of those that are counted as long as they are there.
#[derive(Debug)]
pub(crate) struct Counted(Arc<AtomicI64>);

impl Counted {
    /// One more of `count`, until it is dropped.
    pub(crate) fn one_of(count: &Arc<AtomicI64>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a caller may act as, for how long ever: an [`Assumed`] without what belongs to one token.
#[derive(Clone, Debug)]
pub struct AssumedRole {
    /// As in [`Assumed`].
    pub identity_id: Option<String>,
    /// The role. Its trust policy was asked.
    pub role: Arc<Role>,
    /// Why this one.
    pub role_choice: RoleChoice,
    /// As in [`Assumed`].
    pub provider: Option<String>,
    /// Context keys of the principal that every session of it has, principal tags among them.
    pub facts: Facts,
}

impl AssumedRole {
    /// A session of the role. `issued` is its `aws:TokenIssueTime`; `more` are facts of this session.
    pub fn session(self, issued: Fact, more: Facts) -> Assumed {
        let Self { identity_id, role, role_choice, provider, mut facts } = self;
        facts.set("aws:tokenissuetime", issued);
        facts.extend(more);
        let session = Session::for_role(role, SESSION_NAME, facts);
        Assumed::new(identity_id, session, role_choice, provider)
    }
}

/// What a session is made from.
#[derive(Clone, Copy)]
pub struct Assume<'a> {
    /// The identity pool.
    pub pool: &'a IdentityPool,
    /// The groups of the token's user pool, for access tokens.
    pub groups: Option<&'a Groups>,
    /// Derives the identity.
    pub ids: &'a IdentityIds,
    /// The roles, by ARN.
    pub roles: &'a dyn Fn(&str) -> Option<Arc<Role>>,
    /// `CustomRoleArn` of GetCredentialsForIdentity.
    pub custom_role: Option<&'a str>,
}

impl Assume<'_> {
    /// The session that `token` gets. The token's own times are checked where it is verified.
    ///
    /// # Errors
    /// [`AssumeError`]: there is no session without a role whose trust policy allows it.
    pub fn session(
        &self,
        token: &Arc<VerifiedToken>,
        trail: &mut dyn Trail,
    ) -> Result<Assumed, AssumeError> {
        let role = self.role(token, trail)?;
        let issued = token.claims.issued_at().map_or(Fact::Unknown, |at| Fact::One(at.rfc3339()));
        let claims = JwtClaims::of(token)?;
        Ok(role.session(issued, Facts::of(Arc::new(claims))))
    }

    /// The role that `token` gets.
    ///
    /// # Errors
    /// As [`Assume::session`].
    pub fn role(
        &self,
        token: &VerifiedToken,
        trail: &mut dyn Trail,
    ) -> Result<AssumedRole, AssumeError> {
        let login = Login::of(self.pool, token)?;
        trail.step(Step::Provider(login.mapping.clone()));
        let claims = Claims::of(token, self.groups)?;
        let (arn, choice) = choose(self.pool, &login, &claims, self.custom_role, trail)?;
        let role = self.find(arn, trail)?;
        let identity = self.of_login(&login, &claims, trail)?;
        identity.assume(role, choice, SESSION_NAME, trail)
    }

    /// The identity that `token` belongs to, whatever role it would get.
    ///
    /// # Errors
    /// [`AssumeError`]: not a token of the pool's providers, or one of claims that can't be used.
    pub fn identity(
        &self,
        token: &VerifiedToken,
        trail: &mut dyn Trail,
    ) -> Result<WebIdentity, AssumeError> {
        let login = Login::of(self.pool, token)?;
        trail.step(Step::Provider(login.mapping.clone()));
        let claims = Claims::of(token, self.groups)?;
        self.of_login(&login, &claims, trail)
    }

    /// A guest of the pool. `identity_id` is that of a guest who asked for one before; whether it is
    /// one is for the caller to check ([`IdentityIds::is_guest`]).
    ///
    /// # Errors
    /// [`AssumeError::GuestsOff`].
    pub fn guest_identity(&self, identity_id: Option<&str>) -> Result<WebIdentity, AssumeError> {
        match self.pool.allows_guests() {
            true => Ok(WebIdentity::guest(self.pool, identity_id)),
            false => Err(AssumeError::GuestsOff),
        }
    }

    /// The role of guests, to be narrowed by the scope-down policies of guests.
    ///
    /// # Errors
    /// [`AssumeError::GuestsOff`], [`AssumeError::NoGuestRole`], [`AssumeError::RoleNotFound`],
    /// [`AssumeError::TrustPolicy`]; [`AssumeError::CustomRole`] if another role is asked for.
    pub fn guest_role(
        &self,
        identity_id: Option<&str>,
        trail: &mut dyn Trail,
    ) -> Result<AssumedRole, AssumeError> {
        let identity = self.guest_identity(identity_id)?;
        let arn = self.pool.unauthenticated_role().ok_or(AssumeError::NoGuestRole)?;
        self.only(identity, arn, RoleChoice::Guest, trail)
    }

    /// The session of a guest, who can do nothing that `scope_down` doesn't allow. `issued` is when
    /// the session is made: there is no token that would tell.
    ///
    /// # Errors
    /// As [`Assume::guest_role`].
    pub fn guest(
        &self,
        identity_id: Option<&str>,
        issued: Time,
        scope_down: &PolicySet,
        trail: &mut dyn Trail,
    ) -> Result<Assumed, AssumeError> {
        let role = self.guest_role(identity_id, trail)?;
        let mut assumed = role.session(Fact::One(issued.rfc3339()), Facts::new());
        assumed.session.session_policies = scope_down.clone();
        Ok(assumed)
    }

    /// The role for an identity that the pool's own token speaks for. Such a token has none of the
    /// claims that a role mapping asks for, so it gets the pool's role or, with a mapping, none.
    ///
    /// # Errors
    /// [`AssumeError::MappedRoles`], [`AssumeError::NoRole`] and what a trust policy refuses.
    pub fn role_of_identity(
        &self,
        identity: WebIdentity,
        trail: &mut dyn Trail,
    ) -> Result<AssumedRole, AssumeError> {
        if identity.is_guest() {
            return self.guest_role(identity.identity_id.as_deref(), trail);
        }
        if self.pool.maps_roles() {
            return Err(AssumeError::MappedRoles);
        }
        let arn = self.pool.authenticated_role().ok_or(AssumeError::NoRole)?;
        self.only(identity, arn, RoleChoice::Default, trail)
    }

    fn only(
        &self,
        identity: WebIdentity,
        arn: &str,
        choice: RoleChoice,
        trail: &mut dyn Trail,
    ) -> Result<AssumedRole, AssumeError> {
        if self.custom_role.is_some_and(|asked| asked != arn) {
            return Err(AssumeError::CustomRole);
        }
        let role = self.find(arn.to_owned(), trail)?;
        identity.assume(role, choice, SESSION_NAME, trail)
    }

    fn find(&self, arn: String, trail: &mut dyn Trail) -> Result<Arc<Role>, AssumeError> {
        trail.step(Step::Role(arn.clone()));
        (self.roles)(&arn).ok_or(AssumeError::RoleNotFound(arn))
    }

    fn of_login(
        &self,
        login: &Login<'_>,
        claims: &Claims<'_>,
        trail: &mut dyn Trail,
    ) -> Result<WebIdentity, AssumeError> {
        let identity_id = self.ids.id(self.pool.id(), &login.provider, login.subject);
        trail.step(Step::Identity(identity_id.clone()));
        let tags = tags(self.pool, login, claims, trail)?;
        let (provider, subject) = (&login.provider, login.subject);
        let third = match login.user_pool {
            true => format!("{provider}:CognitoSignIn:{subject}"),
            false => format!("{provider}:{}:{subject}", self.pool.id()),
        };
        let methods = vec!["authenticated".to_owned(), provider.clone(), third];
        Ok(WebIdentity::of_pool(self.pool, Some(identity_id), methods, tags))
    }
}
