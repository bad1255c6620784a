//! Lints of actions, and of actions beside resources.

use super::{
    Lint,
    judge::{Judge, Meant, Of},
    shape::Shape,
};
use crate::{
    config::suggest::suggestion,
    iam::{PolicyKind, Sense, Sourced},
    services::{catalog::Service, s3},
};

impl Judge<'_> {
    /// Actions that nobody has, and those that can't be done with any resource of the statement.
    pub(super) fn actions(&mut self, of: Of<'_>) {
        let Some(actions) = &of.statement.actions else { return };
        let shapes = shapes(of);
        for action in &actions.values {
            let meant = self.meant(&action.text);
            let Some(service) = meant.service else { continue };
            if meant.actions.is_empty() {
                let hint = hint(service, &action.text);
                let message = format_args!(
                    "{service} has no action {text}{hint}",
                    service = service.prefix,
                    text = action.text
                );
                self.report(Lint::UnknownAction, of, &action.path, message);
            } else if actions.sense == Sense::Only
                && let Some(shapes) = &shapes
            {
                self.resources(of, action, &meant, service, shapes);
            }
        }
    }

    /// `shapes` are all ARNs.
    fn resources(
        &mut self,
        of: Of<'_>,
        action: &Sourced,
        meant: &Meant,
        service: &Service,
        shapes: &[Shape],
    ) {
        let text = &action.text;
        let own = arn_services(service.prefix);
        let foreign =
            |shape: &Shape| shape.service != "*" && !own.contains(&shape.service.as_str());
        if shapes.iter().all(foreign) {
            let message = format_args!(
                "{text} is never about {}: write its resources into this statement, or the action into another",
                written(of)
            );
            return self.report(Lint::WrongService, of, &action.path, message);
        }
        if service.types.is_empty() {
            return;
        }
        if meant.actions.iter().all(|(_, types)| types.is_empty()) {
            let message = format_args!(
                "{text} is about no resource in particular, no ARN matches it: write \"Resource\": \"*\" in a statement of its own"
            );
            return self.report(Lint::StarOnlyAction, of, &action.path, message);
        }
        let mut types = meant.actions.iter().flat_map(|(_, types)| *types);
        let fits = |name: &str| {
            let wanted = service.resource_type(name);
            wanted.is_some_and(|wanted| shapes.iter().any(|shape| shape.fits(wanted)))
        };
        if types.any(|name| fits(name)) {
            return;
        }
        let all = |wanted: &str| meant.actions.iter().all(|(_, types)| types.contains(&wanted));
        let (lint, advice) = if all("bucket") && fits("object") {
            (
                Lint::BucketActionOnObject,
                "it is about a bucket, write arn:aws:s3:::bucket".to_owned(),
            )
        } else if all("object") && fits("bucket") {
            (
                Lint::ObjectActionOnBucket,
                "it is about objects, write arn:aws:s3:::bucket/* or the like".to_owned(),
            )
        } else {
            let mut names: Vec<&str> =
                meant.actions.iter().flat_map(|(_, t)| *t).copied().collect();
            names.sort_unstable();
            names.dedup();
            let arns = names.into_iter().filter_map(|name| {
                let known = service.resource_type(name)?;
                let region = if known.region { "region" } else { "" };
                let account = if known.account { "account" } else { "" };
                let resource = known.resource.replace('#', "name");
                Some(format!("arn:aws:{}:{region}:{account}:{resource}", known.service))
            });
            let arns = arns.collect::<Vec<_>>().join(" or ");
            (Lint::WrongResourceType, format!("write {arns}"))
        };
        let message = format_args!("{text} never matches {}: {advice}", written(of));
        self.report(lint, of, &action.path, message);
    }
}

/// The shapes of `Resource`; none if one is `*`, or where it lists what is left out.
fn shapes(of: Of<'_>) -> Option<Vec<Shape>> {
    let resources = of.statement.resources.as_ref()?;
    if resources.sense == Sense::AllBut || of.policy.kind == PolicyKind::Trust {
        return None;
    }
    let shape = |value: &Sourced| Shape::of(&value.text, of.policy.version);
    resources.values.iter().map(shape).collect()
}

/// The resources of the statement, for messages.
fn written(of: Of<'_>) -> String {
    let mut values = of.statement.resources.iter().flat_map(|clause| &clause.values);
    let first = values.next().map_or("", |value| value.text.as_str());
    match values.count() {
        0 => first.to_owned(),
        more => format!("{first} and {more} more"),
    }
}

/// The services in the ARNs of what a service's actions are about.
fn arn_services(prefix: &str) -> &'static [&'static str] {
    match prefix {
        "s3" => &["s3", "s3-object-lambda"],
        "dynamodb" => &["dynamodb"],
        "execute-api" => &["execute-api"],
        "sts" => &["iam", "sts"],
        _ => &["cognito-identity"],
    }
}

/// What may have been meant: what S3 asks for an operation of that name, or a name that is near.
fn hint(service: &Service, action: &str) -> String {
    let name = action.split_once(':').map_or("", |(_, name)| name);
    if service.prefix == "s3"
        && let Some(needed) = s3::action_of_operation(name)
    {
        return format!(": the operation is authorized as {needed}");
    }
    if service.prefix == "dynamodb" && TRANSACTIONS.contains(&name) {
        return ": it is authorized as what it does with each item (dynamodb:GetItem, …)"
            .to_owned();
    }
    if service.prefix == "dynamodb" && STATEMENTS.contains(&name) {
        return ": it is authorized as dynamodb:PartiQLSelect, …Insert, …Update, …Delete"
            .to_owned();
    }
    suggestion(name, service.actions().map(|(name, _)| name))
}

const TRANSACTIONS: [&str; 2] = ["TransactGetItems", "TransactWriteItems"];
const STATEMENTS: [&str; 3] = ["ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"];
