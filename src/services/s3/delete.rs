//! DeleteObjects: judged key by key.

use ::http::{HeaderValue, header};
use bytes::Bytes;

use super::{
    S3Error,
    address::Key,
    checksum,
    source::check_version,
    xml::{Element, write},
};
use crate::{
    iam::Check,
    services::{Body, Forward},
};

/// What DeleteObjects would delete.
#[derive(Debug)]
pub struct Delete {
    /// The objects, in the request's order.
    pub objects: Vec<Object>,
    /// Whether the answer tells of errors only.
    pub quiet: bool,
}

/// One object to delete.
#[derive(Debug, Default)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// The version, if one is named.
    pub version_id: Option<String>,
    /// Delete it only if it has this ETag.
    pub etag: Option<String>,
    /// Delete it only if it was last modified then.
    pub last_modified_time: Option<String>,
    /// Delete it only if it is of this size, in bytes.
    pub size: Option<String>,
    /// What must be allowed to delete it.
    pub checks: Vec<Check>,
}

/// An object that may not be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its key.
    pub key: String,
    /// The version, if one was named.
    pub version_id: Option<String>,
    /// Why, in AWS's words.
    pub message: String,
}

/// How a backend's answer to the rest becomes the answer to the whole request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The objects that were refused.
    pub refused: Vec<Refused>,
}

impl Delete {
    /// Reads the body.
    pub(super) fn read(body: &[u8]) -> Result<Self, S3Error> {
        let delete = Element::read(body, "Delete")?;
        let quiet = match delete.field("Quiet")?.map(str::trim) {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(S3Error::MalformedXml),
        };
        let members = delete.children(&["Object", "Quiet"])?.iter();
        let objects = members
            .filter(|member| member.name == "Object")
            .map(Object::read)
            .collect::<Result<Vec<_>, _>>()?;
        if objects.is_empty() || objects.len() > MAX_OBJECTS {
            return Err(S3Error::MalformedXml);
        }
        Ok(Self { objects, quiet })
    }

    /// The request's body with the objects that are left.
    pub fn body(&self) -> Bytes {
        let mut xml = format!("{DECLARATION}<Delete xmlns=\"{NAMESPACE}\">");
        for object in &self.objects {
            xml.push_str("<Object>");
            write(&mut xml, "Key", &object.key);
            for (name, value) in object.optional() {
                if let Some(value) = value {
                    write(&mut xml, name, value);
                }
            }
            xml.push_str("</Object>");
        }
        if self.quiet {
            xml.push_str("<Quiet>true</Quiet>");
        }
        xml.push_str("</Delete>");
        xml.into()
    }

    /// Makes `forward` the request for the objects that are left: its body, and the one checksum
    /// of it. To be called again when objects were taken out.
    pub fn write_to(&self, forward: &mut Forward) {
        let body = self.body();
        let headers = &mut forward.headers;
        checksum::remove(headers);
        // What was said of the caller's body isn't said of this one, and the answer has to be read.
        headers.remove(header::CONTENT_ENCODING);
        headers.remove(header::ACCEPT_ENCODING);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        // Base64 is always a header's value.
        if let Ok(md5) = HeaderValue::try_from(checksum::content_md5(&body)) {
            headers.insert("content-md5", md5);
        }
        forward.body = Body::whole(body);
    }
}

impl Object {
    /// A key that breaks the rules is no object's; S3's schema has no place for it.
    fn read(element: &Element) -> Result<Self, S3Error> {
        element.children(&["Key", "VersionId", "ETag", "LastModifiedTime", "Size"])?;
        let key = element.field("Key")?.ok_or(S3Error::MalformedXml)?;
        Key::new(key)?;
        let owned = |name| -> Result<_, S3Error> { Ok(element.field(name)?.map(str::to_owned)) };
        Ok(Self {
            key: key.to_owned(),
            version_id: element.field("VersionId")?.map(check_version).transpose()?,
            etag: owned("ETag")?,
            last_modified_time: owned("LastModifiedTime")?,
            size: owned("Size")?,
            checks: Vec::new(),
        })
    }

    fn optional(&self) -> [(&'static str, Option<&String>); 4] {
        [
            ("VersionId", self.version_id.as_ref()),
            ("ETag", self.etag.as_ref()),
            ("LastModifiedTime", self.last_modified_time.as_ref()),
            ("Size", self.size.as_ref()),
        ]
    }
}

impl Merge {
    /// The answer to the whole request: `backend`'s (none if nothing was left to ask it) with an
    /// error for each object that was refused.
    ///
    /// # Errors
    /// If the backend's answer isn't S3's.
    pub fn answer(&self, backend: Option<&[u8]>) -> Result<Bytes, S3Error> {
        let mut xml = format!("{DECLARATION}<DeleteResult xmlns=\"{NAMESPACE}\">");
        if let Some(backend) = backend {
            Element::read_answer(backend, "DeleteResult")?.write_children(&mut xml);
        }
        for refused in &self.refused {
            xml.push_str("<Error>");
            write(&mut xml, "Key", &refused.key);
            if let Some(version) = &refused.version_id {
                write(&mut xml, "VersionId", version);
            }
            write(&mut xml, "Code", "AccessDenied");
            write(&mut xml, "Message", &refused.message);
            xml.push_str("</Error>");
        }
        xml.push_str("</DeleteResult>");
        Ok(xml.into())
    }
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// The most objects of one request.
const MAX_OBJECTS: usize = 1000;

#[cfg(test)]
mod tests;
