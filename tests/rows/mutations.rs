//! What makes a request a near-valid one.

use serde_json::json;

use super::{
    cases::Maker,
    json::Json,
    random::Random,
    world::{OWNERS, TABLES},
};

/// Changes one thing somewhere in a body.
pub(crate) fn of_json(body: &mut Json, maker: &mut Maker<'_>) {
    if maker.random.chance(40) && smuggle(body, maker) {
        return;
    }
    let number = match maker.random.chance(25) {
        true => 0,
        false => maker.random.below(body.count()),
    };
    match body.nth(number) {
        Json::Text(text) => {
            let changed = changed_text(text, maker);
            *body.nth(number) = changed;
        }
        Json::Raw(text) => {
            let raw = ["null", "true", "false", "1", "-1", "1e99", "\"1\"", "[]", "{}"];
            *text = maker.random.word(&raw).to_owned();
        }
        Json::List(items) => {
            let at = maker.random.below(items.len().max(1));
            match maker.random.below(4) {
                0 => items.clear(),
                1 if !items.is_empty() => drop(items.remove(at)),
                2 if !items.is_empty() => items.push(items[at].clone()),
                _ => {
                    let value = value(maker);
                    items.push(value);
                }
            }
        }
        Json::Object(members) => {
            let at = maker.random.below(members.len().max(1));
            match maker.random.below(9) {
                0 if !members.is_empty() => drop(members.remove(at)),
                1 if !members.is_empty() => {
                    let (name, _) = members[at].clone();
                    let value = value(maker);
                    members.push((name, value));
                }
                2 if !members.is_empty() => members.push(members[at].clone()),
                3 if !members.is_empty() => {
                    let name = changed_name(&members[at].0, &mut maker.random);
                    members[at].0 = name;
                }
                4 if !members.is_empty() => {
                    let mut copy = members[at].clone();
                    copy.0 = changed_name(&copy.0, &mut maker.random);
                    copy.1 = value(maker);
                    members.push(copy);
                }
                5 if members.len() > 1 => {
                    let other = maker.random.below(members.len());
                    let value = members[at].1.clone();
                    members[at].1 = std::mem::replace(&mut members[other].1, value);
                }
                6 if !members.is_empty() => members[at].1 = Json::Raw("null".to_owned()),
                _ => {
                    let member = member(maker);
                    members.push(member);
                }
            }
        }
    }
}

/// Puts the key of another beside one that is there, where one reader might see the one, and one the
/// other. False if there is none.
fn smuggle(body: &mut Json, maker: &mut Maker<'_>) -> bool {
    let keyed = |value: &mut Json| match value {
        Json::Object(members) => members.iter().any(|(name, _)| OWNERS.contains(&name.as_str())),
        _ => false,
    };
    let places: Vec<usize> = (0..body.count()).filter(|at| keyed(body.nth(*at))).collect();
    if places.is_empty() {
        return false;
    }
    let place = *maker.random.pick(&places);
    let Json::Object(members) = body.nth(place) else { return false };
    // What only a sort key is called comes last.
    let Some(table) = TABLES.iter().find(|table| members.iter().any(|(n, _)| n == table.owner.0))
    else {
        return false;
    };
    let person = maker.another();
    let theirs = maker.owner(table, person);
    let name = table.owner.0;
    let Some(at) = members.iter().position(|(known, _)| known == name) else { return false };
    match maker.random.below(8) {
        0 => members.insert(0, (name.to_owned(), theirs.into())),
        1 => members.push((name.to_owned(), theirs.into())),
        2 => members.push((changed_name(name, &mut maker.random), theirs.into())),
        3 => members[at].1 = Json::List(vec![members[at].1.clone(), theirs.into()]),
        4 | 5 => {
            // Both values in one.
            if let (Json::Object(own), Json::Object(theirs)) =
                (&mut members[at].1, Json::from(theirs))
            {
                own.extend(theirs);
                if maker.random.chance(50) {
                    own.reverse();
                }
            }
        }
        _ => {
            // The whole key or item once more, under the same name.
            let mut whole = Json::from(json!(maker.key(table, person)));
            if maker.random.chance(30) {
                whole = body.nth(place).clone();
                if let Json::Object(members) = &mut whole {
                    members[at].1 = theirs.into();
                }
            }
            let mut twice = |holder: usize| {
                let Json::Object(members) = body.nth(holder) else { return false };
                let keys = ["Key", "Item", "ExclusiveStartKey"];
                let found = members.iter().find(|(name, _)| keys.contains(&name.as_str()));
                let Some((name, _)) = found.cloned() else { return false };
                members.push((name, whole.clone()));
                true
            };
            return (0..place).rev().any(&mut twice);
        }
    }
    true
}

fn changed_name(name: &str, random: &mut Random) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    match random.below(7) {
        0 => name.to_lowercase(),
        1 => name.to_uppercase(),
        2 => format!("{name} "),
        3 => random.word(&OWNERS).to_owned(),
        4 => random.word(&["S", "N", "B", "M", "L", "SS", "NS", "NULL", "BOOL"]).to_owned(),
        5 => format!("{name}\0"),
        _ => {
            if let Some(first) = letters.first_mut() {
                *first = match first.is_uppercase() {
                    true => first.to_ascii_lowercase(),
                    false => first.to_ascii_uppercase(),
                };
            }
            letters.into_iter().collect()
        }
    }
}

fn changed_text(text: &str, maker: &mut Maker<'_>) -> Json {
    let (table, person) = (maker.table(), maker.anybody());
    let changed = match maker.random.below(14) {
        0 => text.to_uppercase(),
        1 => format!("{text} "),
        2 => format!(" {text}"),
        3 => String::new(),
        4 => return value(maker),
        5 => return Json::Raw(text.to_owned()),
        6 => return Json::Raw("null".to_owned()),
        7 => (*maker.random.pick(&[
            "things",
            "numbers",
            "by-kind",
            "by-owner",
            "things/index/by-kind",
        ]))
        .to_owned(),
        8 => (*maker.random.pick(&[
            "arn:aws:dynamodb:ddblocal:111122223333:table/numbers",
            "arn:aws:dynamodb:us-east-1:000000000000:table/things",
            "arn:aws:dynamodb:us-east-1:111122223333:table/things/index/by-kind",
            "arn:aws:dynamodb:::table/things",
        ]))
        .to_owned(),
        9 if text.contains(' ') => swapped_words(text, &mut maker.random),
        10 if text.contains('=') => {
            text.replacen('=', maker.random.word(&["<>", ">=", "<", "=="]), 1)
        }
        11 => format!("{text}\0"),
        12 => text.replace(['S', 's'], "\u{17f}"),
        _ => {
            let owner = maker.owner(table, person);
            let text = owner.as_object().and_then(|value| value.values().next()?.as_str());
            text.unwrap_or_default().to_owned()
        }
    };
    Json::Text(changed)
}

fn swapped_words(text: &str, random: &mut Random) -> String {
    let mut words: Vec<&str> = text.split(' ').collect();
    let (one, other) = (random.below(words.len()), random.below(words.len()));
    match random.chance(50) {
        true => words.swap(one, other),
        false => words[one] = words[other],
    }
    words.join(" ")
}

/// A value, often the one that says whose a row is.
fn value(maker: &mut Maker<'_>) -> Json {
    let (table, person) = (maker.table(), maker.another());
    let owner = maker.owner(table, person);
    match maker.random.below(10) {
        0 => json!({ "NULL": true }),
        1 => json!({ "SS": ["red", "blue"] }),
        2 => json!({ "L": [owner] }),
        3 => json!({ "M": { table.owner.0: owner } }),
        4 => json!({ "S": "red", "N": "1" }),
        5 => json!("red"),
        6 => json!(1),
        7 => maker.key(table, person).into(),
        _ => owner,
    }
    .into()
}

/// A member that requests of this kind may not have, or have already.
fn member(maker: &mut Maker<'_>) -> (String, Json) {
    let (table, person) = (maker.table(), maker.another());
    let key = maker.key(table, person);
    let owner = maker.owner(table, person);
    let name = table.owner.0;
    let equal = json!({ name: { "ComparisonOperator": "EQ", "AttributeValueList": [owner] } });
    let statement = format!("SELECT * FROM \"{}\"", table.name);
    let members = [
        ("Key", json!(key)),
        ("Keys", json!([key])),
        ("Item", json!(maker.item(table, person))),
        ("ExclusiveStartKey", json!(key)),
        ("TableName", json!(maker.random.pick(&TABLES).name)),
        ("IndexName", json!(maker.random.pick(&["by-owner", "by-kind", "by-note"]))),
        ("KeyConditions", equal.clone()),
        ("QueryFilter", equal.clone()),
        ("ScanFilter", equal),
        ("KeyConditionExpression", json!(":v0 = :v0")),
        ("FilterExpression", json!("attribute_exists(secret)")),
        ("ConditionExpression", json!("attribute_exists(secret)")),
        ("UpdateExpression", json!("SET note = note")),
        ("ProjectionExpression", json!("secret")),
        ("AttributesToGet", json!(["secret"])),
        ("Expected", json!({ name: { "Value": owner } })),
        ("AttributeUpdates", json!({ name: { "Action": "PUT", "Value": owner } })),
        ("ExpressionAttributeNames", json!({ "#o": name, "#owner": "note" })),
        ("ExpressionAttributeValues", json!({ ":v0": owner, ":v1": owner })),
        ("RequestItems", json!({ table.name: { "Keys": [key] } })),
        ("TransactItems", json!([{ "Get": { "TableName": table.name, "Key": key } }])),
        ("Statement", json!(statement)),
        ("Statements", json!([{ "Statement": statement }])),
        ("Parameters", json!([owner, owner])),
        ("NextToken", json!("e30=")),
        ("Limit", json!(100)),
        ("Select", json!(maker.random.pick(&["COUNT", "ALL_ATTRIBUTES", "SPECIFIC_ATTRIBUTES"]))),
        ("ReturnValues", json!("ALL_OLD")),
        ("ConditionalOperator", json!("OR")),
        ("Segment", json!(0)),
        ("TotalSegments", json!(1)),
        (name, owner.clone()),
        ("Tomorrow", json!(key)),
    ];
    let (name, value) = maker.random.pick(&members).clone();
    (name.to_owned(), value.into())
}

/// Spoils the bytes of a body.
pub(crate) fn of_bytes(body: &mut Vec<u8>, random: &mut Random) {
    match random.below(9) {
        0 => drop(body.splice(0..0, *b"\xef\xbb\xbf")),
        1 => body.extend(b"{}"),
        2 => body.extend_from_within(..),
        3 => body.truncate(random.below(body.len().max(1))),
        4 => body.extend(b"\0"),
        5 => body.extend(b"// \n"),
        6 => body.clear(),
        7 => {
            *body = std::mem::take(body).into_iter().flat_map(|byte| [byte, 0]).collect();
        }
        _ => {
            let at = random.below(body.len().max(1));
            if let Some(byte) = body.get_mut(at) {
                *byte = *random.pick(&[0, b'"', b'{', b'}', b',', b':', 0x80, 0xc0, 0xff, b'\\']);
            }
        }
    }
}

/// Spoils a head.
pub(crate) fn of_head(head: &str, random: &mut Random) -> String {
    let json = "application/x-amz-json-1.0";
    match random.below(10) {
        0 => head.replace("DynamoDB_", "dynamodb_"),
        1 => head.replace("20120810.", "20111205."),
        2 => format!("{head}x-amz-target: DynamoDB_20120810.Scan\r\n"),
        3 => head.replace(json, "application/json"),
        4 => head.replace(json, "application/x-amz-json-1.0; charset=utf-8"),
        5 => head.replace(json, "application/x-amz-json-1.0; charset=utf-16"),
        6 => head.replace("POST /", "POST /?Action=Scan"),
        7 => head.replace("POST /", "PUT /"),
        8 => format!("{head}content-encoding: identity\r\n"),
        _ => head.replace("DynamoDB_20120810.", "DynamoDBStreams_20120810."),
    }
}
