"""Ever new tokens, signed as they are sent: what they cost, and that the memory they take has a bound."""

import socket
import time

import peers
from page import Section, Table

DEPTH = 32


def section(rig, plan):
    behind = peers.backend(rig)
    ours = peers.poolgate(rig, behind.port, "distinct")
    count, rows, refused = plan.distinct, [], 0
    before = ours.program.used()
    with socket.create_connection(("127.0.0.1", ours.port), 10) as connection:
        answers = connection.makefile("rb")
        for place in range(0, count, DEPTH):
            if place % (count // 10 // DEPTH * DEPTH or DEPTH) == 0:
                rows.append([f"{place:,}", f"{ours.program.resident():.0f}"])
            tokens = [rig.keys.provider_token(user, peers.OIDC_ISSUER, peers.OIDC_AUDIENCE)
                      for user in range(place, min(place + DEPTH, count))]
            connection.sendall("".join(
                f"GET /api/items/1 HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n" for token in tokens).encode())
            refused += sum(not answered(answers) for _ in tokens)
    cost = (ours.program.used() - before) / count
    time.sleep(1)
    rows.append([f"{count:,}", f"{ours.program.resident():.0f}"])
    rig.stop()
    return Section("Ever new tokens", f"""\
{count:,} tokens of an OpenID Connect provider (ES256), each of another user and sent once: {cost:.0f} µs of processor time each; {refused} were refused.""", [
        Table(["tokens seen", "resident MiB"], rows)])


def answered(answers):
    """Reads one answer; whether it is a 200."""
    head = [line.strip().lower() for line in iter(answers.readline, b"\r\n")]
    length = next(int(line.split(b":")[1]) for line in head if line.startswith(b"content-length:"))
    answers.read(length)
    return head[0].startswith(b"http/1.1 200")
