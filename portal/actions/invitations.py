"""Inviting people into a store by a link that works once, and accepting."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from portal import audit
from portal.access import Role
from portal.actions import Refusal
from portal.actions.staff import check_manages, lock_staff
from portal.faults import retried
from portal.models import Invitation, Staff, Store, User

ACCOUNT_BY_NOW = "There is an account with this e-mail address by now. Sign in to accept."


class LinkClosed(Exception):
    """The invitation was accepted, revoked or renewed, or its time is over."""


@retried
def invite(store: Store, *, email: str, role: Role, actor: User) -> tuple[Invitation, str]:
    """Write an invitation; it, and the token of its link, which is kept nowhere. Raises Refusal."""
    token, now = secrets.token_urlsafe(32), timezone.now()
    email = email.strip().lower()
    with transaction.atomic():
        staff = lock_staff(store)
        check_manages(staff, actor)
        if any(row.user.email.lower() == email for row in staff):
            raise Refusal(f"{email} works in this store already.")
        earlier = Invitation.objects.for_store(store).filter(email=email, accepted_at=None)
        if any(invitation.is_open(now) for invitation in earlier):
            raise Refusal(f"{email} is invited already; make a new link under Invited.")
        earlier.delete()
        invitation: Invitation = Invitation.objects.create_for(
            store,
            email=email,
            role=role,
            token_hash=Invitation.hash_of(token),
            invited_by=actor,
            expires_at=now + timedelta(days=settings.INVITATION_DAYS),
        )
        audit.record(store, "invited", invitation, actor=actor, changes={"role": [None, role]})
    return invitation, token


@retried
def renew(invitation: Invitation, *, actor: User) -> str:
    """Make a new link, good for the full time again; the one before stops working. Returns the new token.

    Raises LinkClosed when the invitation was accepted or revoked in the meantime.
    """
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        check_manages(lock_staff(invitation.store), actor)
        invitation.expires_at = timezone.now() + timedelta(days=settings.INVITATION_DAYS)
        renewed = _pending(invitation).update(token_hash=Invitation.hash_of(token), expires_at=invitation.expires_at)
        if not renewed:
            raise LinkClosed
        audit.record(invitation.store, "renewed", invitation, actor=actor)
    return token


@retried
def revoke(invitation: Invitation, *, actor: User) -> None:
    """Make the link stop working. Raises LinkClosed when the invitation was accepted or revoked in the meantime."""
    with transaction.atomic():
        check_manages(lock_staff(invitation.store), actor)
        if not _pending(invitation).delete()[0]:
            raise LinkClosed
        audit.record(invitation.store, "revoked", invitation, actor=actor, label=invitation.email)


@retried
def accept(invitation: Invitation, *, user: User) -> bool:
    """Let `user`, whose address was invited, work in the store; False when they did already. Raises LinkClosed."""
    with transaction.atomic():
        staff = lock_staff(invitation.store)
        _take(invitation)
        return _join(invitation, user, already=any(row.user_id == user.pk for row in staff))


@retried
def accept_as_new(invitation: Invitation, *, name: str, password: str) -> User:
    """Make the account of somebody who has none, and let them work in the store.

    Raises LinkClosed, or Refusal when there is an account by now.
    """
    with transaction.atomic():
        lock_staff(invitation.store)
        _take(invitation)
        if account_of(invitation) is not None:
            raise Refusal(ACCOUNT_BY_NOW)
        try:
            with transaction.atomic():
                user = User.objects.create_user(invitation.email, password, name=name)
        except IntegrityError as error:  # made in this very moment, through another store's link
            raise Refusal(ACCOUNT_BY_NOW) from error
        _join(invitation, user, already=False)
    return user


def account_of(invitation: Invitation) -> User | None:
    """The account of the person who is invited, if there is one."""
    return User.objects.filter(email__iexact=invitation.email).first()


def _pending(invitation: Invitation) -> Any:
    return Invitation.objects.for_store(invitation.store).filter(pk=invitation.pk, accepted_at=None)


def _take(invitation: Invitation) -> None:
    """Use up the link that the person holds: exactly one request gets it."""
    now = timezone.now()
    mine = _pending(invitation).filter(token_hash=invitation.token_hash, expires_at__gt=now)
    if not mine.update(accepted_at=now):
        raise LinkClosed


def _join(invitation: Invitation, user: User, *, already: bool) -> bool:
    if not already:
        Staff.objects.create_for(invitation.store, user=user, role=invitation.role)
    changes = {} if already else {"role": [None, invitation.role]}
    audit.record(invitation.store, "accepted", invitation, actor=user, changes=changes)
    return not already
