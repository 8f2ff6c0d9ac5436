"""What is left to do once a segment follows its list no more."""

from __future__ import annotations

from django.db.models import F

from portal import crash, sets
from portal.jobs import GiveUp, Step, register
from portal.models import Job
from segments import membership, queries
from segments.external.difference import FLAG
from segments.external.links import UNLINK, forget
from segments.membership import Cause, SegmentGone
from segments.models import ExternalMember, Source, Sync
from segments.removal import DELETED, segment_of


@register(UNLINK, queue="bulk", may_be_cancelled=False)
class Unlink:
    """Has those whom the list held be held by hand, or lets them go; and forgets who was on the list."""

    def __init__(self, job: Job) -> None:
        self.job, self.segment = job, segment_of(job)
        self.cause = Cause(Source.EXTERNAL, actor=job.created_by, job=job)

    def step(self) -> Step:
        try:
            membership.lock(self.segment)
        except SegmentGone as error:
            raise GiveUp(DELETED) from error
        held = queries.members(self.segment).annotate(marked=F("sources").bitand(FLAG)).filter(marked=FLAG)
        ids = list(held.values_list("customer_id", flat=True)[: sets.chunk_size(ExternalMember)])
        if ids:
            to = Source.MANUAL if self.job.payload["keep"] else None
            left = self.job.cursor.get("left", 0) + membership.release(self.segment, ids, self.cause, to=to)
            crash.point("unlink.released")
            return Step(self.job.done + len(ids), None, {"left": left}, "Letting go")
        if forget(self.job.store, Sync.objects.for_store(self.job.store).filter(segment=self.segment)):
            return Step(self.job.done, None, self.job.cursor, "Tidying up")
        left = self.job.cursor.get("left", 0)
        return Step(self.job.done, self.job.done, {}, "Finished", result={"left": left})
