//! Searches: which subjects, resources or actions would be permitted. Candidates are what the file of
//! entities and the schema have; who has a token is in neither.

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::asked::Asked;
use crate::gate::{Decision, Gate, Searched};

/// Which page of the results is asked for.
struct Page {
    /// Behind which id it begins.
    after: Option<String>,
    /// How many at most.
    limit: usize,
    /// Whether pages were asked for at all.
    asked: bool,
}

/// The results, and the decision that they stand for.
///
/// # Errors
/// A sentence, if it is no question.
pub(super) async fn answer(
    gate: &Gate<'_>,
    searched: Searched,
    members: &Map<String, Value>,
) -> Result<(Value, Decision), String> {
    let asked = Asked::read(members)?;
    let kind = |name: &str| members.get(name).and_then(|found| found.get("type")).cloned();
    let kind = match searched {
        Searched::Subject => kind("subject"),
        Searched::Resource => kind("resource"),
        Searched::Action => None,
    };
    let question = asked.searched(searched)?;
    let of = fingerprint(searched, members);
    let page = Page::read(members, &of)?;
    let (found, decision) =
        gate.search(searched, &question, page.after.as_deref(), page.limit).await;
    let results: Vec<Value> = found
        .ids
        .iter()
        .map(|id| match &kind {
            Some(kind) => json!({ "type": kind, "id": id }),
            None => json!({ "name": id }),
        })
        .collect();
    let mut answer = Map::new();
    if page.asked || found.next.is_some() {
        let token = found.next.map(|next| token(&next, page.limit, &of)).unwrap_or_default();
        let page = json!({ "next_token": token, "count": results.len() });
        answer.insert("page".to_owned(), page);
    }
    answer.insert("results".to_owned(), Value::Array(results));
    answer.insert("context".to_owned(), json!({ "id": decision.id.as_str() }));
    Ok((Value::Object(answer), decision))
}

impl Page {
    fn read(members: &Map<String, Value>, of: &str) -> Result<Self, String> {
        let page = match members.get("page") {
            None => return Ok(Self { after: None, limit: MAX_RESULTS, asked: false }),
            Some(Value::Object(page)) => page,
            Some(_) => return Err("page must be an object".to_owned()),
        };
        let limit = match page.get("limit") {
            None => None,
            Some(limit) => {
                let limit = limit.as_u64().and_then(|limit| usize::try_from(limit).ok());
                Some(limit.ok_or("page.limit must be a whole number from 0")?)
            }
        };
        let (after, before) = match page.get("token") {
            None => (None, None),
            Some(Value::String(text)) if text.is_empty() => (None, None),
            Some(Value::String(text)) => {
                let stale = "page.token must be the next_token of the same search";
                let (after, limit) = opened(text, of).ok_or(stale)?;
                (Some(after), Some(limit))
            }
            Some(_) => return Err("page.token must be a string".to_owned()),
        };
        let limit = limit.or(before).unwrap_or(MAX_RESULTS).min(MAX_RESULTS);
        Ok(Self { after, limit, asked: true })
    }
}

/// What a search is, but for the page: of another one a token means nothing.
fn fingerprint(searched: Searched, members: &Map<String, Value>) -> String {
    let mut members = members.clone();
    members.remove("page");
    let text = format!("{searched:?} {}", Value::Object(members));
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let short: Vec<u8> = hash.as_ref().iter().take(12).copied().collect();
    URL_SAFE_NO_PAD.encode(short)
}

/// Where the next page begins. Whoever makes up a token gets what any caller may ask for.
fn token(after: &str, limit: usize, of: &str) -> String {
    URL_SAFE_NO_PAD.encode(json!([of, limit, after]).to_string())
}

fn opened(token: &str, of: &str) -> Option<(String, usize)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (search, limit, after): (String, usize, String) = serde_json::from_slice(&bytes).ok()?;
    (search == of).then_some((after, limit))
}

/// Results of a page.
const MAX_RESULTS: usize = 1000;
