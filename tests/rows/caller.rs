//! A caller with temporary credentials.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use serde_json::{Value, json};

use crate::support::{Gate, POOL, Wire};

pub(crate) struct Caller(Credentials);

impl Caller {
    /// Signs in with a user pool's token.
    pub(crate) fn sign_in(gate: &Gate, token: &str) -> Self {
        let logins = json!({ format!("cognito-idp.us-east-1.amazonaws.com/{POOL}"): token });
        let pool = "us-east-1:11111111-2222-4333-8444-555555555555";
        let id = ask(gate, "GetId", &json!({ "IdentityPoolId": pool, "Logins": logins }));
        let input = json!({ "IdentityId": id["IdentityId"], "Logins": logins });
        let given = ask(gate, "GetCredentialsForIdentity", &input);
        let text = |name: &str| given["Credentials"][name].as_str().unwrap().to_owned();
        let token = Some(text("SessionToken"));
        Self(Credentials::new(text("AccessKeyId"), text("SecretKey"), token, None, "test"))
    }

    /// The headers that sign a request to DynamoDB.
    #[expect(clippy::disallowed_methods, reason = "requests are signed for the real clock")]
    pub(crate) fn headers(&self, operation: &str, body: &str) -> String {
        let identity = self.0.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("dynamodb")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let target = format!("DynamoDB_20120810.{operation}");
        let headers = [("x-amz-target", target.as_str())];
        let body = SignableBody::Bytes(body.as_bytes());
        let request =
            SignableRequest::new("POST", "http://gate/", headers.into_iter(), body).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        let headers = instructions.headers().map(|(name, value)| format!("{name}: {value}\r\n"));
        headers.collect()
    }
}

/// An operation of the identity pool.
fn ask(gate: &Gate, operation: &str, input: &Value) -> Value {
    let body = input.to_string();
    let answer = Wire::connect(gate.proxy).ask(format!(
        "POST / HTTP/1.1\r\nhost: gate\r\ncontent-type: application/x-amz-json-1.1\r\n\
         x-amz-target: AWSCognitoIdentityService.{operation}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    serde_json::from_slice(&answer.body).unwrap()
}
