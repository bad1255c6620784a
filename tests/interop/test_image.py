"""The Dockerfile, as far as it can be held against the sources without an engine that builds it."""

import json
import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from charts import CHART, render
from gate import BINARY, ROOT

DOCKERFILE = ROOT / "charts" / "Dockerfile"
INCLUDED = re.compile(r'include_(?:str|bytes)!\(\s*"([^"]+)"')
# What the image's base has.
LIBRARIES = {"libc", "libm", "libgcc_s", "libpthread", "libdl", "librt", "ld-linux-x86-64", "ld-linux-aarch64"}


def ignored(path):
    """Whether a file is kept out of the build, as the last line that fits says: `*`, `!path`, `**/name`."""
    verdict = False
    for line in (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!").removeprefix("**/")
        parts = Path(path).parts
        if line.startswith("**/"):
            fits = any(fnmatch(part, pattern) for part in parts)
        else:
            depth = len(Path(pattern).parts)
            fits = len(parts) >= depth and fnmatch("/".join(parts[:depth]), pattern)
        if fits:
            verdict = not line.startswith("!")
    return verdict


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """The folder that the build sees."""
    folder = tmp_path_factory.mktemp("context")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, timeout=60)
    for name in listed.stdout.decode().split("\0"):
        if name and not ignored(name) and (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def test_the_build_sees_its_sources_and_nothing_else(context):
    seen = {each.name for each in context.iterdir()}
    assert seen == {"Cargo.toml", "Cargo.lock", "benches", "policies", "src", "tests"}
    assert ignored("target/release/poolgate") and ignored(".git/config") and ignored("src/target/x")
    command = ["cargo", "metadata", "--locked", "--offline", "--no-deps", "--format-version", "1"]
    known = subprocess.run(command, cwd=context, capture_output=True, timeout=60)
    assert known.returncode == 0, known.stderr.decode()
    (package,) = [each for each in json.loads(known.stdout)["packages"] if each["name"] == "poolgate"]
    assert any(target["kind"] == ["bin"] for target in package["targets"])
    assert all(Path(target["src_path"]).exists() for target in package["targets"])


def test_included_files_are_in_the_build(context):
    found = 0
    for source in (context / "src").rglob("*.rs"):
        # Tests aren't built.
        if "tests" in source.name or "tests" in source.parts:
            continue
        for path in INCLUDED.findall(source.read_text()):
            found += 1
            assert (source.parent / path).exists(), f"{source.relative_to(context)}: {path}"
    assert found > 5


def test_the_build_can_train_the_program(context):
    """`benches/guided` does this to a program that is watched."""
    needed = re.search(r"apt-get install (.*)", (context / "benches" / "training.py").read_text()).group(1).split()
    (installed,) = [value for name, value in instructions() if name == "RUN" and "apt-get install" in value]
    assert set(needed) <= set(installed.split())
    assert "cargo build --locked --release" in (context / "benches" / "guided").read_text()
    trained = subprocess.run(
        [sys.executable, "benches/training.py", "1"], cwd=context, env={**os.environ, "POOLGATE_BIN": str(BINARY)},
        capture_output=True, text=True, timeout=180)
    assert trained.returncode == 0, trained.stderr


def instructions():
    """Pairs of instruction and argument, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(" ", 1)) for line in lines]


def test_the_image_runs_as_the_chart_wants_it(tmp_path):
    said = dict(instructions())
    container = render(tmp_path, CHART / "ci" / "token-only-values.yaml").container
    context = container["securityContext"]
    assert said["USER"] == f"{context['runAsUser']}:{context['runAsGroup']}"
    assert json.loads(said["CMD"]) == container["args"]
    assert json.loads(said["ENTRYPOINT"]) == ["/usr/local/bin/poolgate"]
    assert "command" not in container
    assert said["EXPOSE"].split() == [str(port["containerPort"]) for port in container["ports"]]


def test_the_toolchain_is_the_one_that_the_manifest_asks_for():
    arguments = dict(value.split("=") for name, value in instructions() if name == "ARG")
    wanted = re.search(r'^rust-version = "([\d.]+)"', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
    assert arguments["RUST"] == wanted
    # Linked on the Debian that it runs on.
    (runtime,) = [value for name, value in instructions() if name == "FROM" and "distroless" in value]
    assert {"bookworm": "debian12", "trixie": "debian13"}[arguments["DEBIAN"]] in runtime


def test_the_base_has_what_the_program_is_linked_to():
    printed = subprocess.run(["ldd", BINARY], check=True, capture_output=True, timeout=30).stdout.decode()
    linked = {name.split("/")[-1].split(".so")[0] for name in re.findall(r"^\s*(\S+\.so\S*)", printed, re.M)}
    assert "libc" in linked
    assert linked - {"linux-vdso"} <= LIBRARIES, linked
