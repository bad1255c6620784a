//! The roles of an account, from what the AWS CLI prints.
//!
//! A file holds one `RoleDetail` or one managed policy detail, or the whole output of
//! `aws iam get-account-authorization-details`
//! (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html>).
//! Unknown members are passed over, since AWS adds to them; policy documents are read strictly.
//! Refused: an attached policy or boundary that no file has (AWS's own managed policies included,
//! their documents are part of the export), and two roles or policies of the same ARN.

mod error;
mod load;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

pub use error::{AccountError, AccountProblem};

use super::session::Role;

/// What a file holds, unless it is the output for the whole account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// One role.
    Roles,
    /// One managed policy.
    Managed,
}

/// A file of an export.
#[derive(Clone, Copy, Debug)]
pub struct AccountFile<'a> {
    /// Its name, for errors.
    pub name: &'a str,
    /// What it holds.
    pub kind: FileKind,
    /// Its text.
    pub text: &'a str,
}

/// Most bytes of one file.
pub const MAX_FILE_BYTES: usize = 64 * 1024 * 1024;

/// Roles with their policies, by ARN.
#[derive(Clone, Debug, Default)]
pub struct Account {
    roles: Vec<Arc<Role>>,
    by_arn: HashMap<String, usize>,
}

impl Account {
    /// Loads all files together; a role may have its policies in another file.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn load(files: &[AccountFile<'_>]) -> Result<Self, Vec<AccountError>> {
        let roles = load::roles(files)?;
        let by_arn = roles
            .iter()
            .enumerate()
            .map(|(position, role)| (role.arn.as_str().to_owned(), position))
            .collect();
        Ok(Self { roles, by_arn })
    }

    /// The role of exactly that ARN, path included.
    pub fn role(&self, arn: &str) -> Option<&Arc<Role>> {
        self.roles.get(*self.by_arn.get(arn)?)
    }

    /// All roles, in the order of the files.
    pub fn roles(&self) -> impl Iterator<Item = &Arc<Role>> {
        self.roles.iter()
    }
}
