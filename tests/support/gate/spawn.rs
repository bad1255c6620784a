//! Starting the program without waiting for it, and with variables of its environment.

use std::{
    fs,
    net::SocketAddr,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::Gate;

impl Gate {
    /// Starts the program with the `poolgate.yaml` in `folder`; it may not be ready yet.
    pub fn spawn(
        folder: TempDir,
        proxy: SocketAddr,
        admin: SocketAddr,
        environment: &[(&str, &str)],
    ) -> Self {
        let log = |name: &str| fs::File::create(folder.path().join(name)).unwrap();
        let (stdout, stderr) = (Stdio::from(log("stdout")), Stdio::from(log("stderr")));
        Self::spawn_with(folder, proxy, admin, environment, [stdout, stderr])
    }

    /// The same, with other standard output and error.
    pub fn spawn_with(
        folder: TempDir,
        proxy: SocketAddr,
        admin: SocketAddr,
        environment: &[(&str, &str)],
        [stdout, stderr]: [Stdio; 2],
    ) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_poolgate"))
            .args(["serve", "--config"])
            .arg(folder.path().join("poolgate.yaml"))
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .unwrap();
        Self { child, folder, proxy, admin }
    }

    /// Waits until it is ready.
    pub fn await_ready(self) -> Self {
        self.wait_for("readiness", Self::is_ready);
        self
    }

    /// Waits until `holds`, for ten seconds at most.
    pub fn wait_for(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(10);
        while !holds(self) {
            assert!(Instant::now() < end, "no {what}: {}", self.log());
            sleep(Duration::from_millis(10));
        }
    }
}
