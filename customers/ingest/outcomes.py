"""What became of an arrival."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that was not taken in: which of the arrival's, counted from 0, the field at fault and the reason; no
    word of what it said of anybody."""

    position: int
    field: str
    reason: str
    code: str = "invalid"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many of an arrival's records were stored, known already, not valid, or of no use here; `unmatched` are those
    of the stored ones that belong to no customer yet.

    `ignored_because` says why the whole arrival was of no use: then it is kept for staff to see, and to replay; what it
    said is forgotten where it `names_erased`, somebody of whom nothing may be kept.
    `names` are those of what was stored, with how many of each; the topic stands for them where none are told.
    """

    stored: int = 0
    duplicate: int = 0
    invalid: int = 0
    ignored: int = 0
    unmatched: int = 0
    refused: tuple[Refused, ...] = ()
    ignored_because: str = ""
    names_erased: bool = False
    names: Mapping[str, int] = field(default_factory=dict)
