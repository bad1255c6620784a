//! The crate `iam-rs` as a second opinion on identity policies.
//!
//! Both programs get the same generated policies and requests. What a statement has that `iam-rs` is
//! known to read otherwise is [`Named`], with the page of AWS's documentation that decides it for us.
//! Statements without a name must get the same answer from both; and every name must be needed, that is,
//! make the two disagree somewhere.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use iam_rs::{
    Context, ContextValue, Decision, IAMPolicy, IAMRequest, PrincipalId, evaluate_policy,
};
use poolgate::iam::{
    Action, Arn, Check, Fact, Facts, Layers, NoObserver, Policy, PolicyKind, PolicySet, Principal,
    Resource, Session, evaluate,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

const CALLER: &str = "arn:aws:iam::123456789012:user/bob";

/// What `iam-rs` 0.8 reads otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    /// Documents of 2008 have no variables, `${…}` is text there; `iam-rs` replaces them ("IAM JSON
    /// policy elements: Version").
    VariablesOf2008,
    /// A variable without a value matches nothing, a value is literal text, and conditions have variables;
    /// `iam-rs` puts an empty text, joins the values of a key that has several, reads wildcards in a value
    /// as such, and has none in conditions ("IAM policy elements: Variables and tags").
    Variables,
    /// ARNs are compared part by part, `ArnEquals` like `ArnLike`; `iam-rs` compares texts ("IAM JSON policy
    /// elements: Condition operators", ARN condition operators).
    ArnOperators,
    /// A key of several values needs a set operator; `iam-rs` takes any of them ("Single-valued vs.
    /// multivalued context keys").
    SeveralValues,
    /// A key without values is as good as absent to `Null`, which asks whether "its value is not null"
    /// ("Condition operators", Null); `iam-rs` sees that it is there.
    NullOfNothing,
    /// Neither a number nor an address: the negated operators are open, which the documentation leaves
    /// to be decided (docs/iam.md, "Where AWS is silent"); `iam-rs` says they hold.
    Incomparable,
    /// The values of context keys are texts; `iam-rs` wants a boolean of JSON ("Condition operators", Bool).
    Booleans,
    /// Digits are seconds since 1970 from five on, fewer are no date (docs/iam.md, "Where AWS is silent");
    /// `iam-rs` takes any number for seconds.
    FewDigits,
    /// A short ARN is padded, as AWS's own managed policies need it (`arn:aws:s3:*`); `iam-rs` gives up.
    ShortArns,
}

#[derive(Clone, Debug)]
struct Case {
    version: &'static str,
    statements: Vec<Statement>,
    action: &'static str,
    resource: &'static str,
    facts: Vec<(&'static str, Fact)>,
}

#[derive(Clone, Debug)]
struct Statement {
    json: Value,
    resources: Vec<&'static str>,
    condition: Option<(&'static str, &'static str, Vec<&'static str>)>,
}

fn statement() -> impl Strategy<Value = Statement> {
    let effect = prop_oneof![3 => Just("Allow"), 1 => Just("Deny")];
    let not = || prop_oneof![4 => Just(""), 1 => Just("Not")];
    let actions =
        subsequence(vec!["*", "s3:*", "S3:get*", "s3:GetObject", "s3:Put?bject", "sqs:*"], 1..3);
    let resources = vec![
        "*",
        "arn:aws:s3:::b",
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::?/a",
        "arn:*:s3:*:*:b/k*",
        "arn:aws:sqs:*:*:*",
        "arn:aws:s3:::b/${k}",
        "arn:aws:s3:*",
    ];
    let text = vec!["a", "b*", "?", "B", "10", "${l}x", "arn:aws:s3:::*"];
    let number = vec!["10", "9.50", "-1"];
    let operator = select(vec![
        ("StringEquals", text.clone()),
        ("StringNotEquals", text.clone()),
        ("StringLike", text.clone()),
        ("StringNotLike", text.clone()),
        ("StringEqualsIgnoreCase", text.clone()),
        ("StringNotEqualsIgnoreCase", text.clone()),
        ("StringEqualsIfExists", text.clone()),
        ("StringNotLikeIfExists", text.clone()),
        ("ForAllValues:StringEquals", text.clone()),
        ("ForAllValues:StringNotLike", text.clone()),
        ("ForAnyValue:StringLike", text.clone()),
        ("ForAnyValue:StringNotEquals", text.clone()),
        ("ArnLike", text.clone()),
        ("ArnEquals", text.clone()),
        ("ArnNotLike", text),
        ("NumericEquals", number.clone()),
        ("NumericNotEquals", number.clone()),
        ("NumericLessThan", number.clone()),
        ("NumericGreaterThanEqualsIfExists", number),
        ("DateLessThan", vec!["2026-11-24T03:01:31Z"]),
        ("IpAddress", vec!["10.0.0.0/8", "192.0.2.1"]),
        ("NotIpAddress", vec!["10.0.0.0/8"]),
        ("Bool", vec!["true"]),
        ("Null", vec!["true"]),
        ("Null", vec!["false"]),
    ]);
    let condition =
        (operator, select(vec!["k", "l", "M"])).prop_flat_map(|((name, values), key)| {
            let most = values.len().min(3);
            subsequence(values, 1..=most).prop_map(move |values| (name, key, values))
        });
    let condition = prop::option::weighted(0.7, condition);
    (effect, not(), actions, not(), subsequence(resources, 1..3), condition).prop_map(
        |(effect, not_action, actions, not_resource, resources, condition)| {
            let (action, resource) =
                (format!("{not_action}Action"), format!("{not_resource}Resource"));
            let mut json = json!({ "Effect": effect, action: actions, resource: resources });
            if let Some((operator, key, values)) = &condition {
                json["Condition"] = json!({ *operator: { *key: values } });
            }
            Statement { json, resources, condition }
        },
    )
}

fn case() -> impl Strategy<Value = Case> {
    let values = || {
        select(vec![
            "a",
            "bc",
            "*",
            "b",
            "10",
            "10.0.0.1",
            "true",
            "2025-01-01T00:00:00Z",
            "arn:aws:s3:::b/a",
        ])
    };
    let fact = move || {
        prop_oneof![
            2 => Just(None),
            5 => values().prop_map(|value| Some(Fact::One(value.to_owned()))),
            2 => prop::collection::vec(values().prop_map(str::to_owned), 0..3)
                .prop_map(|values| Some(Fact::Many(values))),
        ]
    };
    let version = prop_oneof![4 => Just("2012-10-17"), 1 => Just("2008-10-17")];
    let action = select(vec!["s3:GetObject", "s3:PUTOBJECT", "sqs:SendMessage"]);
    let resource = select(vec![
        "arn:aws:s3:::b",
        "arn:aws:s3:::b/a",
        "arn:aws:s3:::b/kk:k",
        "arn:aws:sqs:eu-west-1:123456789012:b",
    ]);
    let facts = [fact(), fact(), fact()].prop_map(|facts| {
        let named = ["k", "l", "m"].into_iter().zip(facts);
        named.filter_map(|(key, fact)| Some((key, fact?))).collect()
    });
    (version, prop::collection::vec(statement(), 1..4), action, resource, facts).prop_map(
        |(version, statements, action, resource, facts)| Case {
            version,
            statements,
            action,
            resource,
            facts,
        },
    )
}

impl Case {
    /// What of `statement` `iam-rs` is known to read otherwise.
    fn names(&self, statement: &Statement) -> BTreeSet<Named> {
        let mut names = BTreeSet::new();
        let values = statement.condition.iter().flat_map(|(_, _, values)| values);
        if statement.resources.iter().chain(values).any(|text| text.contains("${")) {
            let old = self.version == "2008-10-17";
            names.insert(if old { Named::VariablesOf2008 } else { Named::Variables });
        }
        if statement.resources.iter().any(|text| *text != "*" && text.matches(':').count() < 5) {
            names.insert(Named::ShortArns);
        }
        let Some((operator, key, _)) = &statement.condition else { return names };
        let fact = self.facts.iter().find(|(known, _)| known.eq_ignore_ascii_case(key));
        if operator.starts_with("Arn") {
            names.insert(Named::ArnOperators);
        }
        match fact.map(|(_, fact)| fact) {
            Some(Fact::Many(values)) if *operator == "Null" && values.is_empty() => {
                names.insert(Named::NullOfNothing);
            }
            Some(Fact::Many(_)) if !operator.starts_with("For") && *operator != "Null" => {
                names.insert(Named::SeveralValues);
            }
            Some(_) if *operator == "Bool" => {
                names.insert(Named::Booleans);
            }
            Some(Fact::One(value)) => {
                let number = operator.starts_with("NumericNot") && value.parse::<f64>().is_err();
                let address = operator.starts_with("NotIp") && value != "10.0.0.1";
                if number || address {
                    names.insert(Named::Incomparable);
                }
                if operator.starts_with("Date") && value.bytes().all(|b| b.is_ascii_digit()) {
                    names.insert(Named::FewDigits);
                }
            }
            _ => {}
        }
        names
    }

    fn document(&self, statements: &[&Statement]) -> String {
        let statements: Vec<&Value> = statements.iter().map(|statement| &statement.json).collect();
        json!({ "Version": self.version, "Statement": statements }).to_string()
    }

    fn ours(&self, statements: &[&Statement]) -> Decision {
        let json = self.document(statements);
        let policy = Policy::parse("p", PolicyKind::Inline, &json).unwrap();
        let identity = PolicySet::from(Arc::new(policy));
        let caller =
            Session { principal: Principal::named(CALLER).unwrap(), ..Session::anonymous() };
        let layers = Layers { identity: &identity, ..Layers::of(&caller) };
        let resource = Resource::Arn(Arn::parse(self.resource).unwrap());
        let mut facts = Facts::new();
        for (key, fact) in &self.facts {
            facts.set(*key, fact.clone());
        }
        let check = Check::new(Action::new(self.action), resource);
        let verdict = evaluate(&layers, &check, &facts, &mut NoObserver);
        match verdict.denial() {
            None => Decision::Allow,
            Some(denial) if denial.statement.is_some() => Decision::Deny,
            Some(_) => Decision::NotApplicable,
        }
    }

    /// None if it gives up.
    fn theirs(&self, statements: &[&Statement]) -> Option<Decision> {
        let policy: IAMPolicy = serde_json::from_str(&self.document(statements)).unwrap();
        let mut context = Context::new();
        for (key, fact) in &self.facts {
            let value = match fact {
                Fact::One(value) => ContextValue::String(value.clone()),
                Fact::Many(values) => ContextValue::StringList(values.clone()),
                Fact::Unknown => continue,
            };
            context.insert((*key).to_owned(), value);
        }
        let principal = iam_rs::Principal::Aws(PrincipalId::String(CALLER.to_owned()));
        let resource = iam_rs::Arn::parse(self.resource).unwrap();
        let request = IAMRequest::new_with_context(principal, self.action, resource, context);
        evaluate_policy(&policy, &request).ok()
    }
}

#[test]
fn every_disagreement_has_a_name() {
    let mut runner = TestRunner::deterministic();
    let (mut needed, mut compared) = (BTreeSet::new(), 0);
    for _ in 0..20_000 {
        let case = case().new_tree(&mut runner).unwrap().current();
        let plain = |statement: &&Statement| case.names(statement).is_empty();
        let unnamed: Vec<&Statement> = case.statements.iter().filter(plain).collect();
        if !unnamed.is_empty() {
            compared += 1;
            assert_eq!(Some(case.ours(&unnamed)), case.theirs(&unnamed), "{case:#?}");
        }
        for statement in &case.statements {
            let names = case.names(statement);
            if names.len() == 1 && Some(case.ours(&[statement])) != case.theirs(&[statement]) {
                needed.extend(names);
            }
        }
    }
    assert!(compared > 10_000, "{compared}");
    use Named::{
        ArnOperators, Booleans, FewDigits, Incomparable, NullOfNothing, SeveralValues, ShortArns,
        Variables, VariablesOf2008,
    };
    let all = [VariablesOf2008, Variables, ArnOperators, SeveralValues];
    let more = [FewDigits, NullOfNothing, Incomparable, Booleans, ShortArns];
    assert_eq!(needed, all.into_iter().chain(more).collect());
}
