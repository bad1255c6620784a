//! Resource-based policies, organizations, other accounts, nobody: who has to allow, and who can
//! stand in for whom.

use super::*;

const GET: &str = "s3:GetObject";
const KEY: &str = "arn:aws:s3:::b/k";
const ALL: &str = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
const NOTHING: &str = r#"{"Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"*"}}"#;
const DENY: &str = r#"{"Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}}"#;
const ROLE: &str = "arn:aws:iam::123456789012:role/app/Writer";
const SESSION: &str = "arn:aws:sts::123456789012:assumed-role/Writer/alice";
const USER: &str = "arn:aws:iam::123456789012:user/dev/bob";
const ROOT: &str = "arn:aws:iam::123456789012:root";
const FEDERATED: &str = "arn:aws:sts::123456789012:federated-user/carl";

/// What is asked, layer by layer; a layer of `None` isn't set.
struct Asked<'a> {
    principal: Principal,
    identity: Option<&'a str>,
    boundary: Option<&'a str>,
    session: Option<&'a str>,
    resource: Option<&'a str>,
    owner: &'a str,
    service_control: Vec<Vec<&'a str>>,
    resource_control: Vec<Vec<&'a str>>,
    check: Check,
    known: Facts,
}

impl Default for Asked<'_> {
    fn default() -> Self {
        Self {
            principal: session(role(&[])).principal,
            identity: None,
            boundary: None,
            session: None,
            resource: None,
            owner: "123456789012",
            service_control: Vec::new(),
            resource_control: Vec::new(),
            check: check(GET, KEY),
            known: Facts::new(),
        }
    }
}

impl Asked<'_> {
    fn verdict(&self) -> Verdict {
        let set = |kind, json: Option<&str>| -> Option<PolicySet> {
            json.map(|json| policy(kind, json).into())
        };
        let levels = |kind, levels: &[Vec<&str>]| -> Vec<PolicySet> {
            let level = |level: &Vec<&str>| level.iter().map(|json| policy(kind, json)).collect();
            levels.iter().map(level).collect()
        };
        let identity = set(PolicyKind::Inline, self.identity).unwrap_or_default();
        let boundary = set(PolicyKind::Boundary, self.boundary);
        let session = set(PolicyKind::Session, self.session);
        let resource = set(PolicyKind::Resource, self.resource);
        let service_control = levels(PolicyKind::ServiceControl, &self.service_control);
        let resource_control = levels(PolicyKind::ResourceControl, &self.resource_control);
        let layers = Layers {
            principal: &self.principal,
            facts: &self.known,
            identity: &identity,
            boundary: boundary.as_ref(),
            session: session.as_ref(),
            resource: resource.as_ref(),
            owner: Some(self.owner),
            service_control: &service_control,
            resource_control: &resource_control,
        };
        evaluate(&layers, &self.check, &Facts::new(), &mut NoObserver)
    }

    /// `allow`, or the reason of the denial and the layer's name in AWS's messages.
    fn answer(&self) -> String {
        match self.verdict().denial() {
            None => "allow".to_owned(),
            Some(denial) => format!("{} {}", denial.reason(), denial.layer.described()),
        }
    }
}

/// A policy of the bucket that allows a principal to read.
fn grants(principal: &str) -> String {
    statement("Allow", &format!(r#""Principal":{principal}"#))
}

fn statement(effect: &str, more: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}",{more},"Action":"s3:Get*","Resource":"arn:aws:s3:::b/*"}}}}"#
    )
}

fn aws(name: &str) -> String {
    format!(r#"{{"AWS":"{name}"}}"#)
}

fn named(arn: &str) -> Principal {
    Principal::named(arn).unwrap()
}

fn by_role() -> Principal {
    session(role(&[])).principal
}

/// What a grant of the resource's own policy stands in for
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-single-account.html>):
/// what identity policies, a boundary, a session policy merely don't allow.
#[test]
fn what_grants_stand_in_for() {
    let star = r#""*""#.to_owned();
    let everyone_of_the_role = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*",
        "Condition":{{"ArnEquals":{{"aws:PrincipalArn":"{ROLE}"}}}}}}}}"#
    );
    for (principal, policy, allowed) in [
        (named(USER), grants(&aws(USER)), [true, true, true]),
        (by_role(), grants(&aws(ROLE)), [true, false, false]),
        (by_role(), grants(&aws("AROAEXAMPLE00000")), [false; 3]),
        (by_role(), grants(&aws(SESSION)), [true, true, true]),
        (named(SESSION), grants(&aws(ROLE)), [true, false, false]),
        (named(SESSION), grants(&aws(SESSION)), [true, true, true]),
        (named(FEDERATED), grants(&aws(FEDERATED)), [true, true, true]),
        (by_role(), grants(&star), [true, true, true]),
        (by_role(), grants(r#"{"AWS":["*"]}"#), [true, true, true]),
        (by_role(), everyone_of_the_role, [true, true, true]),
        (by_role(), grants(&aws(ROOT)), [false; 3]),
        (by_role(), grants(&aws("123456789012")), [false; 3]),
        (named(ROOT), grants(&aws(ROOT)), [true, true, true]),
        (by_role(), grants(&aws("999999999999")), [false; 3]),
        (by_role(), grants(&aws(USER)), [false; 3]),
        (by_role(), grants(r#"{"Service":"s3.amazonaws.com"}"#), [false; 3]),
        (by_role(), grants(r#"{"Federated":"cognito-identity.amazonaws.com"}"#), [false; 3]),
        // Whose that is, or which user the session is of, can't be told.
        (by_role(), grants(r#"{"CanonicalUser":"79a59df900b949e5"}"#), [false; 3]),
        (named(FEDERATED), grants(&aws(USER)), [false; 3]),
        // Not quite the name: AWS would have refused it.
        (by_role(), grants(&aws("arn:aws:iam::123456789012:role/Writer")), [false; 3]),
        (by_role(), grants(&aws("arn:aws:iam::123456789012:role/app/writer")), [false; 3]),
        (by_role(), grants(&aws("arn:aws-cn:iam::123456789012:role/app/Writer")), [false; 3]),
        (by_role(), grants(&aws("arn:aws:iam::123456789012:role/app/Writer2")), [false; 3]),
        (by_role(), grants(&aws(&SESSION.replace("alice", "bob"))), [false; 3]),
    ] {
        let cases = [(None, None), (Some(NOTHING), None), (None, Some(NOTHING))];
        for ((boundary, session), allowed) in cases.into_iter().zip(allowed) {
            let principal = principal.clone();
            let known = facts(&[&format!("aws:PrincipalArn={ROLE}")]);
            let resource = Some(policy.as_str());
            let asked = Asked { principal, boundary, session, resource, known, ..Asked::default() };
            let answer = asked.answer();
            let layer = match (boundary, session) {
                _ if !answer.contains("identity") => answer.split_once(' ').map(|(_, l)| l),
                _ => None,
            };
            assert_eq!(answer == "allow", allowed, "{policy} {boundary:?} {session:?} {layer:?}");
        }
    }
    // The layers that allow anyway are not in the way.
    let policy = grants(&aws(ROLE));
    for (boundary, session) in [(Some(ALL), None), (None, Some(ALL)), (Some(ALL), Some(ALL))] {
        let asked = Asked { boundary, session, resource: Some(&policy), ..Asked::default() };
        assert_eq!(asked.answer(), "allow");
    }
}

/// Beside identity policies that allow, a resource's own policy is not needed, but may deny.
#[test]
fn in_the_same_account_either_suffices() {
    let (to_role, to_account, to_other) =
        (grants(&aws(ROLE)), grants(&aws(ROOT)), grants(&aws("999999999999")));
    let deny = statement("Deny", r#""Principal":"*""#);
    for (identity, resource, expected) in [
        (Some(ALL), None, "allow"),
        (Some(ALL), Some(&*to_other), "allow"),
        (None, Some(&*to_role), "allow"),
        (None, Some(&*to_account), "implicit_deny identity-based policy"),
        (Some(ALL), Some(&*to_account), "allow"),
        (Some(ALL), Some(&*deny), "explicit_deny resource-based policy"),
        (Some(DENY), Some(&*to_role), "explicit_deny identity-based policy"),
        (Some(NOTHING), Some(&*to_role), "allow"),
        (None, None, "implicit_deny identity-based policy"),
    ] {
        let asked = Asked { identity, resource, ..Asked::default() };
        assert_eq!(asked.answer(), expected, "{identity:?} {resource:?}");
    }
    let denies = [(Some(DENY), None), (None, Some(DENY))];
    for (boundary, session) in denies {
        let policy = grants(&aws(SESSION));
        let asked = Asked { boundary, session, resource: Some(&policy), ..Asked::default() };
        assert!(asked.answer().starts_with("explicit_deny"));
    }
}

#[test]
fn across_accounts_both_have_to_allow() {
    let (to_session, to_account) = (grants(&aws(SESSION)), grants(&aws("123456789012")));
    let to_all = grants(r#""*""#);
    let no_resource = "implicit_deny resource-based policy";
    let no_identity = "implicit_deny identity-based policy";
    for (identity, boundary, session, resource, expected) in [
        (Some(ALL), None, None, None, no_resource),
        (Some(ALL), None, None, Some(&*to_account), "allow"),
        (Some(ALL), None, None, Some(&*to_session), "allow"),
        (Some(ALL), None, None, Some(&*to_all), "allow"),
        (None, None, None, Some(&*to_session), no_identity),
        (None, None, None, Some(&*to_all), no_identity),
        (Some(ALL), Some(NOTHING), None, Some(&*to_session), "implicit_deny permissions boundary"),
        (Some(ALL), None, Some(NOTHING), Some(&*to_session), "implicit_deny session policy"),
        (Some(ALL), Some(ALL), Some(ALL), Some(&*to_account), "allow"),
    ] {
        let owner = "999999999999";
        let asked = Asked { identity, boundary, session, resource, owner, ..Asked::default() };
        assert_eq!(asked.answer(), expected, "{identity:?} {boundary:?} {session:?} {resource:?}");
    }
}

#[test]
fn nobody_needs_a_policy_for_everyone() {
    let not_the_role = statement("Deny", &format!(r#""NotPrincipal":{}"#, aws(ROLE)));
    for (resource, expected) in [
        (None, "implicit_deny resource-based policy"),
        (Some(grants(r#""*""#)), "allow"),
        (Some(grants(r#"{"AWS":"*"}"#)), "allow"),
        (Some(grants(&aws("123456789012"))), "implicit_deny resource-based policy"),
        (Some(grants(r#"{"CanonicalUser":"79a5"}"#)), "implicit_deny resource-based policy"),
        (Some(not_the_role), "explicit_deny resource-based policy"),
    ] {
        // What belongs to principals, and to the principals of an organization, is not for nobody.
        let asked = Asked {
            principal: Principal::Anonymous,
            identity: Some(ALL),
            resource: resource.as_deref(),
            service_control: vec![vec![]],
            ..Asked::default()
        };
        assert_eq!(asked.answer(), expected, "{resource:?}");
    }
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html>
#[test]
fn not_principal_spares_those_it_lists() {
    let list = |names: &[&str]| serde_json::json!({ "AWS": names }).to_string();
    for (principal, names, boundary, spared) in [
        (by_role(), list(&[ROLE]), None, true),
        (by_role(), list(&[ROOT]), None, true),
        (by_role(), list(&["123456789012"]), None, true),
        (by_role(), list(&[SESSION, ROLE, ROOT]), None, true),
        // A session alone may be denied as its role.
        (by_role(), list(&[SESSION]), None, false),
        (by_role(), list(&[USER]), None, false),
        (by_role(), list(&["999999999999"]), None, false),
        (by_role(), list(&["arn:aws:iam::123456789012:role/Writer"]), None, false),
        (by_role(), r#""*""#.to_owned(), None, true),
        (by_role(), r#"{"CanonicalUser":"79a5"}"#.to_owned(), None, false),
        (named(USER), list(&[USER]), None, true),
        // Whoever has a boundary is denied, whatever is listed.
        (by_role(), list(&[SESSION, ROLE, ROOT]), Some(ALL), false),
    ] {
        let policy = statement("Deny", &format!(r#""NotPrincipal":{names}"#));
        let asked = Asked {
            principal,
            identity: Some(ALL),
            boundary,
            resource: Some(&policy),
            ..Asked::default()
        };
        let expected = if spared { "allow" } else { "explicit_deny resource-based policy" };
        assert_eq!(asked.answer(), expected, "{names}");
    }
}

#[test]
fn every_level_of_service_control_has_to_allow() {
    let expected = |answer: &str| format!("{answer} service control policy");
    for (levels, answer) in [
        (vec![], "allow".to_owned()),
        (vec![vec![ALL]], "allow".to_owned()),
        (vec![vec![ALL], vec![NOTHING, ALL]], "allow".to_owned()),
        (vec![vec![ALL], vec![NOTHING], vec![ALL]], expected("implicit_deny")),
        (vec![vec![ALL], vec![]], expected("implicit_deny")),
        (vec![vec![]], expected("implicit_deny")),
        (vec![vec![ALL], vec![ALL, DENY]], expected("explicit_deny")),
    ] {
        let asked =
            Asked { identity: Some(ALL), service_control: levels.clone(), ..Asked::default() };
        assert_eq!(asked.answer(), answer, "{levels:?}");
        // No grant stands in for it.
        let policy = grants(&aws(SESSION));
        let asked =
            Asked { resource: Some(&policy), service_control: levels.clone(), ..Asked::default() };
        assert_eq!(asked.answer(), answer, "{levels:?}");
    }
    let mut own = role(&[]);
    own.arn = Arn::parse("arn:aws:iam::123456789012:role/aws-service-role/x/Own").unwrap();
    let asked = Asked {
        principal: session(own).principal,
        identity: Some(ALL),
        service_control: vec![vec![]],
        ..Asked::default()
    };
    assert_eq!(asked.answer(), "allow");
}

#[test]
fn resource_control_can_only_deny() {
    const FULL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;
    let deny = |action: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Deny","Principal":"*","Action":"{action}","Resource":"*"}}}}"#
        )
    };
    let (s3, all) = (deny("s3:*"), deny("*"));
    let denied = "explicit_deny resource control policy";
    for (action, resource, levels, expected) in [
        (GET, KEY, vec![], "allow"),
        (GET, KEY, vec![vec![FULL]], "allow"),
        (GET, KEY, vec![vec![]], "allow"),
        (GET, KEY, vec![vec![FULL], vec![&*s3]], denied),
        (GET, KEY, vec![vec![&*all]], denied),
        // They don't apply to every service.
        (
            "execute-api:Invoke",
            "arn:aws:execute-api:eu-west-1:123456789012:a/prod/GET/",
            vec![vec![&*all]],
            "allow",
        ),
        ("kms:RetireGrant", "arn:aws:kms:eu-west-1:123456789012:key/1", vec![vec![&*all]], "allow"),
    ] {
        for principal in [by_role(), Principal::Anonymous] {
            let anonymous = matches!(principal, Principal::Anonymous);
            let everyone =
                r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}"#;
            let asked = Asked {
                principal,
                identity: Some(ALL),
                resource: anonymous.then_some(everyone),
                resource_control: levels.clone(),
                check: check(action, resource),
                ..Asked::default()
            };
            assert_eq!(asked.answer(), expected, "{action} {levels:?}");
        }
    }
}

/// The policy of a key, or of a role that is to be assumed, has to allow whatever others do.
#[test]
fn some_resources_have_to_trust_explicitly() {
    let key = "arn:aws:kms:eu-west-1:123456789012:key/1";
    let policy = |principal: &str| {
        format!(
            r#"{{"Statement":{{"Effect":"Allow","Principal":{principal},"Action":"*","Resource":"*"}}}}"#
        )
    };
    for (identity, principal, expected) in [
        (Some(ALL), aws("999999999999"), "implicit_deny resource-based policy"),
        (Some(ALL), aws(ROOT), "allow"),
        (None, aws(ROOT), "implicit_deny identity-based policy"),
        (None, aws(ROLE), "allow"),
    ] {
        let policy = policy(&principal);
        let check = check("kms:Decrypt", key);
        let asked = Asked { identity, resource: Some(&policy), check, ..Asked::default() };
        assert_eq!(asked.answer(), expected, "{identity:?} {principal}");
    }
}

#[test]
fn unknown_keys_count_in_every_layer() {
    let statement = |effect: &str, principal: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}",{principal}"Action":"*","Resource":"*",
            "Condition":{{"StringEquals":{{"aws:PrincipalOrgID":"o-1"}}}}}}}}"#
        )
    };
    let everyone = r#""Principal":"*","#;
    let (allow_all, deny_all) = (statement("Allow", everyone), statement("Deny", everyone));
    let (allow, deny) = (statement("Allow", ""), statement("Deny", ""));
    let unknown = || facts(&["aws:PrincipalOrgID=?"]);
    for (asked, layer) in [
        (Asked { resource: Some(&allow_all), ..Asked::default() }, "identity-based policy"),
        (
            Asked {
                principal: Principal::Anonymous,
                resource: Some(&allow_all),
                ..Asked::default()
            },
            "resource-based policy",
        ),
        (
            Asked { identity: Some(ALL), resource: Some(&deny_all), ..Asked::default() },
            "resource-based policy",
        ),
        (
            Asked { identity: Some(ALL), service_control: vec![vec![&allow]], ..Asked::default() },
            "service control policy",
        ),
        (
            Asked {
                identity: Some(ALL),
                service_control: vec![vec![ALL, &deny]],
                ..Asked::default()
            },
            "service control policy",
        ),
        (
            Asked {
                identity: Some(ALL),
                resource_control: vec![vec![&deny_all]],
                ..Asked::default()
            },
            "resource control policy",
        ),
    ] {
        let asked = Asked { known: unknown(), ..asked };
        assert_eq!(asked.answer(), format!("unknown_context_key {layer}"));
        let verdict = asked.verdict();
        assert_eq!(verdict.denial().unwrap().unknown_keys, ["aws:PrincipalOrgID"]);
    }
    // What is allowed anyway doesn't hang on the grant.
    let asked = Asked {
        identity: Some(ALL),
        resource: Some(&allow_all),
        known: unknown(),
        ..Asked::default()
    };
    assert_eq!(asked.answer(), "allow");
}

#[test]
fn grounds_name_what_was_needed() {
    let labels = |asked: &Asked<'_>| match asked.verdict() {
        Verdict::Allow(grounds) => grounds
            .statements()
            .map(|found| found.policy.kind().layer().described())
            .collect::<Vec<_>>(),
        denied => panic!("{denied:?}"),
    };
    let policy = grants(&aws(ROLE));
    let resource = Some(&*policy);
    assert_eq!(labels(&Asked { resource, ..Asked::default() }), ["resource-based policy"]);
    let both = Asked { identity: Some(ALL), boundary: Some(ALL), resource, ..Asked::default() };
    assert_eq!(labels(&both), ["resource-based policy", "permissions boundary"]);
    let controlled = vec![vec![ALL], vec![ALL]];
    let asked = Asked { identity: Some(ALL), service_control: controlled, ..Asked::default() };
    assert_eq!(labels(&asked), ["identity-based policy", "service control policy"]);
    let across = Asked { identity: Some(ALL), resource, owner: "999999999999", ..Asked::default() };
    assert_eq!(labels(&across), ["resource-based policy", "identity-based policy"]);
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
#[test]
fn every_layer_has_its_wording() {
    let policy = statement("Deny", r#""Principal":"*""#);
    let rcp = r#"{"Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}}"#;
    for (asked, end) in [
        (
            Asked { identity: Some(ALL), resource: Some(&policy), ..Asked::default() },
            "with an explicit deny in a resource-based policy",
        ),
        (
            Asked { identity: Some(ALL), owner: "999999999999", ..Asked::default() },
            "because no resource-based policy allows the s3:GetObject action",
        ),
        (
            Asked { identity: Some(ALL), service_control: vec![vec![]], ..Asked::default() },
            "because no service control policy allows the s3:GetObject action",
        ),
        (
            Asked { identity: Some(ALL), service_control: vec![vec![DENY]], ..Asked::default() },
            "with an explicit deny in a service control policy",
        ),
        (
            Asked { identity: Some(ALL), resource_control: vec![vec![rcp]], ..Asked::default() },
            "with an explicit deny in a resource control policy",
        ),
    ] {
        let message = asked.verdict().message(&asked.principal, &asked.check).unwrap();
        let start =
            format!("User: {SESSION} is not authorized to perform: {GET} on resource: {KEY} ");
        assert_eq!(message, format!("{start}{end}"));
    }
}

#[test]
fn trust_policies_are_under_resource_control() {
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*",
        "Action":"sts:AssumeRoleWithWebIdentity","Resource":"*",
        "Condition":{"StringNotEquals":{"cognito-identity.amazonaws.com:aud":"pool"}}}}"#;
    let mut role = role(&[]);
    let level = PolicySet::from(policy(PolicyKind::ResourceControl, deny));
    role.organization =
        Arc::new(Organization { resource_control: vec![level], ..Organization::default() });
    let cognito = "cognito-identity.amazonaws.com";
    let action = Action::fixed("sts:AssumeRoleWithWebIdentity");
    for (pool, expected) in [("pool", None), ("other", Some(Layer::ResourceControl))] {
        let known = facts(&[&format!("cognito-identity.amazonaws.com:aud={pool}")]);
        let verdict = evaluate_trust(&role, &action, cognito, &known, &mut NoObserver);
        assert_eq!(verdict.denial().map(|denial| denial.layer), expected);
    }
}

#[test]
fn principals_are_told_by_their_arns() {
    for (arn, kind, account) in [
        (USER, "User", "123456789012"),
        (SESSION, "AssumedRole", "123456789012"),
        (ROLE, "AssumedRole", "123456789012"),
        (FEDERATED, "FederatedUser", "123456789012"),
        (ROOT, "Account", "123456789012"),
    ] {
        let principal = named(arn);
        assert_eq!(principal.principal_type(), kind);
        assert_eq!(principal.account(), Some(account));
        assert_eq!(principal.arn().as_deref(), Some(arn));
        assert_eq!(principal.user_id(), arn);
    }
    for arn in [
        "arn:aws:iam::123456789012:group/g",
        "arn:aws:iam::123456789012:user/",
        "arn:aws:iam::aws:policy/x",
        "arn:aws:sts::123456789012:assumed-role/R",
        "arn:aws:s3:::b",
    ] {
        assert_eq!(Principal::named(arn).unwrap_err().reason(), "not_a_principal", "{arn}");
    }
}
