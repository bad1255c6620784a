//! Policies, callers and requests, from the files to the verdict.

mod asking;
mod corpus;
mod deciding;
mod docs;
mod loading;
mod paths;
mod scale;
mod slicing;
mod unknown;

use serde_json::Value;

use super::{
    Caller, CallerKind, File, Files, LoadError, Place, Policies, Principal, Question, Surroundings,
    TypeNames, Types, Verdict,
};

/// A shop's schema: pets by path, and objects of S3.
pub(super) const SCHEMA: &str = r#"
type Token = { client_id?: String, scope?: Set<String> };
entity UserGroup, Role;
entity User in [UserGroup, Role] = {
    email?: String, "custom:level"?: Long, "custom:tags"?: Set<String>,
    address?: { country?: String },
};
entity Guest;
entity Application;
entity Resource in [Resource] = { arn: String, name?: String };
action "get /pets/{id}" appliesTo {
    principal: [User], resource: [Application],
    context: {
        token?: Token, sourceIp: ipaddr, time: datetime, secure: Bool, method: String,
        path: String, pathParameters: { id: String },
    },
};
action "any /pets/{rest+}" in [Action::"all"] appliesTo {
    principal: [User], resource: [Application], context: { token?: Token }
};
action "all";
action "s3:GetObject", "s3:*" appliesTo {
    principal: [User, Guest], resource: [Resource], context: { action: String }
};
"#;

pub(super) fn types() -> Types {
    Types::new(&TypeNames::default()).unwrap()
}

pub(super) fn files<'a>(policies: &'a str, schema: &'a str) -> Files<'a> {
    Files {
        policies: vec![File { name: "shop.cedar", text: policies }],
        schemas: vec![File { name: "shop.cedarschema", text: schema }],
        ..Files::default()
    }
}

pub(super) fn load(policies: &str) -> Policies {
    Policies::load(&files(policies, SCHEMA), types()).unwrap_or_else(|e| panic!("{e:#?}"))
}

/// What is wrong: reason, place and message of each.
pub(super) fn wrong(files: &Files<'_>) -> Vec<(String, Place, String)> {
    let Err(errors) = Policies::load(files, types()) else { panic!("it loads") };
    let told =
        |e: &LoadError| (format!("{} {}", e.file, e.reason()), e.place.clone(), e.message.clone());
    errors.iter().map(told).collect()
}

pub(super) fn user(id: &str) -> Caller<'static> {
    Caller {
        kind: CallerKind::User,
        id: id.to_owned(),
        groups: Vec::new(),
        role: None,
        attributes: Vec::new(),
        token: None,
        known: true,
    }
}

pub(super) fn with<'a>(caller: Caller<'a>, claims: &'a Value) -> Caller<'a> {
    let claims = claims.as_object().unwrap().iter();
    Caller {
        attributes: claims.map(|(name, value)| (name.as_str(), value.clone())).collect(),
        ..caller
    }
}

pub(super) fn around() -> Surroundings<'static> {
    let source_ip = "203.0.113.9".parse().unwrap();
    Surroundings { source_ip, millis: 1_728_992_100_123, secure: true, spiffe_id: None }
}

/// A request to the API.
pub(super) fn ask(policies: &Policies, who: &Principal, request: &str) -> Verdict {
    let (method, path) = request.split_once(' ').unwrap();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let question = Question::Api { method, path, segments: &segments, application: "shop" };
    policies.decide(who, &question, &around()).verdict
}

/// A check of IAM's.
pub(super) fn named(policies: &Policies, who: &Principal, action: &str, arn: &str) -> Verdict {
    policies.decide(who, &Question::Named { action, resource: arn }, &around()).verdict
}

pub(super) fn permit(id: &str) -> Verdict {
    Verdict::Permit(vec![id.to_owned()])
}

pub(super) fn forbid(id: &str) -> Verdict {
    Verdict::Forbid(vec![id.to_owned()])
}

/// `cedar_error` or what else the reason of an error is.
pub(super) fn reason(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Error(error) => error.reason(),
        Verdict::Permit(_) => "permit",
        Verdict::Forbid(_) => "forbid",
        Verdict::Nothing => "nothing",
    }
}
