//! A configuration of a test's own, and the program with it.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Gate, Issuer, configuration, free_port, policies};

/// The files of a gate that has not started yet.
pub struct Setup {
    pub folder: TempDir,
    pub proxy: SocketAddr,
    pub admin: SocketAddr,
    pub text: String,
}

impl Setup {
    /// The configuration of `support::Gate::start`, with `extra` at its end.
    pub fn new(upstream: SocketAddr, extra: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Issuer::shared().write_jwks(&folder.path().join("jwks.json"));
        policies(folder.path());
        let (proxy, admin) = (free_port(), free_port());
        let text = configuration(proxy, admin, upstream, extra);
        Self { folder, proxy, admin, text }
    }

    /// Replaces a part of the configuration.
    pub fn replace(mut self, from: &str, to: &str) -> Self {
        assert!(self.text.contains(from), "{from} is not in the configuration");
        self.text = self.text.replace(from, to);
        self
    }

    /// Reads keys from `url`.
    pub fn keys_from(self, url: &str) -> Self {
        self.replace("file:jwks.json", url)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the configuration file.
    pub fn write(&self) -> PathBuf {
        let path = self.path("poolgate.yaml");
        fs::write(&path, &self.text).unwrap();
        path
    }

    /// Starts the program and waits until it is ready.
    pub fn start(self) -> Gate {
        self.spawn(&[]).await_ready()
    }

    /// Starts the program.
    pub fn spawn(self, environment: &[(&str, &str)]) -> Gate {
        self.write();
        Gate::spawn(self.folder, self.proxy, self.admin, environment)
    }
}

/// `GET path` with a bearer token.
pub fn get(path: &str, token: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: gate\r\nauthorization: Bearer {token}\r\n\r\n")
}

/// Makes the tester's role allow exactly these `METHOD/path`s of stage `stage`.
pub fn allow(folder: &Path, stage: &str, paths: &[&str]) {
    let api = format!("arn:aws:execute-api:us-east-1:111122223333:testapi/{stage}");
    let resources: Vec<String> = paths.iter().map(|path| format!("{api}/{path}")).collect();
    edit_role(folder, |role| {
        role["RolePolicyList"][0]["PolicyDocument"]["Statement"][0]["Resource"] = json!(resources);
    });
}

/// Edits the tester's role; the file is replaced at once, by a rename.
pub fn edit_role(folder: &Path, edit: impl FnOnce(&mut Value)) {
    let path = folder.join("policies/roles/Tester.json");
    let mut role = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    edit(&mut role);
    let draft = folder.join("draft");
    fs::write(&draft, format!("{role:#}")).unwrap();
    fs::rename(draft, path).unwrap();
}
