"""The chart's own poolgate.yaml, laid out as a kubelet would mount it, is one that the program accepts."""

import os
import subprocess

import pytest
import yaml

from gate import BINARY, ROOT, TOOLS

CHART = ROOT / "charts" / "poolgate"
VALUES = sorted(CHART.glob("ci/*-values.yaml"))


def render(tmp_path, values, *more):
    """The manifests by kind."""
    done = subprocess.run(
        [TOOLS / "bin" / "helm", "template", "release", CHART, "--values", values, *more],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr.decode()
    return {each["kind"]: each for each in yaml.safe_load_all(done.stdout)}


def pod(manifests):
    return manifests["Deployment"]["spec"]["template"]["spec"]


def mount(folder, manifests):
    """Writes the ConfigMap's files where the pod's volume puts them."""
    volume = next(each for each in pod(manifests)["volumes"] if each["name"] == "config")
    data = manifests["ConfigMap"]["data"]
    for item in volume["configMap"]["items"]:
        path = folder / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(data[item["key"]])
    assert len(volume["configMap"]["items"]) == len(data), "a file of the ConfigMap is not mounted"
    return folder / "poolgate.yaml"


def seconds(duration):
    assert duration.endswith("s")
    return int(duration[:-1])


def test_there_are_values_to_test():
    assert len(VALUES) >= 2


@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_configuration_is_accepted(tmp_path, values):
    config = mount(tmp_path / "etc", render(tmp_path, values))
    text = config.read_text()
    key = tmp_path / "identity"
    key.write_bytes(os.urandom(32))
    config.write_text(text.replace("/run/secrets/poolgate/identity", str(key)))
    check = subprocess.run(
        [BINARY, "check", "--config", config], stdin=subprocess.DEVNULL, capture_output=True, timeout=30
    )
    assert check.returncode == 0, (check.stdout + check.stderr).decode()


@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_the_kubelet_waits_longer_than_the_drain_takes(tmp_path, values):
    manifests = render(tmp_path, values, "--set", "shutdown.delaySeconds=7,shutdown.drainSeconds=41")
    timeouts = yaml.safe_load(manifests["ConfigMap"]["data"]["poolgate.yaml"])["timeouts"]
    needed = seconds(timeouts["shutdown_delay"]) + seconds(timeouts["drain"])
    assert needed == 48
    assert pod(manifests)["terminationGracePeriodSeconds"] > needed


@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_the_pod_is_restricted(tmp_path, values):
    """Pod Security Standards, level "restricted", and a read-only root besides."""
    spec = pod(render(tmp_path, values))
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    context = container["securityContext"]
    assert context["allowPrivilegeEscalation"] is False and context["readOnlyRootFilesystem"] is True
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert not any("subPath" in each for each in container["volumeMounts"]), "a subPath is never updated"


def test_probes_are_on_the_admin_port_and_it_is_not_in_the_service(tmp_path):
    manifests = render(tmp_path, VALUES[0])
    (container,) = pod(manifests)["containers"]
    for probe, path in (("livenessProbe", "/livez"), ("startupProbe", "/livez"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"path": path, "port": "admin"}
    assert [port["targetPort"] for port in manifests["Service"]["spec"]["ports"]] == ["proxy"]
