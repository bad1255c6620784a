"""Every policy that AWS manages is understood: those that moto ships, about 1,400, however their JSON is written."""

import json
import subprocess

import pytest

from gate import BINARY

PAGE = """
listen: {{ proxy: {{ address: "127.0.0.1:0" }} }}
aws: {{ region: eu-west-1, account: "123456789012" }}
user_pools: [ {{ id: eu-west-1_Ab12Cd34E, clients: [c], jwks: "file:{jwks}" }} ]
policies: policies
routes: []
"""


def managed():
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    policies = json.loads(aws_managed_policies_data)
    assert len(policies) > 1000
    return policies


def listed(value):
    return value if isinstance(value, list) else [value]


def turned(document):
    """The same document written otherwise: scalars as lists, lists of one as scalars, members backwards."""

    def value(found):
        if isinstance(found, list):
            return found[0] if len(found) == 1 else found
        return [found]

    def statement(found):
        found = {name: value(part) if name in ("Action", "NotAction", "Resource", "NotResource") else part
                 for name, part in reversed(found.items())}
        if "Condition" in found:
            found["Condition"] = {
                operator: {key: value(part) for key, part in reversed(keys.items())}
                for operator, keys in reversed(found["Condition"].items())
            }
        return found

    document = {name: part for name, part in reversed(document.items())}
    statements = [statement(found) for found in listed(document["Statement"])]
    document["Statement"] = statements[0] if len(statements) == 1 else statements
    return document


@pytest.mark.parametrize("written", [lambda document: document, turned], ids=["as AWS writes them", "turned"])
def test_every_managed_policy_is_understood(tmp_path, written):
    folder = tmp_path / "policies" / "managed"
    folder.mkdir(parents=True)
    policies = managed()
    for name, policy in policies.items():
        arn = f"arn:aws:iam::aws:policy{policy.get('Path', '/')}{name}"
        version = {"VersionId": "v1", "IsDefaultVersion": True, "Document": written(policy["Document"])}
        detail = {"PolicyName": name, "Arn": arn, "PolicyVersionList": [version]}
        (folder / f"{name}.json").write_text(json.dumps(detail))
    # One that isn't understood, so that it is known that they were read.
    wrong = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get Object", "Resource": "*"}}
    detail = {"PolicyName": "Wrong", "Arn": "arn:aws:iam::aws:policy/Wrong",
              "PolicyVersionList": [{"VersionId": "v1", "IsDefaultVersion": True, "Document": wrong}]}
    (folder / "Wrong.json").write_text(json.dumps(detail))
    (tmp_path / "jwks.json").write_text('{"keys":[]}')
    (tmp_path / "poolgate.yaml").write_text(PAGE.format(jwks=tmp_path / "jwks.json"))
    checked = subprocess.run([BINARY, "check", "--config", tmp_path / "poolgate.yaml"], capture_output=True, text=True)
    told = [line for line in (checked.stdout + checked.stderr).splitlines() if "/managed/" in line]
    assert len(told) == 1 and "Wrong.json" in told[0] and "is no action" in told[0], "\n".join(told[:20])


def samples(document):
    """Actions of a policy's own, as requests have them, and resources."""
    actions = []
    for found in listed(document["Statement"]):
        for action in listed(found.get("Action", found.get("NotAction")))[:2]:
            actions.append("s3:GetObject" if action == "*" else action.replace("*", "X").replace("?", "x"))
    resources = ["*", "arn:aws:s3:::bucket/key"]
    for found in listed(document["Statement"]):
        for resource in listed(found.get("Resource", []))[:1]:
            concrete = resource.replace("*", "x")
            if concrete.count(":") >= 5 and "${" not in concrete and not concrete.endswith(":"):
                resources.append(concrete)
    return sorted(set(actions))[:3], resources[:4]


def test_every_managed_policy_says_the_same_however_it_is_written():
    lines, decisions = [], []
    for policy in managed().values():
        document = policy["Document"]
        actions, resources = samples(document)
        for written in (document, turned(document), json.dumps(document), json.dumps(turned(document), indent=2)):
            lines.append(json.dumps({"PolicyInputList": [written], "ActionNames": actions, "ResourceArns": resources}))
    done = subprocess.run(
        [BINARY, "simulate"], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(lines)
    for number in range(0, len(lines), 4):
        four = answers[number : number + 4]
        assert all("EvaluationResults" in answer for answer in four), (lines[number][:300], four[0])
        told = [[result["EvalDecision"] for result in answer["EvaluationResults"]] for answer in four]
        assert all(each == told[0] for each in told), lines[number][:300]
        decisions += told[0]
    # Of what the policies allow, the samples have much.
    assert decisions.count("allowed") > 2000 and decisions.count("implicitDeny") > 500, len(decisions)
