//! What an organization lets its accounts do at most, and others with its accounts' resources.

use super::arn::Action;
use super::set::PolicySet;

/// The control policies above an account, level by level from the root down to the account itself
/// (<https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_authorization_policies.html>).
#[derive(Clone, Debug, Default)]
pub struct Organization {
    /// Service control policies: at every level one has to allow what a principal of the account
    /// does. No level: there are none. A level without policies allows nothing.
    pub service_control: Vec<PolicySet>,
    /// Resource control policies: none may deny what anyone does with a resource of the account.
    /// `RCPFullAWSAccess`, which allows everything, is in force at every level.
    pub resource_control: Vec<PolicySet>,
}

impl Organization {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.service_control.is_empty() && self.resource_control.is_empty()
    }
}

/// Whether resource control policies apply to an action
/// (<https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html>,
/// "List of AWS services that support RCPs").
pub(super) fn resource_controlled(action: &Action) -> bool {
    let service = action.service();
    SERVICES.iter().any(|known| known.eq_ignore_ascii_case(service))
        && !action.as_str().eq_ignore_ascii_case("kms:RetireGrant")
}

/// Their prefixes, as of 2026.
const SERVICES: [&str; 62] = [
    "s3",
    "dynamodb",
    "sts",
    "aoss",
    "appconfig",
    "appstream",
    "autoscaling",
    "autoscaling-plans",
    "budgets",
    "clouddirectory",
    "cloudfront",
    "cloudsearch",
    "cloudtrail-data",
    "codeartifact",
    "codebuild",
    "codecommit",
    "codepipeline",
    "cognito-identity",
    "cognito-idp",
    "comprehend",
    "comprehendmedical",
    "compute-optimizer",
    "cost-optimization-hub",
    "dax",
    "dsql",
    "ecr",
    "ecr-public",
    "events",
    "firehose",
    "fis",
    "fms",
    "gamelift",
    "health",
    "inspector-scan",
    "kendra",
    "kinesisvideo",
    "kms",
    "logs",
    "memorydb",
    "networkmonitor",
    "notifications",
    "opensearch",
    "pca-connector-ad",
    "personalize",
    "polly",
    "pricing",
    "resource-groups",
    "rolesanywhere",
    "secretsmanager",
    "servicediscovery",
    "signin",
    "sqs",
    "support",
    "swf",
    "textract",
    "timestream-influxdb",
    "transcribe",
    "transfer",
    "translate",
    "wafv2",
    "workspaces",
    "xray",
];
