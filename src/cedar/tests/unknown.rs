//! Callers of whom less is known than there is: neither groups nor claims are in credentials.

use super::*;

const FORBIDS: [(&str, bool); 9] = [
    (r#"forbid(principal in UserGroup::"pool|suspended", action, resource);"#, true),
    (r#"forbid(principal is User in UserGroup::"pool|suspended", action, resource);"#, true),
    (r#"forbid(principal is User, action, resource) when { principal has email };"#, true),
    (
        r#"forbid(principal is User, action, resource) unless { principal in UserGroup::"pool|a" };"#,
        true,
    ),
    (
        r#"forbid(principal is User, action, resource) when { principal in [UserGroup::"pool|a"] };"#,
        true,
    ),
    (r#"forbid(principal == User::"pool|2", action, resource);"#, false),
    (r#"forbid(principal in Role::"arn:aws:iam::1:role/R", action, resource);"#, false),
    (
        r#"forbid(principal, action, resource) when { principal == User::"pool|2" || principal is Guest };"#,
        false,
    ),
    (
        r#"forbid(principal is User, action, resource) when { principal in Role::"arn:aws:iam::1:role/R" };"#,
        false,
    ),
];

fn signed(policies: &str, known: bool) -> Verdict {
    let policies = load(policies);
    let who = policies.principal(&Caller { known, ..user("pool|1") });
    named(&policies, &who, "s3:GetObject", "arn:aws:s3:::demo/a")
}

/// A guardrail is not lifted by exchanging a token for credentials.
#[test]
fn a_forbid_that_hangs_on_what_is_not_known_denies() {
    for (forbids, hangs) in FORBIDS {
        let policies = format!(
            "@id(\"all\") permit(principal is User, action, resource); @id(\"no\") {forbids}"
        );
        let found = signed(&policies, false);
        match hangs {
            true => assert_eq!(reason(&found), "cedar_unknown_principal", "{forbids}"),
            false => assert_eq!(found, permit("all"), "{forbids}"),
        }
    }
}

#[test]
fn a_permit_that_hangs_on_what_is_not_known_permits_nothing() {
    let unless = "@id(\"unless\") permit(principal is User, action, resource) \
                  unless { principal in UserGroup::\"pool|suspended\" };";
    assert_eq!(signed(unless, true), permit("unless"));
    assert_eq!(reason(&signed(unless, false)), "cedar_unknown_principal");
    let when = "@id(\"when\") permit(principal is User, action, resource) \
                when { principal in UserGroup::\"pool|readers\" };";
    assert_eq!(signed(when, false), Verdict::Nothing);
    // Another one permits.
    let both = format!("{unless} @id(\"all\") permit(principal is User, action, resource);");
    assert_eq!(signed(&both, false), permit("all"));
}
