"""Tokens that are bound to a key (DPoP, RFC 9449) or a client certificate (RFC 8705): the proofs are PyJWT's, the certificates
cryptography's, the TLS Python's own.
"""

import base64
import datetime
import hashlib
import http.client
import ipaddress
import json
import ssl
import time
import uuid

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import mint
from account import TOKEN_ONLY, route
from gate import send

KEYS = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "PS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=3072),
}


class Prover:
    """A client with a key of its own."""

    def __init__(self, alg="ES256"):
        self.alg, self.private = alg, KEYS[alg]()
        public = jwt.get_algorithm_by_name(alg).to_jwk(self.private.public_key())
        known = ("crv", "e", "kty", "n", "x", "y")
        self.jwk = {name: value for name, value in json.loads(public).items() if name in known}

    @property
    def cnf(self):
        """RFC 7638: the members in the order of their names, without a space."""
        text = json.dumps(self.jwk, sort_keys=True, separators=(",", ":"))
        return {"jkt": mint.b64(hashlib.sha256(text.encode()).digest())}

    def proof(self, method, uri, token, typ="dpop+jwt", **more):
        claims = {
            "jti": str(uuid.uuid4()),
            "htm": method,
            "htu": uri,
            "iat": int(time.time()),
            "ath": mint.b64(hashlib.sha256(token.encode()).digest()),
        }
        return jwt.encode(claims | more, self.private, algorithm=self.alg, headers={"typ": typ, "jwk": self.jwk})


def ask(gate, token, proof=None, scheme="DPoP", method="GET", target="/orders/7"):
    gate.tokens |= {token, *([proof] if proof else [])}
    fields = [("Authorization", f"{scheme} {token}")] + ([("DPoP", proof)] if proof else [])
    return gate.call(method, target, headers=fields)


def reason(answer):
    return answer.json()["reason"]


@pytest.fixture
def orders(serve, backend):
    return serve(route("orders", "/orders/", backend.url) + route("open", "/open/", backend.url, TOKEN_ONLY))


@pytest.mark.parametrize("alg", KEYS)
def test_proofs_of_every_algorithm(orders, key, backend, alg):
    client = Prover(alg)
    token = mint.pool_token(key, groups=["writers"], cnf=client.cnf)
    for method in ("GET", "POST", "PUT"):
        proof = client.proof(method, f"{orders.url}/orders/7", token)
        answer = ask(orders, token, proof, method=method, target="/orders/7?q=1")
        assert answer.status == 200, (method, answer)
        seen = {name.lower(): value for name, value in backend.last()[2]}
        assert (seen["authorization"], seen["dpop"]) == (f"DPoP {token}", proof)
        again = ask(orders, token, proof, method=method)
        assert (again.status, reason(again)) == (401, "dpop_replayed")
    assert backend.count() == 3


def test_a_proof_is_about_one_request(orders, key, backend):
    client, other = Prover(), Prover()
    token = mint.pool_token(key, groups=["writers"], cnf=client.cnf)
    uri = f"{orders.url}/orders/7"
    now = int(time.time())
    cases = {
        "dpop_other_key": other.proof("GET", uri, token),
        "dpop_method": client.proof("POST", uri, token),
        "dpop_uri": client.proof("GET", f"{orders.url}/orders/8", token),
        "dpop_token": client.proof("GET", uri, token + "x"),
        "dpop_time": client.proof("GET", uri, token, iat=now - 90),
        "dpop_claim": client.proof("GET", uri, token, jti=7),
        "dpop_malformed": client.proof("GET", uri, token, typ="JWT"),
        "dpop_missing": None,
    }
    for expected, proof in cases.items():
        answer = ask(orders, token, proof)
        assert (answer.status, reason(answer)) == (401, expected), answer
        challenge = answer.header("www-authenticate")
        assert challenge.startswith("DPoP ") and 'error="invalid_dpop_proof"' in challenge
    ahead = client.proof("GET", uri, token, iat=now + 90)
    assert reason(ask(orders, token, ahead)) == "dpop_time"
    assert backend.count() == 0


def test_a_bound_token_is_no_bearer_token_and_a_bearer_token_is_not_bound(orders, key, backend):
    client = Prover()
    bound, plain = mint.pool_token(key, cnf=client.cnf), mint.pool_token(key)
    uri = f"{orders.url}/open/x"
    downgraded = ask(orders, bound, client.proof("GET", uri, bound), "Bearer", target="/open/x")
    assert (downgraded.status, reason(downgraded)) == (401, "dpop_required")
    bearer, dpop = downgraded.all("www-authenticate")
    assert 'Bearer realm="poolgate", error="invalid_token"' in bearer and dpop.startswith("DPoP ")
    upgraded = ask(orders, plain, client.proof("GET", uri, plain), target="/open/x")
    assert (upgraded.status, reason(upgraded)) == (401, "token_not_bound")
    assert backend.count() == 0
    assert ask(orders, plain, scheme="Bearer", target="/open/x").status == 200
    assert ask(orders, bound, client.proof("GET", uri, bound), target="/open/x").status == 200


def test_a_route_may_demand_bound_tokens(serve, key, backend):
    gate = serve(route("strict", "/strict/", backend.url, TOKEN_ONLY, more="bound_tokens: require"))
    client = Prover()
    bound, plain = mint.pool_token(key, cnf=client.cnf), mint.pool_token(key)
    answer = ask(gate, plain, scheme="Bearer", target="/strict/x")
    assert (answer.status, reason(answer)) == (401, "bound_token_required")
    assert backend.count() == 0
    assert ask(gate, bound, client.proof("GET", f"{gate.url}/strict/x", bound), target="/strict/x").status == 200


def test_behind_a_trusted_proxy_the_uri_is_the_callers(serve, key, backend):
    gate = serve(route("open", "/open/", backend.url, TOKEN_ONLY), more="trusted_proxies: [127.0.0.1]")
    client = Prover()
    token = mint.pool_token(key, cnf=client.cnf)
    forwarded = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "api.example.com")]
    for uri, status in ((f"{gate.url}/open/x", 401), ("https://api.example.com/open/x", 200)):
        proof = client.proof("GET", uri, token)
        fields = [("Authorization", f"DPoP {token}"), ("DPoP", proof), *forwarded]
        assert gate.call("GET", "/open/x", headers=fields).status == status, uri


class Authority:
    """A certificate authority, with what it issues in files of `folder`."""

    def __init__(self, folder, name):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self.issue(self.subject, self.key, [(x509.BasicConstraints(ca=True, path_length=None), True)])
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, subject, key, extensions):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())

    def leaf(self, name, usage, names):
        """A certificate and its key in two files, and the certificate's thumbprint."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        extensions = [(x509.SubjectAlternativeName(names), False), (x509.ExtendedKeyUsage([usage]), False)]
        certificate = self.issue(subject, key, extensions)
        paths = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        der = certificate.public_bytes(serialization.Encoding.DER)
        return *paths, base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()


def test_a_token_is_bound_to_a_client_certificate(serve, key, backend, tmp_path):
    servers, clients = Authority(tmp_path, "servers"), Authority(tmp_path, "clients")
    servers.leaf("gate", ExtendedKeyUsageOID.SERVER_AUTH, [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    workload = x509.UniformResourceIdentifier("spiffe://example.org/orders")
    ours = clients.leaf("ours", ExtendedKeyUsageOID.CLIENT_AUTH, [workload])
    theirs = clients.leaf("theirs", ExtendedKeyUsageOID.CLIENT_AUTH, [x509.DNSName("theirs.example")])
    tls = "tls: { cert: gate.crt, key: gate.key, client_ca: clients.pem, client_auth: request }"
    listener = lambda text: text.replace('" }\n  admin', f'", {tls} }}\n  admin')
    gate = serve(route("open", "/open/", backend.url, TOKEN_ONLY), edit=listener)

    def over(certificate, token):
        gate.tokens.add(token)
        context = ssl.create_default_context(cafile=str(servers.path))
        if certificate:
            context.load_cert_chain(certificate[0], certificate[1])
        connection = http.client.HTTPSConnection("127.0.0.1", gate.proxy, timeout=20, context=context)
        try:
            return send(connection, "GET", "/open/x", {"Authorization": f"Bearer {token}"})
        finally:
            connection.close()

    bound = mint.pool_token(key, cnf={"x5t#S256": ours[2]})
    assert over(ours, bound).status == 200
    assert reason(over(theirs, bound)) == "client_certificate_mismatch"
    assert reason(over(None, bound)) == "client_certificate_missing"
    assert backend.count() == 1
    for certificate in (ours, theirs, None):
        assert over(certificate, mint.pool_token(key)).status == 200
    # Proof of a key over the same connection: https is the scheme of its URI.
    client = Prover()
    both = mint.pool_token(key, cnf=client.cnf | {"x5t#S256": ours[2]})
    context = ssl.create_default_context(cafile=str(servers.path))
    context.load_cert_chain(ours[0], ours[1])
    connection = http.client.HTTPSConnection("127.0.0.1", gate.proxy, timeout=20, context=context)
    proof = client.proof("GET", f"https://127.0.0.1:{gate.proxy}/open/x", both)
    assert send(connection, "GET", "/open/x", {"Authorization": f"DPoP {both}", "DPoP": proof}).status == 200
    connection.close()
    gate.terminate()
    gate.process.wait(15)
    records = [json.loads(line) for line in gate.printed().splitlines() if line.startswith('{"time"')]
    ids = {record.get("spiffe_id") for record in records if record.get("client_certificate") == ours[2]}
    assert ids == {"spiffe://example.org/orders"}, records
