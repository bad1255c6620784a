"""The charts, rendered by the real helm, and their files laid out as a kubelet mounts them."""

import base64
import datetime
import json
import os
import shutil
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gate import BINARY, ROOT, TOOLS

CHART = ROOT / "charts" / "poolgate"
EXAMPLE = ROOT / "charts" / "sidecar-example"
SECRETS = "/run/secrets/poolgate"


@dataclass
class Manifests:
    """What a chart makes."""

    all: list

    def of(self, kind):
        return [each for each in self.all if each["kind"] == kind]

    def one(self, kind, name=None):
        """The one of this kind, or of this kind and name."""
        found = [each for each in self.of(kind) if name in (None, each["metadata"]["name"])]
        assert len(found) == 1, f"{len(found)} of {kind} {name or ''}"
        return found[0]

    @property
    def pod(self):
        return self.one("Deployment")["spec"]["template"]["spec"]

    @property
    def container(self):
        """Poolgate's, wherever it is."""
        every = [*self.pod.get("initContainers", []), *self.pod["containers"]]
        (found,) = [each for each in every if each["name"] == "poolgate"]
        return found

    @property
    def config_map(self):
        (found,) = [each for each in self.of("ConfigMap") if "poolgate.yaml" in each["data"]]
        return found

    @property
    def config(self):
        return yaml.safe_load(self.config_map["data"]["poolgate.yaml"])


def helm(home, *arguments):
    return subprocess.run(
        [TOOLS / "bin" / "helm", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
    )


def render(home, values, *more, chart=CHART):
    arguments = ["--values", values] if values else []
    done = helm(home, "template", "release", chart, *arguments, *more)
    assert done.returncode == 0, done.stderr.decode()
    return Manifests([each for each in yaml.safe_load_all(done.stdout) if each])


def example(home):
    """The example's folder, with the chart that it depends on in it."""
    charts = home / "charts"
    shutil.copytree(ROOT / "charts", charts, ignore=shutil.ignore_patterns("charts", "Chart.lock"))
    built = helm(home, "dependency", "build", charts / EXAMPLE.name)
    assert built.returncode == 0, built.stderr.decode()
    return charts / EXAMPLE.name


def mount(folder, manifests):
    """Writes what the pod would find, and says where poolgate.yaml is: paths of secrets and logs lead to `folder`.

    A chart without a pod has its ConfigMap mounted as its template would.
    """
    etc, secrets, tls, logs = folder / "etc", folder / "secrets", folder / "tls", folder / "logs"
    for each in (etc, secrets, tls, logs):
        each.mkdir(parents=True)
    data = manifests.config_map["data"]
    for item in config_items(manifests):
        write(etc / item["path"], data[item["key"]])
    for source in sources(manifests, "poolgate-config")[1:]:
        # Somebody else's ConfigMap: an organization's policies, in the tests' values.
        (item,) = source["configMap"]["items"]
        write(etc / item["path"], json.dumps({"ServiceControlPolicies": [[FULL_ACCESS]]}))
    write(secrets / "identity", "of 32 bytes and of no other use..")
    write(secrets / "k1", base64.b64encode(os.urandom(32)).decode())
    for secret in manifests.of("Secret"):
        for name, text in secret["data"].items():
            write(secrets / name, base64.b64decode(text).decode())
    certificate(tls)
    config = etc / "poolgate.yaml"
    text = config.read_text().replace(f"{SECRETS}-tls", str(tls)).replace(SECRETS, str(secrets))
    config.write_text(text.replace("/var/log/poolgate", str(logs)))
    return config


def sources(manifests, volume):
    """A projected volume's; none if there is no pod or no such volume."""
    if not manifests.of("Deployment"):
        return []
    found = [each for each in manifests.pod["volumes"] if each["name"] == volume]
    return found[0]["projected"]["sources"] if found else []


def config_items(manifests):
    mounted = sources(manifests, "poolgate-config")
    if not mounted:
        keys = manifests.config_map["data"]
        paths = {key: f"policies/{key.replace('__', '/')}" for key in keys}
        return [{"key": key, "path": path} for key, path in {**paths, "poolgate.yaml": "poolgate.yaml"}.items()]
    assert mounted[0]["configMap"]["name"] == manifests.config_map["metadata"]["name"]
    items = mounted[0]["configMap"]["items"]
    assert {item["key"] for item in items} == set(manifests.config_map["data"]), "not all of it is mounted"
    return items


FULL_ACCESS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "tls.crt").write_bytes(made.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "tls.key").write_bytes(private)


def check(config, **environment):
    """`poolgate check`, and what it printed."""
    done = subprocess.run(
        [BINARY, "check", "--config", config],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        env={"PATH": os.environ["PATH"], **environment},
    )
    return done.returncode, (done.stdout + done.stderr).decode()


def listens_for_proxies():
    """Whether this program has the listener that proxies ask."""
    printed = subprocess.run([BINARY, "schema"], stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=True)
    return "ext_authz" in json.dumps(json.loads(printed.stdout)["properties"]["listen"])


def examples(page):
    """The values files of a page: YAML blocks whose first line is a comment that begins with `values`."""
    found, block = [], None
    for line in Path(page).read_text().splitlines():
        if block is None:
            block = [] if line.strip() == "```yaml" else None
        elif line.strip() == "```":
            if block and block[0].strip().startswith("# values"):
                found.append(textwrap.dedent("\n".join(block)) + "\n")
            block = None
        else:
            block.append(line)
    return found
