"""What was measured, and how it is told."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """`value` in `unit` for a store of `size` customers; `floor` is in the same unit. `most` is what it may be at most:
    a multiple of the floor where there is one. With `at_least`, the other way round."""

    name: str
    size: int
    value: float
    unit: str
    floor: float | None = None
    most: float | None = None
    at_least: bool = False

    @property
    def ratio(self) -> float | None:
        return self.value / self.floor if self.floor else None

    @property
    def holds(self) -> bool | None:
        """Whether the bound holds; None where there is none."""
        if self.most is None:
            return None
        told = self.ratio if self.ratio is not None else self.value
        return told >= self.most if self.at_least else told <= self.most


@dataclass
class Report:
    """All figures of a run."""

    figures: list[Figure] = field(default_factory=list)

    def add(self, figure: Figure) -> None:
        self.figures.append(figure)
        floor = f", floor {figure.floor:,.2f}, ×{figure.ratio:.2f}" if figure.ratio is not None else ""
        print(f"  {figure.size:>9,}  {figure.name}: {_number(figure.value)} {figure.unit}{floor}", flush=True)

    def spread(self, name: str, size: int, seconds: Sequence[float], *, most: float | None = None) -> None:
        """Add the median and the 95th percentile of what was measured `seconds` long each time, in milliseconds."""
        if not seconds:
            return
        told = sorted(1000 * each for each in seconds)
        self.add(Figure(f"{name}, p50", size, statistics.median(told), "ms"))
        self.add(Figure(f"{name}, p95", size, told[max(0, round(0.95 * len(told)) - 1)], "ms", most=most))

    def write_json(self, path: Path, *, server: str) -> None:
        rows = [asdict(each) | {"ratio": each.ratio, "holds": each.holds} for each in self.figures]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"machine": machine(), "server": server, "figures": rows}, indent=1) + "\n")

    def table(self) -> str:
        """The figures as Markdown: a row a figure, a column a size; ratio and bound are those of the largest."""
        sizes = sorted({each.size for each in self.figures})
        heads = ["", *(f"{size:,}" for size in sizes), "floor", "ratio", "bound"]
        lines = [f"| {' | '.join(heads)} |", f"|---|{'---:|' * (len(heads) - 1)}"]
        for name in dict.fromkeys(each.name for each in self.figures):
            found = {each.size: each for each in self.figures if each.name == name}
            last = found[max(found)]
            cells = [f"{_number(found[size].value)} {found[size].unit}" if size in found else "" for size in sizes]
            floor = f"{_number(last.floor)} {last.unit}" if last.floor is not None else ""
            ratio = f"{last.ratio:.2f}×" if last.ratio is not None else ""
            lines.append(f"| {' | '.join([name, *cells, floor, ratio, _bound(last)])} |")
        return "\n".join(lines)


def _bound(figure: Figure) -> str:
    if figure.most is None:
        return ""
    unit = "×" if figure.ratio is not None else f" {figure.unit}"
    return f"{'≥' if figure.at_least else '≤'} {figure.most:g}{unit} {'✓' if figure.holds else '✗'}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 10 else f"{value:,.2f}"


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}, Python {platform.python_version()}"
