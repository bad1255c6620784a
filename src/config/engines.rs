//! Which policies decide on a route, and how Cedar's entity types are named.

use super::map::Map;
use super::problem::At;
use super::read::{Section, Text, section, text, words};
use super::route::Service;

/// Which policies decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engines {
    /// IAM policies.
    pub iam: EngineMode,
    /// Cedar policies.
    pub cedar: EngineMode,
    /// How their answers become one.
    pub compose: ComposeWord,
}

words! {
    /// What an engine's policies do.
    pub EngineMode {
        /// They decide.
        Enforce = "enforce",
        /// They are asked beside those that decide, and what they would change is counted and logged.
        Shadow = "shadow",
        /// They are not asked.
        Off = "off",
    }
}

words! {
    /// How the engines' answers become one.
    pub ComposeWord {
        /// Every engine has to allow.
        All = "all",
        /// One has to allow.
        Any = "any",
        /// IAM has to allow; Cedar may only forbid.
        Guardrail = "guardrail",
    }
}

impl Section for Engines {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let iam = map.default("iam", "enforce", "What IAM policies do.");
        let cedar = map.default("cedar", "off", "What Cedar policies do.");
        let doc =
            "How their answers become one: all or any of them allow, or Cedar may only forbid.";
        let compose = map.default("compose", "all", doc);
        let engines = Self { iam: iam?, cedar: cedar?, compose: compose? };
        if engines.compose == ComposeWord::Guardrail && engines.iam != EngineMode::Enforce {
            map.error(
                Some("compose"),
                "`guardrail` only forbids what IAM allows; it needs iam: enforce",
            );
            return None;
        }
        Some(engines)
    }
}

impl Engines {
    /// Whether an engine's answer counts.
    pub fn decide(&self) -> bool {
        [self.iam, self.cedar].contains(&EngineMode::Enforce)
    }
}

/// Reports engines that the service can't have.
pub(super) fn check(map: &mut Map<'_, '_>, service: Option<Service>, engines: Option<&Engines>) {
    let (Some(service), Some(engines)) = (service, engines) else { return };
    let name = match service {
        Service::ExecuteApi => return,
        Service::CognitoIdp => {
            if engines.cedar != EngineMode::Off {
                map.error(Some("engines"), "Cedar isn't asked on routes of cognito-idp");
            }
            return;
        }
        Service::S3 => "S3",
        Service::DynamoDb => "DynamoDB",
    };
    if engines.iam != EngineMode::Enforce {
        map.error(Some("engines"), format!("IAM decides on every {name} route"));
    }
    if engines.compose == ComposeWord::Any {
        let message = format!(
            "IAM decides on every {name} route; Cedar may restrict it (`all`, `guardrail`), not widen it (`any`)"
        );
        map.error(Some("engines"), message);
    }
}

/// What Cedar's entity types are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CedarTypes {
    /// The id by which Verified Permissions knows the policies.
    pub policy_store: Option<At<String>>,
    /// Of callers with a token.
    pub principal: String,
    /// Of their groups.
    pub group: String,
    /// Of guests and of nobody.
    pub guest: String,
    /// Of IAM roles.
    pub role: String,
    /// Of actions.
    pub action: String,
    /// Of APIs.
    pub application: String,
    /// Of what IAM names by an ARN.
    pub resource: String,
}

impl Section for CedarTypes {
    fn fields(map: &mut Map<'_, '_>) -> Option<Self> {
        let doc = "The id by which Verified Permissions knows these policies. None: it knows of no store.";
        let policy_store = map.optional::<At<StoreId>>("policy_store", doc);
        let doc = "The namespace of the types that aren't named here.";
        let namespace = map.optional::<TypeName>("namespace", doc);
        let mut name = |field, doc| map.optional::<TypeName>(field, doc);
        let principal = name("principal", "Of callers with a token. User without.");
        let group = name("group", "Of their groups. UserGroup without.");
        let guest = name("guest", "Of guests and of nobody. Guest without.");
        let role = name("role", "Of the IAM roles that callers act in. Role without.");
        let action = name("action", "Of actions. Action without.");
        let application =
            name("application", "Of APIs, by their routes' names. Application without.");
        let resource = name("resource", "Of what IAM names, by its ARN. Resource without.");
        let namespace = namespace?.map(|TypeName(name)| format!("{name}::")).unwrap_or_default();
        let or = |given: Option<TypeName>, usual: &str| {
            given.map_or_else(|| format!("{namespace}{usual}"), |TypeName(name)| name)
        };
        let action = or(action?, "Action");
        if action.rsplit("::").next() != Some("Action") {
            map.error(
                Some("action"),
                "must be `Action`, in whatever namespace: Cedar knows no others",
            );
            return None;
        }
        let policy_store =
            policy_store?.map(|At { value: StoreId(value), position }| At { value, position });
        Some(Self {
            policy_store,
            principal: or(principal?, "User"),
            group: or(group?, "UserGroup"),
            guest: or(guest?, "Guest"),
            role: or(role?, "Role"),
            action,
            application: or(application?, "Application"),
            resource: or(resource?, "Resource"),
        })
    }
}

/// A name in Cedar: identifiers joined by `::`.
pub(super) struct TypeName(String);

impl Text for TypeName {
    const WHAT: &'static str = "a name such as App::User";
    const PATTERN: &'static str = "^[A-Za-z_][A-Za-z0-9_]*(::[A-Za-z_][A-Za-z0-9_]*)*$";

    fn parse(text: &str) -> Result<Self, String> {
        let identifier = |part: &str| {
            let mut bytes = part.bytes();
            bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
                && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        match text.len() <= 256 && text.split("::").all(identifier) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("must be {}", Self::WHAT)),
        }
    }
}

/// The id of a policy store.
pub(super) struct StoreId(String);

impl Text for StoreId {
    const WHAT: &'static str = "the id of a policy store, such as PSexample";
    const PATTERN: &'static str = "^[A-Za-z0-9_-]{1,200}$";

    fn parse(text: &str) -> Result<Self, String> {
        let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        match (1..=200).contains(&text.len()) && text.bytes().all(word) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("must be {}", Self::WHAT)),
        }
    }
}

section!(CedarTypes, Engines);
text!(StoreId, TypeName);
