"""HTTP/2 frame by frame: a caller that sends what no library would."""

import contextlib
import socket
import time

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import hpack

from gate import Answer

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
END_STREAM, END_HEADERS = 1, 4


def frame(kind, flags=0, stream=0, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def request(token, method="GET", path="/orders/1", more=(), **change):
    """Header fields of a good request, some of them changed or left out (None)."""
    fields = {":method": method, ":scheme": "http", ":authority": "gate", ":path": path}
    fields |= {f":{name}": value for name, value in change.items()}
    fields["authorization"] = f"Bearer {token}"
    return [(name, value) for name, value in fields.items() if value is not None] + list(more)


class Caller:
    """A connection to a port, over TLS where there is `trust`, whose frames are written by hand and read by a library."""

    def __init__(self, port, settings=b"", trust=None):
        self.wire = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if trust:
            self.wire = trust.wrap_socket(self.wire, server_hostname="localhost")
        self.encoder = hpack.Encoder()
        config = h2.config.H2Configuration(header_encoding=None, validate_inbound_headers=False)
        self.reader = h2.connection.H2Connection(config)
        self.reader.initiate_connection()
        self.reader.clear_outbound_data_buffer()
        self.answers, self.ended, self.reset, self.goaway = {}, set(), {}, None
        self.send(PREFACE + frame(SETTINGS, payload=settings))

    def send(self, *pieces):
        self.wire.sendall(b"".join(pieces))

    def headers(self, fields, stream=1, end=True, flags=END_HEADERS):
        """A HEADERS frame of these fields, in their order and as they are."""
        block = self.encoder.encode([(hpack.HeaderTuple(name, value)) for name, value in fields], huffman=False)
        # What the library hasn't sent itself it must know of, to read the answers.
        with contextlib.suppress(h2.exceptions.ProtocolError):
            self.reader.send_headers(stream, [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "gate")],
                end_stream=end)  # fmt: skip
            self.reader.clear_outbound_data_buffer()
        return frame(HEADERS, flags | (END_STREAM if end else 0), stream, block)

    def read(self, seconds=10, until=lambda caller: caller.ended or caller.reset or caller.goaway is not None):
        """Reads until something has happened or the connection ends; whether it goes on."""
        deadline = time.monotonic() + seconds
        while not until(self):
            left = deadline - time.monotonic()
            if left <= 0:
                return True
            self.wire.settimeout(left)
            try:
                data = self.wire.recv(1 << 16)
            except TimeoutError:
                return True
            except OSError:
                return False
            if not data:
                return False
            try:
                events = self.reader.receive_data(data)
            except h2.exceptions.ProtocolError:
                # The library takes offence at an answer to what it doesn't know of.
                continue
            for event in events:
                self.take(event)
            with contextlib.suppress(OSError):
                self.wire.sendall(self.reader.data_to_send())
        return True

    def take(self, event):
        if isinstance(event, h2.events.ResponseReceived):
            fields = [(name.decode(), value.decode("latin-1")) for name, value in event.headers]
            self.answers[event.stream_id] = Answer(int(dict(fields)[":status"]), fields, b"")
        elif isinstance(event, h2.events.DataReceived):
            self.answers[event.stream_id].body += event.data
            self.reader.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.ended.add(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.reset[event.stream_id] = event.error_code
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event.error_code

    def close(self):
        self.wire.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
