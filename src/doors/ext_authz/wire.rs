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
    while !message.is_empty() {
        let (number, kind) = key(&mut message)?;
        let value = match kind {
            WireType::LengthDelimited => {
                let length = varint(&mut message)?;
                let length = usize::try_from(length).map_err(|_| Malformed)?;
                let (bytes, rest) = message.split_at_checked(length).ok_or(Malformed)?;
                message = rest;
                Value::Bytes(bytes)
            }
            WireType::Varint => Value::Number(varint(&mut message)?),
            WireType::ThirtyTwoBit => {
                message = message.get(4..).ok_or(Malformed)?;
                Value::Fixed
            }
            WireType::SixtyFourBit => {
                message = message.get(8..).ok_or(Malformed)?;
                Value::Fixed
            }
            // Groups, which proto3 doesn't have.
            WireType::StartGroup | WireType::EndGroup => return Err(Malformed),
        };
        target.field(number, value)?;
    }
    Ok(())
}

/// The number and the kind of the field that follows. Those of most fit into one byte.
fn key(message: &mut &[u8]) -> Result<(u32, WireType), Malformed> {
    if let Some((&key @ 8..0x80, rest)) = message.split_first() {
        *message = rest;
        let kind = WireType::try_from(u64::from(key & 7)).map_err(|_| Malformed)?;
        return Ok((u32::from(key >> 3), kind));
    }
    encoding::decode_key(message).map_err(|_| Malformed)
}

/// A number of any length.
fn varint(message: &mut &[u8]) -> Result<u64, Malformed> {
    if let Some((&number @ ..0x80, rest)) = message.split_first() {
        *message = rest;
        return Ok(u64::from(number));
    }
    encoding::decode_varint(message).map_err(|_| Malformed)
}

/// Writes a field of text or bytes.
pub(super) fn bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    start(out, number, WireType::LengthDelimited);
    match u8::try_from(bytes.len()) {
        Ok(length @ ..0x80) => out.push(length),
        _ => encoding::encode_varint(bytes.len() as u64, out),
    }
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
    encoding::encode_varint(u64::from(value), out);
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
