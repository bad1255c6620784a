use super::*;
use crate::iam::simulate::EvalDecision;

const ALLOW: &str = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

fn form(pairs: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let pairs = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn request(action: &str, more: &[(&str, &str)]) -> Result<IamRequest, Fault> {
    let first = [("Action", action), ("Version", VERSION)];
    IamRequest::parse(&form(&[&first[..], more].concat()))
}

fn decision(more: &[(&str, &str)]) -> EvalDecision {
    let simulation = request("SimulateCustomPolicy", more).unwrap().simulation().unwrap();
    simulation.result(0).unwrap().eval_decision
}

#[test]
fn only_what_is_served_is_read() {
    for (text, code) in [
        (String::new(), "MissingAction"),
        (form(&[("Action", "SimulateCustomPolicy")]), "InvalidAction"),
        (form(&[("Action", "ListRoles"), ("Version", VERSION)]), "InvalidAction"),
        (form(&[("Action", "simulatecustompolicy"), ("Version", VERSION)]), "InvalidAction"),
        (form(&[("Action", "SimulateCustomPolicy"), ("Version", "2011-06-15")]), "InvalidAction"),
        ("Action=%".to_owned(), "MalformedQueryString"),
        ("Action=a&Action=b".to_owned(), "MalformedQueryString"),
    ] {
        assert_eq!(IamRequest::parse(&text).unwrap_err().code, code, "{text}");
    }
    for operation in Operation::ALL {
        assert_eq!(request(operation.name(), &[]).unwrap().operation(), operation);
    }
    for (action, name) in [
        ("SimulateCustomPolicy", "PolicySourceArn"),
        ("SimulateCustomPolicy", "ResourceHandlingOption"),
        ("SimulatePrincipalPolicy", "PolicyExclusionList.member.1.PolicyType"),
        ("GetContextKeysForCustomPolicy", "ActionNames.member.1"),
        ("GetContextKeysForPrincipalPolicy", "MaxItems"),
    ] {
        let fault = request(action, &[(name, "x")]).unwrap_err();
        assert_eq!(fault.code, "InvalidInput", "{action} {name}");
    }
}

#[test]
fn lists_are_in_the_order_of_their_numbers() {
    let request = request(
        "SimulateCustomPolicy",
        &[
            ("ActionNames.member.10", "a:third"),
            ("ActionNames.member.2", "a:second"),
            ("ActionNames.member.1", "a:first"),
            ("ActionNames.member.x", "a:nothing"),
            ("ActionNames.member.3.y", "a:nothing"),
            ("PolicyInputList", ""),
        ],
    );
    let simulation = request.unwrap().simulation().unwrap();
    let names: Vec<_> =
        (0..3).map(|n| simulation.result(n).unwrap().eval_action_name.to_owned()).collect();
    assert_eq!((simulation.count(), names.join(" ")), (3, "a:first a:second a:third".to_owned()));
}

#[test]
fn every_member_counts() {
    use EvalDecision::{Allowed, ExplicitDeny, ImplicitDeny};
    let base = [("ActionNames.member.1", "s3:GetObject"), ("PolicyInputList.member.1", ALLOW)];
    let denies = ALLOW.replace("Allow", "Deny");
    let bucket = ALLOW.replace(r#""Effect""#, r#""Principal":"*","Effect""#);
    let entry = "ContextEntries.member.4";
    let condition = ALLOW.replace(
        r#""Resource""#,
        r#""Condition":{"ForAllValues:StringEquals":{"k":["a","b"]},"Null":{"k":"false"}},"Resource""#,
    );
    let level = "OrderedOrganizationPolicyInputList.member";
    let levels = |number| format!("{level}.{number}.ServiceControlPolicyInputList.member.1");
    let (root, leaf) = (levels(1), levels(3));
    let kind = format!("{entry}.ContextKeyType");
    let name = format!("{entry}.ContextKeyName");
    let values = [1, 2].map(|n| format!("{entry}.ContextKeyValues.member.{n}"));
    let with = |more: &[(&str, &str)]| decision(&[&base[..], more].concat());
    assert_eq!(with(&[]), Allowed);
    assert_eq!(with(&[("PolicyInputList.member.2", &denies)]), ExplicitDeny);
    assert_eq!(with(&[("PermissionsBoundaryPolicyInputList.member.1", &denies)]), ExplicitDeny);
    assert_eq!(with(&[(&root, ALLOW)]), Allowed);
    assert_eq!(with(&[(&root, &denies)]), ExplicitDeny);
    // A level that is passed over has no policies.
    assert_eq!(with(&[(&root, ALLOW), (&leaf, ALLOW)]), ImplicitDeny);
    let caller = ("CallerArn", "arn:aws:iam::123456789012:user/eve");
    let owner = ("ResourceOwner", "arn:aws:iam::999999999999:root");
    assert_eq!(with(&[caller, owner]), ImplicitDeny);
    assert_eq!(with(&[caller, owner, ("ResourcePolicy", &bucket)]), Allowed);
    let conditional = |more: &[(&str, &str)]| {
        let base =
            [("ActionNames.member.1", "s3:GetObject"), ("PolicyInputList.member.1", &condition)];
        decision(&[&base[..], more].concat())
    };
    assert_eq!(conditional(&[]), ImplicitDeny);
    let given = [(name.as_str(), "k"), (&kind, "stringList"), (&values[0], "a"), (&values[1], "b")];
    assert_eq!(conditional(&given), Allowed);
    let given = [(name.as_str(), "k"), (&kind, "stringList"), (&values[0], "a"), (&values[1], "c")];
    assert_eq!(conditional(&given), ImplicitDeny);
    let too_deep = format!("{level}.8.ServiceControlPolicyInputList");
    let refused = request("SimulateCustomPolicy", &[base[0], (&too_deep, "")]).unwrap();
    assert_eq!(refused.simulation().unwrap_err().code, "InvalidInput");
}

#[test]
fn pages_and_sources() {
    let page = |more: &[(&str, &str)]| request("SimulateCustomPolicy", more).unwrap().page();
    assert_eq!(page(&[]), Ok(Page { from: 0, most: 100 }));
    assert_eq!(page(&[("MaxItems", "7"), ("Marker", "21")]), Ok(Page { from: 21, most: 7 }));
    for most in ["0", "1001", "-1", "x", ""] {
        let fault = page(&[("MaxItems", most)]).unwrap_err();
        assert_eq!(fault.code, "ValidationError", "{most}");
        assert!(fault.message.contains("maxItems"), "{fault}");
    }
    assert_eq!(page(&[("Marker", "x")]).unwrap_err().code, "InvalidInput");
    let source = |action: &str, more: &[(&str, &str)]| {
        let request = request(action, more).unwrap();
        request.source().map(|source| source.map(str::to_owned)).map_err(|fault| fault.code)
    };
    assert_eq!(source("SimulateCustomPolicy", &[]), Ok(None));
    let arn = "arn:aws:iam::123456789012:role/R";
    let given = [("PolicySourceArn", arn)];
    assert_eq!(source("SimulatePrincipalPolicy", &given), Ok(Some(arn.to_owned())));
    assert_eq!(source("SimulatePrincipalPolicy", &[]), Err("ValidationError"));
    assert_eq!(
        source("GetContextKeysForPrincipalPolicy", &[("PolicySourceArn", "x")]),
        Err("ValidationError")
    );
}

#[test]
fn a_form_may_have_many_parameters_but_not_any_number() {
    let form = |count: usize| {
        let items = (0..count).map(|n| format!("ActionNames.member.{n}=a:b"));
        let first = ["Action=SimulateCustomPolicy".to_owned(), format!("Version={VERSION}")];
        first.into_iter().chain(items).collect::<Vec<_>>().join("&")
    };
    assert!(IamRequest::parse(&form(MAX_PARAMETERS - 2)).is_ok());
    assert!(IamRequest::parse(&form(MAX_PARAMETERS - 1)).is_err());
}
