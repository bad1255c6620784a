//! The demo's configuration and policies, compiled in, and the tour that it prints.

use std::fs;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::standin::{CLIENT_ID, PASSWORD, POOL_ID, make_rsa_key};

/// Where the parts of a running demo listen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    /// The gate's `--listen`.
    pub(super) listen: SocketAddr,
    /// The gate's `--admin`.
    pub(super) admin: SocketAddr,
    /// Where others ask.
    pub(super) ext_authz: SocketAddr,
    /// The user pool's own.
    pub(super) user_pool: SocketAddr,
    /// The echo API's own.
    pub(super) echo: SocketAddr,
    /// The S3 stand-in's own.
    pub(super) s3: SocketAddr,
    /// The DynamoDB stand-in's own.
    pub(super) dynamodb: SocketAddr,
}

/// What [`write`] has written.
#[derive(Debug)]
pub(super) struct Written {
    /// Where the configuration is.
    pub(super) configuration: PathBuf,
    /// What opens the S3 stand-in from now on, with [`S3_KEY`].
    pub(super) s3_secret: String,
}

impl Addresses {
    /// Where a client on this machine finds the gate: loopback, where it listens on a wildcard.
    pub(super) fn gate(&self) -> SocketAddr {
        if self.listen.ip().is_unspecified() {
            SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.listen.port())
        } else {
            self.listen
        }
    }

    /// The issuer of the demo's tokens.
    pub(super) fn issuer(&self) -> String {
        format!("http://{}/{POOL_ID}", self.gate())
    }
}

/// Writes what is missing of the demo's files into a data folder. Policies and keys that are there
/// stay as they are, but the key of the S3 stand-in, which is another at each start. `poolgate.yaml` names
/// addresses that may change from run to run, so it is written anew as long as it has its first line.
///
/// # Errors
/// What the system says if a file can't be written.
pub(super) fn write(data: &Path, addresses: &Addresses) -> io::Result<Written> {
    for (name, text) in FILES {
        let path = data.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        if !path.exists() {
            fs::write(&path, text)?;
        }
    }
    for name in ["identity.key", "credentials.key"] {
        if !data.join(name).exists() {
            write_private(&data.join(name), &secret()?)?;
        }
    }
    let token_key = data.join(TOKEN_KEY);
    if !token_key.exists() {
        make_rsa_key(&token_key).map_err(io::Error::other)?;
    }
    let s3_secret = secret()?;
    write_private(&data.join("s3.secret"), &s3_secret)?;
    let configuration = data.join("poolgate.yaml");
    if is_ours(data) {
        fs::write(&configuration, self::configuration(addresses))?;
    }
    Ok(Written { configuration, s3_secret })
}

/// Whether the configuration is the demo's own: not there, or nobody has taken it over.
pub(super) fn is_ours(data: &Path) -> bool {
    let text = fs::read_to_string(data.join("poolgate.yaml"));
    text.map_or(true, |text| text.starts_with(HEADING))
}

/// Whether a folder has been a demo's before, or has nothing that a demo would add to.
pub(super) fn may_be_written(data: &Path) -> bool {
    let is_there = |name| data.join(name).exists();
    is_there(TOKEN_KEY) || !(is_there("poolgate.yaml") || is_there("policies"))
}

/// 32 random bytes, in base64.
fn secret() -> io::Result<String> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| io::Error::other("no randomness"))?;
    Ok(STANDARD.encode(bytes))
}

/// Writes a file anew that only its owner may read.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// The demo's `poolgate.yaml`.
pub(super) fn configuration(addresses: &Addresses) -> String {
    let Addresses { listen, admin, ext_authz, user_pool, echo, s3, dynamodb } = addresses;
    let issuer = addresses.issuer();
    format!(
        r#"{HEADING}
listen:
  proxy: {{ address: "{listen}" }}
  ext_authz:
    address: "{ext_authz}"
    dialects: [envoy, nginx, ingress-nginx, traefik, caddy, haproxy]
  admin: {{ address: "{admin}" }}
timeouts: {{ shutdown_delay: 0s }}
aws: {{ region: us-east-1, account: "000000000000" }}
user_pools:
  - id: {POOL_ID}
    clients: [{CLIENT_ID}]
    groups: policies/user-pools/groups.json
    issuer: "{issuer}"
    jwks: "http://{user_pool}/{POOL_ID}/.well-known/jwks.json"
identity_pools: policies/identity-pools
policies: policies
cedar: {{ policy_store: PSdemo }}
identities: {{ store: derived, key: {{ file: identity.key }} }}
credentials: {{ keys: [ {{ id: k1, file: credentials.key }} ], token_key: {{ file: token.pem }} }}
s3: {{ domains: [s3.localhost] }}
routes:
  - name: users
    service: cognito-idp
    match: {{ path: /{POOL_ID}/ }}
    upstream: {{ url: "http://{user_pool}" }}
  - name: api
    service: execute-api
    match: {{ path: /api/ }}
    api: {{ id: demoapi, stage: prod }}
    engines: {{ iam: enforce, cedar: shadow }}
    upstream: {{ url: "http://{echo}" }}
  - name: files
    service: s3
    guest: true
    upstream:
      url: "http://{s3}"
      sign: {{ access_key_id: {S3_KEY}, secret_access_key: {{ file: s3.secret }} }}
      trailers: true
  - name: rows
    service: dynamodb
    upstream:
      url: "http://{dynamodb}"
      sign: {{ access_key_id: {S3_KEY}, secret_access_key: {{ file: s3.secret }} }}
decision_log: {{ sink: stdout }}
"#
    )
}

/// What there is to try, for a terminal.
pub(super) fn tour(addresses: &Addresses, configuration: &Path, program: &str) -> String {
    let gate = format!("http://{}", addresses.gate());
    let (admin, ext_authz) = (addresses.admin, addresses.ext_authz);
    let configuration = configuration.display();
    format!(
        r#"The gate listens on {gate}, its metrics are at http://{admin}/metrics.
Envoy, other proxies and AuthZEN clients ask at {ext_authz}.
Users: alice (reads), bob (writes orders and his own files), carol (may do everything), dave (his own files).
Every password is {PASSWORD}

Sign alice in, as the AWS SDKs do:
  curl -s {gate}/ -H 'content-type: application/x-amz-json-1.1' \
    -H 'x-amz-target: AWSCognitoIdentityProviderService.InitiateAuth' \
    -d '{{"AuthFlow":"USER_PASSWORD_AUTH","ClientId":"{CLIENT_ID}","AuthParameters":{{"USERNAME":"alice","PASSWORD":"{PASSWORD}"}}}}'

Or get just a token:
  ALICE=$({program} token --endpoint {gate} --user alice)
  BOB=$({program} token --endpoint {gate} --user bob)
  DAVE=$({program} token --endpoint {gate} --user dave)

alice may read (200), but not write (403):
  curl -i {gate}/api/orders/1 -H "authorization: Bearer $ALICE"
  curl -i {gate}/api/orders/1 -H "authorization: Bearer $ALICE" -d '{{"item":"tea"}}'

bob may write (200):
  curl -i {gate}/api/orders/1 -H "authorization: Bearer $BOB" -d '{{"item":"tea"}}'

nobody is asked to sign in (401), dave has no rights on the API (403):
  curl -i {gate}/api/orders/1
  curl -i {gate}/api/orders/1 -H "authorization: Bearer $DAVE"

The same roles hold on S3, for tokens, for guests and for the AWS SDKs. alice may read (200), not write (403):
  curl -i {gate}/{BUCKET}/public/hello.txt -H "authorization: Bearer $ALICE"
  curl -i {gate}/{BUCKET}/public/hello.txt -H "authorization: Bearer $ALICE" -T /etc/hostname

Exchange bob's token for temporary credentials, and use the AWS command line:
  export AWS_ENDPOINT_URL={gate} AWS_DEFAULT_REGION=us-east-1
  LOGIN=cognito-idp.us-east-1.amazonaws.com/{POOL_ID}=$BOB
  ID=$(aws cognito-identity get-id --identity-pool-id {IDENTITY_POOL_ID} --logins "$LOGIN" \
    --no-sign-request --query IdentityId --output text)
  read -r AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN < <(
    aws cognito-identity get-credentials-for-identity --identity-id "$ID" --logins "$LOGIN" --no-sign-request \
      --query 'Credentials.[AccessKeyId,SecretKey,SessionToken]' --output text)
  export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
  aws sts get-caller-identity
  aws s3 cp /etc/hostname "s3://{BUCKET}/home/$ID/hostname"
  aws s3 ls --recursive s3://{BUCKET}/
  aws s3 cp s3://{BUCKET}/secret/plans.txt -

Rows of a DynamoDB table are their owners' as well. bob may put, get and query what is under his own id:
  OWN="{{\"pk\":{{\"S\":\"$ID\"}},\"sk\":{{\"S\":\"tea\"}}}}"
  aws dynamodb put-item --table-name {TABLE} --item "$OWN"
  aws dynamodb get-item --table-name {TABLE} --key "$OWN"
  aws dynamodb query --table-name {TABLE} --key-condition-expression 'pk = :me' \
    --expression-attribute-values "{{\":me\":{{\"S\":\"$ID\"}}}}"
  aws dynamodb execute-statement --statement "SELECT * FROM {TABLE} WHERE pk = '$ID'"

but neither a row of somebody else's nor everybody's (AccessDeniedException):
  aws dynamodb get-item --table-name {TABLE} --key '{{"pk":{{"S":"nobody"}},"sk":{{"S":"notes"}}}}'
  aws dynamodb scan --table-name {TABLE}

Why?
  {program} explain --config {configuration} --token "$ALICE" POST {gate}/api/orders/1
"#
    )
}

#[cfg(test)]
#[path = "demo_files_tests.rs"]
mod tests;

/// The demo's identity pool.
const IDENTITY_POOL_ID: &str = "us-east-1:00000000-0000-4000-8000-000000000001";

/// What a demo's folder always has.
const TOKEN_KEY: &str = "token.pem";

/// Marks a configuration that nobody has taken over.
const HEADING: &str =
    "# Written by `poolgate demo` at each start; delete this line to keep your own changes.";

/// The demo's bucket.
pub(super) const BUCKET: &str = "demo";

/// The demo's table.
pub(super) const TABLE: &str = "demo";

/// What is in it at first: a row that is nobody's own.
pub(super) const ROWS: [(&str, &str, &str); 1] = [("nobody", "notes", "These are nobody's own.")];

/// What is in the bucket at first: what everybody, nobody, and somebody else may read.
pub(super) const OBJECTS: [(&str, &str); 3] = [
    ("public/hello.txt", "Hello, whoever you are.\n"),
    ("secret/plans.txt", "Nobody reads this, not even carol.\n"),
    ("home/nobody/notes.txt", "These are nobody's own.\n"),
];

/// The access key of the S3 stand-in; its secret is random.
pub(super) const S3_KEY: &str = "poolgate-demo";

/// Name in the data folder, and content.
const FILES: [(&str, &str); 11] = [
    ("policies/roles/Reader.json", include_str!("../../policies/roles/Reader.json")),
    ("policies/roles/Writer.json", include_str!("../../policies/roles/Writer.json")),
    ("policies/roles/Admin.json", include_str!("../../policies/roles/Admin.json")),
    ("policies/roles/Authenticated.json", include_str!("../../policies/roles/Authenticated.json")),
    ("policies/roles/Guest.json", include_str!("../../policies/roles/Guest.json")),
    ("policies/managed/DenySecret.json", include_str!("../../policies/managed/DenySecret.json")),
    ("policies/identity-pools/demo.json", include_str!("../../policies/identity-pools/demo.json")),
    ("policies/user-pools/groups.json", include_str!("../../policies/user-pools/groups.json")),
    ("policies/cedar/api.cedar", include_str!("../../policies/cedar/api.cedar")),
    ("policies/cedar/api.cedarschema", include_str!("../../policies/cedar/api.cedarschema")),
    (
        "policies/cedar/template-links.json",
        include_str!("../../policies/cedar/template-links.json"),
    ),
];
