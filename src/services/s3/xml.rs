//! S3's XML bodies, read strictly.
//!
//! What is judged must be what a backend reads. So nothing is read that two parsers may read in two
//! ways: no document type, no entities but XML's own five and numbers, no comments or CDATA, no
//! prefixes, no namespace but S3's, UTF-8 alone.

use quick_xml::{
    Reader,
    events::{BytesDecl, BytesRef, BytesStart, Event},
};

use super::S3Error;

/// An element: text or children.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    /// Reads a request's document, whose root is named `root`.
    ///
    /// # Errors
    /// [`S3Error::MalformedXml`].
    pub(super) fn read(document: &[u8], root: &str) -> Result<Self, S3Error> {
        named(document, root, Namespace::S3)
    }

    /// Reads a backend's document, which may have any namespace.
    ///
    /// # Errors
    /// [`S3Error::BackendAnswer`].
    pub(super) fn read_answer(document: &[u8], root: &str) -> Result<Self, S3Error> {
        named(document, root, Namespace::Any).map_err(|_malformed| S3Error::BackendAnswer)
    }

    /// The children, all of which must be among `known`.
    pub(super) fn children(&self, known: &[&str]) -> Result<&[Self], S3Error> {
        let unknown = self.children.iter().any(|child| !known.contains(&child.name.as_str()));
        if unknown || !is_blank(&self.text) {
            return Err(MALFORMED);
        }
        Ok(&self.children)
    }

    /// The child `name`, of which there may be one.
    pub(super) fn child(&self, name: &str) -> Result<Option<&Self>, S3Error> {
        let mut found = self.children.iter().filter(|child| child.name == name);
        match (found.next(), found.next()) {
            (child, None) => Ok(child),
            _ => Err(MALFORMED),
        }
    }

    /// The text of the child `name`, of which there may be one.
    pub(super) fn field(&self, name: &str) -> Result<Option<&str>, S3Error> {
        self.child(name)?.map(Self::text).transpose()
    }

    /// Its text; it must have no children.
    pub(super) fn text(&self) -> Result<&str, S3Error> {
        if self.children.is_empty() { Ok(&self.text) } else { Err(MALFORMED) }
    }

    /// Appends its children as XML. They are no deeper than [`MAX_DEPTH`].
    pub(super) fn write_children(&self, out: &mut String) {
        for child in &self.children {
            if child.children.is_empty() {
                write(out, &child.name, &child.text);
            } else {
                out.push_str(&format!("<{}>", child.name));
                child.write_children(out);
                out.push_str(&format!("</{}>", child.name));
            }
        }
    }
}

/// Appends `<name>text</name>`.
pub(super) fn write(out: &mut String, name: &str, text: &str) {
    out.push_str(&format!("<{name}>{}</{name}>", quick_xml::escape::escape(text)));
}

/// Whose namespace the root may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Namespace {
    S3,
    Any,
}

fn named(document: &[u8], root: &str, namespace: Namespace) -> Result<Element, S3Error> {
    let text = std::str::from_utf8(document).map_err(|_invalid| MALFORMED)?;
    let element = read(text.trim_start_matches('\u{feff}'), namespace)?;
    if element.name == root { Ok(element) } else { Err(MALFORMED) }
}

fn read(document: &str, namespace: Namespace) -> Result<Element, S3Error> {
    let mut reader = Reader::from_str(document);
    reader.config_mut().expand_empty_elements = true;
    // The elements that are open; the first stands for the document.
    let mut open = vec![Element::default()];
    let mut count = 0_usize;
    let mut first = true;
    loop {
        let event = reader.read_event().map_err(|_malformed| MALFORMED)?;
        let depth = open.len();
        match event {
            Event::Decl(decl) if first => check_declaration(&decl)?,
            Event::Start(start) => {
                count += 1;
                if count > MAX_ELEMENTS || depth > MAX_DEPTH {
                    return Err(MALFORMED);
                }
                open.push(Element {
                    name: opened(&start, (depth == 1).then_some(namespace))?,
                    ..Element::default()
                });
            }
            Event::End(_) => {
                let closed = open.pop().ok_or(MALFORMED)?;
                open.last_mut().ok_or(MALFORMED)?.children.push(closed);
            }
            Event::Text(text) => {
                let text = text.xml10_content().map_err(|_invalid| MALFORMED)?;
                push(&mut open, &text)?;
            }
            Event::GeneralRef(reference) => push(&mut open, &referred(&reference)?.to_string())?,
            Event::Eof => break,
            _ => return Err(MALFORMED),
        }
        first = false;
    }
    let document = open.pop().ok_or(MALFORMED)?;
    let mut roots = document.children.into_iter();
    match (roots.next(), roots.next()) {
        (Some(root), None) if open.is_empty() && is_blank(&document.text) => Ok(root),
        _ => Err(MALFORMED),
    }
}

fn push(open: &mut [Element], text: &str) -> Result<(), S3Error> {
    let allowed = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
    if !text.chars().all(allowed) {
        return Err(MALFORMED);
    }
    open.last_mut().ok_or(MALFORMED)?.text.push_str(text);
    Ok(())
}

/// The name of an element that opens. Only the root may have an attribute, its namespace.
fn opened(start: &BytesStart<'_>, root: Option<Namespace>) -> Result<String, S3Error> {
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_malformed| MALFORMED)?;
        let ours = NAMESPACES.iter().any(|known| attribute.value.as_ref() == known.as_bytes());
        match root {
            Some(Namespace::S3) if attribute.key.as_ref() == b"xmlns" && ours => {}
            Some(Namespace::Any) if attribute.key.as_ref().starts_with(b"xmlns") => {}
            _ => return Err(MALFORMED),
        }
    }
    let name = start.name();
    let name = std::str::from_utf8(name.as_ref()).map_err(|_invalid| MALFORMED)?;
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(MALFORMED);
    }
    Ok(name.to_owned())
}

fn check_declaration(declaration: &BytesDecl<'_>) -> Result<(), S3Error> {
    let version = declaration.version().map_err(|_malformed| MALFORMED)?;
    let encoding = declaration.encoding().transpose().map_err(|_malformed| MALFORMED)?;
    let utf8 = encoding.is_none_or(|name| name.eq_ignore_ascii_case(b"UTF-8"));
    if version.as_ref() == b"1.0" && utf8 { Ok(()) } else { Err(MALFORMED) }
}

fn referred(reference: &BytesRef<'_>) -> Result<char, S3Error> {
    if let Some(character) = reference.resolve_char_ref().map_err(|_invalid| MALFORMED)? {
        return Ok(character);
    }
    match reference.decode().map_err(|_invalid| MALFORMED)?.as_ref() {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        _ => Err(MALFORMED),
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
}

const MALFORMED: S3Error = S3Error::MalformedXml;

/// S3's namespace; some clients leave out the last slash.
const NAMESPACES: [&str; 2] =
    ["http://s3.amazonaws.com/doc/2006-03-01/", "http://s3.amazonaws.com/doc/2006-03-01"];

/// The deepest nesting of the bodies that are read is five.
const MAX_DEPTH: usize = 8;

/// A thousand objects with all their members, and some more.
const MAX_ELEMENTS: usize = 8192;

#[cfg(test)]
mod tests;
