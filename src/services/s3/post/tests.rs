//! Forms as fields: what they are as a PutObject, and what their policy says.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::*;

const NOW: Time = Time::from_secs(1_700_000_000);

fn fields(named: &[(&str, &str)]) -> Vec<Field> {
    let field = |(name, value): &(&str, &str)| Field {
        name: (*name).to_owned(),
        filename: None,
        value: (*value).to_owned(),
    };
    let file = Field {
        name: "file".to_owned(),
        filename: Some("my photo.png".to_owned()),
        value: String::new(),
    };
    named.iter().map(field).chain([file]).collect()
}

fn form(named: &[(&str, &str)]) -> Result<PostForm, S3Error> {
    PostForm::of(fields(named), "/demo", None)
}

#[test]
fn a_form_is_a_put_of_its_key() {
    let mut received = HeaderMap::new();
    for (name, value) in [("user-agent", "browser"), ("cookie", "a=b"), ("x-amz-acl", "private")] {
        received.insert(name, value.parse().unwrap());
    }
    let form = form(&[
        ("Key", "home/${filename}"),
        ("acl", "public-read"),
        ("Content-Type", "image/png"),
        ("x-amz-meta-Name", "${filename}"),
        ("x-amz-storage-class", "STANDARD"),
        (
            "tagging",
            "<Tagging><TagSet><Tag><Key>a b</Key><Value>1&amp;2</Value></Tag></TagSet></Tagging>",
        ),
        ("success_action_status", "201"),
        ("x-ignore-this", "1"),
        ("submit", "Upload"),
    ]);
    let (path, headers) = form.unwrap().put(&received).unwrap();
    assert_eq!(path, "/demo/home/my%20photo.png");
    let mut found: Vec<_> =
        headers.iter().map(|(n, v)| (n.as_str(), v.to_str().unwrap())).collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("content-type", "image/png"),
            ("user-agent", "browser"),
            ("x-amz-acl", "public-read"),
            ("x-amz-meta-name", "my photo.png"),
            ("x-amz-storage-class", "STANDARD"),
            ("x-amz-tagging", "a%20b=1%262"),
        ]
    );
}

#[test]
fn forms_that_put_nothing_are_refused() {
    let reason = |named: &[(&str, &str)]| form(named).unwrap_err().reason();
    assert_eq!(reason(&[]), "s3_invalid_argument");
    assert_eq!(reason(&[("key", "")]), "s3_invalid_argument");
    assert_eq!(reason(&[("key", "a"), ("KEY", "b")]), "s3_invalid_argument");
    assert_eq!(reason(&[("key", "a"), ("bucket", "other")]), "s3_invalid_argument");
    assert_eq!(reason(&[("key", "../a")]), "s3_invalid_uri");
    assert_eq!(reason(&[("key", &"k".repeat(1025))]), "s3_key_too_long");
    let named = || fields(&[("key", "a")]);
    for (fields, path) in [
        (named().into_iter().take(1).collect(), "/demo"),
        (vec![Field { filename: None, ..named().remove(1) }, named().remove(0)], "/demo"),
        (
            vec![Field { filename: Some(String::new()), ..named().remove(0) }, named().remove(1)],
            "/demo",
        ),
    ] {
        assert_eq!(PostForm::of(fields, path, None).unwrap_err(), NO_FILE);
    }
    assert_eq!(PostForm::of(named(), "/demo/a", None).unwrap_err(), S3Error::MethodNotAllowed);
    assert_eq!(PostForm::of(named(), "/", None).unwrap_err(), S3Error::MethodNotAllowed);
    for (name, value) in [
        ("x-amz-copy-source", "demo/b"),
        ("x-amz-acl", "private"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        ("x-amz-tagging", "a=b"),
        ("tagging", "a=b"),
        ("x-amz-meta-a", "\u{fc}"),
        ("x-amz-meta-a", "a\r\nx-amz-acl: public-read"),
        ("x-amz-meta-a b", "1"),
    ] {
        let put = form(&[("key", "a"), (name, value)]).unwrap().put(&HeaderMap::new());
        assert!(put.is_err(), "{name}: {value}");
    }
}

#[test]
fn a_form_says_how_it_is_answered() {
    let answer = |named: &[(&str, &str)]| {
        let named: Vec<_> = [("key", "a b")].iter().chain(named).copied().collect();
        form(&named).unwrap().answer("http://localhost:8080")
    };
    for (said, status) in [("200", 200), ("201", 201), ("204", 204), ("299", 204), ("", 204)] {
        assert_eq!(answer(&[("success_action_status", said)]).status, status);
    }
    assert_eq!(answer(&[]).location, "http://localhost:8080/demo/a%20b");
    let hosted = PostForm::of(fields(&[("key", "demo/x")]), "/", Some("demo")).unwrap();
    assert_eq!(hosted.answer("http://demo.s3").location, "http://demo.s3/demo/x");
    let xml = answer(&[]).xml("\"1\"");
    assert!(xml.contains("<Key>a b</Key><ETag>&quot;1&quot;</ETag></PostResponse>"), "{xml}");
    let to = |url: &str| answer(&[("success_action_redirect", url)]).redirect("\"1\"");
    let query = "bucket=demo&key=a%20b&etag=%221%22";
    assert_eq!(to("https://example.com/done"), Some(format!("https://example.com/done?{query}")));
    let with = to("http://example.com/done?a=b#end");
    assert_eq!(with, Some(format!("http://example.com/done?a=b&{query}#end")));
    assert_eq!(
        answer(&[("redirect", "http://example.com/")]).redirect("\"1\""),
        Some(format!("http://example.com/?{query}"))
    );
    for none in
        ["", "/done", "javascript:alert(1)", "ftp://example.com/", "not a url", "data:text/html,x"]
    {
        assert_eq!(to(none), None, "{none}");
    }
}

/// What is judged is what the backend reads.
#[test]
fn blanks_around_a_value_are_no_part_of_it() {
    let form = form(&[("key", "a"), ("acl", " public-read\t")]).unwrap();
    let (_, headers) = form.put(&HeaderMap::new()).unwrap();
    assert_eq!(headers["x-amz-acl"], "public-read");
}

#[test]
fn the_name_of_the_file_fits_where_the_fields_do() {
    let named = |times: usize| {
        let many = FILENAME.repeat(times);
        form(&[("key", "a"), ("x-ignore-a", &many)])
            .map(|form| form.field("x-ignore-a").map(str::len))
    };
    assert_eq!(named(800), Ok(Some(800 * "my photo.png".len())));
    assert_eq!(named(1000), Err(S3Error::FieldsTooLong));
}

/// Whether a form with these fields is allowed by these conditions, with a file of so many bytes.
fn checked(named: &[(&str, &str)], conditions: &Value, length: u64) -> Result<(), S3Error> {
    let document = json!({ "expiration": "2023-11-14T22:13:21Z", "conditions": conditions });
    by_document(named, &document.to_string(), length)
}

fn by_document(named: &[(&str, &str)], document: &str, length: u64) -> Result<(), S3Error> {
    let policy = STANDARD.encode(document);
    let named: Vec<_> = named.iter().copied().chain([("policy", policy.as_str())]).collect();
    form(&named).unwrap().check_policy(NOW, length)
}

#[test]
fn every_condition_holds_and_every_field_has_one() {
    let given = &[
        ("key", "home/a/${filename}"),
        ("Content-Type", "image/png, image/gif"),
        ("x-amz-meta-a", "1"),
        ("x-amz-signature", "00"),
        ("X-Ignore-Me", "1"),
    ];
    let all = |conditions: Value| checked(given, &conditions, 100);
    assert_eq!(
        all(json!([
            { "bucket": "demo", "X-Amz-Meta-A": "1" },
            ["starts-with", "$key", "home/a/my"],
            ["starts-with", "$content-type", "image/"],
            ["content-length-range", 0, "100"],
            ["eq", "$x-amz-meta-a", "1"],
        ])),
        Ok(())
    );
    let any = |name: &str| json!(["starts-with", name, ""]);
    let fields = [any("$key"), any("$Content-Type"), any("$x-amz-meta-a")];
    assert_eq!(all(json!([{ "bucket": "demo" }, fields[0], fields[1], fields[2]])), Ok(()));
    for (conditions, why) in [
        (json!(fields), "Extra input fields: bucket"),
        (json!([]), "Extra input fields: key"),
        (json!([any("$key"), any("$content-type")]), "Extra input fields: x-amz-meta-a"),
        (
            json!([{ "key": "home/a/${filename}" }]),
            "Policy Condition failed: [\"eq\",\"$key\",\"home/a/${filename}\"]",
        ),
        (
            json!([["starts-with", "$key", "home/b/"]]),
            "Policy Condition failed: [\"starts-with\",\"$key\",\"home/b/\"]",
        ),
        (json!([{ "bucket": "other" }]), "Policy Condition failed: [\"eq\",\"$bucket\",\"other\"]"),
        (
            json!([["eq", "$content-type", "image/png"]]),
            "Policy Condition failed: [\"eq\",\"$content-type\",\"image/png\"]",
        ),
        (
            json!([["starts-with", "$content-type", "image/p"]]),
            "Policy Condition failed: [\"starts-with\",\"$content-type\",\"image/p\"]",
        ),
        // A field that isn't there isn't anything.
        (json!([any("$acl")]), "Policy Condition failed: [\"starts-with\",\"$acl\",\"\"]"),
        (json!([["eq", "$acl", ""]]), "Policy Condition failed: [\"eq\",\"$acl\",\"\"]"),
    ] {
        let expected = S3Error::NotByPolicy(format!("Invalid according to Policy: {why}").into());
        assert_eq!(all(conditions), Err(expected));
    }
    let range = |length| {
        let bucket = json!({ "bucket": "demo" });
        let range = json!(["content-length-range", 10, 20]);
        checked(&[("key", "a")], &json!([any("$key"), bucket, range]), length)
    };
    assert_eq!((range(10), range(20)), (Ok(()), Ok(())));
    assert_eq!(range(9), Err(S3Error::EntityTooSmall));
    assert_eq!(range(21), Err(S3Error::EntityTooLarge));
}

/// P8: a policy may name the session token, which stands in a form as well.
#[test]
fn nothing_that_signs_is_shown() {
    let given = &[("key", "a"), ("x-amz-security-token", "a secret")];
    let other = json!([{ "x-amz-security-token": "another secret" }]);
    let found = checked(given, &other, 1).unwrap_err().to_string();
    assert!(found.contains("$x-amz-security-token") && !found.contains("secret\""), "{found}");
    let shown = format!("{:?} {:?}", form(given).unwrap(), fields(given));
    assert!(shown.contains("x-amz-security-token") && !shown.contains("secret"), "{shown}");
}

#[test]
fn other_policies_are_none() {
    let expired = json!({ "expiration": "2023-11-14T22:13:20Z", "conditions": [] }).to_string();
    let expected = S3Error::NotByPolicy("Invalid according to Policy: Policy expired.".into());
    assert_eq!(by_document(&[("key", "a")], &expired, 1), Err(expected));
    let whole =
        |text: &str| format!("{{\"expiration\":\"2100-01-01T00:00:00Z\",\"conditions\":[{text}]}}");
    for document in [
        String::new(),
        "[]".to_owned(),
        "{\"conditions\":[]}".to_owned(),
        "{\"expiration\":\"tomorrow\",\"conditions\":[]}".to_owned(),
        "{\"expiration\":\"2100-01-01T00:00:00Z\"}".to_owned(),
        "{\"expiration\":\"2100-01-01T00:00:00Z\",\"conditions\":{}}".to_owned(),
        whole("").replace("]}", "],\"more\":1}"),
        whole("").replace("]}", "],\"conditions\":[]}"),
        whole("{}"),
        whole("1"),
        whole("[]"),
        whole("{\"key\":1}"),
        whole("{\"key\":\"a\",\"key\":\"b\"}"),
        whole("[\"eq\",\"key\",\"a\"]"),
        whole("[\"eq\",\"$key\"]"),
        whole("[\"eq\",\"$key\",[\"a\"]]"),
        whole("[\"ends-with\",\"$key\",\"a\"]"),
        whole("[\"content-length-range\",-1,2]"),
        whole("[\"content-length-range\",\"a\",2]"),
        whole("[\"content-length-range\",0.5,2]"),
    ] {
        let found = by_document(&[("key", "a")], &document, 1).unwrap_err();
        assert_eq!(found.reason(), "s3_policy_document", "{document}");
    }
    let named = [("key", "a"), ("policy", "?")];
    assert_eq!(
        form(&named).unwrap().check_policy(NOW, 1).unwrap_err().reason(),
        "s3_policy_document"
    );
}
