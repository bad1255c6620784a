//! The groups of a user pool, from `aws cognito-idp list-groups`, for the roles of access tokens.

use crate::iam::{Arn, JsonPath};

use super::json::{Node, duplicates, member};
use super::pool::MAX_POOL_BYTES;
use super::pool_error::{PoolError, PoolProblem};

/// What is wrong with an export of groups.
pub type GroupError = PoolError;

/// The groups of one user pool.
#[derive(Clone, Debug, Default)]
pub struct Groups(std::collections::HashMap<String, Group>);

#[derive(Clone, Debug)]
struct Group {
    role: Option<String>,
    /// None is after every number.
    precedence: Option<u32>,
}

/// What a user pool would write into `cognito:roles` and `cognito:preferred_role`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupRoles {
    /// `cognito:preferred_role`.
    pub preferred: Option<String>,
    /// `cognito:roles`.
    pub roles: Vec<String>,
}

impl Groups {
    /// Reads the output of `list-groups` (at most 10 000 groups, the quota of a user pool).
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(json: &str) -> Result<Self, Vec<GroupError>> {
        let root = JsonPath::root();
        let one = |path: JsonPath, problem| vec![PoolError { path, problem }];
        if json.len() > MAX_POOL_BYTES {
            return Err(one(root, PoolProblem::TooLarge(MAX_POOL_BYTES)));
        }
        let node: Node = serde_json::from_str(json)
            .map_err(|error| one(root.clone(), PoolProblem::Syntax(error.to_string())))?;
        let mut twice = Vec::new();
        duplicates(&node, &root, &mut twice);
        let mut errors: Vec<PoolError> = twice
            .into_iter()
            .map(|path| PoolError { path, problem: PoolProblem::Duplicate })
            .collect();
        let at = root.key("Groups");
        let Some(Node::List(list)) = member(&node, "Groups") else {
            return Err(one(at, PoolProblem::Expected("an array of groups")));
        };
        if list.len() > MAX_GROUPS {
            return Err(one(at, PoolProblem::TooLarge(MAX_GROUPS)));
        }
        let mut groups = std::collections::HashMap::new();
        for (index, item) in list.iter().enumerate() {
            match group(item, &at.index(index)) {
                Err(error) => errors.push(error),
                Ok((name, group)) => {
                    if groups.insert(name, group).is_some() {
                        let path = at.index(index).key("GroupName");
                        errors.push(PoolError { path, problem: PoolProblem::Duplicate });
                    }
                }
            }
        }
        // A page of a longer list would take roles away from the groups of the next.
        if member(&node, "NextToken").is_some() {
            let problem = PoolProblem::Expected("the whole list, without `NextToken`");
            errors.push(PoolError { path: root.key("NextToken"), problem });
        }
        if errors.is_empty() { Ok(Self(groups)) } else { Err(errors) }
    }

    /// Every role that a group has.
    pub fn every_role(&self) -> impl Iterator<Item = &str> {
        self.0.values().filter_map(|group| group.role.as_deref())
    }

    /// The roles of a member of `names`.
    ///
    /// Preferred is the role of the groups of lowest precedence, if they have just one between
    /// them, or the only role of all; otherwise none, also if the best group has no role (<https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-user-groups.html>).
    ///
    /// # Errors
    /// The number of a group that isn't known, from 1.
    pub fn roles(&self, names: &[&str]) -> Result<GroupRoles, usize> {
        let mut members: Vec<(u64, Option<&str>)> = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let group = self.0.get(*name).ok_or(index + 1)?;
            members.push((group.precedence.map_or(u64::MAX, u64::from), group.role.as_deref()));
        }
        let best = members.iter().map(|(precedence, _)| *precedence).min();
        let best =
            distinct(members.iter().filter(|(p, _)| Some(*p) == best).map(|(_, role)| *role));
        let all = distinct(members.iter().map(|(_, role)| *role));
        let preferred = match (best.as_slice(), all.as_slice()) {
            ([only], _) | (_, [only]) => Some(only.clone()),
            _ => None,
        };
        Ok(GroupRoles { preferred, roles: all })
    }
}

fn distinct<'a>(roles: impl Iterator<Item = Option<&'a str>>) -> Vec<String> {
    let mut roles: Vec<String> = roles.flatten().map(str::to_owned).collect();
    roles.sort_unstable();
    roles.dedup();
    roles
}

fn group(item: &Node, at: &JsonPath) -> Result<(String, Group), PoolError> {
    let wrong =
        |name: &str, what| PoolError { path: at.key(name), problem: PoolProblem::Expected(what) };
    let Some(Node::Text(name)) = member(item, "GroupName") else {
        return Err(wrong("GroupName", "a group's name"));
    };
    let role = match member(item, "RoleArn") {
        None => None,
        Some(Node::Text(role)) if Arn::parse(role).is_ok() => Some(role.clone()),
        Some(_) => return Err(wrong("RoleArn", "a role's ARN")),
    };
    let precedence = match member(item, "Precedence") {
        None => None,
        Some(Node::Number { text, .. }) if text.parse::<i32>().is_ok_and(|n| n >= 0) => {
            text.parse().ok()
        }
        Some(_) => return Err(wrong("Precedence", "an integer from 0 to 2147483647")),
    };
    Ok((name.clone(), Group { role, precedence }))
}

const MAX_GROUPS: usize = 10_000;
