//! Services that are answered here: identity pools and security tokens.

use ::http::Method;

use super::{
    Answer, BuiltIn, Content, Denial, Gate, Grounds, Question, Refusal, body::Reading,
    decide::Progress,
};
use crate::sigv4::{SigV4Error, Signed};

impl Gate<'_> {
    /// Answers a question that one of the built-in services is asked.
    pub(super) async fn answer(
        &self,
        service: BuiltIn,
        question: &Question,
        signed: Result<Option<Signed<'_>>, SigV4Error>,
        _reading: &mut Reading<'_>,
        _progress: &mut Progress,
    ) -> Result<Answer, Denial> {
        if question.method == Method::OPTIONS {
            return Ok(Answer { grounds: Grounds::Preflight, content: Content::Preflight });
        }
        signed?;
        let detail = format!("this operation of {} is not served", service.name());
        Err(Denial::new("operation_not_served", Refusal::NotFound, detail))
    }
}
