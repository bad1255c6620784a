//! `Principal` and `NotPrincipal`: whom a statement of a resource, a role or an organization is
//! about, and how directly it names them.
//!
//! How directly matters for grants
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>):
//! a resource-based policy that names a session isn't limited by what other layers merely don't
//! allow, one that names a role is limited by boundary and session policies, and one that names an
//! account leaves everything to that account's own policies.

use super::document::{PrincipalGroup, Sense};
use super::truth::Truth;

/// Who calls, as policies of resources see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller<'a> {
    /// Nobody: no credentials.
    Anonymous,
    /// Whoever has a token of this web-identity provider, before it is anyone to AWS.
    WebIdentity(&'a str),
    /// An AWS identity.
    Aws { partition: &'a str, account: &'a str, identity: Identity<'a> },
}

/// What an AWS identity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity<'a> {
    /// The account's root user.
    Root,
    /// `path/Name`, as its ARN has it.
    User(&'a str),
    /// A session of a role.
    Session { role: RoleName<'a>, session: &'a str },
    /// A session of a user, by the name it was given.
    FederatedUser(&'a str),
}

/// A role, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RoleName<'a> {
    pub(super) name: &'a str,
    /// `path/Name`; the ARN of a session doesn't have the path.
    pub(super) with_path: Option<&'a str>,
    pub(super) id: Option<&'a str>,
}

impl Caller<'_> {
    /// Does it come with AWS credentials?
    pub(super) fn is_aws(&self) -> bool {
        matches!(self, Self::Aws { .. })
    }
}

/// `Principal` or `NotPrincipal`, compiled.
#[derive(Clone, Debug)]
pub(super) struct Principals {
    sense: Sense,
    names: Names,
}

#[derive(Clone, Debug)]
enum Names {
    /// `"*"` or `{"AWS": "*"}`: everyone, also without credentials.
    Everyone,
    /// Any of these.
    Listed(Box<[Name]>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    /// An account, by its id or as `:root`.
    Account {
        partition: Option<Box<str>>,
        account: Box<str>,
    },
    /// A user, a role or a session: the ARN's partition, account and resource.
    Aws {
        partition: Box<str>,
        account: Box<str>,
        kind: Kind,
        name: Box<str>,
    },
    /// The unique id of a role.
    Id(Box<str>),
    Federated(Box<str>),
    CanonicalUser,
    /// An AWS service, or another that never calls here.
    Elsewhere,
}

/// What the ARN of a principal is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    User,
    Role,
    Session,
    FederatedUser,
}

/// How far a statement's principals reach the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    /// It is about the caller, in one way or another.
    pub(super) any: Truth,
    /// It names the caller, its session or its role: what identity policies don't allow, it can.
    pub(super) role: Truth,
    /// It names the caller or its session, or everyone: so can it what no other layer allows.
    pub(super) session: Truth,
}

impl Reach {
    /// A statement without such an element is about everyone whose policy it is in.
    pub(super) const ALL: Self = Self { any: Truth::True, role: Truth::True, session: Truth::True };
    const NONE: Self = Self { any: Truth::False, role: Truth::False, session: Truth::False };

    /// How it means the caller, in words; none if it doesn't.
    pub(super) fn means(self) -> Option<&'static str> {
        let is = |truth| truth != Truth::False;
        match (is(self.any), is(self.role), is(self.session)) {
            (false, ..) => None,
            (_, _, true) => Some("the caller itself, or everyone"),
            (_, true, _) => Some("the caller's role"),
            _ => Some("the caller's account, or all but others"),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            any: self.any.or(other.any),
            role: self.role.or(other.role),
            session: self.session.or(other.session),
        }
    }
}

/// How a name means the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Account,
    Role,
    Session,
}

impl Level {
    fn reach(self, truth: Truth) -> Reach {
        let from = |level: bool| if level { truth } else { Truth::False };
        Reach {
            any: truth,
            role: from(self != Self::Account),
            session: from(self == Self::Session),
        }
    }
}

impl Principals {
    /// Everyone.
    pub(super) fn everyone(sense: Sense) -> Self {
        Self { sense, names: Names::Everyone }
    }

    /// Those listed, reporting what is no principal, by its place and with what to write.
    pub(super) fn listed<'t>(
        sense: Sense,
        sources: impl Iterator<Item = (PrincipalGroup, &'t str)>,
        mut refused: impl FnMut(usize, &'static str),
    ) -> Self {
        let mut everyone = false;
        let mut names = Vec::new();
        for (place, (group, text)) in sources.enumerate() {
            if group == PrincipalGroup::Aws && text == "*" {
                everyone = true;
                continue;
            }
            match Name::parse(group, text) {
                Ok(name) => names.push(name),
                Err(advice) => refused(place, advice),
            }
        }
        let names = if everyone { Names::Everyone } else { Names::Listed(names.into()) };
        Self { sense, names }
    }

    /// How far they reach `caller`. `bounded` is whether it has a permissions boundary:
    /// `NotPrincipal` spares nobody who has one.
    pub(super) fn reach(&self, caller: Caller<'_>, bounded: bool) -> Reach {
        if self.sense == Sense::AllBut {
            let spared = match self.names {
                _ if bounded && caller.is_aws() => Truth::False,
                Names::Everyone => Truth::True,
                Names::Listed(ref names) => {
                    Truth::any(names.iter().map(|name| name.spares(caller)))
                }
            };
            return Reach { any: !spared, ..Reach::NONE };
        }
        match &self.names {
            Names::Everyone => Reach::ALL,
            Names::Listed(names) => {
                names.iter().map(|name| name.reach(caller)).fold(Reach::NONE, Reach::or)
            }
        }
    }
}

impl Name {
    /// The name `text`, or what to write instead.
    fn parse(group: PrincipalGroup, text: &str) -> Result<Self, &'static str> {
        if text.contains(['*', '?']) {
            return Err("wildcards aren't allowed; write \"*\" alone, under AWS, for everyone");
        }
        // CloudFront's origin access identities have one.
        let spaces = text.starts_with("arn:") && text.contains(":iam::cloudfront:user/");
        if text.is_empty() || text.contains("${") || (!spaces && text.contains(char::is_whitespace))
        {
            return Err("write a name without spaces or variables");
        }
        match group {
            PrincipalGroup::Federated => Ok(Self::Federated(text.into())),
            PrincipalGroup::Service => Ok(Self::Elsewhere),
            PrincipalGroup::CanonicalUser => Ok(Self::CanonicalUser),
            PrincipalGroup::Aws => Self::aws(text)
                .ok_or("write an account id or the ARN of an account, role, user or session"),
        }
    }

    fn aws(text: &str) -> Option<Self> {
        if is_account(text) {
            return Some(Self::Account { partition: None, account: text.into() });
        }
        // AWS exports the unique id of a principal that has been deleted.
        let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if text.len() >= 16 && text.bytes().all(plain) {
            return Some(Self::Id(text.into()));
        }
        let ["arn", partition, service, "", account, resource] = super::arn::six_parts(text)?
        else {
            return None;
        };
        if service == "iam" && account == "cloudfront" {
            return Some(Self::Elsewhere);
        }
        let (partition, account) = (partition.into(), account.into());
        if (service, resource) == ("iam", "root") {
            return Some(Self::Account { partition: Some(partition), account });
        }
        let (kind, name) = match (service, resource.split_once('/')?) {
            ("iam", ("user", name)) => (Kind::User, name),
            ("iam", ("role", name)) => (Kind::Role, name),
            ("sts", ("assumed-role", name)) if name.contains('/') => (Kind::Session, name),
            ("sts", ("federated-user", name)) => (Kind::FederatedUser, name),
            _ => return None,
        };
        let named = is_account(&account) && !name.is_empty();
        named.then(|| Self::Aws { partition, account, kind, name: name.into() })
    }

    fn reach(&self, caller: Caller<'_>) -> Reach {
        match (self, caller) {
            (Self::Federated(provider), Caller::WebIdentity(caller)) if **provider == *caller => {
                Level::Session.reach(Truth::True)
            }
            // Whose canonical id it is can't be told here.
            (Self::CanonicalUser, Caller::Aws { .. }) => Level::Session.reach(Truth::Unknown),
            (Self::Id(id), Caller::Aws { identity: Identity::Session { role, .. }, .. })
                if role.id == Some(id) =>
            {
                Level::Role.reach(Truth::True)
            }
            (
                Self::Account { partition, account },
                Caller::Aws { partition: p, account: a, identity },
            ) if **account == *a && partition.as_deref().is_none_or(|named| named == p) => {
                let level = match identity {
                    Identity::Root => Level::Session,
                    _ => Level::Account,
                };
                level.reach(Truth::True)
            }
            (
                Self::Aws { partition, account, kind, name },
                Caller::Aws { partition: p, account: a, identity },
            ) if **account == *a && **partition == *p => kind.reach(name, identity),
            _ => Reach::NONE,
        }
    }

    /// Does this name in `NotPrincipal` spare the caller? Listing a session alone may not: AWS looks
    /// at its role and its account too.
    fn spares(&self, caller: Caller<'_>) -> Truth {
        let found = self.reach(caller).any;
        match self {
            Self::Aws { kind: Kind::Session | Kind::FederatedUser, .. } => {
                found.and(Truth::Unknown)
            }
            _ => found,
        }
    }
}

impl Kind {
    /// Does a principal of this kind and name, in the caller's account, mean the caller?
    ///
    /// Names are unique in an account whatever their path and case, and compared exactly. One that
    /// differs in path or case alone is of no principal that exists: AWS would refuse the policy. So
    /// it neither allows nor spares.
    fn reach(self, name: &str, identity: Identity<'_>) -> Reach {
        match (self, identity) {
            (Self::User, Identity::User(user)) => {
                Level::Session.reach(same(name, user, Some(user)))
            }
            // Which user it is a session of can't be told from its name.
            (Self::User, Identity::FederatedUser(_)) => Level::Role.reach(Truth::Unknown),
            (Self::FederatedUser, Identity::FederatedUser(user)) => {
                Level::Session.reach((name == user).into())
            }
            (Self::Role, Identity::Session { role, .. }) => {
                Level::Role.reach(same(name, role.name, role.with_path))
            }
            (Self::Session, Identity::Session { role, session }) => {
                let (named, of) = name.split_once('/').unwrap_or((name, ""));
                let role = same(named, role.name, None);
                Level::Session.reach(role.and((of == session).into()))
            }
            _ => Reach::NONE,
        }
    }
}

/// Is `written`, with or without a path, the principal of that name, and of that path if it is known?
fn same(written: &str, name: &str, with_path: Option<&str>) -> Truth {
    let last = |text| str::rsplit(text, '/').next().unwrap_or_default();
    let (short, name) = (last(written), last(name));
    if short == name && with_path.is_none_or(|path| path == written) {
        Truth::True
    } else if short.eq_ignore_ascii_case(name) {
        Truth::Unknown
    } else {
        Truth::False
    }
}

pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}
