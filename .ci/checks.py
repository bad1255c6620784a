"""Checks of the sources as text: `sizes` (files of 600 lines at most, tests in files of their own) and `links`."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MOST_LINES = 600
MOST_INLINE_TEST_LINES = 60
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.M | re.S)


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, check=True, capture_output=True)
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).exists()]


def sizes():
    """Problems of the Rust sources' shape."""
    sources = tracked("src/*.rs")
    if not sources:
        yield "no sources found"
    for path in sources:
        lines = path.read_text().splitlines()
        name = path.relative_to(ROOT)
        if len(lines) > MOST_LINES:
            yield f"{name}: {len(lines)} lines, more than {MOST_LINES}"
        for number, line in enumerate(lines, 1):
            if re.match(r"\s*mod \w*tests? \{", line):
                inline = len(lines) - number
                if inline > MOST_INLINE_TEST_LINES:
                    yield f"{name}:{number}: {inline} lines of tests inline; give them a file beside this one"


def links():
    """Relative links of the documentation that lead nowhere."""
    pages = tracked("*.md")
    if not pages:
        yield "no pages found"
    for page in pages:
        text = FENCE.sub("", page.read_text())
        text = re.sub(r"`[^`\n]*`", "", text)
        for match in LINK.finditer(text):
            target = match.group(1) or match.group(2)
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            path, _, anchor = target.partition("#")
            goal = (page.parent / path).resolve() if path else page
            where = f"{page.relative_to(ROOT)}: {target}"
            if not goal.is_relative_to(ROOT) or not goal.exists():
                yield f"{where} does not exist"
            elif anchor and goal.suffix == ".md" and anchor not in anchors(goal.read_text()):
                yield f"{where}: no such heading"


def anchors(text):
    """The ids that a forge gives to headings."""
    found = {}
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*#*\s*$", FENCE.sub("", text), re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        count = found.get(slug, 0)
        found[slug] = count + 1
        if count:
            found[f"{slug}-{count}"] = 1
    return found


def main():
    checks = {"sizes": sizes, "links": links}
    if len(sys.argv) != 2 or sys.argv[1] not in checks:
        sys.exit(f"usage: checks.py {'|'.join(checks)}")
    problems = list(checks[sys.argv[1]]())
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
