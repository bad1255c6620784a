"""Every operation of S3's model, as botocore puts it on the wire, is described as s3_table.py says.

Nothing is sent: what botocore would send is given to `poolgate explain`, which shows the checks of the `describe`
stage. One caller may do everything, so that a refusal is one of the description; another nothing of it.
"""

import json
import subprocess
import urllib.parse

import botocore.session
import pytest
from botocore import UNSIGNED, xform_name
from botocore.config import Config

from files import Files
from gate import BINARY, REGION
from s3_table import ANY, BUCKET, OBJECT, OPERATIONS, ROLE, SOURCE, VARIANTS

MODEL = botocore.session.get_session().get_service_model("s3")
KEY, COPIED = "to/here ü+%", "from/there ü+%"
ARN = {
    BUCKET: "arn:aws:s3:::demo",
    OBJECT: f"arn:aws:s3:::demo/{KEY}",
    SOURCE: f"arn:aws:s3:::demo/{COPIED}",
    ROLE: "arn:aws:iam::000000000000:role/Copier",
    ANY: "*",
}
# What a value of the right type is not enough for.
GIVEN = {
    "Bucket": "demo",
    "Key": KEY,
    "CopySource": {"Bucket": "demo", "Key": COPIED},
    "RenameSource": "/demo/x",
    "Delete": {"Objects": [{"Key": KEY}]},
    "Tagging": {"TagSet": [{"Key": "team", "Value": "a"}]},
    "Policy": "{}",
    "UploadId": "upload-1",
    "PartNumber": 1,
    "ObjectAttributes": ["ETag"],
    "AnnotationName": "note",
    "Role": ARN[ROLE],
}
# These have no required body, and mean nothing without one.
BODIES = {
    "PutObjectLegalHold": {"LegalHold": {"Status": "ON"}},
    "PutObjectRetention": {"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": "2050-01-01T00:00:00Z"}},
    "RestoreObject": {"RestoreRequest": {"Days": 1}},
    "PutBucketLifecycle": {"LifecycleConfiguration": {"Rules": [{"Prefix": "x", "Status": "Enabled"}]}},
    "PutBucketLifecycleConfiguration": {
        "LifecycleConfiguration": {"Rules": [{"Prefix": "x", "Status": "Enabled"}]}
    },
    "CompleteMultipartUpload": {"MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": "tag"}]}},
}


def example(shape, name=None):
    """The smallest value of a shape."""
    if name in GIVEN and shape.type_name != "structure" or name in ("Delete", "Tagging", "CopySource"):
        return GIVEN[name]
    if shape.type_name == "structure":
        members = shape.required_members or list(shape.members)[: int(getattr(shape, "is_tagged_union", False))]
        return {each: example(shape.members[each], each) for each in members}
    if shape.type_name == "list":
        return [example(shape.member)]
    if shape.type_name == "map":
        return {"x": "y"}
    if shape.type_name == "string":
        return shape.enum[0] if getattr(shape, "enum", None) else "x" * max(1, shape.metadata.get("min", 1))
    return {
        "boolean": True,
        "integer": 1,
        "long": 1,
        "float": 1.0,
        "double": 1.0,
        "blob": b"x",
        "timestamp": "2050-01-01T00:00:00Z",
    }[shape.type_name]


class Captured(Exception):
    pass


@pytest.fixture(scope="module")
def wire():
    """What botocore would send: (method, URL, headers, body)."""
    session = botocore.session.get_session()
    config = Config(
        signature_version=UNSIGNED,
        s3={"addressing_style": "path"},
        inject_host_prefix=False,
        retries={"total_max_attempts": 1},
    )
    client = session.create_client("s3", region_name=REGION, endpoint_url="http://127.0.0.1:8080", config=config)

    def capture(request, **_):
        raise Captured(request)

    client.meta.events.register("before-send.s3", capture)

    def serialize(operation, more):
        shape = MODEL.operation_model(operation).input_shape
        parameters = {**(example(shape) if shape else {}), **BODIES.get(operation, {}), **more}
        with pytest.raises(Captured) as caught:
            getattr(client, xform_name(operation))(**parameters)
        [request] = caught.value.args
        body = request.body or b""
        if hasattr(body, "read"):
            body = body.read()
        body = body.encode() if isinstance(body, str) else bytes(body)
        return request.method, request.url, dict(request.headers), body

    return serialize


@pytest.fixture(scope="module")
def explain(tmp_path_factory, key):
    folder = tmp_path_factory.mktemp("model")
    with Files(folder, key, "http://127.0.0.1:9") as files:
        for who in ("carol", "dave"):
            (folder / who).write_text(files.people.tokens(who)["access"])

        def run(method, url, headers, body, who="carol"):
            (folder / "body").write_bytes(body)
            kept = {"accept-encoding", "user-agent", "content-length", "host", "expect"}
            fields = [
                part
                for name, value in headers.items()
                if name.lower() not in kept
                for part in ("-H", f"{name}: {value.decode() if isinstance(value, bytes) else value}")
            ]
            done = subprocess.run(
                [BINARY, "explain", "--config", files.configuration, "--token", f"@{folder / who}"]
                + ["--output", "json", *fields, "--body", folder / "body", method, url],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=60,
            )
            assert done.returncode in (0, 1), done.stderr.decode()
            assert done.stdout, done.stderr.decode()
            return json.loads(done.stdout)

        yield run


def described(answer):
    """The checks of the describe stage, or None where it didn't come to any."""
    found = [step["found"] for step in answer["trail"] if step["stage"] == "describe" and step.get("found")]
    checks = [each for step in found for each in (step if isinstance(step, list) else [])]
    return checks or None


def pairs(checks):
    return {(each["action"], each["resource"]) for each in checks}


def expected(checks):
    return {(action, ARN[resource]) for action, resource in checks}


def test_every_operation_is_in_the_table():
    assert set(MODEL.operation_names) == set(OPERATIONS)


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_operation(wire, explain, operation):
    answer = explain(*wire(operation, {}))
    if OPERATIONS[operation] is None:
        assert answer["effect"] == "deny" and answer["reason"].startswith("s3_"), answer
        assert described(answer) is None
        return
    checks = described(answer)
    assert checks, answer
    assert pairs(checks) == expected(OPERATIONS[operation])
    # The administrator may do everything, so that nothing else stands in the way; but policies of
    # buckets decide at the gate, and are not put through it.
    if operation in ("PutBucketPolicy", "DeleteBucketPolicy"):
        assert (answer["effect"], answer["reason"]) == ("deny", "resource_policies_not_stored"), answer
    else:
        assert answer["effect"] == "allow", answer
    # Who has rights in a home of his own only may do nothing of it here.
    refused = explain(*wire(operation, {}), who="dave")
    assert (refused["effect"], refused["reason"]) == ("deny", "implicit_deny"), refused
    assert pairs(described(refused)) == pairs(checks)


@pytest.mark.parametrize(
    "operation,more,wanted,context",
    VARIANTS,
    ids=[f"{operation}-{'-'.join(more) or 'plain'}" for operation, more, _, _ in VARIANTS],
)
def test_variant(wire, explain, operation, more, wanted, context):
    checks = described(explain(*wire(operation, more)))
    assert checks and pairs(checks) == expected(wanted)
    for action, facts in context.items():
        [check] = [each for each in checks if each["action"] == f"s3:{action}"]
        shown = {name.lower(): value for name, value in check["context"].items()}
        for name, value in facts.items():
            assert shown.get(name) == value, (action, name, shown)


def test_virtual_hosted_addressing_is_the_same(wire, explain):
    """The bucket in the host's name instead of the path, for every operation on a bucket or object."""
    wrong = {}
    for operation, wanted in OPERATIONS.items():
        if wanted is None or "{Bucket}" not in MODEL.operation_model(operation).http["requestUri"]:
            continue
        method, url, headers, body = wire(operation, {})
        parts = urllib.parse.urlsplit(url)
        path = parts.path.removeprefix("/demo") or "/"
        moved = urllib.parse.urlunsplit(("http", "demo.s3.localhost:8080", path, parts.query, ""))
        found = pairs(described(explain(method, moved, headers, body)) or [])
        if found != expected(wanted):
            wrong[operation] = found
    assert not wrong
