//! How a connection begins on which nobody has agreed what is spoken.

/// The first bytes of HTTP/2 where it is known beforehand that it is spoken (RFC 9113 §3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What is known of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// Only so many bytes have come, and they are those of the preface. They are held back: a part of it
    /// would be a malformed request.
    Begun(usize),
    /// HTTP/1.
    Http1,
    /// HTTP/2.
    Http2,
}

impl Opening {
    /// Nothing has come yet.
    pub(super) const START: Self = Self::Begun(0);

    /// The bytes that are held back.
    pub(super) fn held(self) -> &'static [u8] {
        match self {
            Self::Begun(count) => PREFACE.get(..count).unwrap_or_default(),
            Self::Http1 | Self::Http2 => &[],
        }
    }

    /// What `bytes` say, which are all that have come; `ended` if nothing more will.
    pub(super) fn of(bytes: &[u8], ended: bool) -> Self {
        match bytes {
            _ if bytes.starts_with(PREFACE) => Self::Http2,
            _ if PREFACE.starts_with(bytes) && !ended => Self::Begun(bytes.len()),
            _ => Self::Http1,
        }
    }
}
