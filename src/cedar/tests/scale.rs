//! Files of many entities: nobody pays for those that have nothing to do with a request.

use serde_json::json;

use super::*;
use crate::cedar::load::MAX_ENTITIES;

const POLICIES: &str = r#"
@id("in folder")
permit(principal is User, action, resource in Resource::"folder 7");
@id("in staff")
permit(principal in UserGroup::"staff", action, resource is Resource) when { resource.arn like "*" };
"#;

/// Groups in a chain up to `staff`, resources in folders, and thousands of others.
fn many() -> String {
    let entity = |kind: &str, id: String, parents: Vec<(&str, String)>| {
        let parents: Vec<_> =
            parents.into_iter().map(|(kind, id)| json!({ "type": kind, "id": id })).collect();
        let attrs = match kind {
            "Resource" => json!({ "arn": id }),
            _ => json!({}),
        };
        json!({ "uid": { "type": kind, "id": id }, "attrs": attrs, "parents": parents })
    };
    let mut all = vec![
        entity("UserGroup", "staff".into(), vec![]),
        entity("UserGroup", "pool|team".into(), vec![("UserGroup", "dept".into())]),
        entity("UserGroup", "dept".into(), vec![("UserGroup", "staff".into())]),
    ];
    for number in 0..10 {
        all.push(entity("Resource", format!("folder {number}"), vec![]));
    }
    for number in 0..MAX_ENTITIES - all.len() {
        let folder = vec![("Resource", format!("folder {}", number % 10))];
        all.push(entity("Resource", format!("arn:aws:s3:::demo/{number}"), folder));
    }
    json!(all).to_string()
}

#[test]
fn a_request_has_the_entities_that_could_matter_to_it() {
    let text = many();
    let entities = Some(File { name: "entities.json", text: &text });
    let schema =
        SCHEMA.replace("entity UserGroup, Role;", "entity UserGroup in [UserGroup]; entity Role;");
    let files = Files { entities, ..files(POLICIES, &schema) };
    let policies = Policies::load(&files, types()).unwrap_or_else(|e| panic!("{e:#?}"));
    let nobody = policies.principal(&user("pool|1"));
    let member = Caller { groups: vec!["pool|team".into()], ..user("pool|1") };
    let member = policies.principal(&member);
    // Membership goes over several steps, and what the file says of a resource counts.
    let asks = |who: &Principal, arn: &str| named(&policies, who, "s3:GetObject", arn);
    assert_eq!(asks(&nobody, "arn:aws:s3:::demo/17"), permit("in folder"));
    assert_eq!(asks(&nobody, "arn:aws:s3:::demo/18"), Verdict::Nothing);
    assert_eq!(asks(&member, "arn:aws:s3:::demo/18"), permit("in staff"));
    assert_eq!(asks(&member, "arn:aws:s3:::other/a"), permit("in staff"));
    for (who, most) in [(&nobody, 20), (&member, 25)] {
        assert!(who.entities.len() < most, "{}", who.entities.len());
        assert!(who.weight() < 8192);
    }
}
