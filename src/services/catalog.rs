//! What services have by name: their actions, what these are about, and their context keys.
//!
//! After the Service Authorization Reference, as of September 2026
//! (<https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>),
//! and the IAM User Guide, "AWS global condition context keys". Requests are judged without it: it is
//! for those who judge policies.

use std::{collections::HashMap, sync::LazyLock};

/// A service that policies name by its prefix.
#[derive(Debug)]
pub struct Service {
    /// `s3`
    pub prefix: &'static str,
    /// What its actions may be about. Empty: that isn't listed here.
    pub types: &'static [ResourceType],
    /// Its actions.
    pub actions: &'static [Actions],
    /// Its context keys.
    pub keys: &'static [Keys],
    /// Which actions have a context key, where it is only some of the service's that a policy may
    /// well take for all.
    pub only_on: &'static [(&'static str, &'static [&'static str])],
}

/// A type of resource, by its ARN.
#[derive(Debug)]
pub struct ResourceType {
    /// `bucket`
    pub name: &'static str,
    /// The service in its ARN.
    pub service: &'static str,
    /// Whether its ARN has a region.
    pub region: bool,
    /// Whether its ARN has an account.
    pub account: bool,
    /// The sixth part, in which `#` stands for a name without slash and `*` for any text.
    pub resource: &'static str,
}

/// Actions that are about the same types of resources.
#[derive(Debug)]
pub struct Actions {
    /// The types' names. Empty: about nothing in particular, `"Resource": "*"`.
    pub on: &'static [&'static str],
    /// Their names, without the prefix, separated by spaces.
    pub names: &'static str,
}

/// Context keys that are alike.
#[derive(Debug)]
pub struct Keys {
    /// What their values are.
    pub kind: KeyKind,
    /// Whether they have many values.
    pub many: bool,
    /// Whether they can be seen here.
    pub seen: Seen,
    /// Their names with the prefix, separated by spaces. One that ends in `/` stands for all that
    /// begin with it.
    pub names: &'static str,
}

/// What the values of a context key are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Text.
    String,
    /// A number.
    Numeric,
    /// A date.
    Date,
    /// Seconds since 1970: a date and a number.
    Epoch,
    /// `true` or `false`.
    Bool,
    /// An address.
    IpAddress,
    /// An ARN.
    Arn,
}

/// Whether a context key can be seen here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Requests may have it.
    Here,
    /// It exists, and its value is always unknown here.
    Unknown,
    /// No request that gets here has it.
    Never,
}

/// What is known of a context key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// What its values are.
    pub kind: KeyKind,
    /// Whether it has many values.
    pub many: bool,
    /// Whether it can be seen here.
    pub seen: Seen,
    /// As AWS writes it; for those below a prefix, the prefix.
    pub name: &'static str,
}

impl Service {
    /// The service of that prefix; none that isn't listed here.
    pub fn of(prefix: &str) -> Option<&'static Self> {
        SERVICES.into_iter().find(|service| service.prefix.eq_ignore_ascii_case(prefix))
    }

    /// The names of its actions, each with the names of the types it is about.
    pub fn actions(&self) -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
        self.actions.iter().flat_map(|group| group.names.split(' ').map(|name| (name, group.on)))
    }

    /// The type of that name.
    pub fn resource_type(&self, name: &str) -> Option<&'static ResourceType> {
        self.types.iter().find(|known| known.name == name)
    }

    /// The actions that have the context key `key`, with prefixes; none if it is all of them, or
    /// isn't listed here.
    pub fn actions_with(&self, key: &str) -> Option<&'static [&'static str]> {
        let known = |(name, _): &&(&str, _)| name.eq_ignore_ascii_case(key);
        self.only_on.iter().find(known).map(|(_, actions)| *actions)
    }
}

/// What is known of `key`, in any case. None: nobody has such a key, if its prefix is one of
/// [`Service::of`] or `aws`.
pub fn key(key: &str) -> Option<Key> {
    let key = key.to_ascii_lowercase();
    let below = || key.find('/').and_then(|slash| KEYS.get(key.get(..=slash)?));
    KEYS.get(key.as_str()).or_else(below).copied()
}

/// The names of all keys with that prefix, as AWS writes them.
pub fn keys_of(prefix: &str) -> impl Iterator<Item = &'static str> {
    let of = move |key: &&Key| {
        let own = key.name.split(':').next();
        own.is_some_and(|own| own.eq_ignore_ascii_case(prefix))
    };
    KEYS.values().filter(of).map(|key| key.name)
}

/// By name in lower case.
static KEYS: LazyLock<HashMap<String, Key>> = LazyLock::new(|| {
    let groups = SERVICES.into_iter().flat_map(|service| service.keys).chain(GLOBAL);
    let keys = groups.flat_map(|Keys { kind, many, seen, names }| {
        names.split(' ').map(|name| {
            let key = Key { kind: *kind, many: *many, seen: *seen, name };
            (name.to_ascii_lowercase(), key)
        })
    });
    keys.collect()
});

/// Those whose requests, or whose trust policies, are judged here.
static SERVICES: [&Service; 5] =
    [&super::s3::CATALOG, &super::dynamodb::CATALOG, &EXECUTE_API, &STS, &COGNITO_IDENTITY];

static EXECUTE_API: Service = Service {
    prefix: "execute-api",
    types: &[],
    actions: &[Actions { on: &[], names: "InvalidateCache Invoke ManageConnections" }],
    keys: &[one(KeyKind::Arn, Seen::Never, "execute-api:viaDomainArn")],
    only_on: &[],
};

static STS: Service = Service {
    prefix: "sts",
    types: &[],
    actions: &[Actions {
        on: &[],
        names: "AssumeRole AssumeRoleWithSAML AssumeRoleWithWebIdentity AssumeRoot \
                DecodeAuthorizationMessage GetAccessKeyInfo GetCallerIdentity \
                GetDelegatedAccessToken GetFederationToken GetServiceBearerToken GetSessionToken \
                GetWebIdentityToken SetContext SetSourceIdentity TagGetWebIdentityToken TagSession",
    }],
    keys: &[
        one(KeyKind::String, Seen::Here, "sts:RoleSessionName"),
        one(
            KeyKind::String,
            Seen::Never,
            "sts:AWSServiceName sts:ExternalId sts:RequestContext/ sts:SigningAlgorithm \
             sts:SourceIdentity",
        ),
        one(KeyKind::Numeric, Seen::Never, "sts:DurationSeconds"),
        one(KeyKind::Bool, Seen::Never, "sts:RoleAuthorizedByIdp"),
        one(KeyKind::Arn, Seen::Never, "sts:TaskPolicyArn"),
        many(KeyKind::String, Seen::Never, "sts:IdentityTokenAudience sts:TransitiveTagKeys"),
        many(KeyKind::Arn, Seen::Never, "sts:RequestContextProviders"),
    ],
    only_on: &[],
};

static COGNITO_IDENTITY: Service = Service {
    prefix: "cognito-identity",
    types: &[],
    actions: &[Actions {
        on: &[],
        names: "CreateIdentityPool DeleteIdentities DeleteIdentityPool DescribeIdentity \
                DescribeIdentityPool GetCredentialsForIdentity GetId GetIdentityPoolAnalytics \
                GetIdentityPoolDailyAnalytics GetIdentityPoolRoles \
                GetIdentityProviderDailyAnalytics GetOpenIdToken \
                GetOpenIdTokenForDeveloperIdentity GetPrincipalTagAttributeMap ListIdentities \
                ListIdentityPools ListTagsForResource LookupDeveloperIdentity \
                MergeDeveloperIdentities SetIdentityPoolRoles SetPrincipalTagAttributeMap \
                TagResource UnlinkDeveloperIdentity UnlinkIdentity UntagResource \
                UpdateIdentityPool",
    }],
    keys: &[one(KeyKind::Arn, Seen::Never, "cognito-identity:IdentityPoolArn")],
    only_on: &[],
};

/// AWS's global keys, those that come with identity pools and tokens, and our own.
static GLOBAL: &[Keys] = &[
    one(
        KeyKind::String,
        Seen::Here,
        "aws:PrincipalAccount aws:PrincipalTag/ aws:PrincipalType aws:userid \
         aws:FederatedProvider aws:SourceIdentity aws:referer aws:RequestedRegion aws:RequestTag/ \
         aws:UserAgent aws:ResourceAccount poolgate:SpiffeId",
    ),
    one(KeyKind::Arn, Seen::Here, "aws:PrincipalArn"),
    one(
        KeyKind::Bool,
        Seen::Here,
        "aws:PrincipalIsAWSService aws:SecureTransport aws:ViaAWSService",
    ),
    one(KeyKind::Date, Seen::Here, "aws:TokenIssueTime aws:CurrentTime"),
    one(KeyKind::Epoch, Seen::Here, "aws:EpochTime"),
    one(KeyKind::IpAddress, Seen::Here, "aws:SourceIp"),
    many(KeyKind::String, Seen::Here, "aws:TagKeys"),
    one(KeyKind::String, Seen::Unknown, "aws:PrincipalOrgID aws:ResourceOrgID aws:ResourceTag/"),
    many(KeyKind::String, Seen::Unknown, "aws:PrincipalOrgPaths aws:ResourceOrgPaths"),
    one(
        KeyKind::String,
        Seen::Never,
        "aws:username aws:PrincipalServiceName aws:Ec2InstanceSourceVpc aws:SourceVpc \
         aws:SourceVpcArn aws:SourceVpce aws:VpceAccount aws:VpceOrgID aws:CalledViaFirst \
         aws:CalledViaLast aws:CalledViaAWSMCP aws:SourceAccount aws:SourceOwner aws:SourceOrgID",
    ),
    one(
        KeyKind::Bool,
        Seen::Never,
        "aws:AssumedRoot aws:MultiFactorAuthPresent aws:ViaAWSMCPService aws:IsMcpServiceAction",
    ),
    one(KeyKind::Numeric, Seen::Never, "aws:MultiFactorAuthAge"),
    one(KeyKind::Arn, Seen::Never, "aws:ChatbotSourceArn aws:SourceArn"),
    one(KeyKind::IpAddress, Seen::Never, "aws:Ec2InstanceSourcePrivateIPv4 aws:VpcSourceIp"),
    many(
        KeyKind::String,
        Seen::Never,
        "aws:PrincipalServiceNamesList aws:VpceOrgPaths aws:CalledVia aws:SourceOrgPaths",
    ),
    one(
        KeyKind::String,
        Seen::Here,
        "cognito-identity.amazonaws.com:aud cognito-identity.amazonaws.com:sub \
         cognito-identity.amazonaws.com.cn:aud cognito-identity.amazonaws.com.cn:sub \
         cognito-identity-us-gov.amazonaws.com:aud cognito-identity-us-gov.amazonaws.com:sub",
    ),
    many(
        KeyKind::String,
        Seen::Here,
        "cognito-identity.amazonaws.com:amr cognito-identity.amazonaws.com.cn:amr \
         cognito-identity-us-gov.amazonaws.com:amr jwt:cognito:groups jwt:cognito:roles jwt:scope \
         jwt:amr",
    ),
];

/// Single-valued keys.
pub(super) const fn one(kind: KeyKind, seen: Seen, names: &'static str) -> Keys {
    Keys { kind, many: false, seen, names }
}

/// Multi-valued keys.
pub(super) const fn many(kind: KeyKind, seen: Seen, names: &'static str) -> Keys {
    Keys { kind, many: true, seen, names }
}

#[cfg(test)]
mod tests;
