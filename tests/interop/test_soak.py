"""Everything at once for a while, on one gate: no answer is wrong, nothing leaks, memory is steady.

It takes POOLGATE_SOAK_SECONDS (60), and up to two minutes more to begin and to see all go that should.
"""

import faulthandler
import logging
import os
import sys
import time

import pytest

from backend import Backend
from files import BACKEND_KEY, BACKEND_SECRET
from gate import ROOT, free_port, until
from people import BUCKET
from soak import Crowd, Place, Watch
from soak_callers import Calls, Envoy, Events, Kept, Reloading, Revoking, Streams
from soak_hostile import Refused, Vanishing
from soak_objects import Objects
from soak_sockets import Sockets
from standins import running
from test_grpc import Echo as Called
from test_grpc import started
from test_websocket import Echo as Chat

SECONDS = max(10.0, float(os.environ.get("POOLGATE_SOAK_SECONDS", 60)))
MIB = 1 << 20
# Of a debug build; a release build has less.
MOST = 200 * MIB
# Each kind of caller: how many, and how long one pauses between rounds, in seconds.
CROWD = [
    (Kept, 4, 0.1),
    (Streams, 2, 0.2),
    (Calls, 2, 0.2),
    (Events, 2, 0.3),
    (Envoy, 1, 0.1),
    (Objects, 2, 0.2),
    (Refused, 2, 0.1),
    (Vanishing, 2, 0.1),
    (Revoking, 1, 2),
    (Reloading, 1, 3),
]


@pytest.fixture
def place(tmp_path, key):
    """The gate and all that is behind it."""
    data, folder, port = tmp_path / "data", tmp_path / "gate", free_port()
    (data / "data" / BUCKET).mkdir(parents=True)
    folder.mkdir()
    program = os.environ.get("POOLGATE_S3_STANDIN") or ROOT / "target" / "debug" / "examples" / "s3-standin"
    arguments = [program, f"127.0.0.1:{port}", data / "data", BACKEND_KEY, BACKEND_SECRET]
    http, chat, called = Backend(), Chat(), Called()
    server = started(called, workers=32)
    try:
        with pytest.MonkeyPatch.context() as patch, running(arguments, port, data) as s3:
            patch.setenv("AWS_CA_BUNDLE", str(folder / "tls.crt"))
            urls = [s3, http.url, f"http://127.0.0.1:{called.port}", f"http://127.0.0.1:{chat.port}"]
            with Place(folder, key, *urls, seconds=int(SECONDS)) as place:
                # What backends remember of requests, for other tests.
                place.remembered = [http.requests, http.finished, chat.heads, called.calls]
                place.backend = http
                yield place
    finally:
        server.stop(0).wait(5)
        chat.close()
        http.close()


def test_everything_at_once(place, caplog):
    # Sockets that just go are no news to their backend.
    caplog.set_level(logging.CRITICAL, "websockets.server")
    # It may take longer than what pytest takes for hung.
    faulthandler.dump_traceback_later(SECONDS + 300, file=sys.__stderr__)
    gate, crowd = place.gate, Crowd()
    sockets, watch = Sockets(place, crowd), Watch(gate.process.pid)
    before = watch.descriptors()
    for kind, count, pause in CROWD:
        crowd.add(kind, place, pause, count)
    began = time.monotonic()
    crowd.start()
    sockets.start()
    try:
        while time.monotonic() < began + SECONDS and len(crowd.complaints) < 10:
            time.sleep(0.5)
            assert gate.process.poll() is None, gate.printed()[-4000:]
            for remembered in place.remembered:
                remembered.clear()
    finally:
        ended = time.monotonic()
        most = watch.descriptors()
        crowd.stop()
    assert not crowd.complaints, "\n".join(crowd.complaints)
    print(f"{SECONDS:.0f} s:", ", ".join(f"{count} × {name}" for name, count in sorted(crowd.rounds.items())))
    for name in [*(kind.__name__ for kind, *_ in CROWD), "standing socket", "passing socket"]:
        assert crowd.rounds[name], f"{name} did nothing"

    # Only what stands is open, and it lives.
    until("all but those that stand to be gone", 90, lambda: place.metric("poolgate_connections") == sockets.open == sockets.standing)
    echoed = crowd.rounds["standing socket"]
    until("those that stand to speak", 60, lambda: crowd.rounds["standing socket"] > echoed + sockets.standing)
    sockets.leave()
    assert not crowd.complaints, "\n".join(crowd.complaints)
    until("nothing in flight", 60, lambda: place.metric("poolgate_requests_in_flight") == 0)
    until("no connection", 60, lambda: place.metric("poolgate_connections") == 0)

    # Connections to backends are kept for half a minute.
    until("idle connections to backends to be closed", 120, lambda: not place.backend.sockets)
    until("as many descriptors as at the start", 60, lambda: watch.descriptors() <= before + 8)
    print(f"descriptors: {before} before, {most} under load, {watch.descriptors()} after")

    watch.stop()
    third, _ = watch.within(began + SECONDS / 3, began + SECONDS / 2)
    end, _ = watch.within(ended - SECONDS / 6, ended)
    _, peak = watch.within(began, ended)
    print(f"memory: {third >> 20} MiB after a third, {end >> 20} MiB at the end, {peak >> 20} MiB at most")
    assert peak < MOST, peak >> 20
    assert "panicked" not in gate.printed()
    assert end <= third * 1.2 + 8 * MIB, (third >> 20, end >> 20)
