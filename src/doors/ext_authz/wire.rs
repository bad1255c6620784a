//! Protocol Buffers' wire format for the one question and the one answer that are asked for at load:
//! read where they stand, and written in one pass.

use prost::encoding::{self, WireType};

/// What isn't a message, or not the one that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// A field's value, as far as it can be read without knowing the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'m> {
    /// A number, or the like.
    Number(u64),
    /// One of a kind that isn't read here.
    Fixed,
    /// Text, bytes or a message.
    Bytes(&'m [u8]),
}

impl<'m> Value<'m> {
    /// Text, bytes or a message.
    pub(super) fn bytes(self) -> Result<&'m [u8], Malformed> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Number(_) | Self::Fixed => Err(Malformed),
        }
    }

    /// A number that may be negative.
    pub(super) fn signed(self) -> Result<i64, Malformed> {
        match self {
            Self::Number(number) => Ok(number.cast_signed()),
            Self::Bytes(_) | Self::Fixed => Err(Malformed),
        }
    }
}

/// A message that is filled field by field. Of a field that comes twice the last one counts, and
/// messages are merged, as the format has it.
pub(super) trait Fill<'m> {
    /// Takes a field. One that isn't known is left aside.
    fn field(&mut self, number: u32, value: Value<'m>) -> Result<(), Malformed>;
}

/// Reads `message` into `target`.
pub(super) fn read<'m>(
    target: &mut (impl Fill<'m> + ?Sized),
    mut message: &'m [u8],
) -> Result<(), Malformed> {
    loop {
        // The number and the kind of most fields fit into one byte.
        let (number, kind) = match message {
            [] => return Ok(()),
            [key @ 8..0x80, rest @ ..] => {
                message = rest;
                (u32::from(key >> 3), key & 7)
            }
            _ => {
                let (number, kind) = encoding::decode_key(&mut message).map_err(|_| Malformed)?;
                (number, kind as u8)
            }
        };
        let value = match kind {
            BYTES => {
                let length = usize::try_from(varint(&mut message)?).map_err(|_| Malformed)?;
                let (bytes, rest) = message.split_at_checked(length).ok_or(Malformed)?;
                message = rest;
                Value::Bytes(bytes)
            }
            VARINT => Value::Number(varint(&mut message)?),
            FIXED_32 => {
                message = message.get(4..).ok_or(Malformed)?;
                Value::Fixed
            }
            FIXED_64 => {
                message = message.get(8..).ok_or(Malformed)?;
                Value::Fixed
            }
            // Groups, which proto3 doesn't have, and what isn't a kind.
            _ => return Err(Malformed),
        };
        target.field(number, value)?;
    }
}

const BYTES: u8 = WireType::LengthDelimited as u8;
const VARINT: u8 = WireType::Varint as u8;
const FIXED_32: u8 = WireType::ThirtyTwoBit as u8;
const FIXED_64: u8 = WireType::SixtyFourBit as u8;

/// A number of any length. Most have one byte or two.
#[inline]
fn varint(message: &mut &[u8]) -> Result<u64, Malformed> {
    match **message {
        [one @ ..0x80, ref rest @ ..] => {
            *message = rest;
            Ok(u64::from(one))
        }
        [low @ 0x80..=0xff, high @ ..0x80, ref rest @ ..] => {
            *message = rest;
            Ok(u64::from(low & 0x7f) | u64::from(high) << 7)
        }
        _ => encoding::decode_varint(message).map_err(|_| Malformed),
    }
}

/// Bytes that a field of so many bytes of text has, its number below 16.
pub(super) const fn size(bytes: usize) -> usize {
    1 + encoding::encoded_len_varint(bytes as u64) + bytes
}

/// Begins a field of so many bytes, which are to follow.
pub(super) fn open(out: &mut Vec<u8>, number: u32, length: usize) {
    start(out, number, WireType::LengthDelimited);
    match u8::try_from(length) {
        Ok(length @ ..0x80) => out.push(length),
        _ => encoding::encode_varint(length as u64, out),
    }
}

/// Writes a field of text or bytes.
pub(super) fn bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    open(out, number, bytes.len());
    out.extend_from_slice(bytes);
}

fn start(out: &mut Vec<u8>, number: u32, kind: WireType) {
    match u8::try_from(number) {
        Ok(number @ ..16) => out.push(number << 3 | kind as u8),
        _ => encoding::encode_key(number, kind, out),
    }
}

/// Writes a field with a number that isn't negative, an enum's or a bool's.
pub(super) fn number(out: &mut Vec<u8>, number: u32, value: u32) {
    start(out, number, WireType::Varint);
    match u8::try_from(value) {
        Ok(value @ ..0x80) => out.push(value),
        _ => encoding::encode_varint(u64::from(value), out),
    }
}

/// Writes a field with a message, whose fields `write` writes.
pub(super) fn message(out: &mut Vec<u8>, number: u32, write: impl FnOnce(&mut Vec<u8>)) {
    start(out, number, WireType::LengthDelimited);
    // The length stands before what it is the length of. Most fit into one byte.
    let at = out.len();
    out.push(0);
    write(out);
    let length = out.len().saturating_sub(at + 1);
    if let (Ok(short @ ..0x80), Some(place)) = (u8::try_from(length), out.get_mut(at)) {
        *place = short;
        return;
    }
    let mut prefix = [0u8; MAX_VARINT];
    let mut room = prefix.as_mut_slice();
    encoding::encode_varint(length as u64, &mut room);
    let width = MAX_VARINT - room.len();
    if width > 1 {
        out.extend(std::iter::repeat_n(0, width - 1));
        if let Some(written) = out.get_mut(at..) {
            written.rotate_right(width - 1);
        }
    }
    for (place, byte) in out.iter_mut().skip(at).zip(prefix).take(width) {
        *place = byte;
    }
}

/// Bytes of the longest number.
const MAX_VARINT: usize = 10;
