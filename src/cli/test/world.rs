//! What cases are run against: the rules of one configuration, as the gate has them.

use std::{path::Path, sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    clock::Time,
    config::{
        Position, Problem,
        cases::{CallerKind, TestFile, Use, User},
    },
    control::{Applied, Builder, HttpFetch, Offline, client_tls, wait_for_keys},
    gate::Rules,
    iam::Role,
    standin::SigningKey,
    token::{Fetch, Issuer, IssuerKind, Issuers, KeySet, TokenCache},
};

/// The rules of a configuration, and two sets of keys for its issuers.
pub(super) struct World {
    /// The rules. Their issuers are those of the last case.
    pub(super) rules: Rules,
    /// Verified tokens.
    pub(super) tokens: TokenCache,
    /// The issuers that aren't among the rules at the moment.
    other: Issuers,
    /// Whose keys the rules' issuers have at the moment.
    keys: Keys,
    signer: SigningKey,
    builder: Builder,
    /// Until the keys are fetched, if any case needs them.
    applied: Option<Applied>,
}

/// Whose keys verify tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    /// The issuers' own.
    Issuers,
    /// The test's.
    Tests,
}

impl World {
    /// The configuration at `path`, for the tests of `files`. To be called outside a runtime: then no
    /// backend is asked for tables.
    ///
    /// # Errors
    /// Every problem of it.
    pub(super) fn build(path: &Path, files: &[TestFile]) -> Result<Self, Vec<Problem>> {
        let failed = |message: String| vec![Problem::error(path, Position::START, message)];
        let tls = client_tls().map_err(failed)?;
        let real = files.iter().any(has_token_files);
        let fetch: Arc<dyn Fetch> = match real {
            true => Arc::new(HttpFetch::new(&tls)),
            false => Arc::new(Offline),
        };
        let builder = Builder::new(fetch, tls);
        let mut built = builder.build(path)?;
        let of_shadow = std::mem::take(&mut built.shadow_problems);
        if !of_shadow.is_empty() {
            return Err(of_shadow);
        }
        let (_, snapshot, _, applied) = built.into_parts();
        let rules = snapshot.rules;
        let (signer, public) = SigningKey::fresh().map_err(|error| failed(error.to_string()))?;
        let other = with_keys(&rules.issuers, &public).map_err(failed)?;
        let tokens = TokenCache::new(1 << 20);
        let (keys, applied) = (Keys::Issuers, real.then_some(applied));
        Ok(Self { rules, tokens, other, keys, signer, builder, applied })
    }

    /// Fetches the issuers' keys, once and if a case needs them. Keys that don't come are told by the
    /// cases that need them.
    pub(super) async fn fetch_keys(&mut self) {
        if let Some(applied) = self.applied.take() {
            self.builder.applied(applied);
            wait_for_keys(self.builder.keys_ready(), KEYS).await;
        }
    }

    /// Has tokens verified with these keys from now on.
    pub(super) fn verify_with(&mut self, keys: Keys) {
        if self.keys != keys {
            std::mem::swap(&mut self.rules.issuers, &mut self.other);
            self.keys = keys;
        }
    }

    /// The role of that ARN or name.
    ///
    /// # Errors
    /// There is none, or several have the name.
    pub(super) fn role(&self, named: &str) -> Result<Arc<Role>, String> {
        let roles = self.rules.account.roles();
        let mut found = roles.filter(|role| role.arn.as_str() == named || role.name == named);
        match (found.next(), found.next()) {
            (Some(role), None) => Ok(Arc::clone(role)),
            (Some(_), Some(_)) => Err(format!("several roles are called `{named}`; give the ARN")),
            (None, _) => Err(format!("the policies have no role `{named}`")),
        }
    }

    /// The place of the identity pool `id`, or of the only one.
    ///
    /// # Errors
    /// There is none, or several could be meant.
    pub(super) fn pool(&self, id: Option<&str>) -> Result<usize, String> {
        match (id, self.rules.pools.as_slice()) {
            (Some(id), pools) => pools
                .iter()
                .position(|pool| pool.id() == id)
                .ok_or_else(|| format!("the configuration has no identity pool `{id}`")),
            (None, [_]) => Ok(0),
            (None, []) => Err("the configuration has no identity pool".to_owned()),
            (None, _) => Err("there are several identity pools; say which with `identity_pool` \
                              at the top of the file"
                .to_owned()),
        }
    }

    /// A token for `user`, who is called `name`, signed with the test's key.
    ///
    /// # Errors
    /// There is no such provider or group.
    pub(super) fn token(&self, name: &str, user: &User, now: Time) -> Result<String, String> {
        let issuer = self.issuer(user.provider.as_deref())?;
        let subject = user.subject.as_deref().unwrap_or(name);
        let client = issuer.clients.first();
        let mut claims = json!({
            "sub": subject,
            "iss": issuer.issuers.first(),
            "iat": now.secs(),
            "auth_time": now.secs(),
            "exp": now.plus_secs(LIFETIME).secs(),
        });
        let mut set = |name: &str, value: Value| {
            if let Value::Object(members) = &mut claims {
                members.insert(name.to_owned(), value);
            }
        };
        match &issuer.kind {
            IssuerKind::UserPool { id, .. } => {
                let token_use = user.token_use.unwrap_or(Use::Id);
                set("token_use", token_use.as_str().into());
                match token_use {
                    Use::Id => {
                        set("aud", json!(client));
                        set("cognito:username", subject.into());
                    }
                    Use::Access => {
                        set("client_id", json!(client));
                        set("username", subject.into());
                    }
                }
                if !user.groups.is_empty() {
                    set("cognito:groups", json!(user.groups));
                    if let (Some(groups), Use::Id) = (self.rules.groups_of(id), token_use) {
                        let names: Vec<&str> = user.groups.iter().map(String::as_str).collect();
                        let roles = groups.roles(&names).map_err(|number| {
                            let name = names.get(number - 1).unwrap_or(&"");
                            format!("the groups of user pool {id} have no `{name}`")
                        })?;
                        set("cognito:roles", json!(roles.roles));
                        if let Some(preferred) = roles.preferred {
                            set("cognito:preferred_role", preferred.into());
                        }
                    }
                }
            }
            _ if !user.groups.is_empty() || user.token_use.is_some() => {
                return Err("`groups` and `use` are a user pool's; give `claims`".to_owned());
            }
            _ => set("aud", json!(client)),
        }
        for (name, value) in &user.claims {
            set(name, value.clone());
        }
        self.signer.sign(&claims).map_err(|error| error.to_string())
    }

    /// The issuer that `named` means, or the only one.
    fn issuer(&self, named: Option<&str>) -> Result<Arc<Issuer>, String> {
        let all = self.rules.issuers.all();
        let mut issuers: Vec<_> =
            all.into_iter().filter(|i| !matches!(i.kind, IssuerKind::Alb { .. })).collect();
        let Some(named) = named else {
            return match issuers.as_slice() {
                [only] => Ok(Arc::clone(only)),
                [] => Err("the configuration has no issuer of tokens".to_owned()),
                _ => {
                    Err("there are several issuers of tokens; say which with `provider`".to_owned())
                }
            };
        };
        issuers.retain(|i| i.name == named || i.issuers.iter().any(|issuer| issuer == named));
        let found = issuers.first().map(|issuer| Arc::clone(issuer));
        found.ok_or_else(|| format!("the configuration has no user pool or issuer `{named}`"))
    }
}

/// The same issuers with one key.
fn with_keys(issuers: &Issuers, key: &Value) -> Result<Issuers, String> {
    let keys = KeySet::fixed(json!({ "keys": [key] }).to_string().as_bytes());
    let keys = keys.map_err(|error| error.to_string())?;
    let same = |issuer: &Arc<Issuer>| {
        Arc::new(Issuer {
            name: issuer.name.clone(),
            kind: issuer.kind.clone(),
            issuers: issuer.issuers.clone(),
            clients: issuer.clients.clone(),
            resource_audiences: issuer.resource_audiences.clone(),
            max_age: issuer.max_age,
            keys: Arc::clone(&keys),
        })
    };
    let issuers: (Vec<_>, u32) = (issuers.all().into_iter().map(same).collect(), issuers.leeway());
    Issuers::new(issuers.0, issuers.1).map_err(|error| error.to_string())
}

fn has_token_files(file: &TestFile) -> bool {
    let callers = file.tests.iter().flat_map(|test| &test.answers).flat_map(|a| &a.callers);
    callers.into_iter().any(|caller| matches!(caller.kind, CallerKind::Token(_)))
}

/// Seconds that a test's tokens last: Cognito's default.
const LIFETIME: i64 = 3600;
/// How long keys may take to load.
const KEYS: Duration = Duration::from_secs(5);
