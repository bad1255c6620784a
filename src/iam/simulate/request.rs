//! A request as JSON: one object, its members those of SimulateCustomPolicy and three more.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Simulation;
use super::cache::SimulateCache;
use super::documents::{Documents, Member};
use super::error::SimulateError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Written<'l> {
    #[serde(borrow)]
    policy_input_list: Option<&'l RawValue>,
    #[serde(borrow)]
    permissions_boundary_policy_input_list: Option<&'l RawValue>,
    #[serde(borrow)]
    session_policy_input_list: Option<&'l RawValue>,
    #[serde(borrow)]
    service_control_policy_input_list: Option<&'l RawValue>,
    #[serde(borrow)]
    resource_control_policy_input_list: Option<&'l RawValue>,
    #[serde(borrow)]
    resource_policy: Option<&'l RawValue>,
    #[serde(borrow)]
    action_names: Option<Vec<Text<'l>>>,
    #[serde(borrow)]
    resource_arns: Option<Vec<Text<'l>>>,
    #[serde(borrow)]
    resource_owner: Option<Text<'l>>,
    #[serde(borrow)]
    caller_arn: Option<Text<'l>>,
    #[serde(borrow)]
    context_entries: Option<Vec<Entry<'l>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Entry<'l> {
    #[serde(borrow)]
    context_key_name: Text<'l>,
    #[serde(borrow)]
    context_key_values: Option<Vec<Text<'l>>>,
    #[serde(borrow)]
    context_key_type: Option<Text<'l>>,
}

/// A string, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Text<'l>(#[serde(borrow)] Cow<'l, str>);

impl Simulation {
    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub fn parse(json: &str, cache: &mut SimulateCache) -> Result<Self, SimulateError> {
        if !json.trim_start().starts_with('{') {
            return Err(SimulateError::Malformed("write one JSON object".to_owned()));
        }
        let written: Written<'_> = serde_json::from_str(json)
            .map_err(|error| SimulateError::Malformed(error.to_string()))?;
        let mut simulation =
            Self::new(texts(&written.action_names), texts(&written.resource_arns))?;
        for (member, value) in [
            (Member::Identity, written.policy_input_list),
            (Member::Boundary, written.permissions_boundary_policy_input_list),
            (Member::Session, written.session_policy_input_list),
            (Member::ServiceControl, written.service_control_policy_input_list),
            (Member::ResourceControl, written.resource_control_policy_input_list),
            (Member::Resource, written.resource_policy),
        ] {
            let Some(value) = value else { continue };
            let compile = || compile(member, value);
            simulation.set(cache.documents(member, value.get(), compile)?)?;
        }
        if let Some(Text(caller)) = &written.caller_arn {
            simulation.set_caller(caller)?;
        }
        if let Some(Text(owner)) = &written.resource_owner {
            simulation.set_owner(owner)?;
        }
        for entry in written.context_entries.iter().flatten() {
            let kind = entry.context_key_type.as_ref().map(|Text(kind)| &**kind);
            simulation.give(&entry.context_key_name.0, kind, texts(&entry.context_key_values))?;
        }
        simulation.check()?;
        Ok(simulation)
    }
}

fn texts<'t>(list: &'t Option<Vec<Text<'_>>>) -> impl Iterator<Item = &'t str> {
    list.iter().flatten().map(|Text(text)| &**text)
}

fn compile<'v>(member: Member, value: &'v RawValue) -> Result<Documents, SimulateError> {
    let levels: Vec<Vec<&'v RawValue>> = match member {
        Member::Resource => vec![vec![value]],
        _ if member.has_levels() => list(member, value, "a list of levels, each of documents")?,
        _ => vec![list(member, value, "a list of documents")?],
    };
    let texts = |level: &Vec<&'v RawValue>| -> Result<Vec<Cow<'v, str>>, SimulateError> {
        level.iter().map(|value| document(member, value)).collect()
    };
    let levels = levels.iter().map(texts).collect::<Result<Vec<_>, _>>()?;
    Documents::compile(member, levels.iter().map(|level| level.iter().map(|text| &**text)))
}

fn list<'v, T: Deserialize<'v>>(
    member: Member,
    value: &'v RawValue,
    expected: &str,
) -> Result<Vec<T>, SimulateError> {
    serde_json::from_str(value.get())
        .map_err(|_| SimulateError::value(member.name(), format!("write {expected}")))
}

/// A document's own text: of an object as it stands there, of a string what it says.
fn document<'v>(member: Member, value: &'v RawValue) -> Result<Cow<'v, str>, SimulateError> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'{') => Ok(Cow::Borrowed(text)),
        Some(b'"') => serde_json::from_str::<String>(text)
            .map(Cow::Owned)
            .map_err(|error| SimulateError::value(member.name(), error.to_string())),
        _ => Err(SimulateError::value(member.name(), "a document is an object or a string")),
    }
}
