"""Fixtures: the demo, a counting backend, an account served from a temporary folder. Nothing outlives its test."""

import signal

import pytest

import account
import mint
from backend import Backend
from gate import free_ports, start
from people import People


def pytest_sessionstart(session):
    # Fixtures stop their processes even when the run is cut short.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", 143))


@pytest.fixture
def backend():
    backend = Backend()
    yield backend
    backend.close()


@pytest.fixture(scope="session")
def key():
    """A user pool's signing key; making one takes a moment."""
    return mint.Key()


@pytest.fixture(scope="session")
def second_key():
    return mint.Key()


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """`poolgate demo` on free ports."""
    folder = tmp_path_factory.mktemp("demo")
    proxy, admin, ext_authz = free_ports(3)
    addresses = {"--listen": proxy, "--admin": admin, "--ext-authz": ext_authz}
    options = [word for name, port in addresses.items() for word in (name, f"127.0.0.1:{port}")]
    gate = start(["demo", *options, "--data", folder / "data"], folder / "poolgate.log", proxy, admin, ext_authz)
    try:
        yield gate
        gate.stop()
    finally:
        gate.kill()


@pytest.fixture(scope="session")
def people(demo):
    """The demo's users, with their tokens and credentials."""
    return People(demo)


@pytest.fixture
def serve(tmp_path, key):
    """Starts `poolgate serve` in a temporary folder with the account of account.py; stops it, exit 0, at the end.

    `serve(routes, …)` takes the YAML of the routes; keys come from a key file unless `keys` says where from. A test
    with several of them gives each a `folder`.
    """
    running = []

    def run(routes, keys=None, pool=mint.POOL, client=mint.CLIENT, more="", edit=lambda text: text, folder=tmp_path, **how):
        if keys is None:
            keys = folder / "jwks.json"
            keys.write_bytes(mint.jwks(key))
        if not (folder / "policies").exists():
            account.write_account(folder, pool, client)
        pools = account.user_pool(pool, client, keys)
        gate = account.serve(folder, pools, routes, more, edit, **how)
        running.append(gate)
        return gate

    try:
        yield run
        for gate in running:
            gate.stop()
    finally:
        for gate in running:
            gate.kill()
