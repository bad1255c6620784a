//! `poolgate simulate`: requests of IAM's policy simulator, a JSON object a line, and an answer to
//! each.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;
use serde::Serialize;

use super::{NO, USAGE};
use crate::iam::simulate::{SimulateCache, SimulateError, Simulation};

/// Ask policies what they allow: IAM's SimulateCustomPolicy, a JSON object a line, an answer to each
#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// Files to read instead of standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Simulate {
    pub(super) fn run(self) -> ExitCode {
        let mut cache = SimulateCache::default();
        let output = io::stdout().lock();
        let mut output = BufWriter::with_capacity(BUFFER, output);
        if self.files.is_empty() {
            return ended(answer_all(io::stdin().lock(), &mut output, &mut cache));
        }
        for path in &self.files {
            let file = match File::open(path) {
                Ok(file) => file,
                Err(error) => return unreadable(path, &error, &mut output),
            };
            match answer_all(file, &mut output, &mut cache) {
                Ok(()) => {}
                Err(End::Read(error)) => return unreadable(path, &error, &mut output),
                end => return ended(end),
            }
        }
        ExitCode::SUCCESS
    }
}

/// Why not every line was answered.
#[derive(Debug)]
enum End {
    Read(io::Error),
    Write(io::Error),
}

fn ended(end: Result<(), End>) -> ExitCode {
    match end {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has read enough.
        Err(End::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(End::Read(error) | End::Write(error)) => {
            eprintln!("poolgate: {error}");
            ExitCode::from(NO)
        }
    }
}

fn unreadable(path: &std::path::Path, error: &io::Error, output: &mut impl Write) -> ExitCode {
    // What was answered is told first.
    let _ = output.flush();
    eprintln!("poolgate: {}: {error}", path.display());
    ExitCode::from(USAGE)
}

/// Answers every line of `input`, in order. What is answered is written at the latest when there is
/// no further line to read without waiting.
fn answer_all(
    input: impl Read,
    output: &mut impl Write,
    cache: &mut SimulateCache,
) -> Result<(), End> {
    let mut input = BufReader::with_capacity(BUFFER, input);
    let mut line = Vec::new();
    loop {
        if !input.buffer().contains(&b'\n') {
            output.flush().map_err(End::Write)?;
        }
        match read_line(&mut input, &mut line).map_err(End::Read)? {
            Line::None => return output.flush().map_err(End::Write),
            Line::Whole => answer(&line, output, cache),
            Line::TooLong => {
                let what = "bytes in a line";
                fail(&SimulateError::Limit { what, limit: MAX_LINE }, output)
            }
        }
        .map_err(End::Write)?;
    }
}

/// What came of reading a line.
enum Line {
    /// There is none.
    None,
    /// It was read, without its end.
    Whole,
    /// It is longer than [`MAX_LINE`], and was passed over.
    TooLong,
}

fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    let (mut any, mut too_long) = (false, false);
    loop {
        let read = match input.fill_buf() {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = read.iter().position(|byte| *byte == b'\n');
        let part = read.get(..end.unwrap_or(read.len())).unwrap_or_default();
        any |= !read.is_empty();
        too_long |= line.len() + part.len() > MAX_LINE;
        if !too_long {
            line.extend_from_slice(part);
        }
        let (ends, used) =
            (end.is_some() || read.is_empty(), part.len() + usize::from(end.is_some()));
        input.consume(used);
        if ends {
            return Ok(match (any, too_long) {
                (false, _) => Line::None,
                (true, true) => Line::TooLong,
                (true, false) => Line::Whole,
            });
        }
    }
}

/// One line of results, or of an error; written result by result, since there may be many.
fn answer(line: &[u8], output: &mut impl Write, cache: &mut SimulateCache) -> io::Result<()> {
    let parsed = std::str::from_utf8(line)
        .map_err(|_| SimulateError::Malformed("the line isn't UTF-8".to_owned()))
        .and_then(|line| Simulation::parse(line, cache));
    let simulation = match parsed {
        Ok(simulation) => simulation,
        Err(error) => return fail(&error, output),
    };
    output.write_all(b"{\"EvaluationResults\":[")?;
    for number in 0..simulation.count() {
        if number > 0 {
            output.write_all(b",")?;
        }
        if let Some(result) = simulation.result(number) {
            serde_json::to_writer(&mut *output, &result)?;
        }
    }
    output.write_all(b"]}\n")
}

#[derive(Serialize)]
struct Failed<'e> {
    #[serde(rename = "Error")]
    error: Error<'e>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Error<'e> {
    code: &'e str,
    message: String,
}

fn fail(error: &SimulateError, output: &mut impl Write) -> io::Result<()> {
    let error = Error { code: error.code(), message: error.to_string() };
    serde_json::to_writer(&mut *output, &Failed { error })?;
    output.write_all(b"\n")
}

const BUFFER: usize = 64 << 10;
/// Bytes of a line.
const MAX_LINE: usize = 1 << 20;

#[cfg(test)]
#[path = "simulate_tests.rs"]
mod tests;
