"""Verified Permissions at the demo's gate, with boto3 and the aws command line."""

import json
import subprocess

import pytest
from botocore.exceptions import ClientError

from gate import TOOLS
from people import client, environment

AWS = TOOLS / "venv" / "bin" / "aws"
STORE = "PSdemo"
POOL = "us-east-1_Demo00001"
APPLICATION = {"entityType": "Application", "entityId": "api"}


def action(name):
    return {"actionType": "Action", "actionId": name}


READ, WRITE, OTHER = action("get /api/{path+}"), action("put /api/orders/{path+}"), action("any /{path+}")


def user(name):
    return {"entityType": "User", "entityId": f"{POOL}|{name}"}


def member(name, group):
    parent = {"entityType": "UserGroup", "entityId": f"{POOL}|{group}"}
    return {"identifier": user(name), "parents": [parent]}


@pytest.fixture(scope="module")
def carol(people):
    return client(people.gate, "verifiedpermissions", people.credentials("carol"))


def said(answer):
    return answer["decision"], [policy["policyId"] for policy in answer["determiningPolicies"]]


def test_a_principal_by_name(carol):
    def ask(what, *entities):
        return carol.is_authorized(
            policyStoreId=STORE, principal=user("ann"), action=what, resource=APPLICATION,
            entities={"entityList": list(entities)},
        )

    assert said(ask(READ, member("ann", "readers"))) == ("ALLOW", ["readers read"])
    assert said(ask(WRITE, member("ann", "readers"))) == ("DENY", [])
    assert said(ask(OTHER, member("ann", "admins"))) == ("ALLOW", ["admins everything"])
    assert said(ask(READ, member("bob", "readers"))) == ("DENY", [])
    unknown = ask(action("launch"), member("ann", "admins"))
    assert said(unknown) == ("DENY", []) and "launch" in unknown["errors"][0]["errorDescription"]
    entities = json.dumps([{
        "uid": {"type": "User", "id": f"{POOL}|ann"}, "attrs": {"email": "a@x"},
        "parents": [{"type": "UserGroup", "id": f"{POOL}|writers"}],
    }])
    written = carol.is_authorized(
        policyStoreId=STORE, principal=user("ann"), action=WRITE, resource=APPLICATION,
        entities={"cedarJson": entities}, context={"contextMap": {}},
    )
    assert said(written) == ("ALLOW", ["writers write"])


def test_a_token(carol, people):
    for name, policies in [("alice", ["readers read"]), ("carol", ["admins everything"])]:
        tokens = people.tokens(name)
        for given in [{"identityToken": tokens["id"]}, {"accessToken": tokens["access"]},
                      {"identityToken": tokens["id"], "accessToken": tokens["access"]}]:
            found = carol.is_authorized_with_token(
                policyStoreId=STORE, action=READ, resource=APPLICATION, **given)
            assert said(found) == ("ALLOW", policies)
            assert found["principal"]["entityType"] == "User"
            assert found["principal"]["entityId"].startswith(f"{POOL}|")
    with pytest.raises(carol.exceptions.ValidationException) as refused:
        carol.is_authorized_with_token(
            policyStoreId=STORE, action=READ, resource=APPLICATION, identityToken=tokens["access"])
    assert refused.value.response["fieldList"][0]["path"] == "identityToken"


def test_batches(carol, people):
    found = carol.batch_is_authorized(
        policyStoreId=STORE, entities={"entityList": [member("ann", "readers")]},
        requests=[{"principal": user("ann"), "action": what, "resource": APPLICATION} for what in (READ, WRITE)],
    )
    assert [said(one)[0] for one in found["results"]] == ["ALLOW", "DENY"]
    assert found["results"][1]["request"]["action"] == WRITE
    tokens = people.tokens("bob")
    found = carol.batch_is_authorized_with_token(
        policyStoreId=STORE, identityToken=tokens["id"],
        requests=[{"action": what, "resource": APPLICATION} for what in (READ, WRITE, OTHER)],
    )
    assert [said(one)[0] for one in found["results"]] == ["ALLOW", "ALLOW", "DENY"]
    assert found["principal"]["entityId"].startswith(f"{POOL}|")


def test_who_may_ask(carol, people):
    def refusal(ask, **changed):
        asked = {"policyStoreId": STORE, "principal": user("ann"), "action": READ, "resource": APPLICATION}
        with pytest.raises(ClientError) as refused:
            ask.is_authorized(**{**asked, **changed})
        return refused.value.response

    alice = client(people.gate, "verifiedpermissions", people.credentials("alice"))
    denied = refusal(alice)["Error"]
    assert denied["Code"] == "AccessDeniedException"
    assert "verifiedpermissions:IsAuthorized on resource: arn:aws:verifiedpermissions::000000000000:policy-store/PSdemo" in denied["Message"]
    missing = refusal(carol, policyStoreId="PSother")
    assert missing["Error"]["Code"] == "ResourceNotFoundException"
    assert (missing["resourceId"], missing["resourceType"]) == ("PSother", "POLICY_STORE")
    invalid = refusal(carol, entities={"entityList": [{"identifier": {"entityType": "Ship", "entityId": "1"}}]})
    assert invalid["Error"]["Code"] == "ValidationException" and invalid["fieldList"]


def test_the_command_line(people):
    tokens = people.tokens("alice")
    ran = subprocess.run(
        [AWS, "verifiedpermissions", "is-authorized-with-token", "--policy-store-id", STORE,
         "--identity-token", tokens["id"], "--action", json.dumps(READ), "--resource", json.dumps(APPLICATION)],
        env=environment(people.gate, people.credentials("carol")), capture_output=True, text=True, timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert said(json.loads(ran.stdout)) == ("ALLOW", ["readers read"])
