//! The lints, by their stable ids.

use crate::config::Severity::{self, Note, Warning};

macro_rules! lints {
    ($($(#[$doc:meta])* $name:ident $id:literal $severity:ident,)*) => {
        /// A lint. `docs/lints.md` has for each what is wrong, and what to write instead.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Lint { $($(#[$doc])* $name,)* }

        impl Lint {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its stable id.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// How much it says: a warning is of what surely isn't meant or is dangerous, a note of
            /// what has no effect or is worth knowing.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => $severity,)* }
            }
        }
    };
}

lints! {
    /// An Allow that a Deny takes back altogether.
    ShadowedStatement "shadowed_statement" Warning,
    /// A statement that another one makes superfluous.
    RedundantStatement "redundant_statement" Note,
    /// An action that its service doesn't have.
    UnknownAction "unknown_action" Warning,
    /// An action on buckets, and ARNs of objects only.
    BucketActionOnObject "bucket_action_on_object" Warning,
    /// An action on objects, and ARNs of buckets only.
    ObjectActionOnBucket "object_action_on_bucket" Warning,
    /// An action without a resource type, and ARNs.
    StarOnlyAction "star_only_action" Warning,
    /// An action, and ARNs of other types of its service's resources.
    WrongResourceType "wrong_resource_type" Warning,
    /// An action, and ARNs of other services.
    WrongService "wrong_service" Warning,
    /// A context key that nobody has.
    UnknownKey "unknown_key" Warning,
    /// A context key that is always unknown here.
    UnobservableKey "unobservable_key" Warning,
    /// A context key that no request has here.
    AbsentKey "absent_key" Warning,
    /// A context key that an action of the statement doesn't have.
    KeyNotOfAction "key_not_of_action" Warning,
    /// `ForAllValues` in an Allow, true without the key.
    ForAllValuesWithoutNull "for_all_values_without_null" Warning,
    /// A set operator on a key of one value.
    SetOperatorOnSingleValue "set_operator_on_single_value" Note,
    /// A key of many values without set operator.
    MultiValuedKey "multi_valued_key" Warning,
    /// An operator that compares something else than the key's values are.
    WrongOperator "wrong_operator" Warning,
    /// `*` or `?` where they are no wildcards.
    WildcardInEquals "wildcard_in_equals" Warning,
    /// A condition without values.
    EmptyValues "empty_values" Warning,
    /// `${…}` in a version without variables.
    LiteralVariable "literal_variable" Warning,
    /// A variable that never has a value.
    NullVariable "null_variable" Warning,
    /// The id of an identity or an identity pool compared with something else.
    NotAnIdentityId "not_an_identity_id" Warning,
    /// A right that hangs on what users can write.
    UserWritableClaim "user_writable_claim" Warning,
    /// A trust policy that lets tokens for others in.
    TrustWithoutAudience "trust_without_audience" Warning,
    /// A trust policy that doesn't tell guests from users.
    TrustWithoutAmr "trust_without_amr" Warning,
    /// An Allow of all but what is listed.
    AllowAllBut "allow_all_but" Warning,
    /// An Allow of everything.
    FullAccess "full_access" Note,
    /// A resource that everyone may use.
    PublicResource "public_resource" Warning,
    /// A resource's policy about another resource.
    ForeignResource "foreign_resource" Warning,
    /// A policy of a resource that no request is about.
    ResourceElsewhere "resource_elsewhere" Warning,
    /// A resource's policy that names a role that there isn't.
    UnknownPrincipal "unknown_principal" Warning,
    /// A level of service control policies that allows nothing.
    EmptyLevel "empty_level" Warning,
    /// A managed policy that no role has.
    UnusedPolicy "unused_policy" Note,
    /// A role that nobody is given.
    UnusedRole "unused_role" Note,
}
