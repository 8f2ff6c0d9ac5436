"""Reading a store's staff, runs and audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.db.models import Max, Model, QuerySet
from django.utils.formats import date_format
from django.utils.timezone import localtime

from portal.access import Permission, Role
from portal.models import AuditEntry, Invitation, Job, Staff, Store, User
from portal.models.job import ACTIVE_STATES


def staff_of(store: Store) -> QuerySet[Staff]:
    """All who work in the store, in the order of their names."""
    return Staff.objects.for_store(store).select_related("user").order_by("user__name", "user__email")


def may_still(user: User, store: Store, permission: Permission) -> bool:
    """Whether the person may do this in the store at this moment."""
    place = Staff.objects.for_store(store).filter(user=user, user__is_active=True, store__closed_at=None).first()
    return place is not None and place.may(permission)


def is_last_owner(staff: Staff) -> bool:
    """Whether the store would be left without an owner if it were not for `staff`."""
    owners = Staff.objects.for_store(staff.store).filter(role=Role.OWNER)
    return staff.role == Role.OWNER and not owners.exclude(pk=staff.pk).exists()


def pending_invitations(store: Store) -> QuerySet[Invitation]:
    """Invitations that nobody has accepted, those whose time is over among them; the latest first."""
    return Invitation.objects.for_store(store).filter(accepted_at=None).select_related("invited_by")


def last_change(store: Store, what: Model, verbs: Sequence[str] = ("changed",)) -> AuditEntry | None:
    """The last time that people changed `what`, as the audit trail has it."""
    entries = AuditEntry.objects.for_store(store).filter(object_type=what._meta.verbose_name, object_id=what.pk)
    return entries.filter(verb__in=verbs).order_by("-at", "-pk").first()


def said_by(entry: AuditEntry | None) -> str:
    """Who made the change and when, to begin a sentence with: “ada@shop.example (22 Nov 2026, 10:31)”."""
    if entry is None:
        return "Someone else"
    return f"{entry.actor_label} ({date_format(localtime(entry.at), 'j M Y, H:i')})"


def runs(store: Store) -> QuerySet[Job]:
    """The store's background work."""
    return Job.objects.for_store(store).select_related("created_by")


def latest_runs(store: Store, most: int) -> list[Job]:
    return list(runs(store).order_by("-created_at", "-pk")[:most])


def latest_job(subject: Any) -> Job | None:
    """The latest job about an object of a store."""
    return _about(subject.store, [subject]).order_by("-pk").first()


def latest_jobs(store: Store, subjects: Sequence[Model]) -> dict[int, Job]:
    """Id of a subject → the latest job about it, for all of them, which are of one model, in one query."""
    if not subjects:
        return {}
    latest = _about(store, subjects).order_by().values("subject_id").annotate(latest=Max("pk")).values("latest")
    return {job.subject_id: job for job in runs(store).filter(pk__in=latest) if job.subject_id is not None}


def at_work(subject: Any, kind: str) -> Job | None:
    """The unfinished job of this kind about an object of a store."""
    return _about(subject.store, [subject]).filter(kind=kind, state__in=ACTIVE_STATES).first()


def _about(store: Store, subjects: Sequence[Model]) -> QuerySet[Job]:
    model, ids = type(subjects[0]), [subject.pk for subject in subjects]
    return runs(store).filter(subject_type=model._meta.label_lower, subject_id__in=ids)


def subject_url(job: Job) -> str | None:
    """The page of what the run is about, where that still is and has one (`get_absolute_url`)."""
    if not job.subject_type:
        return None
    model: Any = apps.get_model(job.subject_type)
    subject = model.objects.for_store(job.store).filter(pk=job.subject_id).first()
    if getattr(subject, "deleted_at", None) or not hasattr(subject, "get_absolute_url"):
        return None
    return subject.get_absolute_url()


def audit_entries(store: Store) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.for_store(store)


def audit_words(store: Store) -> dict[str, list[str]]:
    """The people, verbs and types of object that occur in the store's audit trail, each in order."""
    names = ("actor_label", "verb", "object_type")
    rows = list(audit_entries(store).order_by().values_list(*names).distinct())
    return {name: sorted({row[at] for row in rows} - {""}) for at, name in enumerate(names)}
