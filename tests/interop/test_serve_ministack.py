"""`poolgate serve` with tokens of another project's user pool (ministack), in front of a real web server (nginx).

The pool, its groups and users are made with boto3, and what boto3's list_groups answers is the groups file. Keys come
over HTTP from ministack; it is stopped, started again, and its keys are replaced while Poolgate runs.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest
from cryptography.hazmat.primitives import serialization

import account
import mint
from account import route
from gate import REGION, call, free_port, until

PASSWORD = "Passw0rd!"
# A look-up of unknown key ids is repeated 10 s after one that found nothing, not earlier.
COOLDOWN = 15


class Ministack:
    """ministack on a port of 127.0.0.1; its state, private keys too, is in `folder`, and survives a restart."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self):
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self.folder / "state"),
        }
        with open(self.folder / "ministack.log", "ab") as log:
            self.process = subprocess.Popen(
                [str(Path(sys.executable).with_name("ministack"))],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=self.folder,
            )
        until("ministack", 30, self.answers)

    def answers(self):
        assert self.process.poll() is None, (self.folder / "ministack.log").read_text()
        try:
            return call(self.port, "GET", "/_localstack/health", timeout=2).status == 200
        except OSError:
            return False

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)

    def client(self, service):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def pem(self, use):
        return self.folder / "state" / "cognito-pool-keys" / f"{self.pool}-{use}.pem"

    def key(self, use="access"):
        """The pool's own signing key, read from ministack's state."""
        key = mint.Key.from_pem(self.pem(use).read_bytes(), "")
        wanted = key.jwk()["n"]
        published = call(self.port, "GET", f"/{self.pool}/.well-known/jwks.json").json()["keys"]
        key.kid = next(each["kid"] for each in published if each["n"] == wanted)
        return key

    def populate(self):
        """A pool with alice (readers), bob (writers, readers) and dave (no group)."""
        iam, idp = self.client("iam"), self.client("cognito-idp")
        for name in account.ROLES:
            iam.create_role(RoleName=name, AssumeRolePolicyDocument='{"Version":"2012-10-17","Statement":[]}')
        self.pool = idp.create_user_pool(PoolName="interop")["UserPool"]["Id"]
        self.app = idp.create_user_pool_client(
            UserPoolId=self.pool,
            ClientName="interop",
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        )["UserPoolClient"]["ClientId"]
        for name, (role, precedence) in account.GROUPS.items():
            idp.create_group(
                UserPoolId=self.pool,
                GroupName=name,
                Precedence=precedence,
                RoleArn=account.role_arn(role),
            )
        for user, groups in (("alice", ["readers"]), ("bob", ["writers", "readers"]), ("dave", [])):
            idp.admin_create_user(UserPoolId=self.pool, Username=user, MessageAction="SUPPRESS")
            idp.admin_set_user_password(
                UserPoolId=self.pool, Username=user, Password=PASSWORD, Permanent=True
            )
            for group in groups:
                idp.admin_add_user_to_group(UserPoolId=self.pool, Username=user, GroupName=group)
        self.groups = {"Groups": idp.list_groups(UserPoolId=self.pool)["Groups"]}
        for group in self.groups["Groups"]:
            for date in ("LastModifiedDate", "CreationDate"):
                group[date] = group[date].isoformat()

    def sign_in(self, user, use="access"):
        result = self.client("cognito-idp").initiate_auth(
            ClientId=self.app,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": user, "PASSWORD": PASSWORD},
        )["AuthenticationResult"]
        return result["AccessToken" if use == "access" else "IdToken"]

    def claims(self, **more):
        """Claims as its own access tokens have them."""
        issuer = f"https://cognito-idp.{REGION}.amazonaws.com/{self.pool}"
        return mint.claims(**{"iss": issuer, "client_id": self.app, "groups": ["writers"], **more})


@pytest.fixture(scope="module")
def ministack(tmp_path_factory):
    stand_in = Ministack(tmp_path_factory.mktemp("ministack"))
    try:
        stand_in.start()
        stand_in.populate()
        yield stand_in
    finally:
        stand_in.stop()


@pytest.fixture(scope="module")
def nginx(tmp_path_factory):
    """A web server with a directory of files, its access log a witness of what reached it."""
    folder = tmp_path_factory.mktemp("nginx")
    port = free_port()
    public = folder / "html" / "orders" / "public"
    public.mkdir(parents=True)
    (folder / "html" / "orders" / "1").write_text("order one\n")
    (public / "1").write_text("a public order\n")
    (folder / "nginx.conf").write_text(
        f"""\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 64; }}
http {{
  default_type text/plain;
  log_format witness '$request_method $request_uri $status role=$http_x_poolgate_role';
  access_log {folder}/access.log witness;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    root {folder}/html;
    location / {{ if ($request_method != GET) {{ return 201 "stored\\n"; }} }}
  }}
}}
"""
    )
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    process = subprocess.Popen(
        # The worker stays the one who owns the folder.
        [binary, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "user root;"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def answers():
        assert process.poll() is None, (folder / "error.log").read_text()
        try:
            return call(port, "GET", "/orders/1", timeout=2).status == 200
        except OSError:
            return False

    try:
        until("nginx", 10, answers)
        (folder / "access.log").write_text("")
        yield port, folder / "access.log"
    finally:
        process.send_signal(signal.SIGQUIT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@pytest.fixture
def gate(serve, ministack, nginx, tmp_path):
    account.write_account(tmp_path, ministack.pool, ministack.app, groups=ministack.groups)
    keys = f"{ministack.url}/{ministack.pool}/.well-known/jwks.json"
    return serve(
        route("orders", "/orders/", f"http://127.0.0.1:{nginx[0]}"),
        keys=keys,
        pool=ministack.pool,
        client=ministack.app,
    )


def test_allowed_and_denied(gate, ministack, nginx):
    tokens = {user: ministack.sign_in(user) for user in ("alice", "bob", "dave")}
    expected = [
        ("alice", "GET", "/orders/1", 200),
        ("alice", "PUT", "/orders/1", 403),
        ("bob", "GET", "/orders/1", 200),
        ("bob", "PUT", "/orders/1", 201),
        ("bob", "DELETE", "/orders/1", 403),
        ("bob", "GET", "/orders/secret/1", 403),
        ("dave", "GET", "/orders/1", 403),
        ("dave", "GET", "/orders/public/1", 200),
    ]
    nginx[1].write_text("")
    for user, method, path, status in expected:
        body = b"x" if method == "PUT" else None
        assert gate.call(method, path, token=tokens[user], body=body).status == status, (user, method, path)
    passed = [row for row in expected if row[3] < 300]
    until("the web server's log", 5, lambda: len(nginx[1].read_text().splitlines()) >= len(passed))
    seen = [line.split() for line in nginx[1].read_text().splitlines()]
    assert [(line[0], line[1]) for line in seen] == [(method, path) for _, method, path, _ in passed]


def test_its_id_tokens_carry_no_role_and_get_the_pools(gate, ministack):
    """ministack sets no cognito:roles; without a preferred role a token mapping falls back to the pool's role."""
    token = ministack.sign_in("bob", "id")
    assert "cognito:preferred_role" not in mint.payload(token)
    assert gate.call("GET", "/orders/public/1", token=token).status == 200
    assert gate.call("PUT", "/orders/1", token=token, body=b"x").status == 403


def test_expired_and_forged(gate, ministack, second_key):
    key = ministack.key()
    good = mint.sign(key, mint.header(key), ministack.claims())
    assert gate.call("GET", "/orders/1", token=good).status == 200
    refused = {
        "expired": mint.sign(key, mint.header(key), ministack.claims(seconds=-1)),
        "another client": mint.sign(key, mint.header(key), ministack.claims(client_id="x" * 26)),
        "another pool": mint.sign(key, mint.header(key), ministack.claims(iss=mint.ISSUER)),
        "forged": mint.sign(second_key, mint.header(key), ministack.claims()),
        "unknown key": mint.sign(second_key, mint.header(second_key), ministack.claims()),
    }
    for name, token in refused.items():
        answer = gate.call("GET", "/orders/1", token=token)
        assert answer.status == 401, (name, answer)
        assert 'error="invalid_token"' in answer.header("www-authenticate"), name


def test_known_keys_outlive_the_issuer_and_new_ones_are_fetched(gate, ministack, second_key):
    token = ministack.sign_in("bob")
    assert gate.call("GET", "/orders/1", token=token).status == 200
    key = ministack.key()
    ministack.stop()
    # P4: with the identity provider down, known keys keep working, for tokens not seen before too.
    for _ in range(20):
        fresh = mint.sign(key, mint.header(key), ministack.claims())
        assert gate.call("GET", "/orders/1", token=fresh).status == 200
    unknown = mint.sign(second_key, mint.header(second_key), ministack.claims())
    asked = time.monotonic()
    assert gate.call("GET", "/orders/1", token=unknown).status in (401, 503)
    assert time.monotonic() - asked < 5, "an unknown key id must not hold its caller up"
    assert gate.ready(), "readiness does not depend on the issuer once keys were loaded"

    # The issuer comes back with another key for access tokens.
    ministack.pem("access").write_bytes(new_pem())
    ministack.start()
    rotated = ministack.key()
    assert rotated.kid != key.kid
    fresh = mint.sign(rotated, mint.header(rotated), ministack.claims())
    until(
        "the new key",
        COOLDOWN,
        lambda: gate.call("GET", "/orders/1", token=fresh).status == 200,
    )
    # The sign-in that the restarted pool remembers gives a token of the new key.
    assert gate.call("GET", "/orders/1", token=ministack.sign_in("bob")).status == 200


def new_pem():
    return mint.Key().private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
