//! What the adapter adds to Cedar: a decision from a request and a session's entities, beside
//! Cedar's own `is_authorized` on inputs that are ready, in the same run. Promised: at most a quarter.

#![expect(clippy::expect_used, reason = "a bench that can't be set up has nothing to measure")]

use std::hint::black_box;

use cedar_policy::{Authorizer, Context, Entities, Entity, EntityUid, PolicySet, Request};
use cedar_policy::{RestrictedExpression, Schema};
use criterion::{Criterion, criterion_group, criterion_main};
use poolgate::cedar::{
    Caller, CallerKind, File, Files, Policies, Question, Surroundings, TypeNames, Types, Verdict,
};
use serde_json::json;

const SCHEMA: &str = r#"
entity UserGroup;
entity User in [UserGroup] = { email?: String };
entity Application;
action "get /pets/{id}" appliesTo { principal: [User], resource: [Application],
    context: { method: String, secure: Bool } };
action "put /pets/{id}" appliesTo { principal: [User], resource: [Application] };
"#;

/// `count` policies that could apply, of which the last one does, and as many of another action.
fn policies(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        let group = if number + 1 == count { "readers".to_owned() } else { format!("g{number}") };
        text.push_str(&format!(
            "permit(principal in UserGroup::\"pool|{group}\", action == Action::\"get /pets/{{id}}\", resource)\n\
             when {{ principal has email && principal.email like \"*@example.com\" && context.secure }};\n"
        ));
    }
    text
}

fn bench(criterion: &mut Criterion) {
    for count in [10, 100] {
        let own = policies(count);
        let text =
            format!("{own}{}", own.replace("get /", "put /").replace(" && context.secure", ""));
        let files = Files {
            policies: vec![File { name: "p.cedar", text: &text }],
            schemas: vec![File { name: "s.cedarschema", text: SCHEMA }],
            ..Files::default()
        };
        let types = Types::new(&TypeNames::default()).expect("names");
        let loaded = Policies::load(&files, types).expect("policies");
        let email = json!("ann@example.com");
        let groups = ["readers", "writers", "staff"].map(|group| format!("pool|{group}"));
        let caller = Caller {
            kind: CallerKind::User,
            id: "pool|ann".to_owned(),
            groups: groups.to_vec(),
            role: None,
            attributes: vec![("email", email.clone())],
            token: None,
            known: true,
        };
        let principal = loaded.principal(&caller);
        let around = Surroundings {
            source_ip: "203.0.113.9".parse().expect("an address"),
            millis: 0,
            secure: true,
            spiffe_id: None,
        };
        let decide = || {
            // As the gate does: the path in segments.
            let path = "/pets/1";
            let segments: Vec<&str> = path.split('/').skip(1).collect();
            let question =
                Question::Api { method: "GET", path, segments: &segments, application: "pets" };
            loaded.decide(&principal, &question, &around).verdict
        };
        assert!(matches!(decide(), Verdict::Permit(_)));

        let (set, request, entities) = ready(&own, &groups);
        let authorizer = Authorizer::new();
        let bare = || authorizer.is_authorized(&request, &set, &entities);
        assert_eq!(bare().decision(), cedar_policy::Decision::Allow);

        let mut group = criterion.benchmark_group(format!("cedar/{count}"));
        group.bench_function("is_authorized", |bencher| bencher.iter(|| black_box(bare())));
        group.bench_function("adapter", |bencher| bencher.iter(|| black_box(decide())));
        group.finish();
    }
}

/// The same for Cedar alone, made beforehand.
fn ready(policies: &str, groups: &[String]) -> (PolicySet, Request, Entities) {
    let uid = |text: String| text.parse::<EntityUid>().expect("an entity");
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA).expect("a schema");
    let groups: Vec<_> = groups.iter().map(|g| uid(format!("UserGroup::\"{g}\""))).collect();
    let user = uid("User::\"pool|ann\"".to_owned());
    let email = RestrictedExpression::new_string("ann@example.com".to_owned());
    let attributes = [("email".to_owned(), email)].into_iter().collect();
    let own = Entity::new(user.clone(), attributes, groups.iter().cloned().collect());
    let groups = groups.into_iter().map(|g| Entity::new_no_attrs(g, Default::default()));
    let entities = groups.chain([own.expect("an entity")]);
    let entities = Entities::from_entities(entities, Some(&schema)).expect("entities");
    let context = Context::from_pairs([
        ("secure".to_owned(), RestrictedExpression::new_bool(true)),
        ("method".to_owned(), RestrictedExpression::new_string("GET".to_owned())),
    ]);
    let action = uid("Action::\"get /pets/{id}\"".to_owned());
    let resource = uid("Application::\"pets\"".to_owned());
    let request = Request::new(user, action, resource, context.expect("a context"), Some(&schema));
    (policies.parse().expect("policies"), request.expect("a request"), entities)
}

criterion_group!(benches, bench);
criterion_main!(benches);
