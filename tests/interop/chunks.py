"""Bodies in chunks (`aws-chunked`), signed by hand, so that every part of them can be wrong; sent piece by piece."""

import base64
import hashlib
import http.client
import socket
import zlib

from gate import REGION, Answer
from signing import mac, sign, signing_key

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
FORMS = (SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER)
NOTHING = hashlib.sha256(b"").hexdigest()


class Crc32:
    def __init__(self):
        self.value = 0

    def update(self, piece):
        self.value = zlib.crc32(piece, self.value)

    def digest(self):
        return self.value.to_bytes(4, "big")


CHECKSUMS = {"crc32": Crc32, "sha1": hashlib.sha1, "sha256": hashlib.sha256}


class Upload:
    """A PUT in chunks. `pieces` gives the body anew each time, one piece a chunk; `wrong` names what isn't right:
    `chunk` (a signature, in the middle), `last`, `trailer`, `checksum`, or nothing."""

    def __init__(self, gate, credentials, target, form, length, pieces, checksum="crc32", wrong=None):
        self.form, self.pieces, self.checksum, self.wrong = form, pieces, checksum, wrong
        self.signed, self.trailed = form != UNSIGNED_TRAILER, form != SIGNED
        headers = {"X-Amz-Decoded-Content-Length": str(length), "Content-Encoding": "aws-chunked"}
        if self.trailed:
            headers["X-Amz-Trailer"] = f"x-amz-checksum-{checksum}"
        fields = sign(gate, credentials, "PUT", target, headers, payload=form)
        self.head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.head = f"PUT {target} HTTP/1.1\r\n{self.head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        stamp = fields["X-Amz-Date"]
        self.scope = f"{stamp}\n{stamp[:8]}/{REGION}/s3/aws4_request"
        self.key = signing_key(credentials["SecretKey"], stamp[:8], REGION, "s3")
        self.previous = fields["Authorization"].rpartition("=")[2]

    def signature(self, what, *hashes):
        text = "\n".join([f"AWS4-HMAC-SHA256-{what}", self.scope, self.previous, *hashes])
        self.previous = mac(self.key, text).hex()
        return self.previous

    def chunk(self, piece, wrong=False):
        extension = ""
        if self.signed:
            found = self.signature("PAYLOAD", NOTHING, hashlib.sha256(piece).hexdigest())
            extension = f";chunk-signature={'0' * 64 if wrong else found}"
        return b"%x%s\r\n%s%s" % (len(piece), extension.encode(), piece, b"\r\n" if piece else b"")

    def body(self):
        """The body, chunk by chunk."""
        summed = CHECKSUMS[self.checksum]()
        for count, piece in enumerate(self.pieces()):
            summed.update(piece)
            yield self.chunk(piece, self.wrong == "chunk" and count == 1)
        yield self.chunk(b"", self.wrong == "last")
        if self.trailed:
            value = base64.b64encode(summed.digest()).decode()
            if self.wrong == "checksum":
                value = base64.b64encode(bytes(len(summed.digest()))).decode()
            line = f"x-amz-checksum-{self.checksum}:{value}"
            yield f"{line}\r\n".encode()
            if self.signed:
                found = self.signature("TRAILER", hashlib.sha256(f"{line}\n".encode()).hexdigest())
                yield f"x-amz-trailer-signature:{'0' * 64 if self.wrong == 'trailer' else found}\r\n".encode()
        yield b"\r\n"

    def send(self, connection, cut=None):
        """Sends it over an open connection, in pieces of `cut` bytes if that is given; reads the answer."""
        connection.sendall(self.head.encode())
        try:
            for part in self.body():
                size = cut or len(part)
                for at in range(0, len(part), size):
                    piece = part[at : at + size]
                    connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            connection.sendall(b"0\r\n\r\n")
        except OSError:
            pass  # what is refused early needn't be read to its end
        response = http.client.HTTPResponse(connection, method="PUT")
        response.begin()
        return Answer(response.status, response.getheaders(), response.read())


def put(gate, credentials, target, form, length, pieces, cut=None, **how):
    """One upload over a plain connection of its own."""
    with socket.create_connection(("127.0.0.1", gate.proxy), timeout=120) as connection:
        return Upload(gate, credentials, target, form, length, pieces, **how).send(connection, cut)
