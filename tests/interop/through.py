"""One Poolgate, one backend that records, and every caller between a client and them.

What was decided is read from the decision log: each request has a mark of its own in its path, and its record has it
too. Order says nothing: a caller that answers a request itself asks nobody.
"""

import base64
import concurrent.futures
import contextlib
import json
import os
import threading
import time

import account
import doors
import mint
from asking import Asker
from backend import Backend
from gate import free_ports, until
from people import client as sdk
from test_bound_tokens import Prover

DEAD_POOL = "us-east-1_Silent001"
DEAD_ISSUER = f"https://cognito-idp.us-east-1.amazonaws.com/{DEAD_POOL}"


class Records:
    """The decision log, read on from where it was read last."""

    def __init__(self, gate):
        self.gate, self.at, self.rest = gate, 0, ""
        self.all, self.by_id, self.claimed = [], {}, set()
        self.lock = threading.Lock()

    def read(self):
        with self.lock:
            with open(self.gate.log, errors="replace") as log:
                log.seek(self.at)
                text = log.read()
                self.at = log.tell()
            *lines, self.rest = (self.rest + text).split("\n")
            for line in lines:
                if line.startswith("{") and '"decision_id"' in line:
                    record = json.loads(line)
                    if "effect" in record:
                        self.all.append(record)
                        self.by_id[record["decision_id"]] = record

    def of(self, mark):
        """Those of requests that have a mark in their path."""
        self.read()
        return [record for record in self.all if mark in record["path"]]

    def wait(self, mark, door, decision_id=None, patience=5):
        """The one record of a request: by the decision id where the caller passed it on, or by its mark."""

        def found():
            of_mark = [record for record in self.of(mark) if record["door"] == door]
            return self.by_id.get(decision_id) or (of_mark and of_mark[0]) or self.without_a_path(door)

        deadline = time.monotonic() + patience
        while not (record := found()) and time.monotonic() < deadline:
            time.sleep(0.002)
        if record:
            self.claimed.add(record["decision_id"])
        return record

    def without_a_path(self, door):
        """One that nobody has asked for yet, of a question whose path could not be read."""
        for record in self.all:
            if record["door"] == door and not record["path"] and record["decision_id"] not in self.claimed:
                return record
        return None


class World:
    """Everything that is running. `doors` are the proxies by name."""

    def __init__(self, folder, key, second_key, names=tuple(doors.PROXIES)):
        self.folder, self.key, self.second_key, self.names = folder, key, second_key, names
        self.backend = Backend()
        self.doors, self.asker, self.gate = {}, None, None
        self.taken_out = []
        self.marks, self.last = 0, None
        # Marks of requests that nobody may have been asked about, and of those that may not have arrived.
        self.silent, self.denied = {}, {}

    def start(self):
        ports = free_ports(2)
        configure(self.folder, self.key)
        self.gate = account.serve(
            self.folder,
            pools(self.folder, ports[1]),
            routes(self.backend),
            MORE,
            doors.with_ext_authz(ports[0]),
            # A pool whose keys never come keeps it from being ready.
            ready=False,
        )
        until("Poolgate", 15, lambda: listens(self.gate))
        self.records = Records(self.gate)
        self.taken_out = doors.taken_out(self.folder / "poolgate.yaml")
        self.asker = Asker(ports[0])
        self.doors = start_all(self.folder, self.names)
        self.prover, self.second_prover = Prover(), Prover()
        self.tokens = tokens(self.key, self.second_key)
        self.tokens["bound"] = mint.pool_token(self.key, groups=["writers"], cnf=self.prover.cnf)
        self.gate.tokens |= {token for token in self.tokens.values() if token}
        self.credentials = credentials(self.gate, self.key)

    def mark(self):
        self.marks += 1
        self.last = f"n{self.marks:06}"
        return self.last

    def arrived(self, mark):
        with self.backend.lock:
            return [request for request in self.backend.requests if mark in request[1]]

    def stop(self):
        if self.asker:
            self.asker.close()
        for door in self.doors.values():
            door.stop()
        try:
            if self.gate:
                self.gate.stop()
        finally:
            if self.gate:
                self.gate.kill()
            self.backend.close()


def listens(gate):
    assert gate.process.poll() is None, gate.printed()
    with contextlib.suppress(OSError):
        return gate.call("GET", "/nowhere").status == 404


def start_all(folder, names=tuple(doors.PROXIES)):
    """Every one of these proxies, as its snippet configures it, all started at once."""
    started = {}

    def one(name):
        own = folder / name
        own.mkdir()
        started[name] = doors.PROXIES[name](own, folder / "poolgate.yaml")

    try:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(one, names))
    except BaseException:
        for door in started.values():
            door.stop()
        raise
    return started


MORE = """\
identities: { store: derived, key: { file: identity.key } }
credentials: { keys: [ { id: k1, file: credentials.key } ] }
"""


SCHEMA = """\
entity UserGroup, Role;
entity User in [UserGroup, Role];
entity Application;
action "get /cedar/{path+}" appliesTo {
    principal: [User], resource: [Application], context: { token?: { weight?: Long } }
};
"""
# The second can't be evaluated for whoever is too heavy.
CEDAR = """\
@id("everyone")
permit (principal, action, resource);
@id("heavy")
forbid (principal, action, resource) when { context has token && context.token has weight && context.token.weight + 1 > 100 };
"""


def configure(folder, key):
    (folder / "jwks.json").write_bytes(mint.jwks(key))
    account.write_account(folder, mint.POOL, mint.CLIENT)
    cedar = folder / "policies" / "cedar"
    cedar.mkdir()
    (cedar / "cedar.cedarschema").write_text(SCHEMA)
    (cedar / "cedar.cedar").write_text(CEDAR)
    for name in ("identity.key", "credentials.key"):
        path = folder / name
        path.write_text(base64.b64encode(os.urandom(32)).decode())
        path.chmod(0o600)


def pools(folder, dead):
    """The tests' own user pool, and one whose keys can't be had."""
    return account.user_pool(mint.POOL, mint.CLIENT, folder / "jwks.json") + (
        f'  - id: {DEAD_POOL}\n    clients: [{mint.CLIENT}]\n    jwks: "http://127.0.0.1:{dead}/jwks.json"\n'
    )


def routes(backend):
    pages = account.route(
        "pages", "/pages/", backend.url, account.TOKEN_ONLY, more='token: { cookie: session, origins: ["https://app.example"] }'
    )
    cedar = account.route("cedar", "/cedar/", backend.url, "{ iam: off, cedar: enforce }")
    # One path on two hosts, which lead to one upstream.
    inner = account.route("inner", "/hosted/", backend.url, account.TOKEN_ONLY)
    hosted = inner.replace("path:", "host: inner.example, path:") + (
        doors.PUBLIC.replace("name: public", "name: open").replace("path: /public/", "host: open.example, path: /hosted/")
        % backend.url
    )
    return doors.three_routes(backend) + pages + cedar + hosted


def tokens(key, second_key):
    """Tokens by name: good ones, and one of every way to be wrong that a table can name."""
    past = int(time.time()) - 100
    good = mint.header(key)
    return {
        "writer": mint.pool_token(key, groups=["writers"]),
        "writer-id": writers_id_token(key),
        "reader": mint.pool_token(key, groups=["readers"]),
        "plain": mint.pool_token(key),
        "nobody": None,
        "expired": mint.pool_token(key, groups=["writers"], exp=past),
        "forged": mint.sign(second_key, good, mint.claims(groups=["writers"])),
        "hmac": mint.hmac_signed(key.public_pem(), {**good, "alg": "HS256"}, mint.claims(groups=["writers"])),
        "none": f'{mint.b64(b"""{"alg":"none"}""")}.{mint.b64(json.dumps(mint.claims()).encode())}.',
        "exp-text": mint.pool_token(key, groups=["writers"], exp="9999999999"),
        "kid-path": mint.sign(key, {**good, "kid": "../../../../dev/null"}, mint.claims()),
        "jku": mint.sign(second_key, {**good, "jku": "https://evil.example/k.json"}, mint.claims(groups=["writers"])),
        "crit": mint.sign(key, {**good, "crit": ["b64"], "b64": True}, mint.claims()),
        "stranger": mint.pool_token(key, groups=["writers"], iss=mint.ISSUER[:-1] + "9"),
        "other-client": mint.pool_token(key, groups=["writers"], client_id="anotherclient0000000000000"),
        "no-keys": mint.pool_token(key, groups=["writers"], iss=DEAD_ISSUER),
        "five-parts": mint.pool_token(key) + ".e30.e30",
        "heavy": mint.pool_token(key, weight=100),
        "heavier": mint.pool_token(key, weight=(1 << 63) - 1),
        "large": mint.pool_token(key, more="x" * 7500),
    }


def writers_id_token(key):
    """With the roles of its groups, as Cognito writes them into it."""
    role = account.role_arn("Writer")
    return mint.pool_token(key, "id", groups=["writers"], **{"cognito:roles": [role], "cognito:preferred_role": role})


def credentials(gate, key):
    """Temporary credentials of a writer, as the gate gives them for a token."""
    token = writers_id_token(key)
    gate.tokens.add(token)
    logins = {f"cognito-idp.us-east-1.amazonaws.com/{mint.POOL}": token}
    cognito = sdk(gate, "cognito-identity")
    identity = cognito.get_id(IdentityPoolId=account.IDENTITY_POOL, Logins=logins)["IdentityId"]
    found = cognito.get_credentials_for_identity(IdentityId=identity, Logins=logins)["Credentials"]
    gate.tokens |= {found["SecretKey"], found["SessionToken"]}
    return found
