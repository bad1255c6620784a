//! What the traps share: a permitted request, and an upstream that follows a script.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, sleep},
    time::{Duration, Instant},
};

use crate::support::{Issuer, ROLE, Wire};

/// `authorization: Bearer …` of a caller whom the role lets `GET` below `/api/` and `PUT`
/// `/api/own`.
pub fn authorization() -> String {
    let token = Issuer::shared().id_token("user-1", &["testers"], Some(ROLE));
    format!("authorization: Bearer {token}\r\n")
}

/// A permitted `GET` of a path with more header lines, each with its CR LF.
pub fn get(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: gate\r\n{}{more}\r\n", authorization())
}

/// A permitted `PUT`, with the headers that say how long it is, and what follows its head.
pub fn put(more: &str, rest: &str) -> String {
    format!("PUT /api/own HTTP/1.1\r\nhost: gate\r\n{}{more}\r\n{rest}", authorization())
}

/// Waits until something holds, for five seconds.
pub fn eventually(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(5);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        sleep(Duration::from_millis(10));
    }
}

/// An upstream whose connections are served by a script, which is told their number.
pub struct Scripted {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
}

/// A connection to a scripted upstream.
pub struct Turn {
    pub stream: TcpStream,
    /// Of the connection, from 0.
    pub number: usize,
    buffer: Vec<u8>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    pub fn start(script: impl Fn(Turn) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let heads = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (count, record, stopped) =
            (Arc::clone(&connections), Arc::clone(&heads), Arc::clone(&stop));
        let script = Arc::new(script);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let stream = stream.unwrap();
                stream.set_nodelay(true).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                let number = count.fetch_add(1, Ordering::Relaxed);
                let turn = Turn { stream, number, buffer: Vec::new(), heads: Arc::clone(&record) };
                let script = Arc::clone(&script);
                thread::spawn(move || script(turn));
            }
        });
        Self { address, connections, heads, stop }
    }

    /// Answers the first request of every connection with these bytes, then reads on.
    pub fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |mut turn| {
            while turn.head().is_some() {
                turn.say(&answer);
            }
        })
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// The heads that were read.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

impl Turn {
    /// Reads and records the next request's head; its body stays to be read.
    pub fn head(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.buffer[..at]).into_owned();
                self.buffer.drain(..at + 4);
                self.heads.lock().unwrap().push(head.clone());
                return Some(head);
            }
            self.fill()?;
        }
    }

    /// Reads so many bytes of a body, or what there is of them.
    pub fn body(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length && self.fill().is_some() {}
        self.buffer.drain(..length.min(self.buffer.len())).collect()
    }

    pub fn say(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    pub fn ok(&mut self) {
        self.say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    }

    fn fill(&mut self) -> Option<()> {
        let mut chunk = [0; 16384];
        match self.stream.read(&mut chunk) {
            Ok(0) | Err(_) => None,
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                Some(())
            }
        }
    }
}

/// All that comes until the connection ends, after `bytes` were sent and nothing more will be.
pub fn until_closed(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut wire = Wire::connect(address);
    wire.send(bytes);
    read_all(&mut wire)
}

/// All that comes until the connection ends.
pub fn read_all(wire: &mut Wire) -> String {
    let mut all = Vec::new();
    let mut chunk = [0; 65536];
    while let Ok(count @ 1..) = wire.stream.read(&mut chunk) {
        all.extend_from_slice(&chunk[..count]);
    }
    let _ = wire.stream.shutdown(Shutdown::Both);
    String::from_utf8_lossy(&all).into_owned()
}

/// Statuses of the answers in a text of several.
pub fn statuses(text: &str) -> Vec<u16> {
    text.split("HTTP/1.1 ").skip(1).filter_map(|part| part.get(..3)?.parse().ok()).collect()
}
