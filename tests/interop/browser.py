"""Chromium, as a page of some origin sees the gate: a child process that does one thing at a time (browser.cjs)."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from gate import TOOLS

CHROMIUM = shutil.which("chromium") or "chromium"
# For all that a test does with it.
PATIENCE = 150


def fingerprint(certificate):
    """Base64 of the SHA-256 of a certificate's public key, as Chromium wants it told."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


class Browser:
    """Knows the names under `example.com` and `example.org` as this machine's, and this one certificate as good."""

    def __init__(self, folder, certificate):
        args = [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--host-resolver-rules=MAP *.example.com 127.0.0.1, MAP *.example.org 127.0.0.1, MAP * ~NOTFOUND",
            f"--ignore-certificate-errors-spki-list={fingerprint(certificate)}",
        ]
        self.log = folder / "browser.log"
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen(
                [shutil.which("node"), str(Path(__file__).with_name("browser.cjs"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                cwd=folder,
                env={"PATH": os.environ["PATH"], "HOME": str(folder), "NODE_PATH": str(TOOLS / "node" / "node_modules")},
                # The browser goes with whoever drives it.
                start_new_session=True,
            )
        self.alarm = threading.Timer(PATIENCE, self.kill)
        self.alarm.start()
        self.version = self.tell({"executablePath": CHROMIUM, "args": args})

    def tell(self, line):
        self.process.stdin.write(json.dumps(line).encode() + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"the browser is gone: {self.log.read_text(errors='replace')[-2000:]}"
        answer = json.loads(answer)
        assert "error" not in answer, (line, answer)
        return answer.get("value")

    def do(self, page, what, **given):
        return self.tell({"do": what, "page": page, "with": given})

    def cookie(self, **cookie):
        self.tell({"do": "cookies", "with": {"cookies": [cookie]}})

    def kill(self):
        try:
            os.killpg(self.process.pid, 9)
        except ProcessLookupError:
            pass

    def close(self):
        try:
            self.process.stdin.close()
            self.process.wait(20)
        except (OSError, subprocess.TimeoutExpired):
            pass
        finally:
            self.alarm.cancel()
            self.kill()
            self.process.wait(10)
