"""The accounts of a run. Django is not needed to read them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """What became of the files of a stripe."""

    files: int = 0
    size: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    bad: int = 0
    slowest: tuple[float, int] = (0.0, -1)
    failures: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    through_doors: int = 0
    values: int = 0

    def add(self, other: Tally) -> None:
        """Both together."""
        self.files += other.files
        self.size += other.size
        self.refused += other.refused
        self.rows += other.rows
        self.bad += other.bad
        self.slowest = max(self.slowest, other.slowest)
        self.failures += other.failures
        self.through_doors += other.through_doors
        self.values += other.values
        self.memory += other.memory
