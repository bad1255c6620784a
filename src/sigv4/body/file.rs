//! The file in a form.

use bytes::Bytes;

use super::BodyError;
use crate::http::{Boundary, FileEnd, MultipartError};

/// Where the file in a form is.
#[derive(Clone, Debug)]
pub struct FormFile {
    boundary: Boundary,
    /// Bytes before it.
    at: u64,
    /// Bytes it has, where that has to be known beforehand.
    length: Option<u64>,
}

impl FormFile {
    /// The file that begins `at` so many bytes of a form with this boundary. With a `length`, it has to
    /// have that.
    pub fn new(boundary: Boundary, at: u64, length: Option<u64>) -> Self {
        Self { boundary, at, length }
    }

    pub(super) fn length(&self) -> Option<u64> {
        self.length
    }

    pub(super) fn reader(&self) -> Reader {
        Reader { before: self.at, end: FileEnd::new(self.boundary.clone()), left: self.length }
    }
}

/// Takes a file out of its form.
#[derive(Debug)]
pub(super) struct Reader {
    /// Bytes that are still to come before it.
    before: u64,
    end: FileEnd,
    /// Bytes of it that are to come, where that is known.
    left: Option<u64>,
}

impl Reader {
    /// The next piece of the file, if `input` has one; all of `input` is taken otherwise.
    pub(super) fn read(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, BodyError> {
        let before = usize::try_from(self.before).unwrap_or(usize::MAX).min(input.len());
        drop(input.split_to(before));
        self.before -= before as u64;
        let Some(piece) = self.end.read(input)? else { return Ok(None) };
        if let Some(left) = self.left {
            self.left = Some(left.checked_sub(piece.len() as u64).ok_or(NOT_LAST)?);
        }
        Ok(Some(piece))
    }

    /// Whether all of it has come.
    pub(super) fn finish(&self) -> Result<(), BodyError> {
        self.end.finish()?;
        if self.left.is_some_and(|left| left > 0) { Err(NOT_LAST) } else { Ok(()) }
    }
}

impl From<MultipartError> for BodyError {
    fn from(error: MultipartError) -> Self {
        Self::Form(error.0)
    }
}

/// The file's length was worked out from the form's.
const NOT_LAST: BodyError = BodyError::Form(
    "in a form of more than 1 MiB the file must be the last field, and the form end in its boundary and CR LF",
);
