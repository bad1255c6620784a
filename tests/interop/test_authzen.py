"""AuthZEN and Lambda authorizers at the demo's asking listener, over real sockets."""

import json

import pytest

from gate import call

POOL = "us-east-1_Demo00001"
API = "arn:aws:execute-api:us-east-1:000000000000:demoapi/prod"
APPLICATION = {"type": "Application", "id": "api", "properties": {}}


@pytest.fixture(scope="module")
def post(demo):
    def post(path, body, **headers):
        headers = {"content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        text = body if isinstance(body, str) else json.dumps(body)
        answer = call(demo.ext_authz, "POST", path, headers, text.encode())
        return answer.status, json.loads(answer.body), answer
    return post


def subject(*groups):
    return {"type": "User", "id": f"{POOL}|ann", "properties": {"cognito:groups": list(groups), "email": "a@x"}}


def test_evaluations(post, demo):
    ask = {"subject": subject("readers"), "action": {"name": "get /api/{path+}"}, "resource": APPLICATION}
    status, found, _ = post("/access/v1/evaluation", ask)
    assert (status, found["decision"], found["context"]["reason"]) == (200, True, "allowed_by_cedar")
    status, found, _ = post("/access/v1/evaluation", {**ask, "subject": subject()})
    assert (status, found["decision"], found["context"]["reason"]) == (200, False, "cedar_no_permit")
    evaluations = [{}, {"subject": subject("writers")}, {"subject": {"type": "User", "id": "x"}}]
    status, found, _ = post("/access/v1/evaluations", {
        **ask, "action": {"name": "post /api/orders/{path+}"}, "evaluations": evaluations})
    assert [one["decision"] for one in found["evaluations"]] == [False, True, False]
    status, found, _ = post("/access/v1/search/action", {"subject": subject("readers"), "resource": APPLICATION})
    assert [one["name"] for one in found["results"]] == ["get /api/{path+}"]
    for path in ("/access/v1/evaluation", "/authorizer/v1"):
        status, found, _ = post(path, ask, origin="http://rebound.example:9191")
        assert (status, found["reason"]) == (403, "asked_by_a_page")
    status, found, _ = post("/access/v1/evaluation", "{")
    assert status == 400 and isinstance(found, str)
    status, _, answer = post("/access/v1/evaluation", ask, x_request_id="bfe9eb29")
    assert ("x-request-id", "bfe9eb29") in [(name.lower(), value) for name, value in answer.fields]
    # No TLS name is configured in the demo, so there is no metadata.
    assert call(demo.ext_authz, "GET", "/.well-known/authzen-configuration").status == 404


def test_events_of_lambda_authorizers(post, people):
    token = people.tokens("alice")["id"]
    event = {"type": "TOKEN", "authorizationToken": f"Bearer {token}", "methodArn": f"{API}/GET/api/orders/1"}
    status, found, _ = post("/authorizer/v1", event)
    assert status == 200, found
    assert found["policyDocument"]["Statement"] == [
        {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event["methodArn"]}]
    assert found["principalId"] == found["context"]["subject"] != "" and found["context"]["role"].endswith("Reader")
    assert all(isinstance(value, str) for value in found["context"].values())
    status, found, _ = post("/authorizer/v1", {**event, "methodArn": f"{API}/PUT/api/orders/1"})
    assert (status, found["policyDocument"]["Statement"][0]["Effect"]) == (200, "Deny")
    # A policy would let the caller have every order.
    status, found, _ = post("/authorizer/v1", {**event, "methodArn": f"{API}/GET/api/orders/*"})
    assert (status, found["policyDocument"]["Statement"][0]["Effect"]) == (200, "Deny")
    status, found, _ = post("/authorizer/v1", {**event, "authorizationToken": token[:-4]})
    assert (status, found) == (401, {"message": "Unauthorized"})
    v2 = {
        "version": "2.0", "type": "REQUEST", "routeArn": event["methodArn"], "rawPath": "/api/orders/1",
        "rawQueryString": "a=1", "headers": {"authorization": f"Bearer {token}"},
        "requestContext": {"domainName": "api.example.com", "http": {
            "method": "GET", "path": "/api/orders/1", "sourceIp": "203.0.113.9"}},
    }
    status, found, _ = post("/authorizer/v1", v2)
    assert (status, found["isAuthorized"], found["context"]["reason"]) == (200, True, "allowed_by_policy")
    v2["requestContext"]["http"]["method"] = "PUT"
    status, found, _ = post("/authorizer/v1", v2)
    assert (status, found["isAuthorized"], found["context"]["reason"]) == (200, False, "implicit_deny")
    status, found, _ = post("/authorizer/v1?response=policy", v2)
    assert found["policyDocument"]["Statement"][0]["Effect"] == "Deny"
    status, _, _ = post("/authorizer/v1", {"type": "OTHER"})
    assert status == 400
