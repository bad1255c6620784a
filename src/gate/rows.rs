//! Tables and their rows on their way through the stages: described, and decided access by access.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    AnswerRule, Denial, Forget, Grounds, Question, Refusal, Rules, Tables,
    body::{LARGE, Reading},
    context::RequestContext,
    decide::{Progress, in_time, misconfigured},
    judge::{Wording, judge},
};
use crate::{
    http::RequestError,
    iam::{self, Check, NoObserver, Session},
    services::{
        Forward, Proof,
        dynamodb::{
            Access, Call, Described, DynamoDbError, Input, Place, SchemaError, TableSchema,
        },
    },
    sigv4,
};

/// What was decided of a call.
pub(super) struct Decided {
    pub(super) grounds: Grounds,
    pub(super) forward: Forward,
    pub(super) answer: AnswerRule,
}

/// Decides the call that `question` is. Its body is read whole, and goes upstream byte for byte.
pub(super) async fn decide(
    rules: &Rules,
    tables: &Tables,
    question: &Question,
    mut reading: Reading<'_>,
    progress: &mut Progress,
) -> Result<Decided, Denial> {
    let call = called(question)?;
    // The service knows no anonymous callers, and nobody's body is kept.
    let Some(assumed) = progress.assumed.clone() else {
        let detail = "a signature or a token is needed";
        return Err(Denial::new("missing_credentials", Refusal::MissingCredential, detail));
    };
    let session = &assumed.session;
    let (Some(region), Some(account)) = (&rules.region, &rules.account_id) else {
        return Err(misconfigured("tables have no ARNs without a region and an account"));
    };
    let place = Place { partition: rules.partition(), region, account };
    let limit = rules.body_buffer.min(MAX_BODY);
    let body = reading.whole(limit).await.map_err(|e| Denial::from(e).limited(limit))?;
    let input;
    let described = match body.len() > LARGE {
        true => {
            reading.hash().await?;
            describe_elsewhere(call, body, place).await?
        }
        false => {
            input = Input::read(&body)?;
            call.describe(&input, place)?
        }
    };

    let context = RequestContext::new(rules, &question.headers, &question.received, question.now);
    for doubt in described.accesses.iter().flat_map(|access| &access.doubts) {
        progress.trail.note("describe", || (format!("not understood: {doubt}"), Value::Null));
    }
    let checks = checks(&described.accesses, tables, session, &context).await?;
    progress.note_checks(checks.iter());
    let matched = judge(session, &checks, &context, &mut progress.trail, Wording::Plain)?;
    Ok(Decided {
        grounds: Grounds::Statements(matched),
        forward: call.forward(&question.headers, reading.into_body(Proof::None)),
        answer: AnswerRule {
            forget: described.changes.map(|table| Forget::of(tables, table)),
            ..AnswerRule::default()
        },
    })
}

/// The call that `question` is, if it is one.
fn called(question: &Question) -> Result<Call, Denial> {
    let target = question.target.strict().map_err(RequestError::from)?;
    // A signature may be in the query; nothing else may.
    let target = target.without(sigv4::signs).map_err(RequestError::from)?;
    let path_and_query = target.path_and_query().as_str();
    Ok(Call::of(&question.method, path_and_query, &question.headers)?)
}

/// Megabytes to parse must not hold up the other connections of this thread.
async fn describe_elsewhere(
    call: Call,
    body: Bytes,
    place: Place<'_>,
) -> Result<Described<'static>, Denial> {
    let [partition, region, account] =
        [place.partition, place.region, place.account].map(str::to_owned);
    let describe = move || {
        let place = Place { partition: &partition, region: &region, account: &account };
        let input = Input::read(&body)?;
        Ok::<_, DynamoDbError>(call.describe(&input, place)?.into_owned())
    };
    let described = tokio::task::spawn_blocking(describe).await;
    Ok(described.map_err(|_| misconfigured("the body could not be read"))??)
}

/// What IAM is asked. A table's schema is looked up if the answer hangs on it, and only then: the
/// keys that need it are unknown at first, and a verdict that doesn't name them stands whatever
/// they are.
async fn checks(
    accesses: &[Access<'_>],
    tables: &Tables,
    session: &Session,
    context: &RequestContext<'_>,
) -> Result<Vec<Check>, Denial> {
    let mut schemas: HashMap<&str, Option<Arc<TableSchema>>> = HashMap::new();
    let mut missing = Vec::new();
    for table in accesses.iter().filter_map(Access::wants_schema) {
        match tables.known(table) {
            Some(schema) => {
                schemas.insert(table, schema);
            }
            None if missing.contains(&table) => {}
            None => missing.push(table),
        }
    }
    let make = |schemas: &HashMap<&str, Option<Arc<TableSchema>>>| {
        let mut checks = Vec::with_capacity(accesses.len());
        for access in accesses {
            let table = access.wants_schema();
            checks.extend(access.checks(table.and_then(|table| schemas.get(table)?.as_deref())));
        }
        checks
    };
    let checks = make(&schemas);
    if missing.is_empty() || !hangs_on_schema(session, &checks, context) {
        return Ok(checks);
    }
    in_time(async {
        for table in missing {
            schemas.insert(table, tables.schema(table).await?);
        }
        Ok(())
    })
    .await?;
    Ok(make(&schemas))
}

/// Whether a schema could turn a denial of `checks` into an allow.
fn hangs_on_schema(session: &Session, checks: &[Check], context: &RequestContext<'_>) -> bool {
    let mut found = false;
    for check in checks {
        let verdict = iam::evaluate(session, check, context, &mut NoObserver);
        let Some(denial) = verdict.denial() else { continue };
        // Denied whatever the schema is: nothing has to be looked up for it.
        if !denial.unknown_keys.iter().any(|key| Access::is_keyed(key)) {
            return false;
        }
        found = true;
    }
    found
}

impl From<DynamoDbError> for Denial {
    fn from(error: DynamoDbError) -> Self {
        let detail = error.to_string();
        Self::new(error.reason(), Refusal::DynamoDb(error), detail)
    }
}

impl From<SchemaError> for Denial {
    fn from(error: SchemaError) -> Self {
        let detail = "the table can't be looked up now; try again";
        Self::new(error.reason(), Refusal::Unavailable, detail)
            .with(json!({ "error": error.to_string() }))
    }
}

/// The longest request that DynamoDB takes, in bytes.
const MAX_BODY: usize = 16 << 20;
