"""chart.py RIG: lints the charts, renders them with every values file, and holds the result against the schemas of
Kubernetes and of the Prometheus operator. What has to be refused is refused, for the reason that it gives. Lints the
Dockerfile.
"""

import copy
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parents[1]
RIG = Path(sys.argv[1]).resolve()
CHARTS = RIG / "charts"
# The oldest that Chart.yaml allows, and the newest that there are schemas of.
VERSIONS = ["1.30", kubernetes_validate.latest_version()]
REFUSED = "# refused: "
LINT = [RIG / "venv" / "bin" / "hadolint", "--failure-threshold", "style"]


def run(*command, **options):
    options.setdefault("input", "")
    environment = {**os.environ, "HOME": str(RIG / "home")}
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=60, env=environment, **options
    )
    return done.returncode, done.stdout, done.stderr


def helm(*arguments):
    return run(RIG / "bin" / "helm", *arguments)


def must(outcome):
    code, printed, complained = outcome
    if code:
        sys.exit(f"exit code {code}\n{printed}{complained}")
    return printed


def values_of(path):
    return ["--values", path] if path else []


def render(chart, values, version):
    printed = must(helm("template", "release", chart, "--kube-version", version, *values_of(values)))
    return [each for each in yaml.safe_load_all(printed) if each]


def validate(resources, version):
    """Against the schemas, an unknown field being an error; custom resources are left over."""
    custom = []
    for resource in resources:
        if "monitoring.coreos.com" in resource["apiVersion"]:
            custom.append(resource)
        else:
            kubernetes_validate.validate(resource, version, strict=True)
    if custom:
        models = RIG / "node" / "node_modules" / "@kubernetes-models" / "prometheus-operator"
        must(run("node", ROOT / ".ci" / "custom.mjs", models, input=json.dumps(custom)))
    return len(custom)


def accepted(chart, values):
    must(helm("lint", "--strict", chart, *values_of(values)))
    custom = 0
    for version in VERSIONS:
        resources = render(chart, values, version)
        custom += validate(resources, version)
    print(f"{chart.name}, {values.name if values else 'its values'}: {len(resources)} resources")
    return custom


def refused(chart, base, values, *more):
    """Rendering over `base` fails and says what the file's first line announces."""
    head, *_ = values.read_text().splitlines()
    assert head.startswith(REFUSED), f"{values}: {head}"
    reason = head.removeprefix(REFUSED)
    code, _, complained = helm("template", "release", chart, *values_of(base), *values_of(values), *more)
    if not code or reason not in complained:
        sys.exit(f"{values.name} must be refused with {reason!r}: exit code {code}\n{complained}")


def the_schemas_find_mistakes(chart, values):
    """So that a check which has ceased to check is noticed."""
    def port(resource):
        resource["spec"]["ports"][0]["port"] = "http"

    def unknown(resource):
        resource["spec"]["no_such_field"] = 1

    def interval(resource):
        resource["spec"]["endpoints"][0]["interval"] = "soon"

    by_kind = {each["kind"]: each for each in render(chart, values, VERSIONS[-1])}
    for kind, spoil in (("Service", port), ("Deployment", unknown), ("ServiceMonitor", interval)):
        resource = copy.deepcopy(by_kind[kind])
        spoil(resource)
        try:
            validate([resource], VERSIONS[-1])
        except (kubernetes_validate.ValidationError, SystemExit):
            continue
        sys.exit(f"the schemas accept a spoilt {kind}")


def main():
    shutil.rmtree(CHARTS, ignore_errors=True)
    shutil.copytree(ROOT / "charts", CHARTS, ignore=shutil.ignore_patterns("charts", "Chart.lock"))
    gate, example = CHARTS / "poolgate", CHARTS / "sidecar-example"
    must(helm("dependency", "build", example))

    files = sorted(gate.glob("ci/*-values.yaml"))
    custom = [accepted(gate, values) for values in files]
    accepted(example, None)
    assert len(files) >= 5 and any(custom), (files, custom)
    the_schemas_find_mistakes(gate, gate / "ci" / "everything-values.yaml")

    base = gate / "ci" / "token-only-values.yaml"
    mistakes = sorted(gate.glob("ci/refused/*.yaml"))
    assert len(mistakes) >= 10, mistakes
    for values in mistakes:
        refused(gate, base, values)
    code, *_ = helm("template", "release", gate, *values_of(base), "--kube-version", "1.29.0")
    assert code, "an older Kubernetes is accepted"
    # Without values there are no routes.
    code, *_ = helm("template", "release", gate)
    assert code, "a chart without routes is accepted"
    print(f"{len(mistakes)} mistakes are refused")

    print(must(run(*LINT, ROOT / "charts" / "Dockerfile")), end="")
    code, printed, _ = run(*LINT, "-", input="FROM debian:latest\nRUN cd /tmp\n")
    assert code and "DL3007" in printed, "the linter finds nothing"


if __name__ == "__main__":
    main()
