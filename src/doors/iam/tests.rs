use http_body_util::BodyExt;

use super::*;
use crate::gate::Refusal;
use crate::iam::simulate::{
    EvalDecision, EvalDecisionDetails, OrganizationsDecisionDetail,
    PermissionsBoundaryDecisionDetail,
};

async fn parts(response: Response<AnswerBody>) -> (u16, String) {
    let (parts, body) = response.into_parts();
    assert_eq!(parts.headers["content-type"], "text/xml");
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn context_keys_are_written_as_the_sdks_read_them() {
    let keys = vec!["aws:SourceIp".to_owned(), "a<b&\u{1}".to_owned()];
    let content = IamContent::ContextKeys { operation: "GetContextKeysForCustomPolicy", keys };
    let id = DecisionId::fresh();
    let (status, body) = parts(answered(&content, &id)).await;
    assert_eq!(status, 200);
    assert_eq!(
        body,
        format!(
            "<GetContextKeysForCustomPolicyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\
             <GetContextKeysForCustomPolicyResult><ContextKeyNames><member>aws:SourceIp</member>\
             <member>a&lt;b&amp;?</member></ContextKeyNames></GetContextKeysForCustomPolicyResult>\
             <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>\
             </GetContextKeysForCustomPolicyResponse>"
        )
    );
}

#[test]
fn a_result_is_written_whole() {
    let position = |line, column| Some(Position { line, column });
    let matched = MatchedStatement {
        source_policy_id: "PolicyInputList.1",
        source_policy_type: "IAM Policy",
        start_position: position(1, 2),
        end_position: position(3, 4),
    };
    let (denied, allowed) = (EvalDecision::ImplicitDeny, EvalDecision::Allowed);
    let mut result = EvaluationResult {
        eval_action_name: "s3:GetObject",
        eval_resource_name: "arn:aws:s3:::b/<k>",
        eval_decision: EvalDecision::ExplicitDeny,
        matched_statements: vec![matched],
        missing_context_values: vec!["aws:username".to_owned()],
        organizations_decision_detail: Some(OrganizationsDecisionDetail {
            allowed_by_organizations: true,
        }),
        permissions_boundary_decision_detail: Some(PermissionsBoundaryDecisionDetail {
            allowed_by_permissions_boundary: false,
        }),
        eval_decision_details: Some(EvalDecisionDetails { identity: denied, resource: allowed }),
    };
    let mut xml = String::new();
    whole(&mut xml, &result);
    let details = "<MatchedStatements><member><SourcePolicyId>PolicyInputList.1</SourcePolicyId>\
        <SourcePolicyType>IAM Policy</SourcePolicyType>\
        <StartPosition><Line>1</Line><Column>2</Column></StartPosition>\
        <EndPosition><Line>3</Line><Column>4</Column></EndPosition></member></MatchedStatements>\
        <MissingContextValues><member>aws:username</member></MissingContextValues>\
        <PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>false\
        </AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>\
        <EvalDecisionDetails><entry><key>IAM Policy</key><value>implicitDeny</value></entry>\
        <entry><key>Resource Policy</key><value>allowed</value></entry></EvalDecisionDetails>";
    let head = "<EvalActionName>s3:GetObject</EvalActionName>\
        <EvalResourceName>arn:aws:s3:::b/&lt;k&gt;</EvalResourceName>\
        <EvalDecision>explicitDeny</EvalDecision>";
    let organization = "<OrganizationsDecisionDetail><AllowedByOrganizations>true\
        </AllowedByOrganizations></OrganizationsDecisionDetail>";
    let specific = "<ResourceSpecificResults><member>\
        <EvalResourceName>arn:aws:s3:::b/&lt;k&gt;</EvalResourceName>\
        <EvalResourceDecision>explicitDeny</EvalResourceDecision>";
    let end = "</member></ResourceSpecificResults>";
    assert_eq!(xml, format!("{head}{details}{organization}{specific}{details}{end}"));
    result.eval_resource_name = "*";
    result.organizations_decision_detail = None;
    result.matched_statements[0].start_position = None;
    let mut xml = String::new();
    whole(&mut xml, &result);
    for gone in ["ResourceSpecificResults", "OrganizationsDecisionDetail", "StartPosition"] {
        assert!(!xml.contains(gone), "{gone}: {xml}");
    }
}

#[tokio::test]
async fn errors_have_the_statuses_of_the_model() {
    let id = DecisionId::fresh();
    for (refusal, status, code) in [
        (Refusal::Fault("InvalidInput"), 400, "InvalidInput"),
        (Refusal::Fault("NoSuchEntity"), 404, "NoSuchEntity"),
        (Refusal::Fault("InvalidAction"), 400, "InvalidAction"),
        (Refusal::AccessDenied, 403, "AccessDenied"),
        (Refusal::MissingCredential, 403, "MissingAuthenticationToken"),
    ] {
        let denial = Denial {
            reason: "test",
            refusal,
            detail: "a<b".to_owned(),
            challenge: crate::gate::Challenge::Bearer,
            found: Box::default(),
        };
        let (found, body) = parts(denied(&denial, &id)).await;
        let error = format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{code}</Code>\
             <Message>a&lt;b</Message></Error><RequestId>{id}</RequestId></ErrorResponse>"
        );
        assert_eq!((found, body), (status, error));
    }
}
