"""IAM's policy simulator at the demo's gate, with boto3 and the aws command line."""

import json
import re
import subprocess
import urllib.parse
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from gate import ACCOUNT, REGION, TOOLS, call
from people import client, environment

AWS = TOOLS / "venv" / "bin" / "aws"
OTHER = "999999999999"


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statement(effect, action, resource="*", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def role(name):
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


ALL = document(statement("Allow", "*"))
READ = document(statement("Allow", "s3:GetObject", "arn:aws:s3:::demo/*"))
KEY = "arn:aws:s3:::demo/a.txt"


def iam(people, who):
    return client(people.gate, "iam", people.credentials(who))


@pytest.fixture(scope="module")
def carol(people):
    return iam(people, "carol")


def decisions(answer):
    return [result["EvalDecision"] for result in answer["EvaluationResults"]]


def refusal(ask, **parameters):
    with pytest.raises(ClientError) as refused:
        ask(**parameters)
    answer = refused.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_custom_policies(carol):
    deny = statement("Deny", "s3:*", "arn:aws:s3:::demo/secret/*")
    answer = carol.simulate_custom_policy(
        PolicyInputList=[READ, document(statement("Allow", "s3:ListAllMyBuckets"), deny)],
        ActionNames=["s3:GetObject", "s3:PutObject"],
        ResourceArns=[KEY, "arn:aws:s3:::demo/secret/b.txt"],
    )
    assert answer["IsTruncated"] is False and "Marker" not in answer
    found = [(r["EvalActionName"], r["EvalResourceName"], r["EvalDecision"]) for r in answer["EvaluationResults"]]
    secret = "arn:aws:s3:::demo/secret/b.txt"
    assert found == [
        ("s3:GetObject", KEY, "allowed"),
        ("s3:GetObject", secret, "explicitDeny"),
        ("s3:PutObject", KEY, "implicitDeny"),
        ("s3:PutObject", secret, "explicitDeny"),
    ]
    allowed, denied = answer["EvaluationResults"][:2]
    assert [m["SourcePolicyId"] for m in allowed["MatchedStatements"]] == ["PolicyInputList.1"]
    (matched,) = denied["MatchedStatements"]
    assert (matched["SourcePolicyId"], matched["SourcePolicyType"]) == ("PolicyInputList.2", "IAM Policy")
    assert matched["StartPosition"]["Line"] == 1 and matched["StartPosition"] != matched["EndPosition"]
    (specific,) = denied["ResourceSpecificResults"]
    assert (specific["EvalResourceName"], specific["EvalResourceDecision"]) == (secret, "explicitDeny")


def test_context_keys(carol):
    policy = document(
        statement("Allow", "s3:*", "arn:aws:s3:::demo/${aws:username}/*"),
        statement("Allow", "sqs:*", Condition={"ForAnyValue:StringEquals": {"aws:TagKeys": "a"}}),
    )
    asked = dict(PolicyInputList=[policy], ActionNames=["s3:GetObject"], ResourceArns=["arn:aws:s3:::demo/eve/x"])
    (result,) = carol.simulate_custom_policy(**asked)["EvaluationResults"]
    assert result["EvalDecision"] == "implicitDeny" and result["MissingContextValues"] == ["aws:username"]
    entry = {"ContextKeyName": "aws:username", "ContextKeyValues": ["eve"], "ContextKeyType": "string"}
    (result,) = carol.simulate_custom_policy(**asked, ContextEntries=[entry])["EvaluationResults"]
    assert result["EvalDecision"] == "allowed" and result["MissingContextValues"] == []
    entry = {"ContextKeyName": "aws:TagKeys", "ContextKeyValues": ["b", "a"], "ContextKeyType": "stringList"}
    asked |= {"ActionNames": ["sqs:SendMessage"]}
    assert decisions(carol.simulate_custom_policy(**asked, ContextEntries=[entry])) == ["allowed"]
    keys = carol.get_context_keys_for_custom_policy(PolicyInputList=[policy])["ContextKeyNames"]
    assert keys == ["aws:username", "aws:TagKeys"]


def test_another_account(carol):
    caller = f"arn:aws:iam::{ACCOUNT}:user/eve"
    bucket = json.loads(READ)
    bucket["Statement"][0]["Principal"] = {"AWS": caller}
    asked = dict(ActionNames=["s3:GetObject"], ResourceArns=[KEY], CallerArn=caller, ResourcePolicy=json.dumps(bucket))
    foreign = asked | {"ResourceOwner": f"arn:aws:iam::{OTHER}:root"}
    nothing = document(statement("Allow", "sqs:*"))
    assert decisions(carol.simulate_custom_policy(PolicyInputList=[nothing], **asked)) == ["allowed"]
    (denied,) = carol.simulate_custom_policy(PolicyInputList=[nothing], **foreign)["EvaluationResults"]
    assert denied["EvalDecision"] == "implicitDeny"
    assert denied["EvalDecisionDetails"] == {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"}
    assert decisions(carol.simulate_custom_policy(PolicyInputList=[READ], **foreign)) == ["allowed"]


def test_boundary_and_organization(carol):
    asked = dict(PolicyInputList=[ALL], ActionNames=["s3:GetObject", "sqs:SendMessage"])
    answer = carol.simulate_custom_policy(
        **asked, PermissionsBoundaryPolicyInputList=[document(statement("Allow", "s3:*"))]
    )
    assert decisions(answer) == ["allowed", "implicitDeny"]
    told = [r["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"] for r in answer["EvaluationResults"]]
    assert told == [True, False]
    levels = [
        {"ServiceControlPolicyInputList": [ALL]},
        {"ServiceControlPolicyInputList": [document(statement("Allow", "sqs:*"))]},
    ]
    answer = carol.simulate_custom_policy(**asked, OrderedOrganizationPolicyInputList=levels)
    assert decisions(answer) == ["implicitDeny", "allowed"]
    told = [r["OrganizationsDecisionDetail"]["AllowedByOrganizations"] for r in answer["EvaluationResults"]]
    assert told == [False, True]
    levels.append({"ServiceControlPolicyInputList": []})
    answer = carol.simulate_custom_policy(**asked, OrderedOrganizationPolicyInputList=levels)
    assert decisions(answer) == ["implicitDeny", "implicitDeny"]


def test_roles_of_the_configuration(carol):
    asked = dict(ActionNames=["s3:GetObject", "s3:PutObject"], ResourceArns=[KEY])
    reader = carol.simulate_principal_policy(PolicySourceArn=role("Reader"), **asked)
    assert decisions(reader) == ["allowed", "implicitDeny"]
    more = document(statement("Allow", "s3:PutObject"))
    reader = carol.simulate_principal_policy(PolicySourceArn=role("Reader"), PolicyInputList=[more], **asked)
    assert decisions(reader) == ["allowed", "allowed"]
    matched = [m["SourcePolicyId"] for m in reader["EvaluationResults"][1]["MatchedStatements"]]
    assert matched == ["PolicyInputList.1"]
    admin = carol.simulate_principal_policy(
        PolicySourceArn=role("Admin"), ActionNames=["s3:GetObject"], ResourceArns=["arn:aws:s3:::demo/secret/x"]
    )
    assert decisions(admin) == ["explicitDeny"]
    (matched,) = admin["EvaluationResults"][0]["MatchedStatements"]
    assert matched["SourcePolicyId"] == "DenySecret" and "StartPosition" not in matched
    keys = carol.get_context_keys_for_principal_policy(PolicySourceArn=role("Writer"))["ContextKeyNames"]
    assert "cognito-identity.amazonaws.com:sub" in keys
    assert refusal(carol.simulate_principal_policy, PolicySourceArn=role("Nobody"), **asked) == (
        "NoSuchEntity",
        "The role with name Nobody cannot be found.",
        404,
    )
    user = f"arn:aws:iam::{ACCOUNT}:user/eve"
    assert refusal(carol.simulate_principal_policy, PolicySourceArn=user, **asked)[0] == "NoSuchEntity"
    bucket = "arn:aws:s3:::demo-bucket-policy"
    assert refusal(carol.simulate_principal_policy, PolicySourceArn=bucket, **asked)[0] == "InvalidInput"


def test_pages(carol):
    asked = dict(
        PolicyInputList=[READ],
        ActionNames=["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
        ResourceArns=[f"arn:aws:s3:::demo/{n}" for n in range(67)],
    )
    first = carol.simulate_custom_policy(**asked)
    assert len(first["EvaluationResults"]) <= 100 and first["IsTruncated"] is True and first["Marker"]
    pages = carol.get_paginator("simulate_custom_policy").paginate(**asked, PaginationConfig={"PageSize": 50})
    results = [result for page in pages for result in page["EvaluationResults"]]
    names = [(r["EvalActionName"], r["EvalResourceName"]) for r in results]
    assert names == [(action, resource) for action in asked["ActionNames"] for resource in asked["ResourceArns"]]
    assert [r["EvalDecision"] for r in results] == ["allowed"] * 67 + ["implicitDeny"] * 134
    for marker in ("201", "x", "-1"):
        assert refusal(carol.simulate_custom_policy, **asked, Marker=marker)[0] == "InvalidInput"
    unchecked = client_without_validation(carol)
    for most in (0, 1001):
        assert refusal(unchecked.simulate_custom_policy, **asked, MaxItems=most)[0] == "ValidationError"


def client_without_validation(known):
    """The same client, which leaves it to the gate to refuse."""
    import boto3
    from botocore.config import Config

    found = known._request_signer._credentials.get_frozen_credentials()
    return boto3.client(
        "iam",
        endpoint_url=known.meta.endpoint_url,
        region_name=REGION,
        aws_access_key_id=found.access_key,
        aws_secret_access_key=found.secret_key,
        aws_session_token=found.token,
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
    )


@pytest.mark.parametrize("who", ["alice", "bob", "dave", "guest"])
def test_who_is_not_allowed_is_told_nothing(people, who):
    ask = iam(people, who)
    code, message, status = refusal(ask.simulate_custom_policy, PolicyInputList=["nonsense"], ActionNames=["a:b"])
    assert (code, status) == ("AccessDenied", 403)
    assert "is not authorized to perform: iam:SimulateCustomPolicy on resource: *" in message
    for name in ("Reader", "Nobody"):
        code, message, _ = refusal(ask.simulate_principal_policy, PolicySourceArn=role(name), ActionNames=["a:b"])
        assert code == "AccessDenied"
        assert f"iam:SimulatePrincipalPolicy on resource: {role(name)} " in message
    assert refusal(ask.get_context_keys_for_principal_policy, PolicySourceArn=role("Admin"))[0] == "AccessDenied"


def test_nobody_and_other_operations(people, carol):
    anonymous = client(people.gate, "iam")
    code, _, status = refusal(anonymous.simulate_custom_policy, PolicyInputList=[ALL], ActionNames=["a:b"])
    assert (code, status) == ("MissingAuthenticationToken", 403)
    code, message, status = refusal(carol.list_roles)
    assert (code, status) == ("InvalidAction", 400) and "SimulateCustomPolicy" in message


@pytest.mark.parametrize(
    "wrong",
    [
        {"PolicyInputList": ["nonsense"]},
        {"PolicyInputList": [document(statement("Maybe", "*"))]},
        {"ActionNames": ["s3:*"]},
        {"ActionNames": ["GetObject"]},
        {"ResourceArns": ["demo"]},
        {"ResourcePolicy": READ, "CallerArn": role("Reader")},
        {"ResourcePolicy": document(statement("Allow", "*", Principal="*"))},
        {"CallerArn": f"arn:aws:iam::{ACCOUNT}:group/g"},
        {"ResourceOwner": "somebody"},
        {"PermissionsBoundaryPolicyInputList": [ALL, ALL]},
        {"ResourceHandlingOption": "EC2-VPC-InstanceStore"},
        {"ContextEntries": [{"ContextKeyName": "aws:username", "ContextKeyValues": ["a", "b"], "ContextKeyType": "string"}]},
    ],
)
def test_what_is_wrong_is_said(carol, wrong):
    asked = {"PolicyInputList": [ALL], "ActionNames": ["s3:GetObject"], "ResourceArns": [KEY]} | wrong
    code, message, status = refusal(carol.simulate_custom_policy, **asked)
    assert (code, status) == ("InvalidInput", 400)
    assert message.startswith((*wrong, "CallerArn", f"The parameter {[*wrong][0]}"))


def test_every_answer_has_a_decision(people):
    form = urllib.parse.urlencode({"Action": "SimulateCustomPolicy", "Version": "2010-05-08"}).encode()
    fields = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = call(people.gate.proxy, "POST", "/", fields, form)
    assert answer.status == 403 and answer.header("x-poolgate-decision-id")
    assert b"<Code>MissingAuthenticationToken</Code>" in answer.body
    assert b"https://iam.amazonaws.com/doc/2010-05-08/" in answer.body


def test_the_command_line(people):
    def aws(who, *arguments):
        return subprocess.run(
            [AWS, "iam", *arguments, "--endpoint-url", people.gate.url],
            env=environment(people.gate, people.credentials(who))
            | {"HOME": str(TOOLS / "home"), "PATH": "/usr/bin:/bin", "AWS_MAX_ATTEMPTS": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            text=True,
        )

    custom = ("simulate-custom-policy", "--policy-input-list", READ, "--action-names", "s3:GetObject")
    done = aws("carol", *custom, "--resource-arns", KEY)
    assert done.returncode == 0, done.stderr
    assert decisions(json.loads(done.stdout)) == ["allowed"]
    source = ("simulate-principal-policy", "--policy-source-arn", role("Guest"), "--action-names", "s3:GetObject")
    done = aws("carol", *source, "--resource-arns", "arn:aws:s3:::demo/public/x", KEY)
    assert done.returncode == 0, done.stderr
    assert decisions(json.loads(done.stdout)) == ["allowed", "implicitDeny"]
    done = aws("alice", *custom)
    assert done.returncode != 0 and "(AccessDenied)" in done.stderr


def test_the_documented_commands(people, tmp_path):
    page = (Path(__file__).resolve().parents[2] / "docs" / "simulate.md").read_text()
    (script,) = [block for block in re.findall(r"```sh\n(.*?)```", page, re.S) if "aws iam" in block]
    # Over lines, as people keep policies.
    (tmp_path / "policy.json").write_text(json.dumps(json.loads(READ), indent=2) + "\n")
    done = subprocess.run(
        ["bash", "-euc", script.replace("http://127.0.0.1:8080", people.gate.url)],
        env=environment(people.gate, people.credentials("carol"))
        | {"HOME": str(TOOLS / "home"), "PATH": f"{AWS.parent}:/usr/bin:/bin", "AWS_MAX_ATTEMPTS": "1"},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    read = json.JSONDecoder().raw_decode
    custom, end = read(done.stdout)
    principal, _ = read(done.stdout[end:].lstrip())
    assert (decisions(custom), decisions(principal)) == (["allowed"], ["implicitDeny"])
