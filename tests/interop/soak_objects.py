"""The soak's uploads: boto3 and a signer of our own, in every form, compared byte for byte."""

import io
import random

import requests
from boto3.s3.transfer import TransferConfig

from chunks import FORMS, Upload
from people import BUCKET, IDENTITY_POOL, client
from soak_callers import PATIENCE
from soak_hostile import opened

MIB = 1 << 20
SIZES = [0, 1, 1000, 65_536, MIB, 3 * MIB + 1, 8 * MIB]
ALGORITHMS = ["CRC32", "SHA1", "SHA256"]


class Unseekable(io.RawIOBase):
    """As it comes from a pipe."""

    def __init__(self, content):
        self.content = io.BytesIO(content)

    def readable(self):
        return True

    def read(self, size=-1):
        return self.content.read(size)


class Objects:
    """Bob's own objects: put in one of the forms, read whole and in part, removed."""

    def __init__(self, place):
        self.place, self.count, self.name = place, 0, f"soak/{random.getrandbits(64):x}"
        self.sign_in()

    def sign_in(self):
        """Credentials of his, which are new each time."""
        people = self.place.people
        answer = people.cognito.get_credentials_for_identity(IdentityId=people.identity("bob"), **people.logins("bob"))
        self.credentials = answer["Credentials"]
        self.place.gate.tokens |= {self.credentials["SecretKey"], self.credentials["SessionToken"]}
        config = {"read_timeout": PATIENCE, "connect_timeout": PATIENCE}
        self.s3 = client(self.place.gate, "s3", self.credentials, **config)

    def round(self):
        form = random.choice([self.plainly, self.with_a_checksum, self.from_a_pipe, self.in_parts, self.presigned, self.by_form, self.by_hand])
        content = random.randbytes(random.choice(SIZES))
        self.key = f"{self.place.people.home('bob')}{self.name}"
        what = f"{form.__name__}, {len(content)} bytes"
        form(content)
        found = self.s3.get_object(Bucket=BUCKET, Key=self.key)
        assert found["Body"].read() == content, what
        if len(content) > 1000:
            found = self.s3.get_object(Bucket=BUCKET, Key=self.key, Range="bytes=100-899")
            assert found["Body"].read() == content[100:900], what
        self.s3.delete_object(Bucket=BUCKET, Key=self.key)
        self.refused()
        self.count += 1
        if self.count % 20 == 0:
            self.s3.close()
            self.sign_in()

    def refused(self):
        """Neither what isn't his, nor what isn't there for those who may not know."""
        for key in ("secret/plans.txt", "public/x"):
            try:
                self.s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
            except self.s3.exceptions.ClientError as error:
                assert error.response["Error"]["Code"] == "AccessDenied", error
            else:
                raise AssertionError(f"{key} was put")

    def plainly(self, content):
        self.s3.put_object(Bucket=BUCKET, Key=self.key, Body=content)

    def with_a_checksum(self, content):
        self.s3.put_object(Bucket=BUCKET, Key=self.key, Body=content, ChecksumAlgorithm=random.choice(ALGORITHMS))

    def from_a_pipe(self, content):
        self.s3.upload_fileobj(Unseekable(content), BUCKET, self.key, Config=TransferConfig(use_threads=False))

    def in_parts(self, content):
        config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, use_threads=False)
        self.s3.upload_fileobj(io.BytesIO(content), BUCKET, self.key, Config=config)

    def presigned(self, content):
        url = self.s3.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": self.key})
        answer = requests.put(url, content, timeout=PATIENCE, verify=self.place.folder / "tls.crt")
        assert answer.status_code == 200, answer.text

    def by_form(self, content):
        form = self.s3.generate_presigned_post(BUCKET, self.key)
        given = {"data": form["fields"], "files": {"file": ("x", content)}}
        answer = requests.post(form["url"], timeout=PATIENCE, verify=self.place.folder / "tls.crt", **given)
        assert answer.status_code == 204, answer.text

    def by_hand(self, content):
        """In chunks, now and then with a mistake first: what is there then is what was there before."""
        form, target = random.choice(FORMS), f"/{BUCKET}/{self.key.replace(':', '%3A')}"

        def put(**how):
            def pieces():
                return (content[at : at + MIB] for at in range(0, len(content), MIB))

            with opened(self.place) as wire:
                upload = Upload(self.place.gate, self.credentials, target, form, len(content), pieces, **how)
                return upload.send(wire)

        if random.random() < 0.5:
            answer = put(wrong="last" if form == FORMS[0] else "checksum", checksum="sha256")
            assert answer.status in (400, 403), answer
        answer = put()
        assert answer.status == 200, answer

    def close(self):
        self.s3.close()
