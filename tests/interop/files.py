"""`poolgate serve` with an S3 route and the demo's policies, in front of any backend.

The user pool is one that exists only in the tests: its tokens are minted here.
"""

import base64
import json
import os
import shutil
import uuid

from cryptography.hazmat.primitives import serialization

import mint
from account import serve
from gate import ACCOUNT, REGION, ROOT, until
from people import CLIENT, GROUPS, POOL, ROLES, People

BACKEND_KEY = "AKIABACKEND000000000"
BACKEND_SECRET = "backend/secret+of/the+tests0123456789ab"


def pool_tokens(key, user, **more):
    """ID and access token of one of the demo's users, as Cognito makes them; `more` replaces claims of both."""
    groups = GROUPS[user]
    about = {
        "iss": f"https://cognito-idp.{REGION}.amazonaws.com/{POOL}",
        "sub": str(uuid.uuid5(uuid.NAMESPACE_DNS, user)),
        "cognito:groups": groups or None,
    }
    roles = {}
    if groups:
        arn = f"arn:aws:iam::{ACCOUNT}:role/"
        each = {"readers": "Reader", "writers": "Writer", "admins": "Admin"}
        roles["cognito:roles"] = [arn + each[group] for group in groups]
        roles["cognito:preferred_role"] = arn + ROLES[user]
    named = {
        "id": {"aud": CLIENT, "cognito:username": user, **roles},
        "access": {"client_id": CLIENT, "username": user},
    }
    return {use: mint.pool_token(key, use, **(about | named[use] | more)) for use in ("id", "access")}


def private(path, text):
    path.write_text(text)
    path.chmod(0o600)


class Files:
    """A gate with one S3 route, `files`, to `backend`; everything of it is in `folder`. Stops at the end of a `with`."""

    ROUTE = "name: files\n    service: s3"
    # Gates with the same key give the same people the same identities; without one they have nothing in common.
    IDENTITY_KEY = None

    def __init__(self, folder, key, backend, edit_pool=None, guest=True, edit=lambda text: text, scheme="http"):
        self.folder, self.key = folder, key
        shutil.copytree(ROOT / "policies", folder / "policies")
        (folder / "jwks.json").write_bytes(mint.jwks(key))
        if edit_pool:
            path = folder / "policies" / "identity-pools" / "demo.json"
            pool = json.loads(path.read_text())
            edit_pool(pool)
            path.write_text(json.dumps(pool))
        self.grant(folder / "policies")
        for name, given in (("identity.key", self.IDENTITY_KEY), ("credentials.key", None)):
            private(folder / name, base64.b64encode(given or os.urandom(32)).decode())
        pem = mint.Key().private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        private(folder / "token.pem", pem.decode())
        private(folder / "backend.secret", BACKEND_SECRET)
        pools = f"""\
  - id: {POOL}
    clients: [{CLIENT}]
    groups: policies/user-pools/groups.json
    jwks: "file:{folder}/jwks.json"
"""
        more = """\
identities: { store: derived, key: { file: identity.key } }
credentials: { keys: [ { id: k1, file: credentials.key } ], token_key: { file: token.pem } }
s3: { domains: [s3.localhost] }
"""
        sign = f"access_key_id: {BACKEND_KEY}, secret_access_key: {{ file: backend.secret }}"
        route = f"""\
  - {self.ROUTE}
    guest: {str(guest).lower()}
    upstream: {{ url: "{backend}", sign: {{ {sign} }} }}
"""
        self.gate = serve(folder, pools, route, more, edit)
        self.gate.scheme = scheme
        self.gate.tokens.add(BACKEND_SECRET)
        self.people = People(self.gate, lambda user: pool_tokens(key, user))

    def grant(self, policies):
        """Changes the demo's policies before the gate reads them."""

    @property
    def configuration(self):
        return self.folder / "poolgate.yaml"

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.gate.stop()
        finally:
            self.gate.kill()

    def decision(self, answer):
        """The decision log's record of an answer; the log may lag a little behind."""
        wanted = answer.header("x-poolgate-decision-id")
        return until("the decision's record", 5, lambda: self.recorded(wanted))

    def recorded(self, wanted):
        for line in self.gate.printed().splitlines():
            if wanted in line:
                record = json.loads(line)
                if record.get("decision_id") == wanted:
                    return record
        return None
