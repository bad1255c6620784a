//! What has been found, and what all lints share.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::{Given, Lint};
use crate::{
    iam::{Effect, Glob, JsonPath, Sense, StatementSource, Written},
    services::catalog::Service,
};

/// Something that a lint found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The lint.
    pub lint: Lint,
    /// The file, by its number among those that were given.
    pub file: usize,
    /// Where in it.
    pub path: JsonPath,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// Goes through the files of one account.
pub(super) struct Judge<'g> {
    pub(super) findings: Vec<Finding>,
    /// The number of the file that is gone through.
    pub(super) file: usize,
    pub(super) given: Given<'g>,
    /// The ARNs of the roles so far.
    pub(super) roles: HashSet<String>,
    meant: HashMap<String, Rc<Meant>>,
}

/// A statement, and the policy it is in.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) policy: &'a Written,
    pub(super) statement: &'a StatementSource,
    /// The role whose policy it is, by name.
    pub(super) role: Option<&'a str>,
}

impl Of<'_> {
    pub(super) fn allows(&self) -> bool {
        self.statement.effect == Effect::Allow
    }

    /// How messages name it.
    pub(super) fn called(&self) -> String {
        let Self { policy, statement, .. } = self;
        match &statement.sid {
            Some(sid) => format!("{}: {} ({sid})", policy.name, statement.path),
            None => format!("{}: {}", policy.name, statement.path),
        }
    }
}

/// The known actions that a pattern means.
#[derive(Debug)]
pub(super) struct Meant {
    /// None for `*`, and of a service that isn't known.
    pub(super) service: Option<&'static Service>,
    /// Their names without the prefix, with the types they are about.
    pub(super) actions: Vec<(&'static str, &'static [&'static str])>,
}

impl<'g> Judge<'g> {
    pub(super) fn new(given: Given<'g>) -> Self {
        let (findings, roles, meant) = (Vec::new(), HashSet::new(), HashMap::new());
        Self { findings, file: 0, given, roles, meant }
    }

    /// Can a request that gets here be of an action of the statement? What others do with their
    /// conditions, nobody sees here.
    pub(super) fn is_asked(&self, of: Of<'_>) -> bool {
        let Some(actions) = &of.statement.actions else { return false };
        actions.sense == Sense::AllBut
            || actions.values.iter().any(|action| match action.text.split_once(':') {
                None => true,
                Some((prefix, _)) => {
                    let own = |own: &String| own.eq_ignore_ascii_case(prefix);
                    Service::of(prefix).is_some()
                        || prefix.eq_ignore_ascii_case(USER_POOLS)
                        || self.given.services.iter().any(own)
                }
            })
    }

    /// Reports what is at `path` in the document.
    pub(super) fn report(
        &mut self,
        lint: Lint,
        of: Of<'_>,
        path: &JsonPath,
        message: std::fmt::Arguments<'_>,
    ) {
        let message = format!("{}: {message}", of.called());
        self.add(lint, of.policy.place(path), message);
    }

    /// Reports what is at `path` in the file.
    pub(super) fn add(&mut self, lint: Lint, path: JsonPath, message: String) {
        self.findings.push(Finding { lint, file: self.file, path, message });
    }

    /// What a pattern of actions means. Roles repeat each other, so that it is kept.
    pub(super) fn meant(&mut self, pattern: &str) -> Rc<Meant> {
        if let Some(known) = self.meant.get(pattern) {
            return Rc::clone(known);
        }
        let mut meant = Meant { service: None, actions: Vec::new() };
        if let Some((prefix, name)) = pattern.split_once(':') {
            meant.service = Service::of(prefix);
            let glob = Glob::new(name);
            let all = meant.service.into_iter().flat_map(Service::actions);
            meant.actions = all.filter(|(action, _)| glob.matches_action(action)).collect();
        }
        let meant = Rc::new(meant);
        if self.meant.len() < MAX_KEPT {
            self.meant.insert(pattern.to_owned(), Rc::clone(&meant));
        }
        meant
    }
}

/// Patterns whose meaning is kept.
const MAX_KEPT: usize = 10_000;
/// Their signed operations are judged; which there are isn't listed.
const USER_POOLS: &str = "cognito-idp";
