"""Changing segments: make one, name it, add and remove people by hand, delete it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from customers.models import Customer
from portal import audit, jobs
from portal.access import Permission
from portal.actions import Refusal
from portal.faults import retried
from portal.models import Job, Store, User
from segments import dependants, membership, queries
from segments.membership import Cause
from segments.models import Segment, Source

REMOVE_MEMBERS, DELETE_SEGMENT = "segments.remove_members", "segments.delete_segment"


class NameTaken(Exception):
    """Another segment of the store has this name: `segment`."""

    def __init__(self, segment: Segment | None) -> None:
        super().__init__("There is a segment with this name already.")
        self.segment = segment


class ChangedMeanwhile(Exception):
    """Someone else changed the segment since the form was opened; `segment` is as it is now."""

    def __init__(self, segment: Segment) -> None:
        super().__init__(str(segment.pk))
        self.segment = segment


class WorkIsRunning(Exception):
    """Something is being imported into the segment, or taken out of it: `running`."""

    def __init__(self, running: Sequence[Job]) -> None:
        super().__init__(", ".join(job.label for job in running))
        self.running = running


def customer_label(customer_id: int) -> str:
    """How the audit trail names a customer: without personal data."""
    return f"Customer {customer_id}"


@retried
def create_segment(store: Store, *, name: str, actor: User) -> Segment:
    """A new segment without members. Raises NameTaken."""
    segment = Segment(store=store, name=name, created_by=actor)
    with transaction.atomic():
        _save_name(segment)
        audit.record(store, "created", segment, actor=actor)
    return segment


def _save_name(segment: Segment, **options: Any) -> None:
    try:
        with transaction.atomic():
            segment.save(**options)
    except IntegrityError as error:
        raise NameTaken(queries.by_name(segment.store, segment.name)) from error


@retried
def describe_segment(segment: Segment, *, name: str, description: str, seen: tuple[str, str], actor: User) -> list[str]:
    """Give the segment this name and description, if they are still as `seen`; which of the two differed.

    Raises ChangedMeanwhile, NameTaken and SegmentGone, and changes nothing then.
    """
    with transaction.atomic():
        membership.lock(segment)
        segment.refresh_from_db()
        before = {"name": segment.name, "description": segment.description}
        if (segment.name, segment.description) != seen:
            raise ChangedMeanwhile(segment)
        segment.name, segment.description = name, description
        changes = audit.difference(before, {"name": name.strip(), "description": description})
        if changes:
            _save_name(segment, update_fields=["name", "name_key", "description"])
            audit.record(
                segment.store, "renamed" if "name" in changes else "changed", segment, actor=actor, changes=changes
            )
    return list(changes)


@retried
def add_customer(segment: Segment, customer: Customer, *, actor: User) -> bool:
    """Add the customer by hand, also one who was removed by hand before; False for one who is in already.

    Whoever is in by something else is from now on in by hand too, and so outlives it. Raises SegmentGone.
    """
    there = Customer.objects.for_store(segment.store).filter(pk=customer.pk, erased_at=None)
    one = there.annotate(customer_id=F("pk"))
    with transaction.atomic():
        added = membership.enter(segment, one, Cause(Source.MANUAL, actor=actor), readmit=True)
        if added.entered:
            changes = {"customer": [None, customer_label(customer.pk)]}
            audit.record(segment.store, "added a customer to", segment, actor=actor, changes=changes)
    return bool(added.entered)


@retried
def remove_customers(segment: Segment, customer_ids: Iterable[int], *, actor: User) -> list[Customer]:
    """Remove these customers by hand, and keep them out until added by hand again; those who were in.

    For as many as a person can point at; `remove_matching` is for more. Raises SegmentGone.
    """
    chosen = queries.members(segment).filter(customer_id__in=list(customer_ids))
    with transaction.atomic():
        membership.lock(segment)
        people = [row.customer for row in chosen.select_related("customer").order_by("customer_id")]
        membership.leave(segment, chosen, Cause(Source.MANUAL, actor=actor), keep_out=True)
        if people:
            said = [customer_label(customer.pk) for customer in people]
            changes = {"customer": [said[0], None]} if len(said) == 1 else {"customers": [said, None]}
            verb = "removed a customer from" if len(said) == 1 else "removed customers from"
            audit.record(segment.store, verb, segment, actor=actor, changes=changes)
    return people


@retried
def remove_matching(segment: Segment, *, words: str, count: int, actor: User) -> Job:
    """Remove in the background all members whom `words` finds now; those who come later stay.

    `count` is how many the person was told. Raises SegmentGone.
    """
    with transaction.atomic():
        membership.lock(segment)
        changes: dict[str, Any] = {"members": [count, None]}
        if words:
            # Not the words: they may name a person, and the audit trail is kept for ever.
            changes["those whom a search found"] = None
        audit.record(segment.store, "removed customers from", segment, actor=actor, changes=changes)
        return jobs.enqueue(
            segment.store,
            REMOVE_MEMBERS,
            label=f"Remove members of {segment.name}",
            subject=segment,
            payload={"words": words, "until": timezone.now().isoformat(), "total": count},
            actor=actor,
            needs=Permission.EDIT_SEGMENTS,
        )


def note_export(segment: Segment, *, kind: str, actor: User) -> None:
    """Write in the audit trail that the members were taken out as a file of this `kind`."""
    changes = {"members": [None, segment.member_count], "file": [None, kind]}
    audit.record(segment.store, "exported", segment, actor=actor, changes=changes)


@retried
def delete_segment(segment: Segment, *, typed: str, cancel_running: bool, actor: User) -> Job:
    """Make the segment disappear at once, and have it emptied in the background.

    Raises Refusal when its name was not `typed` or something depends on it, WorkIsRunning unless `cancel_running`,
    SegmentGone when it is deleted already.
    """
    with transaction.atomic():
        membership.lock(segment)
        segment.refresh_from_db()
        if typed.strip() != segment.name:
            raise Refusal("This is not the name of the segment.")
        if reasons := dependants.reasons(segment):
            raise Refusal(" ".join(reasons))
        running = list(queries.work_on(segment))
        if running and not cancel_running:
            raise WorkIsRunning(running)
        for job in running:
            jobs.cancel(job)
        segment.deleted_at = timezone.now()
        segment.save(update_fields=["deleted_at"])
        changes = {"members": [segment.member_count, None]}
        audit.record(segment.store, "deleted", segment, actor=actor, changes=changes)
        return jobs.enqueue(
            segment.store, DELETE_SEGMENT, label=f"Delete segment {segment.name}", subject=segment, actor=actor
        )
