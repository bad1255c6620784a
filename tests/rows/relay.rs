//! What is between the gate and the tables: it notes what goes through.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use crate::support::{Seen, Wire};

/// A relay on a port of its own. It ends with the process.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Relay {
    pub(crate) fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let record = Arc::clone(&record);
                thread::spawn(move || relay(stream.unwrap(), to, &record));
            }
        });
        Self { address, seen }
    }

    /// What callers' requests have become since the last time; those of the gate itself aren't
    /// among them.
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

fn relay(mut stream: TcpStream, to: SocketAddr, record: &Mutex<Vec<Seen>>) {
    stream.set_nodelay(true).unwrap();
    let mut tables = Wire::connect(to);
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if !fill(&mut stream, &mut buffer) {
                return;
            }
        };
        let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
        let mut seen = Seen { head, body: Vec::new() };
        let length: usize = seen.header("content-length")[0].parse().unwrap();
        while buffer.len() < end + length {
            if !fill(&mut stream, &mut buffer) {
                return;
            }
        }
        let request: Vec<u8> = buffer.drain(..end + length).collect();
        seen.body = request[end..].to_vec();
        if seen.header("x-amz-target") != ["DynamoDB_20120810.DescribeTable"] {
            record.lock().unwrap().push(seen);
        }
        let answer = tables.ask(request);
        let written =
            stream.write_all(&[answer.head.as_bytes(), b"\r\n\r\n", &answer.body].concat());
        if written.is_err() {
            return;
        }
    }
}

fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> bool {
    let mut chunk = [0; 65536];
    match stream.read(&mut chunk) {
        Ok(0) | Err(_) => false,
        Ok(count) => {
            buffer.extend_from_slice(&chunk[..count]);
            true
        }
    }
}
