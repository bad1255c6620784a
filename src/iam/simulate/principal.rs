//! The policies of a role, as SimulatePrincipalPolicy takes them.

use std::sync::Arc;

use super::documents::{Documents, Member};
use super::error::SimulateError;
use super::{Policies, Simulation};
use crate::iam::session::{Principal, Role};

impl Simulation {
    /// Adds what is in force for `role`: its policies, before those that are given; its boundary and
    /// the control policies above it, unless others are given; and itself as who calls, unless somebody
    /// else is. Its resource control policies are over the resources of `account`.
    ///
    /// # Errors
    /// None that a role of a configuration should meet.
    pub fn add_role(&mut self, role: &Role, account: Option<&str>) -> Result<(), SimulateError> {
        let Policies { identity, boundary, service_control, .. } = &self.policies;
        let own = Documents::known(Member::Identity, std::slice::from_ref(&role.policies));
        let identity = identity.as_ref().map_or(own.clone(), |given| own.and(given));
        let organization = &role.organization;
        let boundary = role
            .boundary
            .as_ref()
            .filter(|_| boundary.is_none())
            .map(|set| Documents::known(Member::Boundary, std::slice::from_ref(set)));
        let service_control = service_control
            .is_none()
            .then(|| Documents::known(Member::ServiceControl, &organization.service_control));
        let resource_control =
            Documents::known(Member::ResourceControl, &organization.resource_control);
        for documents in [Some(identity), boundary, service_control, Some(resource_control)] {
            documents.map_or(Ok(()), |documents| self.set(Arc::new(documents)))?;
        }
        self.controlled = account.map(str::to_owned);
        if self.caller.is_none() {
            self.caller = Some(Principal::Named(role.arn.clone()));
        }
        Ok(())
    }
}
