//! `poolgate demo`: everything embedded, and the gate in front of it as `serve` runs it.

use std::{
    fs,
    future::pending,
    io::{self, IsTerminal as _},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use super::{
    USAGE,
    demo_files::{
        Addresses, BUCKET, OBJECTS, ROWS, S3_KEY, TABLE, is_ours, may_be_written, tour, write,
    },
    run::{Bound, StartError, bind, print, run, runtime},
};
use crate::{
    config::Address,
    server::Listener,
    standin::{Directory, DynamoDb, Echo, S3, UserPool},
};

/// Run everything embedded, without configuration: users, roles, an S3, a DynamoDB, an API, and the gate in front
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Where the gate listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where metrics and health are
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9901")]
    admin: SocketAddr,
    /// Where Envoy and other proxies ask [default: 127.0.0.1:9191, or a free port if that is taken]
    #[arg(long, value_name = "ADDR")]
    ext_authz: Option<SocketAddr>,
    /// A folder for configuration, policies and keys, kept at exit [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Listen where others than this machine can reach it: the users' passwords are public
    #[arg(long)]
    expose: bool,
}

impl Demo {
    pub(super) fn run(self) -> ExitCode {
        if !self.listen.ip().is_loopback() && !self.expose {
            eprintln!(
                "poolgate: {} can be reached by others, and the demo's passwords are public; \
                 listen on 127.0.0.1, or say --expose if you mean it",
                self.listen
            );
            return ExitCode::from(USAGE);
        }
        let runtime = match runtime() {
            Ok(runtime) => runtime,
            Err(error) => return error.exit(),
        };
        let ran = runtime.block_on(self.demonstrate());
        runtime.shutdown_background();
        match ran {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => error.exit(),
        }
    }

    async fn demonstrate(self) -> Result<(), StartError> {
        let data = Data::open(self.data.as_deref()).map_err(StartError::other)?;
        let listen = bind(&Address::Tcp(self.listen), "--listen")?;
        let admin = bind(&Address::Tcp(self.admin), "--admin")?;
        let ext_authz = self.asking()?;
        let [user_pool, echo, s3, dynamodb] = standins(data.path()).await?;
        let addresses = Addresses {
            listen: listen.local_address().unwrap_or(self.listen),
            admin: admin.local_address().unwrap_or(self.admin),
            ext_authz: ext_authz.local_address().unwrap_or(EXT_AUTHZ),
            user_pool: user_pool.local_addr().map_err(StartError::other)?,
            echo: echo.local_addr().map_err(StartError::other)?,
            s3: s3.local_addr().map_err(StartError::other)?,
            dynamodb: dynamodb.local_addr().map_err(StartError::other)?,
        };
        let written = write(data.path(), &addresses).map_err(StartError::other)?;
        if !is_ours(data.path()) {
            warn_of_another_issuer(&written.configuration, &addresses.issuer());
        }
        let keys = data.path().join("user-pool");
        let pool = UserPool::open(Directory::demo(), &addresses.issuer(), &keys);
        tokio::spawn(pool.map_err(StartError::other)?.serve(user_pool));
        tokio::spawn(Echo::new().serve(echo));
        let objects = S3::open(&data.path().join("s3"), S3_KEY, &written.s3_secret);
        let objects = objects.map_err(StartError::other)?;
        objects.seed(BUCKET, &OBJECTS).map_err(StartError::other)?;
        tokio::spawn(objects.serve(s3));
        let tables = DynamoDb::open(&data.path().join("dynamodb")).map_err(StartError::other)?;
        tables.seed(TABLE, &ROWS).map_err(StartError::other)?;
        tokio::spawn(tables.serve(dynamodb));

        let bound = Bound { proxy: Some(listen), ext_authz: Some(ext_authz), admin: Some(admin) };
        let text = tour(&addresses, &written.configuration, &program());
        run(&written.configuration, bound, terminal_closed(), || {
            // Without a reader of standard output the demo works all the same.
            let _ = print(&text);
        })
        .await
    }
}

impl Demo {
    /// Where others ask: of all addresses the one that is least missed if it is another.
    fn asking(&self) -> Result<Listener, StartError> {
        let at = |address| bind(&Address::Tcp(address), "--ext-authz");
        match (at(self.ext_authz.unwrap_or(EXT_AUTHZ)), self.ext_authz) {
            (Err(_), None) => at(SocketAddr::new(EXT_AUTHZ.ip(), 0)),
            (bound, _) => bound,
        }
    }
}

/// Waits for the end of the terminal that the demo was started from, if it was: who would stop it then? SIGHUP by hand
/// is a reload.
async fn terminal_closed() {
    if io::stdin().is_terminal()
        && let Ok(mut hangup) = signal(SignalKind::hangup())
    {
        while hangup.recv().await.is_some() {
            if fs::File::open("/dev/tty").is_err() {
                return;
            }
        }
    }
    pending().await
}

/// Tokens name the address that the demo listens on. A configuration that somebody took over may still
/// have that of an earlier start.
fn warn_of_another_issuer(configuration: &Path, issuer: &str) {
    let text = fs::read_to_string(configuration).unwrap_or_default();
    if !text.contains(issuer) {
        eprintln!(
            "poolgate: {} has no issuer {issuer}, which the users of this demo have tokens of: start with the \
             --listen that it was written for, or change it there",
            configuration.display()
        );
    }
}

/// How this program is called from a shell: by its name where that finds it.
fn program() -> String {
    let Ok(own) = std::env::current_exe() else { return NAME.to_owned() };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(NAME)).find(|p| p.is_file());
    match found.and_then(|found| fs::canonicalize(found).ok()) {
        Some(found) if found == own => NAME.to_owned(),
        _ => own.display().to_string(),
    }
}

/// The demo's folder. A temporary one is removed with it.
struct Data {
    path: PathBuf,
    temporary: bool,
    /// Held for as long as the demo runs: two would write each other's configuration.
    _lock: fs::File,
}

/// Why the folder can't be used.
#[derive(Debug, thiserror::Error)]
enum DataError {
    #[error("{path}: {error}")]
    Io { path: String, error: io::Error },
    #[error("another demo is running on {0}; give each a folder of its own")]
    InUse(String),
    #[error("{0} has a configuration or policies that aren't a demo's; give --data another folder")]
    Foreign(String),
}

impl Data {
    fn open(given: Option<&Path>) -> Result<Self, DataError> {
        let (path, temporary) = match given {
            Some(path) => (path.to_owned(), false),
            None => {
                let name = format!("poolgate-demo-{:016x}", random());
                (std::env::temp_dir().join(name), true)
            }
        };
        let failed = |error| DataError::Io { path: path.display().to_string(), error };
        Self::make(&path, temporary).map_err(failed)?;
        let path = fs::canonicalize(&path).map_err(failed)?;
        if !may_be_written(&path) {
            return Err(DataError::Foreign(path.display().to_string()));
        }
        let lock = fs::File::create(path.join(".lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, temporary, _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(DataError::InUse(path.display().to_string())),
            Err(fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    fn make(path: &Path, temporary: bool) -> io::Result<()> {
        match temporary {
            // Keys are kept in it: it must be new, and ours alone.
            true => {
                use std::os::unix::fs::DirBuilderExt;
                fs::DirBuilder::new().mode(0o700).create(path)
            }
            false => fs::create_dir_all(path),
        }
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        if self.temporary {
            // What can't be removed is left to the system's own cleaning.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// For a name that nobody has; if it should be taken all the same, the folder can't be made.
fn random() -> u64 {
    let mut bytes = [0u8; 8];
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    u64::from_be_bytes(bytes)
}

/// The stand-ins' listeners, on the ports of the last start if they are free: a configuration that
/// somebody took over names them.
async fn standins(data: &Path) -> Result<[TcpListener; 4], StartError> {
    let [user_pool, echo, s3, dynamodb] = ports(data);
    let open = |name, port| standin(data, name, port);
    let listeners = [
        open("user pool", user_pool).await?,
        open("API", echo).await?,
        open("S3", s3).await?,
        open("DynamoDB", dynamodb).await?,
    ];
    let mut text = String::new();
    for listener in &listeners {
        let port = listener.local_addr().map_err(StartError::other)?.port();
        text.push_str(&format!("{port}\n"));
    }
    fs::write(data.join(PORTS), text).map_err(StartError::other)?;
    Ok(listeners)
}

/// The ports of the last start; 0 for one that isn't known.
fn ports(data: &Path) -> [u16; 4] {
    let text = fs::read_to_string(data.join(PORTS)).unwrap_or_default();
    let mut lines = text.lines().map(|line| line.parse().unwrap_or(0));
    [(); 4].map(|()| lines.next().unwrap_or(0))
}

async fn standin(data: &Path, name: &str, port: u16) -> Result<TcpListener, StartError> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
        Ok(listener) => Ok(listener),
        Err(_) if port != 0 && is_ours(data) => {
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(StartError::other)
        }
        Err(error) => Err(StartError::other(format!(
            "the {name} stand-in can't listen on 127.0.0.1:{port}, where it was at the last start: {error}"
        ))),
    }
}

const NAME: &str = "poolgate";
/// In the data folder: the stand-ins' ports, one a line.
const PORTS: &str = "ports";
/// Where others ask, if that is free.
const EXT_AUTHZ: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9191);
