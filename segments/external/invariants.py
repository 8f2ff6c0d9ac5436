"""What must always be true of lists elsewhere; see portal.invariants."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet

from customers.models import Customer, CustomerRegister
from portal.invariants import doubles, invariant
from portal.models import Job
from portal.models.job import ACTIVE_STATES
from segments.external.difference import FLAG
from segments.external.links import UNLINK
from segments.models import Connection, Exclusion, ExternalLink, ExternalMember, Membership, Sync
from segments.models.external import ConnectionState, SyncOutcome

doubles("profiles_doubled", ExternalMember, "store", "sync", "profile_id")


def _held_by_lists() -> QuerySet[Any]:
    return Membership.everywhere.annotate(mark=F("sources").bitand(FLAG)).filter(mark=FLAG)


@invariant
def members_of_lists_that_are_not_followed() -> QuerySet[Any]:
    """Members whom a list holds though their segment follows none, and nobody is at work on that."""
    link = ExternalLink.everywhere.filter(store=OuterRef("store"), segment=OuterRef("segment"))
    unlinking = Job.everywhere.filter(
        store=OuterRef("store"), kind=UNLINK, subject_id=OuterRef("segment"), state__in=ACTIVE_STATES
    )
    return _held_by_lists().filter(~Exists(link), ~Exists(unlinking), segment__deleted_at=None)


@invariant
def customers_on_a_list_who_are_not_in_its_segment() -> QuerySet[Any]:
    """Profiles of a reading that was applied whose customers are neither held by it nor kept out, though the link has
    seen all customers."""
    customer = Customer.everywhere.filter(store=OuterRef("store"), email_key=OuterRef("email_key"))
    segment, person = OuterRef(OuterRef("sync__segment")), OuterRef("pk")
    here = _held_by_lists().filter(store=OuterRef("store"), segment=segment, customer=person)
    out = Exclusion.everywhere.filter(store=OuterRef("store"), segment=segment, customer=person)
    version = CustomerRegister.everywhere.filter(store=OuterRef("store"), version=OuterRef("seen_in"))
    links = ExternalLink.everywhere.filter(Exists(version), synced__outcome=SyncOutcome.APPLIED)
    rows = ExternalMember.everywhere.filter(sync__in=links.values("synced")).exclude(email_key="")
    return rows.filter(Exists(customer.filter(~Exists(here), ~Exists(out))))


@invariant
def credentials_that_should_be_gone() -> QuerySet[Any]:
    return Connection.everywhere.filter(state=ConnectionState.DISCONNECTED).exclude(credentials="")


@invariant
def syncs_applied_without_an_end() -> QuerySet[Any]:
    return Sync.everywhere.filter(outcome=SyncOutcome.APPLIED, finished_at=None)
