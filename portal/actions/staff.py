"""Changing who works in a store. A store is never left without an owner."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db import transaction

from portal import audit, security_log, sessions, wall
from portal.access import Permission, Role
from portal.actions import Refusal
from portal.faults import retried
from portal.models import SecurityKind, Staff, Store, User

LAST_OWNER = "A store always has an owner, and this is the last one. Make somebody else an owner first."


@retried
def change_role(staff: Staff, role: Role, *, actor: User) -> bool:
    """Give `staff` another role; False when it is theirs already. Raises Refusal."""
    with transaction.atomic():
        row = _locked(staff, actor=actor, leaves_owners=role == Role.OWNER)
        if row.role == role:
            return False
        before, row.role = row.role, role
        row.save(update_fields=["role"])
        audit.record(row.store, "changed", row, actor=actor, label=row.user.email, changes={"role": [before, role]})
    return True


@retried
def remove(staff: Staff, *, actor: User) -> None:
    """End the person's work in the store; the account stays. Raises Refusal."""
    with transaction.atomic():
        row = _locked(staff, actor=actor, leaves_owners=False)
        audit.record(row.store, "removed", row, actor=actor, label=row.user.email, changes={"role": [row.role, None]})
        row.delete()
        if not row.user.is_staff and not _works_somewhere(row.user):
            sessions.end_all(row.user)


def _works_somewhere(user: User) -> bool:
    with wall.lifted():
        return Staff.places_of(user).exists()


@retried
def end_sessions(staff: Staff, *, actor: User) -> int:
    """Sign the person out everywhere; from how many browsers. Raises Refusal."""
    with transaction.atomic():
        row = _locked(staff, actor=actor, leaves_owners=True)
        count = sessions.end_all(row.user)
        audit.record(row.store, "signed out", row, actor=actor, label=row.user.email)
        security_log.record(None, row.user, SecurityKind.SESSIONS_ENDED, f"By an owner of {row.store}")
    return count


def _locked(staff: Staff, *, actor: User, leaves_owners: bool) -> Staff:
    """The row as it stands, with all the store's staff held still; refuses what would leave the store no owner."""
    rows = lock_staff(staff.store)
    check_manages(rows, actor)
    row = next((row for row in rows if row.pk == staff.pk), None)
    if row is None:
        raise Refusal("This person does not work in the store any more.")
    if not leaves_owners and row.role == Role.OWNER and sum(other.role == Role.OWNER for other in rows) == 1:
        raise Refusal(LAST_OWNER)
    return row


def lock_staff(store: Store) -> list[Staff]:
    """All who work in `store`; no other transaction changes them, or adds to them, until this one ends."""
    Store.objects.select_for_update(no_key=True).get(pk=store.pk)
    return list(Staff.objects.for_store(store).select_related("user", "store").order_by("pk"))


def check_manages(staff: list[Staff], actor: User) -> None:
    """The role that let the actor in may have been taken away since: two owners can demote each other at once."""
    mine = next((row for row in staff if row.user_id == actor.pk), None)
    if not actor.is_superuser and (mine is None or not mine.may(Permission.MANAGE_STAFF)):
        raise PermissionDenied("Your role may not do this. Ask an owner of the store.")
