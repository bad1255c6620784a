//! `iam`: what a request to IAM's policy simulator asks for.
//!
//! The query protocol, version 2010-05-08: a form as the body of a `POST`. Policies are read when it
//! is known that the caller may ask.

use std::sync::Arc;

use super::fault::{Constraints, Fault};
use super::form::form_of;
use crate::iam::simulate::{Documents, Member, SimulateError, Simulation};

/// The version of the API.
pub const VERSION: &str = "2010-05-08";
/// Largest body, in bytes.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// A request to an operation that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IamRequest {
    operation: Operation,
    parameters: Vec<(String, String)>,
}

/// The operations that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// What would these policies allow?
    SimulateCustomPolicy,
    /// What do a role's policies allow?
    SimulatePrincipalPolicy,
    /// Which context keys do these policies ask for?
    GetContextKeysForCustomPolicy,
    /// Which do a role's?
    GetContextKeysForPrincipalPolicy,
}

/// Which results are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The number of the first, from 0.
    pub from: usize,
    /// How many at most.
    pub most: usize,
}

impl Operation {
    const ALL: [Self; 4] = [
        Self::SimulateCustomPolicy,
        Self::SimulatePrincipalPolicy,
        Self::GetContextKeysForCustomPolicy,
        Self::GetContextKeysForPrincipalPolicy,
    ];

    /// The action that a caller has to be allowed.
    pub const fn action(self) -> &'static str {
        match self {
            Self::SimulateCustomPolicy => "iam:SimulateCustomPolicy",
            Self::SimulatePrincipalPolicy => "iam:SimulatePrincipalPolicy",
            Self::GetContextKeysForCustomPolicy => "iam:GetContextKeysForCustomPolicy",
            Self::GetContextKeysForPrincipalPolicy => "iam:GetContextKeysForPrincipalPolicy",
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.action().trim_start_matches("iam:")
    }

    /// Whether it is about the policies of a role.
    pub const fn is_of_principal(self) -> bool {
        matches!(self, Self::SimulatePrincipalPolicy | Self::GetContextKeysForPrincipalPolicy)
    }

    /// Whether it simulates.
    pub const fn simulates(self) -> bool {
        matches!(self, Self::SimulateCustomPolicy | Self::SimulatePrincipalPolicy)
    }

    fn knows(self, name: &str) -> bool {
        match name {
            "Action" | "Version" | "PolicyInputList" => true,
            "PolicySourceArn" => self.is_of_principal(),
            _ => self.simulates() && SIMULATING.contains(&name),
        }
    }
}

impl IamRequest {
    /// Reads the form, but no policy yet.
    ///
    /// # Errors
    /// A fault in the service's words.
    pub fn parse(parameters: &str) -> Result<Self, Fault> {
        let parameters = form_of(parameters, MAX_PARAMETERS)
            .map_err(|error| Fault::new("MalformedQueryString", error.to_string()))?;
        let get = |wanted: &str| {
            parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
        };
        let action = get("Action").ok_or_else(|| {
            Fault::new("MissingAction", "The request must have the parameter Action.")
        })?;
        let known = Operation::ALL.into_iter().find(|operation| operation.name() == action);
        let operation = known.filter(|_| get("Version") == Some(VERSION)).ok_or_else(|| {
            let served = Operation::ALL.map(Operation::name).join(", ");
            let message = format!(
                "Could not find operation for version {VERSION}. Of IAM, {served} are served here."
            );
            Fault::new("InvalidAction", message)
        })?;
        let request = Self { operation, parameters };
        // A parameter that isn't known could ask for less than would be told.
        let names = request.parameters.iter().map(|(name, _)| first_part(name));
        if let Some(unknown) = names.into_iter().find(|name| !operation.knows(name)) {
            let end = unknown.floor_char_boundary(64);
            let unknown = unknown.get(..end).unwrap_or_default();
            return Err(invalid(format!("The parameter {unknown} is not served here.")));
        }
        Ok(request)
    }

    /// What is asked.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// `PolicySourceArn`, where the operation has it.
    ///
    /// # Errors
    /// If it isn't there.
    pub fn source(&self) -> Result<Option<&str>, Fault> {
        if !self.operation.is_of_principal() {
            return Ok(None);
        }
        let source = self.get("PolicySourceArn");
        let mut constraints = Constraints::default();
        constraints.text("policySourceArn", source, (20, 2048), None);
        constraints.finish(VALIDATION)?;
        Ok(source)
    }

    /// `MaxItems` and `Marker`.
    ///
    /// # Errors
    /// If they are none.
    pub fn page(&self) -> Result<Page, Fault> {
        let written = self.get("MaxItems");
        let most = written.map_or(Some(DEFAULT_ITEMS), |written| written.parse().ok());
        let most = most.filter(|most| (1..=MAX_ITEMS).contains(most)).ok_or_else(|| {
            let mut constraints = Constraints::default();
            constraints.fail("maxItems", written, "have value between 1 and 1000");
            constraints.finish(VALIDATION).err()
        });
        let most = most.map_err(|fault| fault.unwrap_or_else(|| invalid("MaxItems")))?;
        let marker = self.get("Marker");
        let from = marker.map_or(Some(0), |marker| marker.parse().ok());
        let from =
            from.ok_or_else(|| invalid("Invalid Marker: pass the one of the last answer."))?;
        Ok(Page { from, most })
    }

    /// The policies of `PolicyInputList`.
    ///
    /// # Errors
    /// If one can't be understood.
    pub fn documents(&self) -> Result<Documents, Fault> {
        Ok(Documents::compile(Member::Identity, [self.list("PolicyInputList")])?)
    }

    /// What is to be simulated, but for the policies of a role.
    ///
    /// # Errors
    /// What can't be understood.
    pub fn simulation(&self) -> Result<Simulation, Fault> {
        let mut simulation = Simulation::new(self.list("ActionNames"), self.list("ResourceArns"))?;
        for member in [Member::Identity, Member::Boundary] {
            let documents = Documents::compile(member, [self.list(member.name())])?;
            simulation.set(Arc::new(documents))?;
        }
        if let Some(policy) = self.get(Member::Resource.name()) {
            let documents = Documents::compile(Member::Resource, [[policy]])?;
            simulation.set(Arc::new(documents))?;
        }
        let levels = Documents::compile(Member::ServiceControl, self.levels()?)?;
        simulation.set(Arc::new(levels))?;
        if let Some(caller) = self.get("CallerArn") {
            simulation.set_caller(caller)?;
        }
        if let Some(owner) = self.get("ResourceOwner") {
            simulation.set_owner(owner)?;
        }
        for number in self.numbers("ContextEntries") {
            let entry = format!("ContextEntries.member.{number}");
            let of = |name: &str| self.get(&format!("{entry}.{name}"));
            let values = self.list(&format!("{entry}.ContextKeyValues"));
            let key = of("ContextKeyName").unwrap_or_default();
            simulation.give(key, of("ContextKeyType"), values)?;
        }
        Ok(simulation)
    }

    /// `OrderedOrganizationPolicyInputList`: a level that is passed over is one without policies.
    fn levels(&self) -> Result<Vec<Vec<&str>>, Fault> {
        const LEVELS: &str = "OrderedOrganizationPolicyInputList";
        let last = self.numbers(LEVELS).last().copied().unwrap_or(0);
        if last > MAX_LEVELS {
            let message = format!("{LEVELS} has at most {MAX_LEVELS} levels.");
            return Err(invalid(message));
        }
        let level = |number| {
            self.list(&format!("{LEVELS}.member.{number}.{}", Member::ServiceControl.name()))
        };
        Ok((1..=last).map(level).collect())
    }

    fn get(&self, wanted: &str) -> Option<&str> {
        let mut named = self.parameters.iter().filter(|(name, _)| name == wanted);
        named.next().map(|(_, value)| value.as_str())
    }

    /// The items of a list, in the order of their numbers.
    fn list(&self, name: &str) -> Vec<&str> {
        let item = |(written, value)| Some((numbered(written, name)?, value));
        let pairs = self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut items: Vec<((usize, &str), &str)> = pairs.filter_map(item).collect();
        items.retain(|((_, rest), _)| rest.is_empty());
        items.sort_by_key(|((number, _), _)| *number);
        items.into_iter().map(|(_, value)| value).collect()
    }

    /// The numbers of a list of structures, in order.
    fn numbers(&self, name: &str) -> Vec<usize> {
        let names = self.parameters.iter().filter_map(|(written, _)| numbered(written, name));
        let mut numbers: Vec<usize> = names.map(|(number, _)| number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

/// The number of an item of the list `name`, and what follows it: `PolicyInputList.member.1`.
fn numbered<'w>(written: &'w str, name: &str) -> Option<(usize, &'w str)> {
    let item = written.strip_prefix(name)?.strip_prefix(".member.")?;
    let (number, rest) = item.split_once('.').unwrap_or((item, ""));
    Some((number.parse().ok()?, rest))
}

fn first_part(name: &str) -> &str {
    name.split_once('.').map_or(name, |(first, _)| first)
}

impl From<SimulateError> for Fault {
    fn from(error: SimulateError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidInput", message)
}

const VALIDATION: &str = "ValidationError";
/// What a simulation is told, beside the policies.
const SIMULATING: [&str; 10] = [
    "PermissionsBoundaryPolicyInputList",
    "OrderedOrganizationPolicyInputList",
    "ActionNames",
    "ResourceArns",
    "ResourcePolicy",
    "ResourceOwner",
    "CallerArn",
    "ContextEntries",
    "MaxItems",
    "Marker",
];
const DEFAULT_ITEMS: usize = 100;
const MAX_ITEMS: usize = 1000;
const MAX_LEVELS: usize = 7;
/// Parameters of a form: an action, a resource and a value of a context key are one each.
const MAX_PARAMETERS: usize = 2048;

#[cfg(test)]
mod tests;
