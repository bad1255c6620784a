//! The users, groups and app clients of the demo's user pool.

use std::borrow::Cow;

use super::groups::{Group, GroupClaims, group_claims};
use aws_lc_rs::{constant_time, digest};

/// The demo's user pool id.
pub const POOL_ID: &str = "us-east-1_Demo00001";
/// The demo's app client id; it has no secret.
pub const CLIENT_ID: &str = "demoappclient00000000000000";
/// The password of every demo user. Public, which is why the demo stays on loopback.
pub const PASSWORD: &str = "Passw0rd!";

/// Who may sign in at a user pool, and through which app clients.
#[derive(Clone, Debug)]
pub struct Directory {
    /// The user pool's id, `us-east-1_Demo00001`.
    pub pool_id: String,
    /// App client ids.
    pub clients: Vec<String>,
    /// Users.
    pub users: Vec<User>,
    /// Groups.
    pub groups: Vec<Group>,
}

/// A confirmed user.
#[derive(Clone)]
pub struct User {
    /// `cognito:username`.
    pub name: String,
    /// `sub`, a stable uuid.
    pub sub: String,
    /// The `email` attribute, verified.
    pub email: String,
    /// Names of the user's groups.
    pub groups: Vec<String>,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("name", &self.name).field("groups", &self.groups).finish()
    }
}

impl Directory {
    /// The demo's: alice, bob, carol and dave.
    pub fn demo() -> Self {
        Self {
            pool_id: POOL_ID.to_owned(),
            clients: vec![CLIENT_ID.to_owned()],
            users: USERS.iter().map(|(name, sub, groups)| demo_user(name, sub, groups)).collect(),
            groups: GROUPS.iter().map(|(name, rank, role)| demo_group(name, *rank, role)).collect(),
        }
    }

    /// The user of exactly this name. `alice+1` to `alice+1000000` are users like alice, with a `sub` of
    /// their own: as many as a load test wants.
    pub fn user(&self, name: &str) -> Option<Cow<'_, User>> {
        let listed = |name: &str| self.users.iter().find(|user| user.name == name);
        if let Some(user) = listed(name) {
            return Some(Cow::Borrowed(user));
        }
        let (like, digits) = name.split_once('+')?;
        let number: u32 = digits.parse().ok().filter(|n| (1..=MOST_ALIKE).contains(n))?;
        // One way of writing it only, or two names would be one user.
        let user = listed(like).filter(|_| digits == number.to_string())?;
        let first = user.sub.split('-').next().unwrap_or_default();
        Some(Cow::Owned(User {
            name: name.to_owned(),
            sub: format!("{first}-0000-4000-9000-{number:012x}"),
            email: format!("{name}@example.com"),
            ..user.clone()
        }))
    }

    /// What the user's groups put into tokens. Groups that don't exist count for nothing.
    pub fn claims_of(&self, user: &User) -> GroupClaims {
        let groups: Vec<Group> =
            self.groups.iter().filter(|group| user.groups.contains(&group.name)).cloned().collect();
        group_claims(&groups)
    }

    /// The user, if there is one of this name and the password is theirs. An unknown name takes
    /// as long as a wrong password.
    pub(super) fn sign_in(&self, name: &str, password: &str) -> Option<Cow<'_, User>> {
        let user = self.user(name);
        let expected = user.as_ref().map_or("", |user| user.password.as_str());
        let equal = equal_in_constant_time(expected, password);
        user.filter(|_| equal)
    }
}

/// Compares digests, so that neither content nor length shows in the time taken.
fn equal_in_constant_time(a: &str, b: &str) -> bool {
    let a = digest::digest(&digest::SHA256, a.as_bytes());
    let b = digest::digest(&digest::SHA256, b.as_bytes());
    constant_time::verify_slices_are_equal(a.as_ref(), b.as_ref()).is_ok()
}

fn demo_user(name: &str, sub: &str, groups: &[&str]) -> User {
    User {
        name: name.to_owned(),
        sub: sub.to_owned(),
        email: format!("{name}@example.com"),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        password: PASSWORD.to_owned(),
    }
}

fn demo_group(name: &str, precedence: u32, role: &str) -> Group {
    Group {
        name: name.to_owned(),
        precedence: Some(precedence),
        role_arn: Some(format!("arn:aws:iam::000000000000:role/{role}")),
    }
}

/// How many users there are like each of the demo's.
const MOST_ALIKE: u32 = 1_000_000;

const USERS: [(&str, &str, &[&str]); 4] = [
    ("alice", "a11ce000-0000-4000-8000-000000000001", &["readers"]),
    ("bob", "b0b00000-0000-4000-8000-000000000002", &["writers", "readers"]),
    ("carol", "ca401000-0000-4000-8000-000000000003", &["admins"]),
    ("dave", "dade0000-0000-4000-8000-000000000004", &[]),
];

/// Name, precedence and role name.
const GROUPS: [(&str, u32, &str); 3] =
    [("admins", 0, "Admin"), ("writers", 10, "Writer"), ("readers", 20, "Reader")];
