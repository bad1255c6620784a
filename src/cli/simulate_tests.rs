use std::cell::RefCell;
use std::rc::Rc;

use super::*;

const LINE: &str = r#"{"ActionNames":["s3:GetObject"]}"#;
const DENIED: &str = r#"{"EvaluationResults":[{"EvalActionName":"s3:GetObject","EvalResourceName":"*","EvalDecision":"implicitDeny","MatchedStatements":[],"MissingContextValues":[]}]}"#;

fn answers(input: &[u8]) -> Vec<String> {
    let mut output = Vec::new();
    answer_all(input, &mut output, &mut SimulateCache::default()).unwrap();
    let text = String::from_utf8(output).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(str::to_owned).collect()
}

fn is_error(line: &str) -> bool {
    line.starts_with(r#"{"Error":{"Code":"InvalidInput","Message":""#)
}

#[test]
fn every_line_has_its_answer_in_order() {
    assert_eq!(answers(b""), Vec::<String>::new());
    assert_eq!(answers(LINE.as_bytes()), [DENIED]);
    let input = format!("{LINE}\r\n\nnonsense\n{LINE}\n[]\n{LINE}");
    let found = answers(input.as_bytes());
    assert_eq!(found.len(), 6);
    for (number, line) in found.iter().enumerate() {
        match number {
            0 | 3 | 5 => assert_eq!(line, DENIED),
            _ => assert!(is_error(line), "{line}"),
        }
    }
    let found = answers(&[b"\xff\xfe\n", LINE.as_bytes()].concat());
    assert!(is_error(&found[0]) && found[1] == DENIED, "{found:?}");
}

#[test]
fn a_line_that_is_too_long_is_an_error_and_the_next_is_answered() {
    let long = |length: usize| {
        let open = LINE.strip_suffix('}').unwrap();
        format!("{open}{}}}", " ".repeat(length - LINE.len()))
    };
    let found = answers(format!("{}\n{LINE}\n", long(MAX_LINE)).as_bytes());
    assert_eq!(found, [DENIED, DENIED]);
    for length in [MAX_LINE + 1, 3 * MAX_LINE] {
        let found = answers(format!("{LINE}\n{}\n{LINE}", long(length)).as_bytes());
        assert_eq!((found.len(), found[0].as_str(), found[2].as_str()), (3, DENIED, DENIED));
        assert!(is_error(&found[1]) && found[1].contains("bytes in a line"), "{}", found[1]);
    }
    // Deeply nested, it isn't followed to its end.
    let deep = format!(r#"{{"PolicyInputList":{}"#, "[".repeat(MAX_LINE / 2));
    assert!(is_error(&answers(deep.as_bytes())[0]));
}

/// Gives one line at a time, and knows what was written when the next is asked for.
struct Driver {
    lines: Vec<&'static str>,
    written: Rc<RefCell<Vec<u8>>>,
    seen: Rc<RefCell<Vec<usize>>>,
}

impl Read for Driver {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let answered = self.written.borrow().iter().filter(|byte| **byte == b'\n').count();
        self.seen.borrow_mut().push(answered);
        let Some(line) = self.lines.pop() else { return Ok(0) };
        buffer[..line.len()].copy_from_slice(line.as_bytes());
        Ok(line.len())
    }
}

struct Written(Rc<RefCell<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn who_waits_for_an_answer_gets_it() {
    let (written, seen) = (Rc::default(), Rc::default());
    // The second comes in two parts.
    let lines = vec!["{}\n{}\n", "{}\n", "}\n", "{", "{}\n"];
    let driver = Driver { lines, written: Rc::clone(&written), seen: Rc::clone(&seen) };
    let mut output = BufWriter::with_capacity(BUFFER, Written(Rc::clone(&written)));
    answer_all(driver, &mut output, &mut SimulateCache::default()).unwrap();
    assert_eq!(*seen.borrow(), [0, 1, 1, 2, 3, 5]);
}

struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn who_reads_no_more_ends_it_quietly() {
    let end = answer_all(LINE.as_bytes(), &mut Closed, &mut SimulateCache::default());
    assert!(matches!(&end, Err(End::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe));
    assert_eq!(format!("{:?}", ended(end)), format!("{:?}", ExitCode::SUCCESS));
}
