"""Runs a page's tour exactly as it is printed, and compares what it prints.

The tour is what stands between `<!-- tour -->` and `<!-- /tour -->`. Its ```bash blocks run in order, in one shell
that stops at the first command that fails. The block with `poolgate demo` is started in the background instead, is
waited for, and is ended by SIGTERM afterwards: it must exit 0. A ```text, ```json, ```http or ```console block right
behind a bash block is what that block prints: its lines must come in this order, `…` stands for anything, and lines
in between may be left out. What the whole tour must print, and the page need not show, is in tour.expected in the same
form.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROXY, ADMIN = 8080, 9901
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```[ ]*$", re.M | re.S)
MARK = "@@tour-block@@"


def blocks(page):
    """(bash text, expected output or None) of each block of the tour."""
    tours = re.findall(r"<!-- tour -->(.*?)<!-- /tour -->", page, re.S)
    if not tours:
        sys.exit("no tour: nothing stands between <!-- tour --> and <!-- /tour -->")
    found = []
    for language, text in (fence for tour in tours for fence in FENCE.findall(tour)):
        if language in ("bash", "sh"):
            found.append([text, None])
        elif language in ("text", "json", "http", "console") and found and found[-1][1] is None:
            found[-1][1] = text
    return found


def is_demo(text):
    return re.search(r"\bdemo\b", text) and ("poolgate" in text or "cargo run" in text) and "curl" not in text


def compare(expected, printed):
    """The first expected line that does not come, or None."""
    lines = iter(printed.splitlines())
    for line in expected.splitlines():
        if not line.strip() or line.strip() == "…":
            continue
        pattern = re.compile(".*?".join(re.escape(part) for part in line.strip().split("…")))
        if not any(pattern.fullmatch(each.strip()) for each in lines):
            return line
    return None


def wait_ready(process, log):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"the demo exited {process.returncode}:\n{log.read_text()}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{ADMIN}/readyz", timeout=2):
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    sys.exit(f"the demo is not ready after a minute:\n{log.read_text()}")


def demo_lines(text):
    """The command that starts the demo, without what only puts it into the background."""
    return re.sub(r"\s*&\s*$", "", text.strip())


def start_demo(text, environment, log):
    for port in (PROXY, ADMIN):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                sys.exit(f"port {port} of 127.0.0.1 is taken; the tour needs it")
    # `exec` makes the last command the process that gets the signal.
    *before, last = demo_lines(text).splitlines()
    script = "\n".join(["set -eu", *before, f"exec {last}"])
    with open(log, "wb") as output:
        return subprocess.Popen(
            ["bash", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )


def stop(process):
    """SIGTERM to the demo's own session, cargo's child too; the exit code."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    try:
        return process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        return -9


def run(tour, environment):
    script = "set -eu\n" + "".join(f"echo '{MARK}'\n{text}\n" for text, _ in tour)
    done = subprocess.run(
        ["bash", "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
        env=environment,
        timeout=120,
    )
    # A block's last line may have no newline, so that the next mark stands behind it.
    printed = done.stdout.decode(errors="replace").split(f"{MARK}\n")[1:]
    problems = []
    missing = compare(Path(__file__).with_name("tour.expected").read_text(), "\n".join(printed))
    if missing is not None:
        problems.append(f"the tour never prints {missing!r}, or not in this order")
    for (text, expected), output in zip(tour, printed):
        print(f"$ {text.strip()}\n{output.rstrip()}\n")
        missing = compare(expected, output) if expected else None
        if missing is not None:
            problems.append(f"expected {missing!r} of:\n{text}")
    if done.returncode:
        problems.append(f"exit code {done.returncode} in:\n{tour[max(0, len(printed) - 1)][0]}")
    elif len(printed) != len(tour):
        problems.append(f"{len(printed)} of {len(tour)} blocks ran")
    return problems


def main():
    # So that the demo is stopped whatever ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tour = blocks(Path(sys.argv[1]).read_text())
    demos = [text for text, _ in tour if is_demo(text)]
    tour = [block for block in tour if not is_demo(block[0])]
    if len(demos) != 1 or not tour:
        sys.exit(f"the tour starts {len(demos)} demos and has {len(tour)} more blocks; it needs one, and some")
    checked = 1 + sum(expected is not None for _, expected in tour)
    with tempfile.TemporaryDirectory() as folder:
        # The AWS command line comes from the tests' own tools.
        tools = Path(os.environ.get("POOLGATE_RIG", ROOT / "target" / "rig")) / "venv" / "bin"
        path = f"{ROOT / 'target' / 'release'}:{tools}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "TMPDIR": folder}
        log = Path(folder) / "demo.log"
        demo = start_demo(demos[0], environment, log)
        try:
            wait_ready(demo, log)
            problems = run(tour, environment)
        finally:
            code = stop(demo)
        if code != 0:
            problems.append(f"the demo exited {code} after SIGTERM:\n{log.read_text()}")
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"tour: {len(tour)} blocks, {checked} outputs compared, {len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
