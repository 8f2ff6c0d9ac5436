"""What segments hold of people, and how a person is told and taken out of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Q

from customers.privacy import registry
from customers.privacy.identity import EMAIL
from customers.privacy.person import Person
from customers.privacy.registry import Portion, classify, place
from customers.privacy.sheets import ERASED_WORDS, OF_UPLOADS, Sheets
from portal import sets
from portal.models import Job
from portal.models.job import ACTIVE_STATES
from segments import membership, removal
from segments.actions import REMOVE_MEMBERS
from segments.membership import Cause
from segments.models import (
    Exclusion,
    ExternalGroup,
    ExternalLink,
    ExternalMember,
    Membership,
    MembershipChange,
    Segment,
    Source,
    Sync,
    Upload,
    UploadRow,
)
from segments.uploads.work import outcomes_of

_SEGMENTS_AT_ONCE = 50


class Memberships:
    """Who is in which segment, who was, and who is kept out. The history stays, under the customer's bare number."""

    name = "Memberships of segments"
    covers: tuple[str, ...] = ("segments.Membership", "segments.Exclusion", "segments.MembershipChange")

    def tell(self, person: Person) -> Iterator[dict[str, Any]]:
        mine = {"customer_id": person.number}
        found = Membership.objects.for_store(person.store).filter(**mine).select_related("segment", "upload")
        for row in found.order_by("pk"):
            file = person.only(row.upload.filename) if row.upload else None
            said = {"name": row.name, "phone": row.phone, "file": file}
            yield {"segment": person.only(row.segment.name), "since": row.added_at, "held_by": row.held_by} | _filled(
                said
            )
        for out in Exclusion.objects.for_store(person.store).filter(**mine).select_related("segment").order_by("pk"):
            yield {"kept_out_of": person.only(out.segment.name), "since": out.excluded_at}
        changes = MembershipChange.objects.for_store(person.store).filter(**mine).select_related("segment", "upload")
        for change in changes.order_by("pk").iterator(chunk_size=1_000):
            said = {"file": person.only(change.upload.filename) if change.upload else None}
            what = {"change": change.get_kind_display(), "segment": person.only(change.segment.name), "at": change.at}
            yield what | {"by": change.get_source_display()} | _filled(said)

    def erase(self, person: Person, after: int) -> Portion:
        if person.customer_id is None:
            return Portion(0)
        every = Segment.objects.for_store(person.store).filter(pk__gt=after).order_by("pk")
        # Held, also where the person is not: an import that began before the request may be about to add them.
        held = list(registry.hold(every)[:_SEGMENTS_AT_ONCE])
        erased = sum(self._take_out_of(segment, person) for segment in held)
        return Portion(erased, held[-1].pk if held else None)

    def _take_out_of(self, segment: Segment, person: Person) -> int:
        segment.store = person.store
        gone = removal.readmit(segment, person.number)
        mine = Membership.objects.for_store(person.store).filter(segment=segment, customer_id=person.number)
        if segment.deleted_at is None:
            return gone + membership.leave(segment, mine, Cause(Source.MANUAL))
        return gone + removal.take_from_deleted(segment, mine)


class Profiles:
    """Who was on lists elsewhere when these were read."""

    name = "Lists at other systems"
    covers: tuple[str, ...] = ("segments.ExternalMember", "segments.Sync")

    def tell(self, person: Person) -> Iterator[dict[str, Any]]:
        for row in self._rows(person).select_related("sync").order_by("pk"):
            yield {"list": person.only(row.sync.group_name), "read": row.sync.created_at, "profile": row.profile_id}

    def erase(self, person: Person, after: int) -> Portion:
        # Held: a reading that goes on judges what it writes next by the hashes.
        list(registry.hold(ExternalLink.objects.for_store(person.store).order_by("pk")))
        return Portion(sets.delete_matching(self._rows(person)) + sum(self._forget_problems(person)))

    def _rows(self, person: Person) -> Any:
        numbers = [value for kind, value in person.known_as if kind != EMAIL and value]
        rows = ExternalMember.objects.for_store(person.store)
        return rows.filter(Q(email_key__in=person.keys) | Q(profile_id__in=numbers))

    def _forget_problems(self, person: Person) -> Iterator[int]:
        numbers = {value for kind, value in person.known_as if kind != EMAIL and value}
        for sync in Sync.objects.for_store(person.store).exclude(problems=[]).order_by("pk"):
            left = [problem for problem in sync.problems if problem["id"] not in numbers]
            if left != sync.problems:
                yield Sync.objects.for_store(person.store).filter(pk=sync.pk).update(problems=left)


class Words:
    """What staff wrote of the person: in the name or the description of a segment, in the name of a list elsewhere, or
    into a segment's search, to remove whom it finds."""

    name = "Names of segments and lists, and searches"
    covers: tuple[str, ...] = ("segments.Segment", "segments.ExternalGroup", "segments.ExternalLink", "segments.Sync")
    names: tuple[tuple[type[Any], str], ...] = (
        (ExternalGroup, "name"),
        (ExternalLink, "name"),
        (Sync, "group_name"),
    )

    def tell(self, person: Person) -> Iterator[dict[str, Any]]:
        for segment in Segment.objects.for_store(person.store).order_by("pk"):
            if person.is_in(segment.name) or person.is_in(segment.description):
                yield {"segment": person.only(segment.name), "description": person.only(segment.description)}
        for model, field in self.names:
            for name in model.objects.for_store(person.store).order_by("pk").values_list(field, flat=True):
                if person.is_in(name):
                    yield {"list": person.only(name)}

    def erase(self, person: Person, after: int) -> Portion:
        blanks = (self._blank_segments(person), self._blank_searches(person), self._blank_lists(person))
        return Portion(sum(sum(blanked) for blanked in blanks))

    def _blank_segments(self, person: Person) -> Iterator[int]:
        for segment in Segment.objects.for_store(person.store).order_by("pk").select_for_update(no_key=True):
            if person.is_in(segment.name) or person.is_in(segment.description):
                # With the number, as two segments of one name would not do.
                segment.name = person.blank(segment.name, f"{ERASED_WORDS} {segment.pk}")[:255]
                segment.description = person.blank(segment.description, ERASED_WORDS)[:500]
                segment.save(update_fields=["name", "name_key", "description"])
                yield 1

    def _blank_lists(self, person: Person) -> Iterator[int]:
        for model, field in self.names:
            rows = model.objects.for_store(person.store)
            for pk, name in rows.order_by("pk").values_list("pk", field):
                if person.is_in(name):
                    said = {field: person.blank(name, ERASED_WORDS)[:255]}
                    if model is ExternalGroup:
                        said["name_key"] = said[field].casefold()
                    yield rows.filter(pk=pk).update(**said)

    def _blank_searches(self, person: Person) -> Iterator[int]:
        jobs = Job.objects.for_store(person.store).filter(kind=REMOVE_MEMBERS).exclude(state__in=ACTIVE_STATES)
        for job in jobs.filter(payload__has_key="words"):
            if person.is_sought(job.payload["words"]):
                yield removal.forget_words(job)


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


classify(
    "segments.Segment",
    nothing="id store member_count sources version created_at updated_at deleted_at",
    staff="created_by",
    in_text="name name_key description",
)
classify(
    "segments.Membership",
    nothing="id store segment sources entered_in upload",
    staff="added_by",
    by_id="customer added_at name phone said",
)
classify("segments.Exclusion", nothing="id store segment", staff="excluded_by", by_id="customer excluded_at")
classify(
    "segments.MembershipChange",
    nothing="id store segment kind source job upload at",
    staff="actor",
    by_id="customer",
)
classify("segments.SegmentDay", nothing="id store segment day size entered left")
classify("segments.Upload", **OF_UPLOADS)
classify("segments.Upload", nothing="segment include_removed undone_at undone_to")
classify(
    "segments.UploadRow",
    nothing="id store upload line verdict",
    by_key="email email_key customer_id reason name phone",
)

classify(
    "segments.Connection",
    nothing="id store source account_id account_name credentials state state_at said warning checked_at connected_at "
    "indexed_at",
    staff="connected_by",
)
classify(
    "segments.ExternalGroup",
    nothing="id store connection kind group_id name_is_cut updated_at seen_in",
    in_text="name name_key",
)
classify(
    "segments.ExternalLink",
    nothing="id store segment connection kind group_id state missing_since daily next_sync_at last_due_at "
    "last_due_on synced seen_in brake_percent brake_people created_at",
    staff="created_by",
    in_text="name",
)
classify(
    "segments.Sync",
    nothing="id store segment link source kind cause day outcome counts read_at decided_at created_at finished_at",
    staff="asked_by decided_by",
    by_key="problems",
    in_text="group_name",
)
classify("segments.ExternalMember", nothing="id store sync trouble", by_key="profile_id email_key")

place(Memberships())
place(Profiles())
place(Sheets("Uploads to segments", Upload, UploadRow, outcomes=outcomes_of))
place(Words())
