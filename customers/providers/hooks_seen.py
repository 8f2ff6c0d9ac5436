"""What the readings of an account have found out of its webhooks at the provider, in words for staff."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from customers.models import WayIn, WayInKind
from customers.providers.accounts import TOPICS
from customers.providers.checking import NO_SECRET, of_hand
from portal import jobs
from portal.models.job import JobState

LOOKED_BACK = 30
"""Among so many readings the last is looked for that had to make webhooks again."""
NO_TOKEN = "Without a token nothing is known of them: they are entered at {} by hand."  # noqa: S105
BY_HAND = "In the app’s configuration"
NOT_YET, THERE, MADE = "Not checked yet", "There", "Made at the last check"


@dataclass(frozen=True)
class Hook:
    """A topic's webhook: `state` is how it is, and `tone` how that is shown (good, bad or neither)."""

    topic: str
    state: str
    tone: str = ""


@dataclass(frozen=True)
class HooksSeen:
    """`kept` are at the provider, of `wanted`; those `by_hand` nobody can see or make but a person. `checked_at` is
    when it was last looked; `mended` what was made again last, and `mended_at` when."""

    hooks: list[Hook] = field(default_factory=list)
    kept: int = 0
    wanted: int = 0
    by_hand: list[str] = field(default_factory=list)
    note: str = ""
    checked_at: datetime | None = None
    trouble: str = ""
    mended: list[str] = field(default_factory=list)
    mended_at: datetime | None = None
    refused: dict[str, str] = field(default_factory=dict)

    def warnings(self, provider: str) -> list[str]:
        found = [f"The webhooks of {provider} could not be looked at. {self.trouble}"] if self.trouble else []
        by_reason: dict[str, list[str]] = {}
        for topic, why in self.refused.items():
            if why != NO_SECRET:  # that is said anyhow
                by_reason.setdefault(why, []).append(topic)
        for why, topics in by_reason.items():
            found.append(f"{provider} does not send {', '.join(topics)}. {why}")
        if self.mended and self.mended_at == self.checked_at:
            found.append(
                f"{provider} had these webhooks no longer, and they were made again: {', '.join(self.mended)}."
            )
        return found


def hooks_of(way_in: WayIn, provider: str, *, has_token: bool) -> HooksSeen:
    kind = WayInKind(way_in.kind)
    if not has_token:
        return HooksSeen(note=NO_TOKEN.format(provider))
    checks = _checks(way_in)
    last = checks[0] if checks else {}
    # What was found at an address that is ours no longer says nothing of the present one.
    said = last if last.get("address") == way_in.key_digest[:16] else {}
    refused = said.get("refused", {})
    states = dict.fromkeys(said.get("there", ()), Hook("", THERE, "good"))
    states |= dict.fromkeys(said.get("made", ()), Hook("", MADE, "good"))
    states |= {topic: Hook("", why, "bad") for topic, why in refused.items()}
    by_hand = of_hand(kind)
    states |= dict.fromkeys(by_hand, Hook("", BY_HAND))
    rows = [(topic, states.get(topic, Hook("", NOT_YET))) for topic in TOPICS[kind]]
    mended = next((one for one in checks if one["again"]), None)
    return HooksSeen(
        hooks=[Hook(topic, hook.state, hook.tone) for topic, hook in rows],
        kept=len({*said.get("there", ()), *said.get("made", ())}),
        wanted=len(rows) - len(by_hand),
        by_hand=list(by_hand),
        checked_at=_when(last),
        trouble=last.get("trouble", ""),
        mended=mended["again"] if mended else [],
        mended_at=_when(mended) if mended else None,
        refused={topic: refused[topic] for topic in TOPICS[kind] if topic in refused},
    )


def _checks(way_in: WayIn) -> list[dict[str, Any]]:
    """What the last readings said of webhooks, the latest first. `again`: those that were made and had been there."""
    rows = jobs.of_subject(way_in).filter(state=JobState.SUCCEEDED).values_list("result", flat=True)[:LOOKED_BACK]
    found = [result["webhooks"] for result in rows if result and result.get("webhooks", {}).get("at")]
    for place, one in enumerate(found):
        before = [earlier for earlier in found[place + 1 :] if earlier["address"] == one["address"]]
        known = {topic for earlier in before for topic in (*earlier["there"], *earlier["made"])}
        one["again"] = [topic for topic in one["made"] if topic in known]
    return found


def _when(said: dict[str, Any]) -> datetime | None:
    return datetime.fromisoformat(said["at"]) if said.get("at") else None
