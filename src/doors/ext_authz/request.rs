//! `CheckRequest` of Envoy's `envoy.service.auth.v3`, as far as it is read.
//!
//! Text is kept as bytes: what isn't UTF-8 is a client's doing, and has to become a denial rather
//! than an error of the call, which a proxy may be told to let through (CVE-2023-27488). A map is a
//! list of entries on the wire, and is read as one, so that no entry is dropped for another.

use super::wire::{Fill, Malformed, Value, read};

/// `CheckRequest`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct CheckRequest<'m> {
    pub(super) attributes: Option<Attributes<'m>>,
}

/// `AttributeContext`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Attributes<'m> {
    pub(super) source: Peer<'m>,
    /// `request.http`.
    pub(super) http: Option<HttpRequest<'m>>,
    pub(super) context_extensions: Vec<Entry<'m>>,
}

/// An entry of `map<string, string>`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Entry<'m> {
    pub(super) key: &'m [u8],
    pub(super) value: &'m [u8],
}

/// `AttributeContext.Peer`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Peer<'m> {
    /// `address.socket_address.address`, if there is a socket.
    pub(super) socket: Option<&'m [u8]>,
    /// Whether there is an `address.pipe`.
    pub(super) pipe: bool,
    /// In PEM, percent-encoded, where Envoy is told to send it (`include_peer_certificate`).
    pub(super) certificate: &'m [u8],
}

/// `AttributeContext.HttpRequest`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct HttpRequest<'m> {
    pub(super) method: &'m [u8],
    pub(super) headers: Vec<Entry<'m>>,
    /// With the query, undecoded.
    pub(super) path: &'m [u8],
    pub(super) host: &'m [u8],
    pub(super) scheme: &'m [u8],
    /// Of the body as far as it came, -1 if that isn't known.
    pub(super) size: i64,
    pub(super) protocol: &'m [u8],
    pub(super) body: &'m [u8],
    pub(super) raw_body: &'m [u8],
    /// Instead of `headers`, as they came.
    pub(super) header_map: Option<Vec<Entry<'m>>>,
}

impl<'m> CheckRequest<'m> {
    /// Reads a message.
    pub(super) fn decode(message: &'m [u8]) -> Result<Self, Malformed> {
        let mut request = Self::default();
        read(&mut request, message)?;
        Ok(request)
    }
}

impl<'m> Fill<'m> for CheckRequest<'m> {
    fn field(&mut self, number: u32, value: Value<'m>) -> Result<(), Malformed> {
        match number {
            1 => read(self.attributes.get_or_insert_default(), value.bytes()?),
            _ => Ok(()),
        }
    }
}

impl<'m> Fill<'m> for Attributes<'m> {
    fn field(&mut self, number: u32, value: Value<'m>) -> Result<(), Malformed> {
        match number {
            1 => read(&mut self.source, value.bytes()?),
            4 => read(&mut Request(&mut self.http), value.bytes()?),
            10 => entry(&mut self.context_extensions, value),
            _ => Ok(()),
        }
    }
}

impl<'m> Fill<'m> for Entry<'m> {
    fn field(&mut self, number: u32, value: Value<'m>) -> Result<(), Malformed> {
        match number {
            1 => self.key = value.bytes()?,
            2 => self.value = value.bytes()?,
            _ => {}
        }
        Ok(())
    }
}

impl<'m> Fill<'m> for Peer<'m> {
    fn field(&mut self, number: u32, value: Value<'m>) -> Result<(), Malformed> {
        match number {
            1 => read(&mut Address(self), value.bytes()?),
            5 => {
                self.certificate = value.bytes()?;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// `envoy.config.core.v3.Address`.
struct Address<'p, 'm>(&'p mut Peer<'m>);

impl<'m> Fill<'m> for Address<'_, 'm> {
    fn field(&mut self, number: u32, value: Value<'m>) -> Result<(), Malformed> {
        match number {
            1 => read(&mut SocketAddress(self.0.socket.get_or_insert_default()), value.bytes()?),
            2 => {
                self.0.pipe = true;
                read(&mut Pipe, value.bytes()?)
            }
            _ => Ok(()),
        }
    }
}

/// `envoy.config.core.v3.SocketAddress`.
struct SocketAddress<'p, 'm>(&'p mut &'m [u8]);

impl<'m> Fill<'m> for SocketAddress<'_, 'm> {
    fn field(&mut self, number: u32, value: Value<'m>) -> Result<(), Malformed> {
        if number == 2 {
            *self.0 = value.bytes()?;
        }
        Ok(())
    }
}

/// `envoy.config.core.v3.Pipe`: that it is one is all that is kept.
struct Pipe;

impl<'m> Fill<'m> for Pipe {
    fn field(&mut self, number: u32, value: Value<'m>) -> Result<(), Malformed> {
        match number {
            1 => value.bytes().map(drop),
            _ => Ok(()),
        }
    }
}

/// `AttributeContext.Request`.
struct Request<'a, 'm>(&'a mut Option<HttpRequest<'m>>);

impl<'m> Fill<'m> for Request<'_, 'm> {
    fn field(&mut self, number: u32, value: Value<'m>) -> Result<(), Malformed> {
        match number {
            2 => read(self.0.get_or_insert_default(), value.bytes()?),
            _ => Ok(()),
        }
    }
}

impl<'m> Fill<'m> for HttpRequest<'m> {
    fn field(&mut self, number: u32, value: Value<'m>) -> Result<(), Malformed> {
        let place = match number {
            2 => &mut self.method,
            3 => return entry(&mut self.headers, value),
            4 => &mut self.path,
            5 => &mut self.host,
            6 => &mut self.scheme,
            9 => {
                self.size = value.signed()?;
                return Ok(());
            }
            10 => &mut self.protocol,
            11 => &mut self.body,
            12 => &mut self.raw_body,
            13 => {
                let headers = self.header_map.get_or_insert_default();
                return read(&mut HeaderMap(headers), value.bytes()?);
            }
            _ => return Ok(()),
        };
        *place = value.bytes()?;
        Ok(())
    }
}

/// `envoy.config.core.v3.HeaderMap`.
struct HeaderMap<'h, 'm>(&'h mut Vec<Entry<'m>>);

impl<'m> Fill<'m> for HeaderMap<'_, 'm> {
    fn field(&mut self, number: u32, value: Value<'m>) -> Result<(), Malformed> {
        if number != 1 {
            return Ok(());
        }
        let mut header = HeaderValue::default();
        read(&mut header, value.bytes()?)?;
        let HeaderValue { key, value, raw_value } = header;
        let value = if raw_value.is_empty() { value } else { raw_value };
        push(self.0, Entry { key, value });
        Ok(())
    }
}

/// `envoy.config.core.v3.HeaderValue`.
#[derive(Default)]
struct HeaderValue<'m> {
    key: &'m [u8],
    value: &'m [u8],
    raw_value: &'m [u8],
}

impl<'m> Fill<'m> for HeaderValue<'m> {
    fn field(&mut self, number: u32, value: Value<'m>) -> Result<(), Malformed> {
        match number {
            1 => self.key = value.bytes()?,
            2 => self.value = value.bytes()?,
            3 => self.raw_value = value.bytes()?,
            _ => {}
        }
        Ok(())
    }
}

fn push<'m>(entries: &mut Vec<Entry<'m>>, entry: Entry<'m>) {
    if entries.is_empty() {
        entries.reserve(USUAL);
    }
    entries.push(entry);
}

/// Entries of most maps that have any.
const USUAL: usize = 16;

/// Reads an entry of a map.
fn entry<'m>(entries: &mut Vec<Entry<'m>>, value: Value<'m>) -> Result<(), Malformed> {
    let mut entry = Entry::default();
    read(&mut entry, value.bytes()?)?;
    push(entries, entry);
    Ok(())
}
