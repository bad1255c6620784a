//! The demo's configuration and policies, compiled in, and the tour that it prints.

use std::fs;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::standin::{CLIENT_ID, PASSWORD, POOL_ID};

/// Where the parts of a running demo listen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    /// The gate's `--listen`.
    pub(super) listen: SocketAddr,
    /// The gate's `--admin`.
    pub(super) admin: SocketAddr,
    /// The user pool's own.
    pub(super) user_pool: SocketAddr,
    /// The echo API's own.
    pub(super) echo: SocketAddr,
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

/// Writes what is missing of the demo's files into a data folder and answers the configuration's
/// path. Policies and the identity key that are there stay as they are. `poolgate.yaml` names
/// ports that change from run to run, so it is written anew as long as it has its first line.
///
/// # Errors
/// What the system says if a file can't be written.
pub(super) fn write(data: &Path, addresses: &Addresses) -> io::Result<PathBuf> {
    for (name, text) in FILES {
        let path = data.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        if !path.exists() {
            fs::write(&path, text)?;
        }
    }
    let key = data.join("identity.key");
    if !key.exists() {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).map_err(|_| io::Error::other("no randomness"))?;
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&key)?;
        file.write_all(STANDARD.encode(bytes).as_bytes())?;
    }
    let path = data.join("poolgate.yaml");
    let ours = fs::read_to_string(&path).map_or(true, |text| text.starts_with(HEADING));
    if ours {
        fs::write(&path, configuration(addresses))?;
    }
    Ok(path)
}

/// The demo's `poolgate.yaml`.
pub(super) fn configuration(addresses: &Addresses) -> String {
    let Addresses { listen, admin, user_pool, echo } = addresses;
    let issuer = addresses.issuer();
    format!(
        r#"{HEADING}
listen:
  proxy: {{ address: "{listen}" }}
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
identities: {{ store: derived, key: {{ file: identity.key }} }}
routes:
  - name: users
    service: cognito-idp
    match: {{ path: /{POOL_ID}/ }}
    upstream: {{ url: "http://{user_pool}" }}
  - name: api
    service: execute-api
    match: {{ path: /api/ }}
    api: {{ id: demoapi, stage: prod }}
    upstream: {{ url: "http://{echo}" }}
decision_log: {{ sink: stdout }}
"#
    )
}

/// What there is to try, for a terminal.
pub(super) fn tour(addresses: &Addresses, configuration: &Path, program: &str) -> String {
    let gate = format!("http://{}", addresses.gate());
    let admin = addresses.admin;
    let configuration = configuration.display();
    format!(
        r#"The gate listens on {gate}, its metrics are at http://{admin}/metrics.
Users: alice (reads), bob (writes orders), carol (may do everything), dave (no API).
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

Why?
  {program} explain --config {configuration} --token "$ALICE" POST {gate}/api/orders/1
"#
    )
}

#[cfg(test)]
#[path = "demo_files_tests.rs"]
mod tests;

/// Marks a configuration that nobody has taken over.
const HEADING: &str =
    "# Written by `poolgate demo` at each start; delete this line to keep your own changes.";

/// Name in the data folder, and content.
const FILES: [(&str, &str); 8] = [
    ("policies/roles/Reader.json", include_str!("../../policies/roles/Reader.json")),
    ("policies/roles/Writer.json", include_str!("../../policies/roles/Writer.json")),
    ("policies/roles/Admin.json", include_str!("../../policies/roles/Admin.json")),
    ("policies/roles/Authenticated.json", include_str!("../../policies/roles/Authenticated.json")),
    ("policies/roles/Guest.json", include_str!("../../policies/roles/Guest.json")),
    ("policies/managed/DenySecret.json", include_str!("../../policies/managed/DenySecret.json")),
    ("policies/identity-pools/demo.json", include_str!("../../policies/identity-pools/demo.json")),
    ("policies/user-pools/groups.json", include_str!("../../policies/user-pools/groups.json")),
];
