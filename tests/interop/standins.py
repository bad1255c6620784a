"""Programs that stand in for AWS's services, as processes of their own."""

import contextlib
import socket
import subprocess

from gate import until


@contextlib.contextmanager
def running(command, port, folder, **environment):
    """A program that listens on a port of 127.0.0.1; it is killed at the end."""
    log = folder / "backend.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **environment},
        )

    def listens():
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(f"{command[0]}", 30, listens)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(10)
