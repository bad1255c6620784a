//! HTML forms that put an object into a bucket: read as far as the file, and signed in their fields.

use ::http::{Method, header};

use super::{
    Denial, Question, Route, Rules,
    authenticate::{Authenticated, refuse_second},
    body::Reading,
    decide::Progress,
    signature::prove_form,
};
use crate::{
    http::{Boundary, Fields, Read, RequestError},
    services::{
        Body, Proof,
        s3::{MAX_FIELDS, PostForm, S3Error},
    },
    sigv4::{BodyError, FormFile, Payload, SignedForm},
};

/// A form that puts an object, read as far as its file.
pub(super) struct Posted {
    /// What its fields say.
    pub(super) form: PostForm,
    boundary: Boundary,
    /// Bytes of the form before the file, and in all.
    before: usize,
    total: u64,
}

/// The file of a form.
pub(super) struct PostedFile {
    pub(super) body: Body,
    /// How many bytes it has.
    pub(super) length: u64,
}

/// What tells the parts of a form apart, if the request is one. A form is posted without a query.
pub(super) fn boundary(question: &Question) -> Option<Boundary> {
    let kind = question.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok())?;
    let posted = question.method == Method::POST && question.target.query().is_none();
    posted.then(|| Boundary::of(kind)).flatten()
}

impl Posted {
    /// Reads the fields before the file.
    pub(super) async fn read(
        boundary: Boundary,
        question: &Question,
        bucket: Option<&str>,
        reading: &mut Reading<'_>,
    ) -> Result<Self, Denial> {
        let total = reading.declared().ok_or(S3Error::MissingContentLength)?;
        let (mut fields, mut found) = (Fields::new(boundary.clone()), Ok(Read::More));
        let mut enough = |begun: &[u8]| {
            found = fields.read(begun);
            !matches!(found, Ok(Read::More)) || begun.len() > MAX_FIELDS
        };
        let begun = reading.begin(&mut enough).await?.len();
        let malformed = |why| Err(S3Error::from(BodyError::Form(why)).into());
        let before = match found.map_err(|error| S3Error::from(BodyError::from(error)))? {
            Read::File(at) if at <= MAX_FIELDS => at,
            Read::End => return malformed("it has no file"),
            Read::More if begun <= MAX_FIELDS => return malformed("it ends early"),
            Read::File(_) | Read::More => return Err(S3Error::FieldsTooLong.into()),
        };
        let form = PostForm::of(fields.into_fields(), question.target.path(), bucket)?;
        Ok(Self { form, boundary, before, total })
    }

    /// Whose form it is, if it is signed. A credential in the head is a second one; `other` says that there
    /// is a signature.
    pub(super) fn authenticate(
        &self,
        (rules, route): (&Rules, &Route),
        question: &Question,
        other: bool,
        progress: &mut Progress,
    ) -> Result<Option<Authenticated>, Denial> {
        // Of a body that is a form, only the file is proven.
        if matches!(Payload::of(&question.headers, None)?, Payload::Sha256(_) | Payload::Chunked(_))
        {
            return Err(UNPROVEN.into());
        }
        let Some(signed) = SignedForm::parse(|name| self.form.field(name))? else {
            // A signature in the head says nothing of the fields.
            return if other { Err(UNPROVEN.into()) } else { Ok(None) };
        };
        if other {
            return Err(RequestError::SeveralCredentials.into());
        }
        refuse_second(route, question)?;
        let proven = prove_form(rules, &signed, question.now, &mut progress.trail)?;
        Ok(Some(proven.into()))
    }

    /// The file, as the policy of the form allows it, if it has one. That of a small form is read, which
    /// may have other fields behind it; that of a larger one is streamed, and its length follows from the
    /// form's.
    pub(super) async fn file(
        &self,
        question: &Question,
        reading: &mut Reading<'_>,
    ) -> Result<PostedFile, Denial> {
        let (boundary, before) = (self.boundary.clone(), self.before as u64);
        let file = match self.total <= SMALL as u64 {
            true => {
                let proof = Proof::file(FormFile::new(boundary, before, None));
                let bytes = reading.proven(SMALL, &proof).await?;
                PostedFile { length: bytes.len() as u64, body: Body::whole(bytes) }
            }
            false => {
                let length = self.total.saturating_sub(before + boundary.closing() as u64);
                let proof = Proof::file(FormFile::new(boundary, before, Some(length)));
                PostedFile { length, body: Body::Streamed(proof) }
            }
        };
        if self.form.field("policy").is_some() {
            self.form.check_policy(question.now, file.length)?;
        }
        Ok(file)
    }
}

const UNPROVEN: S3Error =
    S3Error::InvalidArgument("A form is signed in its fields; its head signs and hashes nothing.");
/// Bytes of a form that is read whole.
const SMALL: usize = 1 << 20;
