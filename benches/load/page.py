"""The page with what was measured: tables, and charts that need nothing but the file they are in."""

import os
import platform
import re
import time
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

BAR, GAP, LABEL, WIDTH = 18, 8, 270, 760


@dataclass
class Chart:
    name: str
    svg: str

    @classmethod
    def bars(cls, name, title, values):
        """Horizontal bars; Poolgate's stand out."""
        most = max(value for _, value in values) or 1
        height = 34 + len(values) * (BAR + GAP)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
            f' role="img" aria-label="{escape(title)}" font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
            f'<text x="8" y="18" font-size="13" font-weight="bold" fill="#222">{escape(title)}</text>']
        for place, (label, value) in enumerate(values):
            y = 30 + place * (BAR + GAP)
            length = max(1, (WIDTH - LABEL - 70) * value / most)
            color = "#1f6feb" if "Poolgate" in label or "Poolgate" not in "".join(name for name, _ in values) else "#8c959f"
            parts += [
                f'<text x="{LABEL - 8}" y="{y + 13}" text-anchor="end" fill="#222">{escape(label)}</text>',
                f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{color}"/>',
                f'<text x="{LABEL + length + 6:.1f}" y="{y + 13}" fill="#222">{value:.1f}</text>']
        return cls(name, "\n".join([*parts, "</svg>"]) + "\n")


@dataclass
class Table:
    heads: list
    rows: list
    chart: Chart | None = None

    def text(self):
        line = lambda cells: "| " + " | ".join(cells) + " |"
        rule = "|---|" + "---:|" * (len(self.heads) - 1)
        lines = [line(self.heads), rule, *(line(row) for row in self.rows)]
        if self.chart:
            lines += ["", f"![{self.chart.name}](performance/{self.chart.name}.svg)"]
        return "\n".join(lines)


@dataclass
class Section:
    title: str
    note: str
    tables: list = field(default_factory=list)

    def text(self):
        return "\n\n".join([f"## {self.title}", self.note, *(table.text() for table in self.tables)])


def machine():
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return f"{os.cpu_count()} cores of {model[1] if model else platform.processor()}, Linux {platform.release().split('-')[0]}"


def write(docs, sections, versions, command):
    """Writes `performance.md` and its charts; charts of sections that weren't measured this time stay."""
    folder = docs / "performance"
    folder.mkdir(parents=True, exist_ok=True)
    for section in sections:
        for table in section.tables:
            if table.chart:
                (folder / f"{table.chart.name}.svg").write_text(table.chart.svg)
    programs = ", ".join(f"{name} {version}" for name, version in versions.items())
    head = f"""\
# Performance

Measured by [`benches/load`](../benches/load) on {time.strftime('%-d %B %Y')} with

```sh
{command}
```

on {machine()}: {programs}. The program that is measured has a core of its own; who drives it and what is behind it share the other. All run at the same
time and take turns; a figure is the median of the rounds, a ratio the median of the ratios of paired rounds. Processor time is the kernel's count (`/proc/PID/stat`) over the
requests that were answered. On another machine the figures differ; the ratios less so."""
    (docs / "performance.md").write_text("\n\n".join([head, *(section.text() for section in sections)]) + "\n")
