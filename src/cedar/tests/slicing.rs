//! Slices leave out nothing that matters: whatever is asked, the slice says what the whole set says.

use cedar_policy::{Authorizer, Context, Entities, Request};
use proptest::prelude::*;

use super::*;
use crate::cedar::policies::evaluate;

const ACTIONS: [&str; 4] = ["get /pets/{id}", "any /pets/{rest+}", "s3:GetObject", "s3:*"];

fn scope() -> impl Strategy<Value = String> {
    let principal = prop_oneof![
        Just("principal"),
        Just("principal is User"),
        Just("principal is Guest"),
        Just(r#"principal in UserGroup::"g""#),
        Just(r#"principal == User::"u""#),
        Just(r#"principal is User in UserGroup::"g""#),
    ];
    let action = prop_oneof![
        Just("action"),
        Just(r#"action in Action::"all""#),
        Just(r#"action == Action::"get /pets/{id}""#),
        Just(r#"action in [Action::"s3:*", Action::"any /pets/{rest+}"]"#),
        Just(r#"action == Action::"s3:GetObject""#),
    ];
    let resource = prop_oneof![
        Just("resource"),
        Just("resource is Application"),
        Just(r#"resource == Application::"shop""#),
        Just(r#"resource == Resource::"r""#),
        Just(r#"resource in Resource::"r""#),
    ];
    let effect = prop_oneof![Just("permit"), Just("forbid")];
    (effect, principal, action, resource)
        .prop_map(|(effect, p, a, r)| format!("{effect}({p}, {a}, {r});"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_slice_says_what_the_whole_says(scopes in prop::collection::vec(scope(), 1..8), in_group: bool) {
        let text = scopes.join("\n");
        let files = files(&text, SCHEMA);
        // Impossible scopes are refused: those sets are of no interest.
        let Ok(policies) = Policies::load(&files, types()) else { return Ok(()) };
        let mut whole = crate::cedar::load::Loading::new(&files);
        whole.schema();
        whole.policies();
        let groups = if in_group { vec!["g".to_owned()] } else { Vec::new() };
        let callers = [
            Caller { groups, ..user("u") },
            Caller { kind: CallerKind::Guest, ..user("u") },
        ];
        for caller in callers {
            let principal = policies.principal(&caller);
            for action in ACTIONS {
                let api = action.contains('/');
                let resource = if api { r#"Application::"shop""# } else { r#"Resource::"r""# };
                let act = &policies.acts[policies.by_id[action]];
                let request = Request::new(
                    principal.uid.clone(), act.uid.clone(), resource.parse().unwrap(),
                    Context::empty(), None,
                ).unwrap();
                let entities: &Entities = &principal.entities;
                let expected = evaluate(&Authorizer::new(), &request, &whole.set, entities, |_| false);
                let found = match (action, api) {
                    (_, false) => named(&policies, &principal, action, "r"),
                    ("get /pets/{id}", _) => ask(&policies, &principal, "GET /pets/1"),
                    _ => ask(&policies, &principal, "PUT /pets/1"),
                };
                if caller.kind == CallerKind::Guest && api {
                    prop_assert_eq!(reason(&found), "cedar_not_applicable");
                } else {
                    prop_assert_eq!(found, expected.unwrap());
                }
            }
        }
    }
}

#[test]
fn only_what_could_apply_is_in_a_slice() {
    let mut text = String::new();
    for number in 0..50 {
        text.push_str(&format!(
            "permit(principal == User::\"{number}\", action == Action::\"s3:GetObject\", resource);\n"
        ));
    }
    text.push_str("permit(principal, action == Action::\"get /pets/{id}\", resource);");
    let policies = load(&text);
    let sizes = |id: &str| -> Vec<usize> {
        let act = &policies.acts[policies.by_id[id]];
        act.slices.iter().map(|s| s.part.policies.policies().count()).collect()
    };
    assert_eq!(sizes("get /pets/{id}"), [1]);
    // Of users, and of guests.
    assert_eq!(sizes("s3:GetObject"), [50, 0]);
}
