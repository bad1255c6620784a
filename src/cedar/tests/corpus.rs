//! Cases of Cedar's own integration tests, through this room's loader, slices and evaluation.

use std::fs;
use std::path::Path;

use cedar_policy::{Authorizer, Context, Entities, EntityUid, Request};
use serde_json::Value;

use crate::cedar::{
    CedarError, File, Files, Verdict, load::Loading, policies::evaluate, slices::Slicer,
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/cedar");

#[test]
fn cedars_own_cases_come_out_as_they_should() {
    let (mut files, mut requests) = (0, 0);
    for folder in ["decimal", "example_use_cases", "ip", "multi"] {
        for entry in fs::read_dir(Path::new(ROOT).join("tests").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "json") {
                requests += run(&path);
                files += 1;
            }
        }
    }
    assert!(files >= 20 && requests >= 50, "{files} files, {requests} requests");
}

fn text(name: &Value) -> String {
    fs::read_to_string(Path::new(ROOT).join(name.as_str().unwrap())).unwrap()
}

fn run(path: &Path) -> usize {
    let case: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let (policies, schema) = (text(&case["policies"]), text(&case["schema"]));
    let files = Files {
        policies: vec![File { name: "p.cedar", text: &policies }],
        schemas: vec![File { name: "s.cedarschema", text: &schema }],
        ..Files::default()
    };
    let mut loading = Loading::new(&files);
    let (schema, _) = loading.schema().unwrap();
    loading.policies();
    loading.validate(&schema);
    let valid = loading.problems.is_empty();
    assert_eq!(valid, case["shouldValidate"].as_bool().unwrap(), "{path:?} {:?}", loading.problems);

    let entities = Entities::from_json_str(&text(&case["entities"]), Some(&schema)).unwrap();
    let actions = schema.action_entities().unwrap();
    let names = super::types();
    let mut slicer = Slicer::new(&loading.set, &actions, &names);
    let requests = case["requests"].as_array().unwrap();
    for asked in requests {
        let about = format!("{path:?}: {}", asked["description"]);
        let uid = |name: &str| EntityUid::from_json(asked[name].clone()).unwrap();
        let (principal, action, resource) = (uid("principal"), uid("action"), uid("resource"));
        let context =
            Context::from_json_value(asked["context"].clone(), Some((&schema, &action))).unwrap();
        let slice = slicer.slice(&action, principal.type_name(), resource.type_name()).unwrap();
        let request = Request::new(principal, action, resource, context, Some(&schema)).unwrap();
        let set = &slice.part.policies;
        let found = evaluate(&Authorizer::new(), &request, set, &entities, |_| false);
        // `policy0` there is `p[0]` here.
        let ids = |name: &str| -> Vec<String> {
            let ids = asked[name].as_array().unwrap().iter();
            let ids = ids.map(|id| id.as_str().unwrap().replace("policy", "p[") + "]");
            let mut ids: Vec<String> = ids.collect();
            ids.sort();
            ids
        };
        let (reason, errors) = (ids("reason"), ids("errors"));
        match (asked["decision"].as_str().unwrap(), found) {
            // Where Cedar passes over what fails, this room refuses.
            (_, Err(CedarError::Evaluation(told))) => {
                assert_eq!(told.len(), errors.len(), "{about}: {told:?}");
                assert!(errors.iter().all(|id| told.iter().any(|t| t.contains(id))), "{about}");
            }
            (_, found) if !errors.is_empty() => panic!("{about}: {found:?}"),
            ("allow", found) => assert_eq!(found, Ok(Verdict::Permit(reason)), "{about}"),
            (_, found) if reason.is_empty() => assert_eq!(found, Ok(Verdict::Nothing), "{about}"),
            (_, found) => assert_eq!(found, Ok(Verdict::Forbid(reason)), "{about}"),
        }
    }
    requests.len()
}
