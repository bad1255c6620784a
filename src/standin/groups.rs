//! From a user's groups to the claims `cognito:groups`, `cognito:roles` and
//! `cognito:preferred_role`.
//!
//! The rule is that of "Adding groups to a user pool" in the Amazon Cognito developer guide: the
//! lowest precedence wins, none is worse than every number, equal precedences give a preferred
//! role only if their role ARNs agree, and a user with exactly one allowed role prefers it. Where
//! the guide is silent (the best group has no role and several others have) there is no preferred
//! role, which leaves the choice to the identity pool's `AmbiguousRoleResolution`.

/// A group of a user pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// `GroupName`.
    pub name: String,
    /// `Precedence`: 0 is best, none is worst.
    pub precedence: Option<u32>,
    /// `RoleArn`, if members of the group may assume a role.
    pub role_arn: Option<String>,
}

/// What a user's groups put into tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupClaims {
    /// `cognito:groups`: every group, best first, equals by name.
    pub groups: Vec<String>,
    /// `cognito:roles`: every distinct role, best first.
    pub roles: Vec<String>,
    /// `cognito:preferred_role`.
    pub preferred_role: Option<String>,
}

/// The claims for a member of `groups`, whatever their order.
pub fn group_claims(groups: &[Group]) -> GroupClaims {
    let mut sorted: Vec<&Group> = groups.iter().collect();
    sorted.sort_by(|a, b| (rank(a), &a.name).cmp(&(rank(b), &b.name)));
    let mut roles: Vec<String> = Vec::new();
    for arn in sorted.iter().filter_map(|group| group.role_arn.as_ref()) {
        if !roles.contains(arn) {
            roles.push(arn.clone());
        }
    }
    let preferred_role = match roles.as_slice() {
        [only] => Some(only.clone()),
        _ => role_of_the_best(&sorted),
    };
    let groups = sorted.into_iter().map(|group| group.name.clone()).collect();
    GroupClaims { groups, roles, preferred_role }
}

/// The role on which all groups of the best precedence agree.
fn role_of_the_best(sorted: &[&Group]) -> Option<String> {
    let best = sorted.first()?;
    let agreed = sorted
        .iter()
        .take_while(|group| group.precedence == best.precedence)
        .all(|group| group.role_arn == best.role_arn);
    if agreed { best.role_arn.clone() } else { None }
}

/// Orders by precedence, none last.
fn rank(group: &Group) -> (bool, u32) {
    (group.precedence.is_none(), group.precedence.unwrap_or(0))
}
