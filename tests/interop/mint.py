"""Keys and tokens of a user pool that exists only in a test.

`sign` works on raw bytes, so that a token can be wrong in every way there is; `pool_token` and its kin are the good
ones, shaped as Amazon Cognito shapes them (no `typ`, `client_id` and no `aud` in access tokens).
"""

import base64
import hashlib
import hmac
import json
import time
import uuid

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

POOL = "us-east-1_Interop01"
CLIENT = "interopclient0000000000000"
ISSUER = f"https://cognito-idp.us-east-1.amazonaws.com/{POOL}"
UPDATED_ISSUER = f"https://issuer-cognito-idp.us-east-1.amazonaws.com/{POOL}"
SUBJECT = "7d8ca528-4931-4254-9273-ea5ee853f271"


def b64(data):
    """base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value):
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Key:
    """A signing key. `alg` is RS256 (or 384, 512), ES256 or EdDSA."""

    def __init__(self, alg="RS256", kid=None):
        self.alg = alg
        if alg.startswith("RS"):
            self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        elif alg == "ES256":
            self.private = ec.generate_private_key(ec.SECP256R1())
        else:
            self.private = ed25519.Ed25519PrivateKey.generate()
        # Real key ids are base64 text, with "+", "/" and "=".
        self.kid = kid or base64.b64encode(hashlib.sha256(self.public_pem()).digest()).decode()

    @classmethod
    def from_pem(cls, pem, kid):
        key = cls.__new__(cls)
        key.alg, key.kid = "RS256", kid
        key.private = serialization.load_pem_private_key(pem, password=None)
        return key

    def public_pem(self):
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def jwk(self):
        public = {"kid": self.kid, "alg": self.alg, "use": "sig"}
        if self.alg.startswith("RS"):
            numbers = self.private.public_key().public_numbers()
            return {**public, "kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
        if self.alg == "ES256":
            numbers = self.private.public_key().public_numbers()
            x, y = (b64(part.to_bytes(32, "big")) for part in (numbers.x, numbers.y))
            return {**public, "kty": "EC", "crv": "P-256", "x": x, "y": y}
        raw = self.private.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        return {**public, "kty": "OKP", "crv": "Ed25519", "x": b64(raw)}

    def signature(self, data):
        if self.alg.startswith("RS"):
            digest = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}[self.alg[2:]]()
            return self.private.sign(data, padding.PKCS1v15(), digest)
        if self.alg == "ES256":
            r, s = utils.decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return self.private.sign(data)


def jwks(*keys):
    return json.dumps({"keys": [key.jwk() for key in keys]}).encode()


def sign(key, header, payload):
    """A compact JWS of `header` and `payload`, objects or raw bytes, signed as they are."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    data = ".".join(map(b64, parts))
    return f"{data}.{b64(key.signature(data.encode()))}"


def hmac_signed(secret, header, payload):
    """HS256 with a secret of the attacker's choice: the classic is the public key's own text."""
    data = ".".join(b64(json.dumps(part).encode()) for part in (header, payload))
    return f"{data}.{b64(hmac.new(secret, data.encode(), hashlib.sha256).digest())}"


def header(key, **more):
    return {"kid": key.kid, "alg": key.alg, **more}


def claims(use="access", seconds=3600, groups=(), **more):
    """The claims of a good token; `more` replaces members, and None removes one."""
    now = int(time.time())
    members = {
        "sub": SUBJECT,
        "iss": ISSUER,
        "token_use": use,
        "origin_jti": str(uuid.uuid4()),
        "event_id": str(uuid.uuid4()),
        "jti": str(uuid.uuid4()),
        "auth_time": now - 10,
        "iat": now - 10,
        "exp": now + seconds,
    }
    if use == "access":
        members |= {"client_id": CLIENT, "scope": "aws.cognito.signin.user.admin", "username": "bob"}
    else:
        members |= {"aud": CLIENT, "cognito:username": "bob"}
    if groups:
        members["cognito:groups"] = list(groups)
    members |= more
    return {name: value for name, value in members.items() if value is not None}


def pool_token(key, use="access", **more):
    return sign(key, header(key), claims(use, **more))


def payload(token):
    """The claims of a token, unverified."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
