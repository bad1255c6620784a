"""Policies of buckets and tables that are put through the gate, with boto3 and the AWS command line."""

import json
import subprocess
import sys

import pytest

from gate import free_ports, start, until
from people import BUCKET, People, code, environment

TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/demo"
ARN = f"arn:aws:s3:::{BUCKET}"


def reads(prefix, **more):
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{ARN}/{prefix}/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | more]})


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("stored")


@pytest.fixture(scope="module")
def people(place):
    """The demo's, with routes that keep policies."""
    proxy, admin = free_ports(2)
    arguments = ["demo", "--listen", f"127.0.0.1:{proxy}", "--admin", f"127.0.0.1:{admin}", "--data", place]
    gate = start(arguments, place / "poolgate.log", proxy, admin)
    try:
        config = place / "poolgate.yaml"
        text = config.read_text()
        for service in ("s3", "dynamodb"):
            line = f"    service: {service}\n"
            text = text.replace(line, f"{line}    resource_policies: stored\n")
        config.write_text(text)
        people = People(gate)
        carol = people.s3("carol")
        until("the routes", 10, lambda: code(carol.get_bucket_policy, Bucket=BUCKET) == "NoSuchBucketPolicy")
        yield people
        gate.stop()
    finally:
        gate.kill()


def stored(place):
    """The texts of the files of resources' policies."""
    folder = place / "policies" / "resources"
    return {file.name: json.loads(file.read_text()) for file in folder.iterdir()} if folder.exists() else {}


def test_a_bucket_policy_is_in_force_when_it_is_answered(people, place):
    carol, nobody = people.s3("carol"), people.s3("anonymous")
    carol.put_object(Bucket=BUCKET, Key="press/a.txt", Body=b"news")
    assert code(nobody.get_object, Bucket=BUCKET, Key="press/a.txt") == "AccessDenied"
    for _ in range(5):
        policy = reads("press")
        carol.put_bucket_policy(Bucket=BUCKET, Policy=policy, ExpectedBucketOwner="000000000000")
        assert nobody.get_object(Bucket=BUCKET, Key="press/a.txt")["Body"].read() == b"news"
        assert carol.get_bucket_policy(Bucket=BUCKET)["Policy"] == policy
        assert stored(place) == {"s3-demo.json": {"Resource": ARN, "Policy": json.loads(policy)}}
        carol.delete_bucket_policy(Bucket=BUCKET)
        assert code(nobody.get_object, Bucket=BUCKET, Key="press/a.txt") == "AccessDenied"
        assert stored(place) == {}
    assert code(carol.get_bucket_policy, Bucket=BUCKET) == "NoSuchBucketPolicy"
    carol.delete_bucket_policy(Bucket=BUCKET)


def test_a_bad_bucket_policy_is_refused_and_changes_nothing(people, place):
    carol = people.s3("carol")
    carol.put_bucket_policy(Bucket=BUCKET, Policy=reads("press"))
    before = stored(place)
    for policy, expected in {
        "{}": "MalformedPolicy",
        "no": "MalformedPolicy",
        "[" * 5000: "MalformedPolicy",
        '{"Statement":[],"Statement":[]}': "MalformedPolicy",
        reads("press", Resource="arn:aws:s3:::other/*"): "MalformedPolicy",
        reads("press", Resource="arn:aws:s3:::*"): "MalformedPolicy",
        reads("press", Principal={"AWS": "arn:aws:iam::000000000000:role/Nobody"}): "MalformedPolicy",
        reads("press", Sid="a" * 30000): "PolicyTooLarge",
        reads("press", Effect="Deny", Action="s3:*", Resource=ARN): "AccessDenied",
    }.items():
        assert code(carol.put_bucket_policy, Bucket=BUCKET, Policy=policy) == expected, policy[:80]
    other = {"Bucket": BUCKET, "Policy": reads("x"), "ExpectedBucketOwner": "111111111111"}
    assert code(carol.put_bucket_policy, **other) == "AccessDenied"
    for who in ("alice", "anonymous"):
        assert code(people.s3(who).put_bucket_policy, Bucket=BUCKET, Policy=reads("x")) == "AccessDenied"
    assert code(carol.get_bucket_policy_status, Bucket=BUCKET) == "NotImplemented"
    assert stored(place) == before
    carol.delete_bucket_policy(Bucket=BUCKET)


def test_a_table_policy_has_revisions(people, place):
    carol = people.dynamodb("carol")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::000000000000:role/Reader"},
        "Action": "dynamodb:Scan",
        "Resource": TABLE,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    alice = people.dynamodb("alice")
    assert code(alice.scan, TableName="demo") == "AccessDeniedException"
    put = {"ResourceArn": TABLE, "Policy": policy}
    assert code(carol.put_resource_policy, **put, ExpectedRevisionId="x") == "PolicyNotFoundException"
    revision = carol.put_resource_policy(**put, ExpectedRevisionId="NO_POLICY")["RevisionId"]
    assert alice.scan(TableName="demo")["Count"] >= 1
    assert carol.put_resource_policy(**put, ExpectedRevisionId=revision)["RevisionId"] == revision
    found = carol.get_resource_policy(ResourceArn=TABLE)
    assert (found["Policy"], found["RevisionId"]) == (policy, revision)
    assert stored(place)["dynamodb-demo.json"]["Resource"] == TABLE
    assert code(carol.put_resource_policy, **put, ExpectedRevisionId="NO_POLICY") == "PolicyNotFoundException"
    for bad in ({"Policy": "{}"}, {"ResourceArn": f"{TABLE}/index/a"}, {"Policy": policy.replace("/demo", "/other")}):
        assert code(carol.put_resource_policy, **put | bad) == "ValidationException", bad
    elsewhere = TABLE.replace("us-east-1", "eu-west-1")
    assert code(carol.put_resource_policy, **put | {"ResourceArn": elsewhere}) == "ValidationException"
    foreign = TABLE.replace("000000000000", "111111111111")
    assert code(carol.put_resource_policy, **put | {"ResourceArn": foreign}) == "AccessDeniedException"
    assert carol.delete_resource_policy(ResourceArn=TABLE)["RevisionId"] == revision
    assert "RevisionId" not in carol.delete_resource_policy(ResourceArn=TABLE)
    assert code(carol.get_resource_policy, ResourceArn=TABLE) == "PolicyNotFoundException"
    assert code(alice.scan, TableName="demo") == "AccessDeniedException"


def test_the_command_line_puts_a_policy(people, place):
    file = place / "policy.json"
    file.write_text(reads("press"))

    def aws(*arguments):
        command = [sys.executable, "-m", "awscli", *arguments, "--bucket", BUCKET]
        ran = subprocess.run(
            command, env=environment(people.gate, people.credentials("carol")), capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    aws("s3api", "put-bucket-policy", "--policy", f"file://{file}")
    assert json.loads(aws("s3api", "get-bucket-policy"))["Policy"] == reads("press")
    aws("s3api", "delete-bucket-policy")
    assert stored(place) == {}


def test_what_cannot_be_loaded_or_written_stays_out(people, place):
    carol = people.s3("carol")
    carol.put_bucket_policy(Bucket=BUCKET, Policy=reads("press"))
    before = (place / "policies/resources/s3-demo.json").read_text()
    broken = place / "policies" / "roles" / "Broken.json"
    broken.write_text("{")
    try:
        assert code(carol.put_bucket_policy, Bucket=BUCKET, Policy=reads("other")) == "InternalError"
        assert (place / "policies/resources/s3-demo.json").read_text() == before
        assert carol.get_bucket_policy(Bucket=BUCKET)["Policy"] == reads("press")
    finally:
        broken.unlink()
    until("the folder", 10, lambda: code(carol.put_bucket_policy, Bucket=BUCKET, Policy=reads("other")) == "ok")
    carol.delete_bucket_policy(Bucket=BUCKET)
