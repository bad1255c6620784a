//! JSON as it should not be, too: with members named twice, in any order, spelled in any way.

use std::fmt::Write;

use serde_json::Value;

use super::random::Random;

#[derive(Clone, Debug)]
pub(crate) enum Json {
    /// What is written as it is: numbers, `null`, anything.
    Raw(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// How a body is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    Plain,
    /// With escapes, white space, and members in any order.
    Odd,
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text),
            Value::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Value::Object(members) => {
                let members = members.into_iter().map(|(name, value)| (name, Self::from(value)));
                Self::Object(members.collect())
            }
            other => Self::Raw(other.to_string()),
        }
    }
}

impl Json {
    pub(crate) fn write(&self, spelling: Spelling, random: &mut Random) -> String {
        let mut text = String::new();
        self.write_to(&mut text, spelling, random);
        text
    }

    fn write_to(&self, out: &mut String, spelling: Spelling, random: &mut Random) {
        space(out, spelling, random);
        match self {
            Self::Raw(text) => out.push_str(text),
            Self::Text(text) => write_text(out, text, spelling, random),
            Self::List(items) => {
                out.push('[');
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        out.push(',');
                    }
                    item.write_to(out, spelling, random);
                }
                space(out, spelling, random);
                out.push(']');
            }
            Self::Object(members) => {
                let mut order: Vec<usize> = (0..members.len()).collect();
                if spelling == Spelling::Odd {
                    random.shuffle(&mut order);
                }
                out.push('{');
                for (number, index) in order.into_iter().enumerate() {
                    let (name, value) = &members[index];
                    if number > 0 {
                        out.push(',');
                    }
                    space(out, spelling, random);
                    write_text(out, name, spelling, random);
                    space(out, spelling, random);
                    out.push(':');
                    value.write_to(out, spelling, random);
                }
                space(out, spelling, random);
                out.push('}');
            }
        }
        space(out, spelling, random);
    }

    /// How many values there are in it, itself included.
    pub(crate) fn count(&self) -> usize {
        1 + match self {
            Self::Raw(_) | Self::Text(_) => 0,
            Self::List(items) => items.iter().map(Self::count).sum(),
            Self::Object(members) => members.iter().map(|(_, value)| value.count()).sum(),
        }
    }

    /// One of these values.
    pub(crate) fn nth(&mut self, number: usize) -> &mut Self {
        if number == 0 {
            return self;
        }
        let mut left = number - 1;
        let children: Vec<&mut Self> = match self {
            Self::Raw(_) | Self::Text(_) => Vec::new(),
            Self::List(items) => items.iter_mut().collect(),
            Self::Object(members) => members.iter_mut().map(|(_, value)| value).collect(),
        };
        for child in children {
            let count = child.count();
            if left < count {
                return child.nth(left);
            }
            left -= count;
        }
        panic!("there is no value {number}");
    }
}

fn space(out: &mut String, spelling: Spelling, random: &mut Random) {
    if spelling == Spelling::Odd && random.chance(20) {
        out.push_str(random.word(&[" ", "\n", "\t", "\r\n", "   "]));
    }
}

fn write_text(out: &mut String, text: &str, spelling: Spelling, random: &mut Random) {
    out.push('"');
    for letter in text.chars() {
        let odd = spelling == Spelling::Odd && random.chance(10);
        match letter {
            '/' if odd => out.push_str("\\/"),
            _ if odd || u32::from(letter) < 0x20 => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    let written = match random.chance(50) {
                        true => write!(out, "\\u{unit:04x}"),
                        false => write!(out, "\\u{unit:04X}"),
                    };
                    written.unwrap();
                }
            }
            '"' | '\\' => out.extend(['\\', letter]),
            _ => out.push(letter),
        }
    }
    out.push('"');
}
