//! AWS STS: roles for tokens, and who has credentials.

use super::*;

#[test]
fn sts_takes_the_pools_tokens() {
    let rig = rig();
    let logins = json!({PROVIDER: plain()});
    let (id, guest) = (rig.id(OPEN, &logins), rig.id(OPEN, &Value::Null));
    let token = rig.pool_token(&json!({"IdentityId": id, "Logins": logins})).unwrap();
    let user = rig.assume(&role("Special"), &token, &[("DurationSeconds", "900")]).unwrap();
    assert_eq!((user.subject.as_str(), user.audience.as_str()), (id.as_str(), OPEN));
    assert_eq!(user.provider, "https://cognito-identity.amazonaws.com");
    assert_eq!(user.id, "AROASPECIAL:mine");
    assert_eq!(user.arn, format!("arn:aws:sts::{ACCOUNT}:assumed-role/Special/mine"));
    assert_eq!(user.credentials.expires, NOW.plus_secs(900));
    let grant = rig.open(&user.credentials).grant;
    assert_eq!((grant.identity.as_deref(), grant.pool.as_deref()), (Some(id.as_str()), Some(OPEN)));
    // The basic flow has no scope-down.
    let guests = rig.pool_token(&json!({"IdentityId": guest})).unwrap();
    let user = rig.assume(&role("Guest"), &guests, &[]).unwrap();
    assert!(rig.open(&user.credentials).grant.session_policies.is_empty());
    let denied = || Err(("AccessDenied".to_owned(), DENIED.to_owned()));
    for (to, token) in [("Guest", &token), ("User", &guests), ("Web", &token), ("Gone", &token)] {
        assert_eq!(rig.assume(&role(to), token, &[]).map(|_| ()), denied(), "{to}");
    }
    // What the pool was told since counts.
    for change in
        [json!({"AllowClassicFlow": false}), json!({"AllowUnauthenticatedIdentities": false})]
    {
        let rig = rig_with(|rules| {
            let mut pool = json!({"IdentityPoolId": OPEN, "AllowUnauthenticatedIdentities": true});
            pool.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            rules.pools = vec![IdentityPool::parse(&pool.to_string()).unwrap()];
        });
        assert_eq!(rig.assume(&role("Guest"), &guests, &[]).map(|_| ()), denied(), "{change}");
    }
}

#[test]
fn sts_takes_providers_tokens() {
    let rig = rig();
    let token = oidc_token(&json!({}));
    let policy =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    let more = [("Policy", policy), ("DurationSeconds", "7200")];
    let user = rig.assume(&role("Web"), &token, &more).unwrap();
    let told = (user.subject.as_str(), user.provider.as_str(), user.audience.as_str());
    assert_eq!(told, ("op-user", OP, CLIENT));
    assert_eq!(user.packed_policy_size, Some(policy.len() * 100 / 2048));
    let grant = rig.open(&user.credentials).grant;
    assert_eq!(grant.session_policies, [crate::sts::SessionPolicy::Document(policy.to_owned())]);
    assert_eq!((grant.pool, grant.identity), (None, None));
    assert_eq!(grant.facts.lookup("op.example:sub"), Lookup::One("op-user".into()));
    let mut forged = token.clone();
    let last = if forged.pop() == Some('A') { 'Q' } else { 'A' };
    forged.push(last);
    let expired = oidc_token(&json!({"exp": NOW.secs()}));
    let at = NOW.secs();
    let expired_message = format!(
        "Token expired: current date/time {at} must be before the expiration date/time {at}"
    );
    let no_jwt = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)";
    let invalid = "InvalidIdentityToken";
    for (token, code, message) in [
        (oidc_token(&json!({"sub": "other"})), "AccessDenied", DENIED),
        (plain(), "AccessDenied", DENIED),
        (oidc_token(&json!({"aud": "other"})), invalid, "Incorrect token audience"),
        (
            oidc_token(&json!({"iss": "https://else.example"})),
            invalid,
            "No OpenIDConnect provider found in your account for https://else.example",
        ),
        (access_token(&json!({})), invalid, no_jwt),
        ("junk".to_owned(), invalid, no_jwt),
        (forged, invalid, "The token's signature is invalid."),
        (expired, "ExpiredTokenException", expired_message.as_str()),
        (
            oidc_token(&json!({"https://aws.amazon.com/source_identity": "x"})),
            "IDPRejectedClaim",
            "the claim `https://aws.amazon.com/source_identity` has the wrong type",
        ),
    ] {
        let got = rig.assume(&role("Web"), &token, &[]).map(|_| ());
        assert_eq!(got, Err((code.to_owned(), message.to_owned())));
    }
    for (name, value, code) in [
        ("DurationSeconds", "7201", "ValidationError"),
        ("Policy", "{}", "MalformedPolicyDocument"),
        ("Policy", "junk", "MalformedPolicyDocument"),
    ] {
        let got = rig.assume(&role("Web"), &token, &[(name, value)]);
        assert_eq!(got.unwrap_err().0, code, "{name} {value}");
    }
}

#[test]
fn a_policy_that_does_not_fit_is_not_cut() {
    let rig = rig();
    let resources: Vec<String> =
        (0..24).map(|n| format!("arn:aws:s3:::{}{n}", "b".repeat(60))).collect();
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": resources}]});
    let policy = policy.to_string();
    let tags: serde_json::Map<String, Value> =
        (0..6).map(|n| (format!("{n}{}", "k".repeat(60)), json!(["v".repeat(200)]))).collect();
    let tagged = oidc_token(&json!({"https://aws.amazon.com/tags": {"principal_tags": tags}}));
    let with = |to: &str, token: &str, more: &[(&str, &str)]| {
        rig.assume(&role(to), token, more).map_err(|(code, _)| code).map(|_| ())
    };
    let policy = [("Policy", policy.as_str())];
    assert_eq!(with("Web", &oidc_token(&json!({})), &policy), Ok(()));
    assert_eq!(with("Tagged", &tagged, &[]), Ok(()));
    assert_eq!(with("Tagged", &tagged, &policy), Err("PackedPolicyTooLarge".to_owned()));
    // Tags want a trust policy that lets them be passed.
    assert_eq!(with("Web", &tagged, &[]), Err("AccessDenied".to_owned()));
}

#[test]
fn who_am_i_takes_a_signature() {
    let rig = rig();
    let got = rig.sts(&[("Action", "GetCallerIdentity")]).map(|_| ());
    let message = "Request is missing Authentication Token".to_owned();
    assert_eq!(got, Err(("MissingCredential".to_owned(), message)));
    // One that fails is never taken for none, also where none is needed.
    let ask = |authorization: &str| {
        let ask = Ask::new("POST", "/")
            .with("x-amz-target", "AWSCognitoIdentityService.GetId")
            .with("authorization", authorization);
        reason(&rig.post(ask, json!({"IdentityPoolId": OPEN}).to_string(), NOW))
    };
    assert_eq!(ask("Bearer abc"), "-unsupported_credential");
    assert_eq!(ask("Basic abc"), "-unsupported_credential");
    assert!(ask("AWS4-HMAC-SHA256 junk").starts_with("-signature"));
}

/// `ask` as an AWS SDK signs it for AWS STS, in its headers or, without a body, in its query.
fn signed(credentials: &TemporaryCredentials, body: Option<&str>) -> Ask {
    use aws_sigv4::http_request::{
        SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
    };
    let identity = aws_credential_types::Credentials::new(
        &credentials.access_key_id,
        credentials.secret_access_key.expose(),
        Some(credentials.session_token.clone()),
        None,
        "test",
    )
    .into();
    let mut settings = SigningSettings::default();
    if body.is_none() {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(60));
    }
    let seconds = u64::try_from(NOW.secs()).unwrap();
    let params = aws_sigv4::sign::v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name("sts")
        .time(std::time::UNIX_EPOCH + Duration::from_secs(seconds))
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let target = match body {
        Some(_) => "/",
        None => "/?Action=GetCallerIdentity&Version=2011-06-15",
    };
    let (method, url) =
        (if body.is_some() { "POST" } else { "GET" }, format!("https://gate.example{target}"));
    let payload = SignableBody::Bytes(body.unwrap_or_default().as_bytes());
    let headers = [("host", "gate.example")].into_iter();
    let request = SignableRequest::new(method, &url, headers, payload).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let (headers, parameters) = instructions.into_parts();
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let more: String =
        parameters.iter().map(|(name, value)| format!("&{name}={}", encode(value))).collect();
    let ask = Ask::new(method, &format!("{target}{more}"));
    headers.iter().fold(ask, |ask, header| ask.with(header.name(), header.value()))
}

#[test]
fn credentials_that_were_given_are_good_here() {
    let rig = rig();
    let logins = json!({PROVIDER: plain()});
    let id = rig.id(OPEN, &logins);
    let credentials = rig.credentials(&json!({"IdentityId": id, "Logins": logins})).unwrap();
    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    for sent in [Some(body), None] {
        let ask = signed(&credentials, sent);
        match told(rig.post(ask.clone(), sent.unwrap_or_default().to_owned(), NOW)) {
            Ok(Content::Sts(StsContent::CallerIdentity { user_id, account, arn })) => {
                assert_eq!(user_id, "AROAUSER:CognitoIdentityCredentials");
                assert_eq!(account, ACCOUNT);
                let name = "assumed-role/User/CognitoIdentityCredentials";
                assert_eq!(arn, format!("arn:aws:sts::{ACCOUNT}:{name}"));
            }
            other => panic!("{other:?}"),
        }
        let later = NOW.plus_secs(3600);
        let got = rig.post(ask, sent.unwrap_or_default().to_owned(), later);
        assert_eq!(reason(&got), "-expired_session_token");
    }
    // Another body than the one that was signed; another pair's secret; a role that is gone.
    let other = format!("{body}&x=y");
    let got = rig.post(signed(&credentials, Some(body)), other, NOW);
    assert_eq!(reason(&got), "-signature_mismatch");
    let mut mixed = rig.credentials(&json!({"IdentityId": id, "Logins": logins})).unwrap();
    mixed.secret_access_key = credentials.secret_access_key.clone();
    let got = rig.post(signed(&mixed, Some(body)), body.to_owned(), NOW);
    assert_eq!(reason(&got), "-signature_mismatch");
    mixed.access_key_id = credentials.access_key_id.clone();
    let got = rig.post(signed(&mixed, Some(body)), body.to_owned(), NOW);
    assert_eq!(reason(&got), "-invalid_session_token");
    let gone = rig_with(|rules| rules.account = Account::default());
    let got = gone.post(signed(&credentials, Some(body)), body.to_owned(), NOW);
    assert_eq!(reason(&got), "-role_gone");
    // The credentials of one service's request say whose they are to no other.
    let asks = Ask::new("POST", "/").with("x-amz-target", "AWSCognitoIdentityService.GetId");
    let asks = asks.with("authorization", "AWS4-HMAC-SHA256 Credential=ASIAAAAAAAAAAAAAAAAA/20270115/eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=0000000000000000000000000000000000000000000000000000000000000000");
    let asks = asks.with("x-amz-date", "20270115T080000Z");
    assert_eq!(reason(&rig.post(asks, String::new(), NOW)), "-service_disagrees");
}

const DENIED: &str = "Not authorized to perform sts:AssumeRoleWithWebIdentity";

/// A body that nobody reads.
struct Unread;

impl Payload for Unread {
    fn declared(&self) -> Option<u64> {
        Some(10)
    }

    fn read(&mut self, _: usize) -> ReadFuture<'_> {
        panic!("it was read")
    }

    fn begin<'a>(&'a mut self, _: &'a mut crate::gate::Enough<'_>) -> ReadFuture<'a> {
        panic!("it was read")
    }
}

#[test]
fn a_body_is_read_for_whoever_signed_and_no_more_of_it_than_the_service_takes() {
    let rig = rig();
    let logins = json!({PROVIDER: plain()});
    let id = rig.id(OPEN, &logins);
    let credentials = rig.credentials(&json!({"IdentityId": id, "Logins": logins})).unwrap();
    let long = "x".repeat(200 << 10);
    assert!(long.len() < rig.rules.body_buffer);
    assert_eq!(reason(&rig.post(signed(&credentials, None), long, NOW)), "-body_too_large");
    // Whoever has a session token only may state a hash, and can't sign it.
    let stated = signed(&credentials, Some("x")).with("x-amz-content-sha256", &"0".repeat(64));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let question = stated.at(NOW).question();
    let got = runtime.block_on(rig.gate().decide(question, &mut Unread, Trail::Off));
    assert_eq!(reason(&got), "-headers_not_signed");
}
