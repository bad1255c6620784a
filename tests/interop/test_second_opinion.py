"""aws-jwt-verify as a second opinion: on each token of token_rows.py the two agree, or Poolgate is stricter by name."""

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

import mint
from account import TOKEN_ONLY, route
from gate import TOOLS
from token_rows import OIDC_AUDIENCE, OIDC_ISSUER, STRICTER, rows

# RFC 6750 §2.1: what can stand behind "Bearer " at all. Anything else is a malformed request.
B64TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


@pytest.fixture(scope="module")
def keys(key, second_key):
    return {
        "key": key,
        "other": second_key,
        "stranger": mint.Key(),
        "ec": mint.Key("ES256"),
        "ed": mint.Key("EdDSA"),
        "rs512": mint.Key("RS512"),
    }


@pytest.fixture(scope="module")
def table(keys):
    return rows(**keys)


@pytest.fixture(scope="module")
def second_opinion(keys, table):
    """Row name to None (accepted) or aws-jwt-verify's error."""
    question = {
        "userPoolId": mint.POOL,
        "clientId": mint.CLIENT,
        "keys": json.loads(mint.jwks(keys["key"], keys["other"])),
        "oidc": {
            "issuer": OIDC_ISSUER,
            "audience": OIDC_AUDIENCE,
            "keys": json.loads(mint.jwks(keys["ec"], keys["ed"], keys["rs512"])),
        },
        "rows": [{"name": name, "verifier": verifier, "token": token} for name, verifier, token in table],
    }
    done = subprocess.run(
        [shutil.which("node"), str(Path(__file__).with_name("verify.cjs"))],
        input=json.dumps(question).encode(),
        capture_output=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "NODE_PATH": str(TOOLS / "node" / "node_modules")},
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.fixture
def gate(serve, backend, keys, tmp_path):
    pool_keys, oidc_keys = tmp_path / "pool.json", tmp_path / "oidc.json"
    pool_keys.write_bytes(mint.jwks(keys["key"], keys["other"]))
    oidc_keys.write_bytes(mint.jwks(keys["ec"], keys["ed"], keys["rs512"]))
    source = f'audiences: [{OIDC_AUDIENCE}], jwks: "file:{oidc_keys}"'
    provider = f'oidc_providers:\n  - {{ issuer: "{OIDC_ISSUER}", {source} }}\n'
    return serve(route("all", "/", backend.url, TOKEN_ONLY), keys=pool_keys, more=provider)


def test_the_second_opinion_is_what_the_table_says(second_opinion, table):
    """The rows named stricter are good ones to aws-jwt-verify; otherwise the list would hide a disagreement."""
    assert len({name for name, _, _ in table}) == len(table)
    assert set(STRICTER) <= set(second_opinion)
    assert {name: second_opinion[name] for name in STRICTER} == dict.fromkeys(STRICTER)
    accepted = [name for name, error in second_opinion.items() if error is None]
    assert len(accepted) > len(STRICTER) + 10 and len(second_opinion) - len(accepted) > 60


def test_poolgate_agrees(gate, backend, table, second_opinion):
    wrong = []
    accepted = 0
    for name, _, token in table:
        good = second_opinion[name] is None and name not in STRICTER
        accepted += good
        expected = {200} if good else {401} if B64TOKEN.fullmatch(token) else {400, 401}
        status = gate.call("GET", "/orders/1", token=token).status
        if status not in expected:
            wrong.append(f"{name}: {status}, aws-jwt-verify: {second_opinion[name] or 'accepted'}")
    assert not wrong, "\n".join(wrong)
    assert backend.count() == accepted


def test_a_second_look_gives_the_same_answer(gate, table, second_opinion):
    """Verified tokens are remembered; being remembered changes nothing."""
    for name, _, token in table:
        first, second = (gate.call("GET", "/orders/1", token=token).status for _ in range(2))
        assert first == second, name


def test_a_remembered_token_expires_on_time(gate, keys):
    token = mint.pool_token(keys["key"], seconds=2)
    expires = mint.payload(token)["exp"]
    assert gate.call("GET", "/x", token=token).status == 200
    time.sleep(max(0, expires - time.time()) + 0.05)
    assert gate.call("GET", "/x", token=token).status == 401
