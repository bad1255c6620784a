use super::*;

const HERE: Place<'static> =
    Place { partition: "aws", region: "eu-west-1", account: "123456789012" };

fn resources(named: Result<Named<'_>, DynamoDbError>) -> Result<Vec<String>, &'static str> {
    let resources = named.and_then(|named| named.resources()).map_err(|error| error.reason())?;
    Ok(resources.iter().map(|resource| resource.as_str().to_owned()).collect())
}

#[test]
fn a_table_is_named_by_name_or_by_arn() {
    let demo = "arn:aws:dynamodb:eu-west-1:123456789012:table/demo";
    for (text, expected) in [
        ("demo", vec![demo]),
        (demo, vec![demo]),
        ("a.b_c-D9", vec!["arn:aws:dynamodb:eu-west-1:123456789012:table/a.b_c-D9"]),
        // A backend looks at the name alone, so that it is checked in both regions.
        (
            "arn:aws:dynamodb:ddblocal:123456789012:table/demo",
            vec![demo, "arn:aws:dynamodb:ddblocal:123456789012:table/demo"],
        ),
    ] {
        let expected = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(resources(Named::table(text, HERE)), Ok(expected), "{text}");
    }
}

#[test]
fn what_could_be_another_table_is_none() {
    for text in [
        "",
        "ab",
        "a/b/c",
        "demo/index/i",
        "demo*",
        "demo ",
        "d\u{e9}mo",
        "table/demo",
        "demo\0",
        "arn:aws:dynamodb",
        "arn:aws:s3:eu-west-1:123456789012:table/demo",
        "arn:aws:dynamodb:eu-west-1:123456789012:demo",
        "arn:aws:dynamodb:eu-west-1:123456789012:table/",
        "arn:aws:dynamodb:eu-west-1:123456789012:table/demo/index/by-owner",
        "arn:aws:dynamodb:eu-west-1:123456789012:table/demo/",
        "arn:aws:dynamodb:eu-west-1:123456789012:table/demo:more",
        "ARN:aws:dynamodb:eu-west-1:123456789012:table/demo",
    ] {
        assert_eq!(resources(Named::table(text, HERE)), Err("dynamodb_validation"), "{text}");
    }
    let long = "t".repeat(256);
    assert_eq!(resources(Named::table(&long, HERE)), Err("dynamodb_validation"));
}

#[test]
fn another_account_is_refused() {
    for text in [
        "arn:aws:dynamodb:eu-west-1:999999999999:table/demo",
        "arn:aws:dynamodb:eu-west-1::table/demo",
        "arn:aws-cn:dynamodb:eu-west-1:123456789012:table/demo",
    ] {
        assert_eq!(resources(Named::table(text, HERE)), Err("dynamodb_foreign_arn"), "{text}");
    }
}

#[test]
fn an_index_is_below_its_table() {
    let named = Named::table("demo", HERE).and_then(|table| table.index("by-owner"));
    let arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/demo/index/by-owner";
    assert_eq!(resources(named), Ok(vec![arn.to_owned()]));
    for name in ["", "a/b/c", "x", "by owner", "*"] {
        let named = Named::table("demo", HERE).and_then(|table| table.index(name));
        assert_eq!(resources(named), Err("dynamodb_validation"), "{name}");
    }
}

#[test]
fn things_below_a_table_are_of_their_kind() {
    let stream =
        "arn:aws:dynamodb:eu-west-1:123456789012:table/demo/stream/2026-01-01T00:00:00.000";
    assert_eq!(resources(Named::below(stream, "stream", HERE)), Ok(vec![stream.to_owned()]));
    assert_eq!(resources(Named::arn(stream, HERE)), Ok(vec![stream.to_owned()]));
    for (text, kind) in [
        (stream, "backup"),
        ("arn:aws:dynamodb:eu-west-1:123456789012:table/demo", "stream"),
        ("arn:aws:dynamodb:eu-west-1:123456789012:table/demo/stream/", "stream"),
        ("arn:aws:dynamodb:eu-west-1:123456789012:table/demo/stream/a/b", "stream"),
        ("arn:aws:dynamodb:eu-west-1:123456789012:table/demo/streams/a", "stream"),
        ("demo", "stream"),
    ] {
        let named = Named::below(text, kind, HERE);
        assert_eq!(resources(named), Err("dynamodb_validation"), "{text} {kind}");
    }
}

#[test]
fn a_global_table_is_in_no_region() {
    let arn = "arn:aws:dynamodb::123456789012:global-table/demo";
    assert_eq!(resources(Named::global_table("demo", HERE)), Ok(vec![arn.to_owned()]));
    assert_eq!(resources(Named::global_table("a/b", HERE)), Err("dynamodb_validation"));
}
