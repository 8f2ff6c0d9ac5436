"""Events that waited for their customer join when the customer is added, or gets another address, however that is."""

from __future__ import annotations

from django.db import transaction
from django.db.models import OuterRef, Subquery

from customers.ingest import identities, names
from customers.ingest.taking_in import hold
from customers.models import Customer, CustomerRegister, Intake, Visitor, WayIn
from customers.register import customers_version
from customers.touched import touch
from portal import crash, sets, wall
from portal.models import Store

CUSTOMERS_AT_ONCE = 5_000
_COLUMNS = {
    names.EMAIL: "email_key",
    names.SHOPIFY: "shopify_id",
    names.RECHARGE: "recharge_id",
    names.KLAVIYO: "klaviyo_id",
}


def join_later() -> int:
    """Bring what was done under a name to customers who have it since; how many customers got something."""
    version = CustomerRegister.everywhere.filter(store=OuterRef("store")).values("version")
    behind = Intake.everywhere.filter(seen_in__lt=Subquery(version), store__closed_at=None).select_related("store")
    return sum(_catch_up(intake.store) for intake in behind.order_by("pk"))


def _catch_up(store: Store) -> int:
    joined = 0
    with wall.around(store):
        while True:
            with transaction.atomic():
                count = _join(store)
                crash.point("joining.joined")
            if count is None:
                return joined
            joined += count


def _join(store: Store) -> int | None:
    """The next customers that were changed; None when there are none, or somebody takes in what arrives."""
    intake = hold(store)
    # Whoever erases people holds them too: who was erased before is seen as such from here on.
    list(WayIn.objects.for_store(store).order_by("pk").select_for_update(no_key=True, of=("self",)))
    version = customers_version(store)
    if intake is None or intake.seen_in >= version:
        return None
    changed = Customer.objects.for_store(store).filter(changed_in__gt=intake.seen_in, changed_in__lte=version)
    upto = max(changed.order_by("changed_in").values_list("changed_in", flat=True)[:CUSTOMERS_AT_ONCE], default=version)
    people = changed.filter(changed_in__lte=upto, erased_at=None).values_list("pk", *_COLUMNS.values())
    meant: dict[str, int] = {}
    for number, *values in people.iterator(chunk_size=5_000):
        for kind, value in zip(_COLUMNS, values, strict=True):
            if value:
                meant.setdefault(names.digest(kind, value), number)
    touched: set[int] = set()
    digests = sorted(meant)
    for at in range(0, len(digests), CUSTOMERS_AT_ONCE):
        known = Visitor.objects.for_store(store).filter(digest__among=digests[at : at + CUSTOMERS_AT_ONCE])
        rows = dict(known.filter(customer=None).values_list("pk", "digest"))
        sets.assign(Visitor, "customer", {pk: meant[name] for pk, name in rows.items()})
        nobodys = _spoken_of(store, digests[at : at + CUSTOMERS_AT_ONCE], set(rows.values()))
        touched |= identities.give(store, {name: meant[name] for name in nobodys})
    touch(store, touched)
    Intake.objects.for_store(store).filter(pk=store.pk).update(seen_in=upto)
    return len(touched)


def _spoken_of(store: Store, digests: list[str], own_rows: set[str]) -> set[str]:
    """Those of the names that stand for something: with a row of their own, or as what another goes by."""
    others = Visitor.objects.for_store(store).filter(same_as__among=digests, customer=None)
    return own_rows | set(others.values_list("same_as", flat=True))
