//! IAM's policy simulator, answered for whoever may ask it.

use super::{
    Answer, Denial, Gate, Grounds, IamContent, Login, Question, Refusal, Simulated,
    body::Reading,
    context::RequestContext,
    decide::Progress,
    judge::{Wording, judge},
    vend::parameters_of,
};
use crate::{
    iam::{
        Action, Arn, Check, Resource, Role,
        simulate::{Documents, Member, Simulation},
    },
    services::{
        Fault,
        iam::{self, IamRequest, Operation},
    },
};

impl Gate<'_> {
    /// A question to IAM. Who asks needs to be allowed by the policies in force, as in AWS: what
    /// policies say is nobody else's to know.
    pub(super) async fn policies(
        &self,
        question: &Question,
        reading: &mut Reading<'_>,
        progress: &mut Progress,
    ) -> Result<Answer, Denial> {
        let body = parameters_of(question, reading, iam::MAX_BODY_BYTES).await?;
        let text = std::str::from_utf8(&body).unwrap_or_default();
        let request = IamRequest::parse(text)?;
        let source = request.source()?.map(source).transpose()?;
        let grounds = self.may_ask(request.operation(), source.as_ref(), question, progress)?;
        let role = source.map(|source| self.role_of(&source)).transpose()?;
        let role = role.as_deref();
        let name = request.operation().name();
        let content = match request.operation().simulates() {
            true => {
                let page = request.page()?;
                let mut simulation = request.simulation()?;
                self.complete(&mut simulation, role)?;
                IamContent::Simulated(Box::new(Simulated::new(name, simulation, page)?))
            }
            false => {
                let given = request.documents()?;
                let known = role.map(|role| std::slice::from_ref(&role.policies));
                let all = known.map(|known| Documents::known(Member::Identity, known).and(&given));
                let keys = all.as_ref().unwrap_or(&given).context_keys();
                let keys = keys.into_iter().map(str::to_owned).collect();
                IamContent::ContextKeys { operation: name, keys }
            }
        };
        Ok(Answer { grounds, content: content.into() })
    }

    fn may_ask(
        &self,
        operation: Operation,
        source: Option<&Arn>,
        question: &Question,
        progress: &mut Progress,
    ) -> Result<Grounds, Denial> {
        let Login::Credentials(presented) = &progress.login else {
            return Err(Denial::new(
                "missing_credentials",
                Refusal::MissingCredential,
                "Request is missing Authentication Token",
            ));
        };
        let resource = source.map_or(Resource::Any, |arn| Resource::Arn(arn.clone()));
        let check = Check::new(Action::fixed(operation.action()), resource);
        let presented = std::sync::Arc::clone(presented);
        progress.note_checks(std::iter::once(&check));
        let context = RequestContext::of(self.rules, question);
        let mut matched = Vec::new();
        let who = (&self.rules.account, &presented.assumed.session);
        let trail = &mut progress.trail;
        judge(who, &check, &context, trail, Wording::Plain, &mut matched)
            .map_err(|(denial, _)| denial)?;
        Ok(Grounds::Statements(matched))
    }

    fn complete(&self, simulation: &mut Simulation, role: Option<&Role>) -> Result<(), Fault> {
        if let Some(role) = role {
            simulation.add_role(role, self.rules.account_id.as_deref())?;
        }
        Ok(simulation.check()?)
    }

    /// The role whose policies are asked about. Users and groups are none of a configuration's.
    fn role_of(&self, source: &Arn) -> Result<std::sync::Arc<Role>, Fault> {
        self.role(source.as_str()).ok_or_else(|| {
            let (kind, name) = source.resource().split_once('/').unwrap_or_default();
            let name = name.rsplit('/').next().unwrap_or_default();
            Fault::new("NoSuchEntity", format!("The {kind} with name {name} cannot be found."))
        })
    }
}

/// `PolicySourceArn`: a user, a group or a role.
fn source(arn: &str) -> Result<Arn, Fault> {
    let kinds = ["role/", "user/", "group/"];
    let found = Arn::parse(arn).ok().filter(|arn| {
        arn.service() == "iam" && kinds.iter().any(|kind| arn.resource().starts_with(kind))
    });
    found.ok_or_else(|| {
        let message = "PolicySourceArn: write the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME.";
        Fault::new("InvalidInput", message)
    })
}
