//! A small HTTP server whose answers a test chooses, byte by byte.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::support::{Issuer, Seen};

/// A server on a port of its own; every request is given to a handler that writes the answer.
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    pub fn start(
        answer: impl Fn(&Seen, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (record, stopped, answer) = (Arc::clone(&seen), Arc::clone(&stop), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (stream, record) = (stream.unwrap(), Arc::clone(&record));
                let answer = Arc::clone(&answer);
                thread::spawn(move || serve(stream, &record, &*answer));
            }
        });
        Self { address, seen, stop }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(
    mut stream: TcpStream,
    record: &Mutex<Vec<Seen>>,
    answer: &dyn Fn(&Seen, &mut TcpStream) -> io::Result<()>,
) {
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = Vec::new();
    while let Some(seen) = read(&mut stream, &mut buffer) {
        record.lock().unwrap().push(seen.clone());
        if answer(&seen, &mut stream).is_err() {
            return;
        }
    }
}

fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        fill(stream, buffer)?;
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    buffer.drain(..end + 4);
    let seen = Seen { head, body: Vec::new() };
    let length = seen.header("content-length").first().map_or(0, |value| value.parse().unwrap());
    while buffer.len() < length {
        fill(stream, buffer)?;
    }
    let body = buffer.drain(..length).collect();
    Some(Seen { body, ..seen })
}

fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 65536];
    match stream.read(&mut chunk) {
        Ok(0) | Err(_) => None,
        Ok(count) => {
            buffer.extend_from_slice(&chunk[..count]);
            Some(())
        }
    }
}

/// A whole answer with this status line's end, such as `200 OK`.
pub fn answer(stream: &mut TcpStream, status: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    stream.write_all(
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}").as_bytes(),
    )
}

/// How a [`KeyServer`] answers.
#[derive(Clone, Debug)]
pub enum Keys {
    /// With this key document.
    Good(String),
    /// With 200 and this text, which may be anything.
    Text(String),
    /// With this status and an empty body.
    Status(&'static str),
    /// With a redirect to this URL.
    Redirect(String),
    /// With less than it announces.
    Truncated(String),
    /// Not at all: the connection closes.
    Down,
    /// Not at all: the connection stays open.
    Hang,
}

/// An issuer's key server.
pub struct KeyServer {
    server: Server,
    keys: Arc<Mutex<Keys>>,
}

impl KeyServer {
    pub fn start(keys: Keys) -> Self {
        let keys = Arc::new(Mutex::new(keys));
        let mode = Arc::clone(&keys);
        let server = Server::start(move |_, stream| {
            let mode = mode.lock().unwrap().clone();
            match mode {
                Keys::Good(text) | Keys::Text(text) => answer(stream, "200 OK", &text),
                Keys::Status(status) => answer(stream, status, ""),
                Keys::Redirect(to) => stream.write_all(
                    format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
                        .as_bytes(),
                ),
                Keys::Truncated(text) => {
                    let length = text.len() * 2;
                    stream.write_all(
                        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{text}")
                            .as_bytes(),
                    )?;
                    Err(io::ErrorKind::BrokenPipe.into())
                }
                Keys::Down => Err(io::ErrorKind::BrokenPipe.into()),
                Keys::Hang => {
                    thread::sleep(Duration::from_secs(30));
                    Ok(())
                }
            }
        });
        Self { server, keys }
    }

    /// One with the keys of these issuers.
    pub fn with(issuers: &[&Issuer]) -> Self {
        Self::start(Keys::Good(Issuer::jwks(issuers)))
    }

    pub fn turn(&self, keys: Keys) {
        *self.keys.lock().unwrap() = keys;
    }

    pub fn url(&self) -> String {
        format!("http://{}/keys", self.server.address)
    }

    /// How many requests it got.
    pub fn count(&self) -> usize {
        self.server.count()
    }
}
