//! Tables and their rows on their way through the stages: described, and decided access by access.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    AnswerRule, Denial, Forget, Question, Refusal, Route, Rules, Tables,
    body::{LARGE, Reading},
    context::RequestContext,
    decide::{Decided, Forwarded, Progress, in_time, misconfigured},
    engines::Engines,
    judge::Wording,
    stored::{self, Permitted},
};
use crate::{
    http::RequestError,
    iam::{Account, Check, NoObserver, Session},
    services::{
        Proof,
        dynamodb::{
            Access, Call, Described, DynamoDbError, Input, Place, SchemaError, TableSchema,
        },
    },
    sigv4,
};

/// Decides the call that `question` is. Its body is read whole, and goes upstream byte for byte.
pub(super) async fn decide(
    (rules, route): (&Rules, &Route),
    tables: &Tables,
    question: &Question,
    mut reading: Reading<'_>,
    progress: &mut Progress,
) -> Result<Decided, Denial> {
    let call = called(question)?;
    let assumed = progress.assumed.clone();
    // Only a table's policy can allow nobody anything; without one, nobody's body isn't kept.
    if assumed.is_none() && !rules.account.has_resource_policies("dynamodb") {
        let detail = "a signature or a token is needed";
        return Err(Denial::new("missing_credentials", Refusal::MissingCredential, detail));
    }
    let anonymous = Session::anonymous();
    let session = assumed.as_ref().map_or(&anonymous, |assumed| &assumed.session);
    let who = (&rules.account, session);
    let (Some(region), Some(account)) = (&rules.region, &rules.account_id) else {
        return Err(misconfigured("tables have no ARNs without a region and an account"));
    };
    let place = Place { partition: rules.partition(), region, account };
    let limit = rules.body_buffer.min(MAX_BODY);
    let body = reading.whole(limit).await.map_err(|e| Denial::from(e).limited(limit))?;
    let context = RequestContext::of(rules, question);
    if body.len() > LARGE {
        reading.hash().await?;
    }
    let mut looked_up = Schemas::new();
    let mut asked = ask(call, &body, place, tables, &looked_up).await?;
    if !asked.missing.is_empty() && hangs_on_schema(who, &asked.checks, &context) {
        in_time(async {
            for table in std::mem::take(&mut asked.missing) {
                let schema = tables.schema(&table).await?;
                looked_up.insert(table, schema);
            }
            Ok(())
        })
        .await?;
        asked = ask(call, &body, place, tables, &looked_up).await?;
    }
    let Asked { checks, doubts, changes, .. } = asked;
    for doubt in doubts {
        progress.trail.note("describe", || (format!("not understood: {doubt}"), Value::Null));
    }
    progress.note_checks(checks.iter());
    let engines = Engines {
        rules,
        account: &rules.account,
        route,
        login: &progress.login,
        assumed: assumed.as_deref(),
        session: Some(session),
        context: &context,
        asked: None,
        wording: Wording::Plain,
    };
    let judged = engines.judge(&checks, &mut progress.trail, &mut progress.heard);
    let grounds = judged.map_err(|denial| match &assumed {
        Some(_) => denial,
        // The service knows no anonymous callers.
        None => Denial { refusal: Refusal::MissingCredential, ..denial },
    })?;
    if stored::is_kept(route, &checks)
        && let Some(check) = checks.into_iter().next()
        && let Some(call) = call.policy(&Input::read(&body)?, place)?
    {
        let permitted = Permitted { rules, grounds, session, check, context: &context };
        return Ok(Decided::Here(permitted.of_table(call)?));
    }
    Ok(Decided::Forwarded(Box::new(Forwarded {
        grounds,
        forward: call.forward(&question.headers, reading.into_body(Proof::NONE)),
        answer: AnswerRule {
            forget: changes.map(|table| Forget::of(tables, table)),
            ..AnswerRule::default()
        },
    })))
}

/// The call that `question` is, if it is one.
fn called(question: &Question) -> Result<Call, Denial> {
    let target = question.target.strict().map_err(RequestError::from)?;
    // A signature may be in the query; nothing else may.
    let target = target.without(sigv4::signs).map_err(RequestError::from)?;
    let path_and_query = target.path_and_query().as_str();
    Ok(Call::of(&question.method, path_and_query, &question.headers)?)
}

/// What is asked of IAM for a call.
struct Asked {
    checks: Vec<Check>,
    /// Tables of which nothing is known: the keys that their schemas would give are unknown.
    missing: Vec<String>,
    /// What isn't understood, for the trail.
    doubts: Vec<String>,
    /// The table that may be another one afterwards.
    changes: Option<String>,
}

/// Schemas by table; `None` where there is no such table.
type Schemas = HashMap<String, Option<Arc<TableSchema>>>;

/// What IAM is asked. A table's schema is looked up if the answer hangs on it, and only then: the
/// keys that need it are unknown at first, and a verdict that doesn't name them stands whatever
/// they are.
///
/// Megabytes must not hold up the other connections of this thread. Of a large body nothing but the
/// checks comes back to it: a million attributes take long to drop, too.
async fn ask(
    call: Call,
    body: &Bytes,
    place: Place<'_>,
    tables: &Tables,
    looked_up: &Schemas,
) -> Result<Asked, Denial> {
    if body.len() <= LARGE {
        return Ok(asked(call, body, place, tables, looked_up)?);
    }
    let [partition, region, account] =
        [place.partition, place.region, place.account].map(str::to_owned);
    let (body, tables, looked_up) = (body.clone(), tables.clone(), looked_up.clone());
    let ask = move || {
        let place = Place { partition: &partition, region: &region, account: &account };
        asked(call, &body, place, &tables, &looked_up)
    };
    let asked = tokio::task::spawn_blocking(ask).await;
    Ok(asked.map_err(|_| misconfigured("the body could not be read"))??)
}

fn asked(
    call: Call,
    body: &[u8],
    place: Place<'_>,
    tables: &Tables,
    looked_up: &Schemas,
) -> Result<Asked, DynamoDbError> {
    let input = Input::read(body)?;
    let Described { accesses, changes } = call.describe(&input, place)?;
    let (mut checks, mut doubts) = (Vec::with_capacity(accesses.len()), Vec::new());
    let mut schemas: HashMap<&str, Option<Arc<TableSchema>>> = HashMap::new();
    let mut missing: Vec<String> = Vec::new();
    for access in &accesses {
        let table = access.wants_schema();
        if let Some(table) = table.filter(|table| !schemas.contains_key(table)) {
            let known = looked_up.get(table).cloned().or_else(|| tables.known(table));
            if known.is_none() {
                missing.push(table.to_owned());
            }
            schemas.insert(table, known.flatten());
        }
        checks.extend(access.checks(table.and_then(|table| schemas.get(table)?.as_deref())));
        doubts.extend_from_slice(&access.doubts);
    }
    Ok(Asked { checks, missing, doubts, changes })
}

/// Whether a schema could turn a denial of `checks` into an allow.
fn hangs_on_schema(
    (account, session): (&Account, &Session),
    checks: &[Check],
    context: &RequestContext<'_>,
) -> bool {
    let mut found = false;
    for check in checks {
        let verdict = account.evaluate(session, check, context, &mut NoObserver);
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
