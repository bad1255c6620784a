//! A backend that records what it receives, byte by byte.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Request line and headers, as sent, without the empty line.
    pub head: String,
    /// The body, with chunked coding removed.
    pub body: Vec<u8>,
}

impl Seen {
    /// The request line.
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// The values of a header.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim()).collect()
    }
}

/// A backend on a port of its own. It answers every request with 200 and `ok`, unless it is told otherwise.
pub struct Backend {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
}

impl Backend {
    /// Starts one.
    pub fn start() -> Self {
        Self::answering(200, "ok")
    }

    /// Starts one that answers every request with this.
    pub fn answering(status: u16, answer: &str) -> Self {
        Self::saying(status, "", answer)
    }

    /// Starts one that answers every request with this, and with these lines in its head.
    pub fn saying(status: u16, headers: &str, answer: &str) -> Self {
        let answer = Arc::new((status, headers.to_owned(), answer.to_owned()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (record, stopped) = (Arc::clone(&seen), Arc::clone(&stop));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (stream, record) = (stream.unwrap(), Arc::clone(&record));
                let answer = Arc::clone(&answer);
                thread::spawn(move || serve(stream, &record, &answer));
            }
        });
        Self { address, seen, stop }
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests there were.
    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(
    mut stream: TcpStream,
    record: &Mutex<Vec<Seen>>,
    (status, more, text): &(u16, String, String),
) {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut buffer = Vec::new();
    while let Some(end) = read_until(&mut stream, &mut buffer, b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        buffer.drain(..end + 4);
        let seen = Seen { head, body: Vec::new() };
        let length = seen.header("content-length").first().and_then(|v| v.parse().ok());
        let chunked = !seen.header("transfer-encoding").is_empty();
        let body = match (chunked, length) {
            (true, _) => read_chunked(&mut stream, &mut buffer),
            (false, Some(length)) => read_exact(&mut stream, &mut buffer, length),
            (false, None) => Some(Vec::new()),
        };
        let Some(body) = body else { return };
        let is_head = seen.line().starts_with("HEAD ");
        record.lock().unwrap().push(Seen { body, ..seen });
        let length = text.len();
        let phrase = if *status == 200 { "OK" } else { "Other" };
        let answer = format!(
            "HTTP/1.1 {status} {phrase}\r\ncontent-length: {length}\r\ncontent-type: text/plain\r\n{more}\r\n"
        );
        let body = if is_head { "" } else { text };
        if stream.write_all(format!("{answer}{body}").as_bytes()).is_err() {
            return;
        }
    }
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

fn read_until(stream: &mut TcpStream, buffer: &mut Vec<u8>, mark: &[u8]) -> Option<usize> {
    loop {
        if let Some(at) = buffer.windows(mark.len()).position(|window| window == mark) {
            return Some(at);
        }
        fill(stream, buffer)?;
    }
}

fn read_exact(stream: &mut TcpStream, buffer: &mut Vec<u8>, length: usize) -> Option<Vec<u8>> {
    while buffer.len() < length {
        fill(stream, buffer)?;
    }
    Some(buffer.drain(..length).collect())
}

fn read_chunked(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = read_until(stream, buffer, b"\r\n")?;
        let size = String::from_utf8_lossy(&buffer[..end]).into_owned();
        let size = usize::from_str_radix(size.split(';').next().unwrap().trim(), 16).unwrap();
        buffer.drain(..end + 2);
        body.extend(read_exact(stream, buffer, size)?);
        let end = read_until(stream, buffer, b"\r\n")?;
        buffer.drain(..end + 2);
        if size == 0 {
            return Some(body);
        }
    }
}
