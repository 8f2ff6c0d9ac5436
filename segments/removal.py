"""Removing many: members in the background, and all that belongs to a deleted segment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from portal import crash, sets
from portal.jobs import GiveUp, Step, register
from portal.models import Job
from segments import membership, queries
from segments.actions import DELETE_SEGMENT, REMOVE_MEMBERS
from segments.membership import Cause, SegmentGone
from segments.models import (
    Exclusion,
    ExternalLink,
    ExternalMember,
    Membership,
    MembershipChange,
    Segment,
    SegmentDay,
    Source,
    Sync,
    Upload,
    UploadRow,
)

DELETED = "The segment was deleted meanwhile."


def segment_of(job: Job) -> Segment:
    """The segment that the job is about, also one that people see no more. Raises GiveUp."""
    segment: Segment | None = (
        Segment.objects.for_store(job.store).select_related("store").filter(pk=job.subject_id).first()
    )
    if segment is None:
        raise GiveUp(DELETED)
    return segment


@register(REMOVE_MEMBERS, queue="interactive")
class RemoveMembers:
    """Removes by hand whom a search found, and keeps them out."""

    def __init__(self, job: Job) -> None:
        self.job, self.segment = job, segment_of(job)

    def step(self) -> Step:
        done, wanted = self.job.done, self.job.payload
        if "words" not in wanted:
            raise GiveUp("What was searched for named somebody who was erased since. Search again.")
        doomed = queries.matching(self.segment, wanted["words"]).filter(
            added_at__lte=datetime.fromisoformat(wanted["until"])
        )
        cause = Cause(Source.MANUAL, actor=self.job.created_by, job=self.job)
        try:
            gone = membership.leave(self.segment, doomed, cause, keep_out=True)
        except SegmentGone as error:
            raise GiveUp(DELETED) from error
        done += gone
        total = max(wanted["total"], done)
        if gone:
            return Step(done, total, {}, "Removing")
        forget_words(self.job)
        return Step(done, done, {}, "Finished", result={"removed": done})


def forget_words(job: Job) -> int:
    """Keep no more what was searched for: it may name a person."""
    payload = {name: value for name, value in job.payload.items() if name != "words"}
    return Job.objects.for_store(job.store).filter(pk=job.pk).update(payload=payload)


def readmit(segment: Segment, customer_id: int) -> int:
    """Keep the customer out of the segment no more; how many were (0 or 1)."""
    kept_out = Exclusion.objects.for_store(segment.store).filter(segment=segment, customer_id=customer_id)
    return sets.delete_matching(kept_out)


def take_from_deleted(segment: Segment, members: QuerySet[Any]) -> int:
    """Take these members out of a segment that is deleted and being emptied: nobody counts it any more."""
    return sets.delete_matching(members.filter(segment=segment, segment__deleted_at__isnull=False))


@register(DELETE_SEGMENT, queue="bulk", may_be_cancelled=False)
class DeleteSegment:
    """Takes away what belonged to a segment that is marked as deleted, and in the end the segment.

    Here, and nowhere else, membership goes without passing its door: there is nobody any more whom a count or a
    history of the segment could mislead, and the history, to which rows are otherwise only ever added, ends with what
    it is about. The audit trail keeps that the segment was, and who deleted it.
    """

    def __init__(self, job: Job) -> None:
        self.job, self.segment = job, segment_of(job)
        if self.segment.deleted_at is None:
            raise GiveUp("The segment is not deleted.")
        self.store = job.store
        self.chunk = sets.chunk_size(Membership)

    def step(self) -> Step:
        removing: tuple[Callable[[], int], ...] = (
            lambda: self._remove(Membership),
            lambda: self._remove(MembershipChange),
            lambda: self._remove(Exclusion),
            lambda: self._remove(SegmentDay),
            self._remove_upload,
            self._remove_profiles,
            lambda: self._remove(Sync),
            lambda: self._remove(ExternalLink),
        )
        for remove in removing:
            if gone := remove():
                crash.point("delete.removed")
                done = self.job.done + gone
                return Step(done, None, {}, "Removing what belonged to it")
        sets.delete_matching(Segment.objects.for_store(self.store).filter(pk=self.segment.pk))
        return Step(self.job.done, self.job.done, {}, "Finished", result={"removed": self.job.done})

    def _remove(self, model: type[Any]) -> int:
        return sets.delete_matching(self._belonging(model), most=self.chunk)

    def _belonging(self, model: type[Any]) -> QuerySet[Any]:
        return model.objects.for_store(self.store).filter(segment=self.segment)

    def _remove_profiles(self) -> int:
        syncs = self._belonging(Sync).values("pk")
        profiles = ExternalMember.objects.for_store(self.store).filter(sync__in=syncs)
        return sets.delete_matching(profiles, most=self.chunk)

    def _remove_upload(self) -> int:
        """Take away rows of one upload, or when none are left the upload itself and its file."""
        held = self._belonging(Upload).select_for_update(no_key=True)
        upload: Upload | None = held.order_by("pk").first()
        if upload is None:
            return 0
        rows = UploadRow.objects.for_store(self.store).filter(upload=upload)
        if gone := sets.delete_matching(rows, most=self.chunk):
            return gone
        upload.file.delete(save=False)
        crash.point("delete.file gone")
        return sets.delete_matching(self._belonging(Upload).filter(pk=upload.pk))
