//! The policies that could matter to an action, found at load: Cedar's own evaluation looks at every
//! policy of the set it is given, about a microsecond each.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{
    ActionConstraint, Entities, EntityTypeName, EntityUid, Policy, PolicySet, PolicySetError,
    PrincipalConstraint, ResourceConstraint,
};

use super::context::Fields;
use super::mention::Mentioned;
use super::paths::Template;
use super::types::Types;

/// An action of the schema.
#[derive(Debug)]
pub(super) struct Act {
    pub(super) id: String,
    pub(super) uid: EntityUid,
    /// Its method and path, if it is named as an API's.
    pub(super) path: Option<Template>,
    pub(super) fields: Fields,
    /// The place of its type of `token` among all such types.
    pub(super) token_type: Option<usize>,
    /// Of those who ask routes.
    pub(super) slices: Vec<Slice>,
    /// What its context declares; of records, with what they declare.
    pub(super) context: Vec<(String, Option<Vec<String>>)>,
    /// The types of principals and of resources that it applies to.
    pub(super) applies: (Vec<EntityTypeName>, Vec<EntityTypeName>),
    /// All of its policies: for questions about any of those types.
    pub(super) whole: Arc<Part>,
}

/// The policies for one type of principal and one of resource.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    pub(super) principal: EntityTypeName,
    pub(super) resource: EntityTypeName,
    pub(super) part: Arc<Part>,
}

/// A set of policies, and what they look at.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) policies: PolicySet,
    pub(super) mentioned: Mentioned,
}

/// Cuts a set into slices. Slices of the same policies are the same.
#[derive(Debug)]
pub(super) struct Slicer<'a> {
    whole: &'a PolicySet,
    types: &'a Types,
    sorted: Vec<&'a Policy>,
    /// Which actions are in which.
    actions: &'a Entities,
    known: HashMap<Vec<usize>, Arc<Part>>,
}

impl<'a> Slicer<'a> {
    pub(super) fn new(whole: &'a PolicySet, actions: &'a Entities, types: &'a Types) -> Self {
        let mut sorted: Vec<&Policy> = whole.policies().collect();
        sorted.sort_by(|a, b| AsRef::<str>::as_ref(a.id()).cmp(b.id().as_ref()));
        Self { whole, types, sorted, actions, known: HashMap::new() }
    }

    /// The policies that could apply to this action, type of principal and type of resource.
    pub(super) fn slice(
        &mut self,
        action: &EntityUid,
        principal: &EntityTypeName,
        resource: &EntityTypeName,
    ) -> Result<Slice, Box<PolicySetError>> {
        let could = |(index, policy): (usize, &&Policy)| {
            let fits = self.fits_action(policy, action)
                && fits_principal(&policy.principal_constraint(), principal)
                && fits_resource(&policy.resource_constraint(), resource);
            fits.then_some(index)
        };
        let chosen: Vec<usize> = self.sorted.iter().enumerate().filter_map(could).collect();
        let part = self.part(chosen)?;
        Ok(Slice { principal: principal.clone(), resource: resource.clone(), part })
    }

    /// The policies that could apply to this action.
    pub(super) fn whole(&mut self, action: &EntityUid) -> Result<Arc<Part>, Box<PolicySetError>> {
        let could =
            |(index, policy): (usize, &&Policy)| self.fits_action(policy, action).then_some(index);
        let chosen: Vec<usize> = self.sorted.iter().enumerate().filter_map(could).collect();
        self.part(chosen)
    }

    fn part(&mut self, chosen: Vec<usize>) -> Result<Arc<Part>, Box<PolicySetError>> {
        if let Some(part) = self.known.get(&chosen) {
            return Ok(Arc::clone(part));
        }
        let policies = self.subset(&chosen)?;
        let mentioned = Mentioned::by(&policies, self.types);
        let part = Arc::new(Part { policies, mentioned });
        self.known.insert(chosen, Arc::clone(&part));
        Ok(part)
    }

    fn fits_action(&self, policy: &Policy, action: &EntityUid) -> bool {
        let covers = |one: &EntityUid| one == action || self.actions.is_ancestor_of(one, action);
        match policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(one) => one == *action,
            ActionConstraint::In(several) => several.iter().any(covers),
        }
    }

    fn subset(&self, chosen: &[usize]) -> Result<PolicySet, Box<PolicySetError>> {
        let mut set = PolicySet::new();
        for policy in chosen.iter().filter_map(|index| self.sorted.get(*index)) {
            match (policy.template_id(), policy.template_links()) {
                (Some(template), Some(values)) => {
                    if set.template(template).is_none()
                        && let Some(template) = self.whole.template(template)
                    {
                        set.add_template(template.clone())?;
                    }
                    set.link(template.clone(), policy.id().clone(), values)?;
                }
                _ => set.add((*policy).clone())?,
            }
        }
        Ok(set)
    }
}

fn fits_principal(constraint: &PrincipalConstraint, name: &EntityTypeName) -> bool {
    match constraint {
        // What a principal of the type may be in is for the evaluation to say.
        PrincipalConstraint::Any | PrincipalConstraint::In(_) => true,
        PrincipalConstraint::Eq(uid) => uid.type_name() == name,
        PrincipalConstraint::Is(only) | PrincipalConstraint::IsIn(only, _) => only == name,
    }
}

fn fits_resource(constraint: &ResourceConstraint, name: &EntityTypeName) -> bool {
    match constraint {
        ResourceConstraint::Any | ResourceConstraint::In(_) => true,
        ResourceConstraint::Eq(uid) => uid.type_name() == name,
        ResourceConstraint::Is(only) | ResourceConstraint::IsIn(only, _) => only == name,
    }
}
