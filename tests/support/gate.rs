//! The program as a child process, with a configuration of the test's own.

mod spawn;

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Mutex,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::json;
use tempfile::TempDir;

use super::{CLIENT, Issuer, POOL};

/// A role that may `GET` everything below `/api/` and `PUT` `/api/own`.
pub const ROLE: &str = "arn:aws:iam::111122223333:role/Tester";
const IDENTITY_POOL: &str = "us-east-1:11111111-2222-4333-8444-555555555555";

/// A running `poolgate serve`.
pub struct Gate {
    child: Child,
    pub folder: TempDir,
    pub proxy: SocketAddr,
    pub admin: SocketAddr,
}

impl Gate {
    /// Starts the program in front of `upstream`: one route `api` below `/api/`, keys from the file
    /// `jwks.json` of its folder. `extra` is appended to the configuration.
    pub fn start(upstream: SocketAddr, extra: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Issuer::shared().write_jwks(&folder.path().join("jwks.json"));
        policies(folder.path());
        let (proxy, admin) = (free_port(), free_port());
        let text = configuration(proxy, admin, upstream, extra);
        fs::write(folder.path().join("poolgate.yaml"), text).unwrap();
        Self::run(folder, proxy, admin)
    }

    /// Starts the program with the `poolgate.yaml` that is in `folder`, and waits until it is ready.
    pub fn run(folder: TempDir, proxy: SocketAddr, admin: SocketAddr) -> Self {
        Self::run_with(folder, proxy, admin, &[])
    }

    /// The same with more environment variables.
    pub fn run_with(
        folder: TempDir,
        proxy: SocketAddr,
        admin: SocketAddr,
        environment: &[(&str, &Path)],
    ) -> Self {
        let log = |name: &str| fs::File::create(folder.path().join(name)).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_poolgate"))
            .args(["serve", "--config"])
            .arg(folder.path().join("poolgate.yaml"))
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(log("stdout"))
            .stderr(log("stderr"))
            .spawn()
            .unwrap();
        let gate = Self { child, folder, proxy, admin };
        let end = Instant::now() + Duration::from_secs(20);
        while !gate.is_ready() {
            assert!(Instant::now() < end, "not ready: {}", gate.log());
            sleep(Duration::from_millis(20));
        }
        gate
    }

    pub fn is_ready(&self) -> bool {
        self.admin("/readyz").is_some_and(|(status, _)| status == 200)
    }

    /// Status and body of a path of the admin address.
    pub fn admin(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.admin).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let status = text.get(9..12)?.parse().ok()?;
        Some((status, text.split_once("\r\n\r\n")?.1.to_owned()))
    }

    /// The value of a metric's series, as `/metrics` prints it.
    pub fn metric(&self, series: &str) -> Option<f64> {
        let (_, text) = self.admin("/metrics")?;
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        line.parse().ok()
    }

    /// Standard output and standard error so far.
    pub fn log(&self) -> String {
        ["stdout", "stderr"]
            .map(|name| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default())
            .join("\n")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name, such as `TERM` or `HUP`.
    pub fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the exit, for at most `limit`.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            if Instant::now() > end {
                return None;
            }
            sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago, and another one each time. It is below those that the system
/// gives to whoever asks for any, which would take it before the program does.
pub fn free_port() -> SocketAddr {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let mut random = [0u8; 2];
        aws_lc_rs::rand::fill(&mut random).unwrap();
        let port = 10_240 + u16::from_be_bytes(random) % 22_000;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() && GIVEN.lock().unwrap().insert(port) {
            return address;
        }
    }
}

/// The configuration that [`Gate::start`] uses.
pub fn configuration(
    proxy: SocketAddr,
    admin: SocketAddr,
    upstream: SocketAddr,
    extra: &str,
) -> String {
    let issuer = Issuer::issuer();
    format!(
        r#"listen:
  proxy: {{ address: "{proxy}" }}
  admin: {{ address: "{admin}" }}
aws: {{ region: us-east-1, account: "111122223333" }}
user_pools:
  - id: {POOL}
    clients: [{CLIENT}]
    issuer: "{issuer}"
    jwks: "file:jwks.json"
routes:
  - name: api
    service: execute-api
    match: {{ path: /api/ }}
    api: {{ id: testapi, stage: test }}
    upstream: {{ url: "http://{upstream}" }}
{extra}
"#
    )
}

/// Writes an identity pool (token mapping, ambiguity denies) and the role [`ROLE`].
pub fn policies(folder: &Path) {
    let pools = folder.join("policies/identity-pools");
    let roles = folder.join("policies/roles");
    fs::create_dir_all(&pools).unwrap();
    fs::create_dir_all(&roles).unwrap();
    let provider = format!("cognito-idp.us-east-1.amazonaws.com/{POOL}");
    let mut mappings = serde_json::Map::new();
    mappings.insert(
        format!("{provider}:{CLIENT}"),
        json!({ "Type": "Token", "AmbiguousRoleResolution": "Deny" }),
    );
    let pool = json!({
        "IdentityPoolId": IDENTITY_POOL,
        "IdentityPoolName": "test",
        "AllowUnauthenticatedIdentities": false,
        "CognitoIdentityProviders": [{ "ProviderName": provider, "ClientId": CLIENT }],
        "Roles": {},
        "RoleMappings": mappings,
    });
    fs::write(pools.join("test.json"), pool.to_string()).unwrap();
    let api = "arn:aws:execute-api:us-east-1:111122223333:testapi/test";
    let role = json!({
        "RoleName": "Tester", "Path": "/", "Arn": ROLE, "RoleId": "AROATESTTESTTESTTEST1",
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Federated": "cognito-identity.amazonaws.com" },
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": { "cognito-identity.amazonaws.com:aud": IDENTITY_POOL },
                },
            }],
        },
        "RolePolicyList": [{
            "PolicyName": "Test",
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Sid": "Read", "Effect": "Allow", "Action": "execute-api:Invoke",
                    "Resource": [format!("{api}/GET/api/*"), format!("{api}/HEAD/api/*"), format!("{api}/PUT/api/own")],
                }],
            },
        }],
        "AttachedManagedPolicies": [],
    });
    fs::write(roles.join("Tester.json"), role.to_string()).unwrap();
}
