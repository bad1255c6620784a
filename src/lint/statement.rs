//! Lints of whole statements: what they give away, and to whom.

use super::{
    Home, Lint,
    judge::{Judge, Of},
};
use crate::iam::{
    Arn, Base, Clause, Glob, JsonPath, Operator, Polarity, PolicyKind, PrincipalGroup, Sense,
    Sourced, Written,
};

impl Judge<'_> {
    /// Looks at every statement of a policy for itself. `role` is whose it is, `resource` what it is
    /// the policy of.
    pub(super) fn policy(&mut self, policy: &Written, role: Option<&str>, resource: Option<&str>) {
        for statement in &policy.statements {
            let of = Of { policy, statement, role };
            if policy.kind == PolicyKind::Trust && !of_web_identities(of) {
                // Whom it lets in never gets here.
                continue;
            }
            self.actions(of);
            if self.is_asked(of) {
                self.conditions(of);
                for Sourced { path, text } in statement.resources.iter().flat_map(|r| &r.values) {
                    self.variables(of, path, text);
                    self.variables_elsewhere(of, path, text);
                }
            }
            match policy.kind {
                PolicyKind::Resource => {
                    self.public(of);
                    self.foreign(of, resource.unwrap_or_default());
                    self.nobody(of);
                }
                PolicyKind::Trust => self.trust(of),
                _ => {}
            }
        }
    }

    /// Looks at how much an inline or attached policy allows.
    pub(super) fn rights(&mut self, policy: &Written, role: Option<&str>) {
        for statement in &policy.statements {
            self.breadth(Of { policy, statement, role });
        }
    }

    /// Rights that are wider than they look.
    fn breadth(&mut self, of: Of<'_>) {
        let (Some(actions), Some(resources)) = (&of.statement.actions, &of.statement.resources)
        else {
            return;
        };
        if !of.allows() || !of.statement.conditions.is_empty() {
            return;
        }
        let path = &of.statement.path;
        let everywhere = is_all(resources);
        if actions.sense == Sense::AllBut && everywhere {
            let message = format_args!(
                "this allows every action but those listed, on everything, tomorrow's services too: list what is allowed in Action"
            );
            return self.report(Lint::AllowAllBut, of, path, message);
        }
        if resources.sense == Sense::AllBut {
            let message = format_args!(
                "this allows everything but the resources listed: list what is allowed in Resource, or deny the others"
            );
            return self.report(Lint::AllowAllBut, of, path, message);
        }
        let named = [Some(of.policy.name.as_str()), of.role];
        let admin = |name: &str| name.to_ascii_lowercase().contains("admin");
        if is_all(actions) && everywhere && !named.into_iter().flatten().any(admin) {
            let message = format_args!(
                "this allows everything, and neither policy nor role is called an administrator's: list actions and resources"
            );
            self.report(Lint::FullAccess, of, path, message);
        }
    }

    /// Everyone, also without credentials.
    fn public(&mut self, of: Of<'_>) {
        if of.allows() && names_everyone(of) && of.statement.conditions.is_empty() {
            let message = format_args!(
                "everyone is allowed this, without credentials too: name who, or add a condition if that isn't meant"
            );
            self.report(Lint::PublicResource, of, &of.statement.path, message);
        }
    }

    /// Resources that the policy of `own` never is asked about.
    fn foreign(&mut self, of: Of<'_>, own: &str) {
        let Some(resources) = of.statement.resources.as_ref().filter(|r| r.sense == Sense::Only)
        else {
            return;
        };
        let below = format!("{own}/");
        for Sourced { path, text } in &resources.values {
            // Up to the first wildcard or variable.
            let wild = text.find(['*', '?']).into_iter().chain(text.find("${")).min();
            let fits = match wild.and_then(|at| text.get(..at)) {
                Some(start) => own.starts_with(start) || start.starts_with(&below) || start == own,
                None => text == own || text.starts_with(&below),
            };
            if !fits {
                let message = format_args!(
                    "{text} is another resource, which this policy is never asked about: write {own} or what is below it"
                );
                self.report(Lint::ForeignResource, of, path, message);
            }
        }
    }

    /// The policy of a resource that isn't where requests are of.
    pub(super) fn elsewhere(&mut self, resource: &str) {
        let (Some(Home { partition, region, account }), Ok(arn)) =
            (self.given.home, Arn::parse(resource))
        else {
            return;
        };
        // Buckets have neither region nor account in their ARNs.
        let other = |part: &str, own: &str| !part.is_empty() && part != own;
        let what = match () {
            () if arn.partition() != partition => "partition",
            () if other(arn.account(), account) => "account",
            () if other(arn.region(), region) => "region",
            () => return,
        };
        let resource = arn.resource();
        let home = match arn.region() {
            "" => format!("arn:{partition}:{}:::{resource}", arn.service()),
            _ => format!("arn:{partition}:{}:{region}:{account}:{resource}", arn.service()),
        };
        let message = format!(
            "this is of another {what} than `aws` says, and no request that names it by name is about it: write {home}"
        );
        self.add(Lint::ResourceElsewhere, JsonPath::root().key("Resource"), message);
    }

    /// Roles of this account that aren't there: AWS refuses to save a policy with one.
    fn nobody(&mut self, of: Of<'_>) {
        let listed = of.statement.principals.iter().flat_map(|p| p.listed.as_ref()).flatten();
        for (_, Sourced { path, text }) in listed.filter(|(g, _)| *g == PrincipalGroup::Aws) {
            let own = self.given.home.is_some_and(|home| {
                Arn::parse(text).is_ok_and(|arn| {
                    arn.service() == "iam"
                        && arn.account() == home.account
                        && arn.resource().starts_with("role/")
                })
            });
            if own && !self.roles.contains(text) {
                let message = format_args!(
                    "{text} is no role of this account, so that this is about nobody: name one that there is, path included"
                );
                self.report(Lint::UnknownPrincipal, of, path, message);
            }
        }
    }

    /// Whose tokens a trust policy takes.
    fn trust(&mut self, of: Of<'_>) {
        if !of.allows() {
            return;
        }
        let path = &of.statement.path;
        let pools = providers(of).any(|name| name.starts_with("cognito-identity"));
        if pools || names_everyone(of) {
            // Ids of pools are random: a pattern says nothing of whose they are.
            if !demands(of, "cognito-identity", ":aud", &|value| value.contains(['*', '?'])) {
                let message = format_args!(
                    "identity pools of anyone get this role: write \"StringEquals\": {{\"cognito-identity.amazonaws.com:aud\": the pool's id}}"
                );
                self.report(Lint::TrustWithoutAudience, of, path, message);
            }
            let both = |value: &str| {
                let glob = Glob::new(value);
                glob.matches("authenticated") && glob.matches("unauthenticated")
            };
            if !demands(of, "cognito-identity", ":amr", &both) {
                let message = format_args!(
                    "guests get this role as well as users: write \"ForAnyValue:StringLike\": {{\"cognito-identity.amazonaws.com:amr\": \"authenticated\"}} or \"unauthenticated\""
                );
                self.report(Lint::TrustWithoutAmr, of, path, message);
            }
        }
        for name in providers(of).filter(|name| !name.starts_with("cognito-identity")) {
            let host = name.split_once(":oidc-provider/").map_or(name, |(_, host)| host);
            let any = |value: &str| value.bytes().all(|byte| matches!(byte, b'*' | b'?'));
            let told =
                [":aud", ":app_id", ":sub"].into_iter().any(|end| demands(of, host, end, &any));
            if told || host.starts_with("arn:") {
                continue;
            }
            let message = format_args!(
                "a token for any client of {host} gets this role: write \"StringEquals\": {{\"{host}:aud\": the client}}"
            );
            self.report(Lint::TrustWithoutAudience, of, path, message);
        }
    }

    /// A level of service control policies at which nothing is allowed.
    pub(super) fn level(&mut self, path: &crate::iam::JsonPath, policies: &[Written]) {
        let mut statements = policies.iter().flat_map(|policy| &policy.statements);
        if !statements.any(|statement| statement.effect == crate::iam::Effect::Allow) {
            let message = "this level allows nothing, so that nothing is allowed at all: add FullAWSAccess, which AWS attaches by default";
            self.add(Lint::EmptyLevel, path.clone(), message.to_owned());
        }
    }
}

/// `*`
fn is_all(clause: &Clause) -> bool {
    clause.sense == Sense::Only && clause.values.iter().any(|value| value.text == "*")
}

fn names_everyone(of: Of<'_>) -> bool {
    of.statement.principals.as_ref().is_some_and(|principals| {
        principals.sense == Sense::Only
            && principals.listed.as_ref().is_none_or(|listed| {
                listed.iter().any(|(group, name)| *group == PrincipalGroup::Aws && name.text == "*")
            })
    })
}

/// The web-identity providers of `Principal`.
fn providers<'a>(of: Of<'a>) -> impl Iterator<Item = &'a str> {
    let listed = of.statement.principals.as_ref().and_then(|p| p.listed.as_ref());
    let federated = listed.into_iter().flatten().filter(|(g, _)| *g == PrincipalGroup::Federated);
    federated.map(|(_, name)| name.text.as_str()).filter(|name| !name.contains(":saml-provider/"))
}

/// Is the statement about those who come with a token?
fn of_web_identities(of: Of<'_>) -> bool {
    providers(of).next().is_some() || names_everyone(of)
}

/// Does the statement demand a value of a key that begins and ends like this? A pattern that lets
/// `too_much` match demands nothing.
fn demands(of: Of<'_>, begin: &str, end: &str, too_much: &dyn Fn(&str) -> bool) -> bool {
    of.statement.conditions.iter().any(|condition| {
        let key = condition.key.text.to_ascii_lowercase();
        let about = key.starts_with(&begin.to_ascii_lowercase()) && key.ends_with(end);
        let operator = Operator::parse(&condition.operator.text);
        about
            && operator.is_some_and(|operator| {
                let patterns = matches!(operator.base, Base::StringLike | Base::Arn);
                operator.polarity == Polarity::Positive
                    && operator.base != Base::Null
                    && !(patterns && condition.values.iter().any(|value| too_much(&value.text)))
            })
    })
}
