"""An HTTP/1.1 backend that tells what reached it.

`GET /bytes/N` answers N bytes, `…/slow/MS` answers after MS milliseconds, `…/events/N` tells N server-sent events,
20 ms apart, `/files/…` serves what `serve` was given; everything else reads the body to its end and answers JSON of
what arrived. Every request is counted, so that a test can show that a refused one never got here.
"""

import contextlib
import hashlib
import json
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BLOCK = bytes(range(256)) * 256


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60

    def log_message(self, *_):
        pass

    def body(self):
        """Length and SHA-256 of the body, framed by Content-Length or chunked."""
        length, digest = 0, hashlib.sha256()
        for piece in self.pieces():
            length += len(piece)
            digest.update(piece)
        return length, digest.hexdigest()

    def pieces(self):
        if "chunked" in (self.headers.get("transfer-encoding") or "").lower():
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield from self.exactly(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
        else:
            yield from self.exactly(int(self.headers.get("content-length") or 0))

    def exactly(self, left):
        while left:
            piece = self.rfile.read(min(left, 1 << 16))
            if not piece:
                raise ConnectionError("the body ended early")
            left -= len(piece)
            yield piece

    def answer(self):
        backend = self.server.backend
        with backend.lock:
            backend.requests.append((self.command, self.path, list(self.headers.items())))
        length, digest = self.body()
        with backend.lock:
            backend.finished.append(self.path)
        if file := backend.files.get(self.path):
            return self.send(file, "application/json")
        if pause := re.search(r"/slow/(\d+)$", self.path):
            time.sleep(int(pause.group(1)) / 1000)
        if size := re.search(r"/bytes/(\d+)$", self.path):
            return self.stream(int(size.group(1)))
        if count := re.search(r"/events/(\d+)$", self.path):
            return self.tell(int(count.group(1)))
        seen = {
            "method": self.command,
            "path": self.path,
            "version": self.request_version,
            "headers": list(self.headers.items()),
            "length": length,
            "sha256": digest,
        }
        self.send(json.dumps(seen).encode(), "application/json")

    def send(self, body, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-poolgate-role", "set by the backend")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def stream(self, left):
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(left))
        self.end_headers()
        while left and self.command != "HEAD":
            left -= self.wfile.write(BLOCK[: min(left, len(BLOCK))])

    def tell(self, count):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(count):
            event = b"data: %d\n\n" % number
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            time.sleep(0.02)
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = answer


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def process_request(self, request, client_address):
        self.backend.sockets.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.backend.sockets.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address):
        pass  # a caller that hangs up is no event


class Backend:
    """Serves on a port of 127.0.0.1 until `close`; `files` maps a path to the bytes it answers."""

    def __init__(self, port=0, files=None):
        self.lock = threading.Lock()
        self.requests = []
        # Targets of those whose body came to its end.
        self.finished = []
        self.sockets = set()
        self.files = dict(files or {})
        self.server = Server(("127.0.0.1", port), Handler)
        self.server.backend = self
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def count(self):
        with self.lock:
            return len(self.requests)

    def last(self):
        with self.lock:
            return self.requests[-1]

    def close(self):
        """Stops at once: connections that are kept alive end too."""
        self.server.shutdown()
        self.server.server_close()
        for each in list(self.sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)
