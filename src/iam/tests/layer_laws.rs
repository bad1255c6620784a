//! Laws that hold for all layers together, whoever calls.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::laws::{KEYS, body, condition, context, known, what};
use super::*;
use crate::iam::simulate::{EvalDecision, SimulateCache, Simulation};

/// Statements layer by layer, as JSON; a layer of `None` isn't set.
#[derive(Clone, Debug)]
struct All {
    principal: Principal,
    owner: &'static str,
    identity: Vec<String>,
    boundary: Option<Vec<String>>,
    session: Option<Vec<String>>,
    resource: Option<Vec<String>>,
    service_control: Vec<Vec<String>>,
    resource_control: Vec<Vec<String>>,
}

const ACCOUNT: &str = "123456789012";

fn principals() -> impl Strategy<Value = Principal> {
    let named = |arn: &str| Principal::named(arn).unwrap();
    select(vec![
        Principal::Anonymous,
        session(role(&[])).principal,
        named("arn:aws:sts::123456789012:assumed-role/Writer/alice"),
        named("arn:aws:iam::123456789012:user/bob"),
        named("arn:aws:iam::123456789012:root"),
        named("arn:aws:sts::123456789012:federated-user/bob"),
    ])
}

/// `Principal`s that mean one of them, several, or nobody.
fn whom() -> impl Strategy<Value = String> {
    let names = select(vec![
        r#""*""#,
        r#"{"AWS":"123456789012"}"#,
        r#"{"AWS":["arn:aws:iam::123456789012:role/app/Writer","arn:aws:iam::123456789012:user/bob"]}"#,
        r#"{"AWS":"arn:aws:iam::123456789012:role/Writer"}"#,
        r#"{"AWS":"arn:aws:sts::123456789012:assumed-role/Writer/alice"}"#,
        r#"{"AWS":"arn:aws:sts::123456789012:federated-user/bob"}"#,
        r#"{"CanonicalUser":"79a5","Service":"s3.amazonaws.com"}"#,
        r#"{"AWS":"999999999999"}"#,
    ]);
    names.prop_map(str::to_owned)
}

fn allows() -> impl Strategy<Value = String> {
    let always = Just(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#.to_owned());
    prop_oneof![2 => always, 3 => body().prop_map(|body| format!(r#"{{"Effect":"Allow",{body}}}"#))]
}

fn denies() -> impl Strategy<Value = String> {
    body().prop_map(|body| format!(r#"{{"Effect":"Deny",{body}}}"#))
}

fn statements() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop_oneof![4 => allows(), 1 => denies()], 1..3)
}

/// Of a resource's policy.
fn granting() -> impl Strategy<Value = String> {
    (whom(), allows()).prop_map(|(whom, allow)| with_principal(&allow, "Principal", &whom))
}

fn refusing() -> impl Strategy<Value = String> {
    let element = select(vec!["Principal", "NotPrincipal"]);
    (element, whom(), denies())
        .prop_map(|(element, whom, deny)| with_principal(&deny, element, &whom))
}

fn with_principal(statement: &str, element: &str, whom: &str) -> String {
    statement.replacen('{', &format!(r#"{{"{element}":{whom},"#), 1)
}

/// Of a resource control policy: no `NotAction`.
fn controlling() -> impl Strategy<Value = String> {
    denies().prop_map(|deny| {
        with_principal(&deny, "Principal", r#""*""#).replace("NotAction", "Action")
    })
}

fn all() -> impl Strategy<Value = All> {
    let resource = prop::collection::vec(prop_oneof![4 => granting(), 1 => refusing()], 1..3);
    let control = prop::collection::vec(statements(), 0..3);
    let resource_control = prop::collection::vec(prop::collection::vec(controlling(), 1..2), 0..2);
    (
        (principals(), select(vec![ACCOUNT, "999999999999"]), statements()),
        (prop::option::of(statements()), prop::option::of(statements())),
        (prop::option::of(resource), control, resource_control),
    )
        .prop_map(
            |(
                (principal, owner, identity),
                (boundary, session),
                (resource, service_control, resource_control),
            )| All {
                principal,
                owner,
                identity,
                boundary,
                session,
                resource,
                service_control,
                resource_control,
            },
        )
}

impl All {
    fn ask(&self, check: &Check, context: &Facts, observer: &mut dyn Observer) -> Verdict {
        let set = |kind, statements: &[String]| -> PolicySet {
            let list = statements.join(",");
            let json = format!(r#"{{"Version":"2012-10-17","Statement":[{list}]}}"#);
            policy(kind, &json).into()
        };
        let levels = |kind, levels: &[Vec<String>]| -> Vec<PolicySet> {
            levels.iter().map(|level| set(kind, level)).collect()
        };
        let boundary = self.boundary.as_ref().map(|s| set(PolicyKind::Boundary, s));
        let session = self.session.as_ref().map(|s| set(PolicyKind::Session, s));
        let resource = self.resource.as_ref().map(|s| set(PolicyKind::Resource, s));
        let layers = Layers {
            principal: &self.principal,
            facts: &Facts::new(),
            identity: &set(PolicyKind::Inline, &self.identity),
            boundary: boundary.as_ref(),
            session: session.as_ref(),
            resource: resource.as_ref(),
            owner: Some(self.owner),
            service_control: &levels(PolicyKind::ServiceControl, &self.service_control),
            resource_control: &levels(PolicyKind::ResourceControl, &self.resource_control),
        };
        evaluate(&layers, check, context, observer)
    }

    fn allows(&self, check: &Check, context: &Facts) -> bool {
        self.ask(check, context, &mut NoObserver).is_allow()
    }

    /// The same as a request to the simulator.
    fn line(&self, check: &Check, context: &[Option<Fact>; 3]) -> Value {
        let document = |statements: &[String]| {
            let list = statements.join(",");
            json!(format!(r#"{{"Version":"2012-10-17","Statement":[{list}]}}"#))
        };
        let levels = |levels: &[Vec<String>]| -> Vec<Value> {
            levels.iter().map(|level| json!([document(level)])).collect()
        };
        let set = |layer: &Option<Vec<String>>| layer.as_ref().map(|layer| [document(layer)]);
        let entry = |(key, fact): (&str, &Option<Fact>)| {
            let (values, kind) = match fact.clone()? {
                Fact::One(value) => (vec![value], "string"),
                Fact::Many(values) => (values, "stringList"),
                Fact::Unknown => return None,
            };
            let entry =
                json!({"ContextKeyName": key, "ContextKeyValues": values, "ContextKeyType": kind});
            Some(entry)
        };
        let caller = self.principal.arn().unwrap_or_else(|| "anonymous".to_owned());
        json!({
            "PolicyInputList": [document(&self.identity)],
            "PermissionsBoundaryPolicyInputList": set(&self.boundary),
            "SessionPolicyInputList": set(&self.session),
            "ResourcePolicy": self.resource.as_ref().map(|layer| document(layer)),
            "ServiceControlPolicyInputList": levels(&self.service_control),
            "ResourceControlPolicyInputList": levels(&self.resource_control),
            "ActionNames": [check.action.as_str()],
            "ResourceArns": [check.resource.as_str()],
            "ResourceOwner": self.owner,
            "CallerArn": caller,
            "ContextEntries": KEYS.into_iter().zip(context).filter_map(entry).collect::<Vec<_>>(),
        })
    }

    /// The layers that are set and take plain statements.
    fn plain(&mut self) -> Vec<&mut Vec<String>> {
        let Self { identity, boundary, session, service_control, .. } = self;
        [identity].into_iter().chain(boundary).chain(session).chain(service_control).collect()
    }
}

/// All that a verdict says.
pub(in crate::iam) fn told(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Allow(grounds) => {
            let label = |found: &StatementRef| {
                format!("{} of the {}", found.label(), found.policy.kind().layer().described())
            };
            grounds.statements().map(label).collect::<Vec<_>>().join(", ")
        }
        Verdict::ExplicitDeny(denial) | Verdict::ImplicitDeny(denial) => {
            let Denial { layer, level, statement, unknown_keys } = denial;
            format!(
                "{layer:?} {level:?} {:?} {unknown_keys:?}",
                statement.as_ref().map(StatementRef::label)
            )
        }
    }
}

/// Sees everything, so that no short cut is taken and no index asked.
struct Watcher;

impl Observer for Watcher {}

/// Sees what can match.
struct Matching;

impl Observer for Matching {
    fn interest(&self) -> Interest {
        Interest::Matching
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn making_a_key_unknown_never_allows_in_any_layer(
        all in all(), check in what(), context in context(), which in 0..3_usize,
    ) {
        let mut hidden = context.clone();
        hidden[which] = Some(Fact::Unknown);
        prop_assert!(all.allows(&check, &known(&context)) || !all.allows(&check, &known(&hidden)));
    }

    #[test]
    fn a_further_deny_in_any_layer_never_allows(
        all in all(), check in what(), context in context(), which in any::<Index>(),
        deny in denies(), refusing in refusing(), controlling in controlling(), kind in 0..3_u8,
    ) {
        let mut more = all.clone();
        match kind {
            0 => {
                let mut layers = more.plain();
                let which = which.index(layers.len());
                layers[which].push(deny);
            }
            1 => more.resource.get_or_insert_default().push(refusing),
            _ => more.resource_control.push(vec![controlling]),
        }
        let context = known(&context);
        prop_assert!(all.allows(&check, &context) || !more.allows(&check, &context));
    }

    #[test]
    fn a_further_allow_in_any_layer_never_denies(
        all in all(), check in what(), context in context(), which in any::<Index>(),
        allow in allows(), granting in granting(), grants in any::<bool>(),
    ) {
        let mut more = all.clone();
        if grants {
            more.resource.get_or_insert_default().push(granting);
        } else {
            let mut layers = more.plain();
            let which = which.index(layers.len());
            layers[which].push(allow);
        }
        let context = known(&context);
        prop_assert!(!all.allows(&check, &context) || more.allows(&check, &context));
    }

    #[test]
    fn order_does_not_matter_in_any_layer(all in all(), check in what(), context in context()) {
        let mut turned = all.clone();
        turned.plain().into_iter().for_each(|layer| layer.reverse());
        turned.resource.iter_mut().for_each(|layer| layer.reverse());
        turned.service_control.reverse();
        let context = known(&context);
        prop_assert_eq!(all.allows(&check, &context), turned.allows(&check, &context));
    }

    /// Neither does who watches, nor whether the index is asked: same verdict, for the same reasons.
    #[test]
    fn observing_changes_nothing_in_any_layer(all in all(), check in what(), context in context()) {
        let context = known(&context);
        let quick = all.ask(&check, &context, &mut NoObserver);
        let watched = all.ask(&check, &context, &mut Watcher);
        prop_assert_eq!(told(&quick), told(&watched));
        let matching = all.ask(&check, &context, &mut Matching);
        prop_assert_eq!(told(&quick), told(&matching));
    }

    /// The simulator says of a request what an evaluation says, of keys that nobody gave too.
    #[test]
    fn simulating_is_evaluating(all in all(), check in what(), mut context in context()) {
        // Of whom nothing is known but the name; and keys are given, or they aren't there.
        let principal = all.principal.arn().map(|arn| Principal::named(&arn).unwrap());
        let all = All { principal: principal.unwrap_or(Principal::Anonymous), ..all };
        context.iter_mut().filter(|fact| **fact == Some(Fact::Unknown)).for_each(|fact| *fact = None);
        let line = all.line(&check, &context).to_string();
        let simulation = Simulation::parse(&line, &mut SimulateCache::default()).unwrap();
        let result = simulation.result(0).unwrap();
        let wanted = match all.ask(&check, &known(&context), &mut NoObserver) {
            Verdict::Allow(_) => EvalDecision::Allowed,
            Verdict::ExplicitDeny(_) => EvalDecision::ExplicitDeny,
            Verdict::ImplicitDeny(_) => EvalDecision::ImplicitDeny,
        };
        prop_assert_eq!(result.eval_decision, wanted, "{}", line);
        let undecided = result.eval_decision == EvalDecision::ImplicitDeny;
        prop_assert_eq!(undecided, result.matched_statements.is_empty());
        prop_assert!(simulation.result(1).is_none());
    }

    /// A list of actions, resources, principals is as many statements of one each.
    #[test]
    fn lists_are_many_statements(
        condition in condition(), check in what(), context in context(), principal in principals(),
    ) {
        let (actions, resources) = (["s3:Get*", "s3:PutObject"], ["arn:aws:s3:::b/*", "arn:aws:s3:::c/${k}"]);
        let names = ["123456789012", "arn:aws:iam::123456789012:role/app/Writer", "arn:aws:sts::123456789012:assumed-role/Writer/alice"];
        let list = |values: &[&str]| serde_json::to_string(values).unwrap();
        let write = |names: &[&str], actions: &[&str], resources: &[&str]| {
            format!(
                r#"{{"Effect":"Allow","Principal":{{"AWS":{}}},"Action":{},"Resource":{},"Condition":{{{condition}}}}}"#,
                list(names), list(actions), list(resources)
            )
        };
        let one = vec![write(&names, &actions, &resources)];
        let many: Vec<String> = names
            .iter()
            .flat_map(|name| actions.iter().map(move |action| (name, action)))
            .flat_map(|(name, action)| resources.iter().map(move |resource| (name, action, resource)))
            .map(|(name, action, resource)| write(&[name], &[action], &[resource]))
            .collect();
        let none = r#"{"Effect":"Allow","Action":"sqs:*","Resource":"*"}"#.to_owned();
        let ask = |resource: Vec<String>| {
            let all = All {
                principal: principal.clone(), owner: ACCOUNT, identity: vec![none.clone()],
                boundary: None, session: None, resource: Some(resource),
                service_control: Vec::new(), resource_control: Vec::new(),
            };
            all.allows(&check, &known(&context))
        };
        prop_assert_eq!(ask(one), ask(many));
    }

    /// The values of a positive operator are as many statements that allow, those of a negated one as
    /// many that deny.
    #[test]
    fn values_are_many_statements(
        operator in select(vec!["StringEquals", "StringLike", "StringEqualsIfExists", "ForAnyValue:StringLike", "ArnLike"]),
        check in what(), context in context(),
    ) {
        let values = ["a", "b*", "${l}", "arn:aws:s3:::b/${l, 'a'}"];
        let write = |values: &[&str]| {
            let values = serde_json::to_string(values).unwrap();
            format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{"{operator}":{{"k":{values}}}}}}}"#)
        };
        let ask = |statements: &[String]| {
            let document = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
            evaluate(&Layers::of(&session(role(&[&document]))), &check, &known(&context), &mut NoObserver)
                .is_allow()
        };
        let many: Vec<String> = values.iter().map(|value| write(&[value])).collect();
        prop_assert_eq!(ask(&[write(&values)]), ask(&many));
    }
}
