"""The soak's WebSockets: some come and go, some stand. All in one thread, where Python's TLS loses nothing."""

import asyncio
import contextlib
import random
import threading
import traceback

from websockets.exceptions import ConnectionClosed

from soak_callers import PATIENCE
from test_websocket import open_socket


class Sockets:
    """`standing` of them stay until `leave`; `passing` others at a time open, echo and close, or just go away."""

    def __init__(self, place, crowd, standing=5, passing=3):
        self.place, self.crowd, self.standing = place, crowd, standing
        self.passing, self.open = passing, 0
        self.leaving = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self):
        self.thread.start()

    def run(self):
        async def all_of_them():
            each = [self.stand() for _ in range(self.standing)] + [self.pass_by() for _ in range(self.passing)]
            await asyncio.gather(*each)

        asyncio.run(all_of_them())

    def socket(self):
        _, token = self.place.any_token()
        return open_socket(self.place.gate, token, self.place.folder, f"/chat/{random.randrange(100)}")

    async def echo(self, socket, size):
        message = random.choice([random.randbytes(size), "x" * size])
        await socket.send(message)
        assert await asyncio.wait_for(socket.recv(), PATIENCE) == message

    async def stand(self):
        try:
            async with self.socket() as socket:
                self.open += 1
                while not self.leaving.is_set():
                    await self.echo(socket, 100)
                    self.crowd.did("standing socket")
                    await asyncio.sleep(0.5)
                self.open -= 1
        except Exception:  # noqa: BLE001
            self.crowd.complain(f"a standing socket: {traceback.format_exc(limit=-3)}")

    async def pass_by(self):
        while not self.crowd.stopping.is_set():
            try:
                async with self.socket() as socket:
                    for _ in range(random.randrange(4)):
                        await self.echo(socket, random.choice([0, 10, 1000, 200_000]))
                    how = random.choice(["closed", "closed by the backend", "gone"])
                    if how == "gone":
                        socket.transport.abort()
                    elif how == "closed by the backend":
                        await socket.send("close")
                        with contextlib.suppress(ConnectionClosed):
                            await asyncio.wait_for(socket.recv(), PATIENCE)
                            raise AssertionError("it goes on")
                        assert socket.close_code == 4001, socket.close_code
                self.crowd.did("passing socket")
            except Exception:  # noqa: BLE001
                self.crowd.complain(f"a socket: {traceback.format_exc(limit=-3)}")
            await asyncio.sleep(random.uniform(0.1, 0.4))

    def leave(self):
        """Closes those that stand."""
        self.leaving.set()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive(), "a socket doesn't close"
