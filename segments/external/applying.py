"""Making a segment follow a reading that was accepted, portion by portion, through the one door of members."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.db.models import F, OuterRef
from django.utils import timezone

from customers.models import Customer
from customers.queries import ids_of
from portal import audit, crash, sets
from portal.jobs import GiveUp, Step, register
from portal.models import Job
from segments import membership
from segments.external import links
from segments.external.difference import held, on_the_list
from segments.external.outcome import APPLY
from segments.external.reading import GONE
from segments.membership import Cause, SegmentGone
from segments.models import ExternalMember, Source, Sync
from segments.models.external import SyncOutcome, Trouble

SUPERSEDED = "A later sync of this segment counts now."


@register(APPLY, queue="bulk", may_be_cancelled=False)
class ApplySync:
    """Brings in who is on the list, lets go of who is not, and forgets the reading before.

    The difference alone is written: who is held by the list already is not touched.
    """

    def __init__(self, job: Job) -> None:
        self.job, self.store = job, job.store
        sync = Sync.objects.for_store(job.store).filter(pk=job.subject_id).select_related("link", "segment").first()
        if sync is None or sync.link is None:
            raise GiveUp(GONE)
        self.sync, self.link = sync, sync.link
        self.sync.store = self.link.store = self.sync.segment.store = job.store
        self.chunk = sets.chunk_size(ExternalMember)
        self.cause = Cause(Source.EXTERNAL, actor=job.created_by, job=job)

    @property
    def full_portion(self) -> int | None:
        return self.chunk if self.job.cursor.get("stage", "enter") == "enter" else None

    def step(self) -> Step:
        try:
            # The segment before the link, as everyone who changes members.
            membership.lock(self.sync.segment)
        except SegmentGone as error:
            raise GiveUp(GONE) from error
        if links.hold(self.link).synced_id != self.sync.pk:
            raise GiveUp(SUPERSEDED)
        stages = {"enter": self._enter, "leave": self._leave, "tidy": self._tidy}
        return stages[self.job.cursor.get("stage", "enter")]()

    # --- Bringing in ---

    def _enter(self) -> Step:
        cursor = self.job.cursor
        size = self.job.portion(self.chunk) or 1
        rows = ExternalMember.objects.for_store(self.store).filter(sync=self.sync)
        ahead = rows.filter(profile_id__gt=cursor.get("after", "")).order_by("profile_id")
        window = list(ahead.values_list("profile_id", "email_key", "trouble")[:size])
        if not window and self._is_first:
            return self._ends()
        if not window:
            return self._at("leave", "Letting go", after=0)
        counts = self._bring(window) if self.job.portion(self.chunk) else {"left_out": 1}
        crash.point("sync.entered")
        return self._at(
            "enter",
            "Bringing in",
            done=len(window),
            after=window[-1][0],
            counts=_sum(cursor.get("counts", {}), counts),
            first=self._is_first,
        )

    @cached_property
    def _is_first(self) -> bool:
        """Whether the list held nobody when this began: then there is nobody whom it could let go of."""
        cursor = self.job.cursor
        if "after" in cursor:
            return bool(cursor.get("first"))
        return not self.sync.segment.sources & Source.EXTERNAL or not held(self.sync).exists()

    def _bring(self, window: Sequence[tuple[str, str, str]]) -> dict[str, int]:
        """Bring in the customers of these profiles; what became of each profile → how many."""
        keys = [key for _, key, _ in window if key]
        customers = ids_of(self.store, keys)
        matched = sum(key in customers for key in keys)
        coming = set(customers.values())
        if not self._is_first:
            here = held(self.sync).filter(customer_id__among=customers.values())
            coming.difference_update(here.values_list("customer_id", flat=True))
        people = Customer.objects.for_store(self.store).filter(pk__among=coming).annotate(customer_id=F("pk"))
        done = membership.Entered(0, 0, 0)
        if coming:
            done = membership.enter(self.sync.segment, people, self.cause, known=coming)
        return {
            "entered": done.entered,
            "kept_out": done.kept_out,
            "already": len(customers) - done.entered - done.kept_out,
            "repeated": matched - len(customers),
            "unmatched": len(keys) - matched,
            **{str(name): sum(said == name for _, _, said in window) for name in Trouble if name},
        }

    # --- Letting go ---

    def _leave(self) -> Step:
        mine = held(self.sync).filter(customer_id__gt=self.job.cursor.get("after", 0))
        off = mine.exclude(on_the_list(self.sync, OuterRef("customer__email_key"))).order_by("customer_id")
        going = list(off.values_list("customer_id", flat=True)[: self.chunk])
        if not going:
            return self._ends()
        left = membership.release(self.sync.segment, going, self.cause)
        crash.point("sync.left")
        counts = _sum(self.job.cursor.get("counts", {}), {"left": left, "held_by_others": len(going) - left})
        return self._at("leave", "Letting go", after=going[-1], counts=counts)

    def _ends(self) -> Step:
        counts = self.job.cursor.get("counts", {})
        self.sync.counts = {**self.sync.counts, **counts, "after": self.sync.segment.member_count}
        self.sync.outcome, self.sync.finished_at = SyncOutcome.APPLIED, timezone.now()
        self.sync.save(update_fields=["counts", "outcome", "finished_at"])
        said = {"entered": counts.get("entered", 0), "left": counts.get("left", 0)}
        if any(said.values()):
            changes = {"list": [None, self.sync.group_name], **{name: [None, count] for name, count in said.items()}}
            audit.record(self.store, "synced", self.sync.segment, actor=self.job.created_by, changes=changes)
        crash.point("sync.ending")
        return self._at("tidy", "Tidying up")

    # --- What is not needed any more ---

    def _tidy(self) -> Step:
        if links.forget_old_readings(self.link):
            crash.point("sync.tidied")
            return self._at("tidy", "Tidying up")
        sets.refresh_statistics(ExternalMember)
        counts = self.job.cursor.get("counts", {})
        total = self.job.total or 0
        return Step(total, total, {}, "Finished", result={name: counts.get(name, 0) for name in ("entered", "left")})

    def _at(self, stage: str, phase: str, *, done: int = 0, **changes: Any) -> Step:
        total = self.sync.counts.get("read", 0)
        cursor = {**self.job.cursor, **changes, "stage": stage}
        return Step(min(self.job.done + done, total), total, cursor, phase)


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}
