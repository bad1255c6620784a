"""The chart's own poolgate.yaml is one that the program accepts, and what is around it belongs together."""

from pathlib import Path

import pytest
import yaml

from charts import CHART, check, config_items, example, examples, listens_for_proxies, mount, render
from gate import ROOT

VALUES = sorted(CHART.glob("ci/*-values.yaml"))
STANDALONE = [path for path in VALUES if path.stem != "sidecar-values"]
EVERYTHING, EXT_AUTHZ, TOKEN_ONLY = (
    CHART / "ci" / f"{name}-values.yaml" for name in ("everything", "ext-authz", "token-only")
)
PAGES = [CHART / "README.md", ROOT / "docs" / "deploy.md"]

every_values = pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
every_deployment = pytest.mark.parametrize("values", STANDALONE, ids=lambda path: path.stem)


def seconds(duration):
    assert duration.endswith("s")
    return int(duration[:-1])


def accepted(folder, manifests):
    """What `check` says of the configuration is nothing."""
    code, printed = check(mount(folder, manifests), MINIO_SECRET="x")
    if "ext_authz" in manifests.config["listen"] and not listens_for_proxies():
        assert code == 1 and "ext_authz" in printed, printed
        return
    assert code == 0, printed


@every_values
def test_configuration_is_accepted(tmp_path, values):
    accepted(tmp_path / "pod", render(tmp_path, values))


@pytest.mark.parametrize(
    "page, number",
    [(page, number) for page in PAGES for number, _ in enumerate(examples(page))],
    ids=lambda it: it.name if isinstance(it, Path) else str(it),
)
def test_examples_of_the_pages_are_accepted(tmp_path, page, number):
    values = tmp_path / "values.yaml"
    values.write_text(examples(page)[number])
    accepted(tmp_path / "pod", render(tmp_path, values))


def test_pages_have_examples():
    assert all(len(examples(page)) >= 2 for page in PAGES)


@every_deployment
def test_the_kubelet_waits_longer_than_the_drain_takes(tmp_path, values):
    manifests = render(tmp_path, values, "--set", "shutdown.delaySeconds=7,shutdown.drainSeconds=41")
    timeouts = manifests.config["timeouts"]
    needed = seconds(timeouts["shutdown_delay"]) + seconds(timeouts["drain"])
    assert needed == 48
    assert manifests.pod["terminationGracePeriodSeconds"] > needed
    # One more or less would be waited for twice.
    assert "lifecycle" not in manifests.container


@every_deployment
def test_the_pod_is_restricted(tmp_path, values):
    spec = render(tmp_path, values).pod
    restricted(spec)
    (container,) = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert not any("subPath" in each for each in container["volumeMounts"]), "a subPath is never updated"


def restricted(pod):
    """Pod Security Standards, level "restricted", for each container, and a read-only root besides."""
    assert not any(pod.get(host) for host in ("hostNetwork", "hostPID", "hostIPC"))
    allowed = {"configMap", "projected", "secret", "emptyDir", "downwardAPI", "persistentVolumeClaim"}
    for volume in pod["volumes"]:
        assert set(volume) - {"name"} <= allowed, volume
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        context = {**pod.get("securityContext", {}), **container["securityContext"]}
        assert context["runAsNonRoot"] is True and context["runAsUser"] > 0
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert context["allowPrivilegeEscalation"] is False and context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]} and not context.get("privileged")
        assert container["resources"]["requests"] and container["resources"]["limits"]["memory"]


@every_deployment
def test_probes_are_on_the_admin_port_and_it_is_not_in_the_service(tmp_path, values):
    manifests = render(tmp_path, values)
    for probe, path in (("livenessProbe", "/livez"), ("startupProbe", "/livez"), ("readinessProbe", "/readyz")):
        assert manifests.container[probe]["httpGet"] == {"path": path, "port": "admin"}
    service = manifests.one("Service", "release-poolgate")
    assert "admin" not in [port["targetPort"] for port in service["spec"]["ports"]]


@every_deployment
def test_ports_are_those_that_the_program_listens_on(tmp_path, values):
    manifests = render(tmp_path, values)
    named = {port["name"].replace("-", "_"): port["containerPort"] for port in manifests.container["ports"]}
    listened = manifests.config["listen"]
    assert named == {name: int(it["address"].rpartition(":")[2]) for name, it in listened.items()}


@every_deployment
def test_what_selects_pods_selects_these(tmp_path, values):
    manifests = render(tmp_path, values)
    labels = manifests.one("Deployment")["spec"]["template"]["metadata"]["labels"].items()
    selectors = [
        manifests.one("Deployment")["spec"]["selector"]["matchLabels"],
        manifests.one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        manifests.one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        *(service["spec"]["selector"] for service in manifests.of("Service")),
    ]
    for selector in selectors:
        assert selector and selector.items() <= labels
    for scaler in manifests.of("HorizontalPodAutoscaler"):
        assert scaler["spec"]["scaleTargetRef"]["name"] == manifests.one("Deployment")["metadata"]["name"]
        assert "replicas" not in manifests.one("Deployment")["spec"], "a rollout would undo the scaling"


def test_the_monitor_selects_the_admin_service_alone(tmp_path):
    manifests = render(tmp_path, EVERYTHING)
    wanted = manifests.one("ServiceMonitor")["spec"]["selector"]["matchLabels"].items()
    selected = [each for each in manifests.of("Service") if wanted <= each["metadata"]["labels"].items()]
    (service,) = selected
    (endpoint,) = manifests.one("ServiceMonitor")["spec"]["endpoints"]
    assert [port["name"] for port in service["spec"]["ports"]] == [endpoint["port"]] == ["admin"]
    # Nor can anybody but the scraper, and the kubelet, connect to it.
    assert open_ports(render(tmp_path, TOKEN_ONLY)) == {"proxy"}


def open_ports(manifests):
    rules = manifests.one("NetworkPolicy")["spec"]["ingress"]
    return {port["port"] for rule in rules for port in rule["ports"]}


def test_proxies_are_answered_only_where_the_values_say_so(tmp_path):
    manifests = render(tmp_path, TOKEN_ONLY)
    assert set(manifests.config["listen"]) == {"proxy", "admin"}
    assert "ext-authz" not in yaml.safe_dump_all(manifests.all)

    manifests = render(tmp_path, EXT_AUTHZ)
    networks = ["10.1.0.0/16", "10.2.0.0/16"]
    assert manifests.config["listen"]["ext_authz"] == {
        "address": "0.0.0.0:9191",
        "from": networks,
        "dialects": ["envoy", "nginx"],
    }
    assert open_ports(manifests) == {"proxy", "ext-authz"}
    rules = manifests.one("NetworkPolicy")["spec"]["ingress"]
    (rule,) = [each for each in rules if each["ports"][0]["port"] == "ext-authz"]
    assert rule["from"] == [{"ipBlock": {"cidr": network}} for network in networks]
    (port,) = [each for each in manifests.one("Service")["spec"]["ports"] if each["targetPort"] == "ext-authz"]
    assert port["port"] == 9191 and port["name"].startswith("grpc")


def checksum(home, *more):
    template = render(home, TOKEN_ONLY, *more).one("Deployment")["spec"]["template"]
    return template["metadata"]["annotations"]["checksum/poolgate"]


POLICY = ["--set-json", 'policies={"managed/A.json": "{}"}']
LIVE = ["--set", "config.limits.body_buffer=1MiB"]


@pytest.mark.parametrize(
    "change",
    ["config.log.level=debug", "config.limits.connections=5", "config.decision_log.sink=none", "secrets.files.a=b"],
)
def test_what_is_read_at_the_start_rolls(tmp_path, change):
    assert checksum(tmp_path) != checksum(tmp_path, "--set", change)


def test_what_is_reloaded_rolls_only_if_asked_to(tmp_path):
    assert checksum(tmp_path) == checksum(tmp_path, *POLICY) == checksum(tmp_path, *LIVE)
    always = ["--set", "rollOnChange=true"]
    assert len({checksum(tmp_path, *always, *change) for change in ([], POLICY, LIVE)}) == 3


def test_every_policy_is_mounted_at_its_path(tmp_path):
    values = CHART / "ci" / "roles-values.yaml"
    paths = {item["path"] for item in config_items(render(tmp_path, values))}
    given = yaml.safe_load(values.read_text())["policies"]
    assert paths == {"poolgate.yaml", *(f"policies/{path}" for path in given)}


@pytest.mark.parametrize("native", [False, True])
def test_a_sidecar_and_its_service_stop_in_order(tmp_path, native):
    more = ["--set", f"poolgate.sidecar.native={str(native).lower()}"]
    manifests = render(tmp_path, None, *more, chart=example(tmp_path))
    pod = manifests.pod
    restricted(pod)
    # The service guarded sleeps while others end; Poolgate's own delay begins with SIGTERM, or is of no use.
    (api,) = [each for each in pod["containers"] if each["name"] == "api"]
    sleep = api["lifecycle"]["preStop"]["sleep"]["seconds"]
    timeouts = manifests.config["timeouts"]
    delay, drain = seconds(timeouts["shutdown_delay"]), seconds(timeouts["drain"])
    if native:
        assert manifests.container["restartPolicy"] == "Always" and manifests.container in pod["initContainers"]
        assert delay == 0 and sleep == 5
        assert pod["terminationGracePeriodSeconds"] >= sleep + 10 + drain
    else:
        assert "initContainers" not in pod and "restartPolicy" not in manifests.container
        assert sleep == delay + drain
        assert pod["terminationGracePeriodSeconds"] >= sleep + 10
    # Callers reach Poolgate, and nothing else in the pod.
    (port,) = manifests.one("Service")["spec"]["ports"]
    assert port["targetPort"] == "proxy"
    assert "ports" not in api
    accepted(tmp_path / "pod", manifests)


def test_a_sidecar_has_nothing_of_a_deployment(tmp_path):
    manifests = render(tmp_path, CHART / "ci" / "sidecar-values.yaml")
    assert {each["kind"] for each in manifests.all} == {"ConfigMap", "Secret"}
    asking = ["--set", "extAuthz.enabled=true"]
    listen = render(tmp_path, CHART / "ci" / "sidecar-values.yaml", *asking).config["listen"]
    assert listen["ext_authz"] == {"address": "127.0.0.1:9191"}
