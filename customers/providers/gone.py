"""What a provider has no longer."""

from __future__ import annotations

from datetime import datetime

from customers.models import Customer, PersonTold, Subscription, SubscriptionStatus
from customers.providers.people import ID_OF
from customers.register import hold_customers, lock_customers
from customers.touched import touch
from portal.models import Store


def let_go(store: Store, source: str, external_id: str, at: datetime) -> bool:
    """The source has this person no longer since `at`; the customer stays. Whether anybody was known by the id."""
    version = lock_customers(store)
    mine = PersonTold.objects.for_store(store).filter(source=source, external_id=external_id)
    known = mine.filter(told_at__lt=at).update(told_at=at)
    here = Customer.objects.for_store(store).filter(**{ID_OF[source]: external_id})
    return bool(here.update(**{ID_OF[source]: ""}, changed_at=at, changed_in=version) or known)


def subscription_deleted(store: Store, source: str, external_id: str, at: datetime) -> bool:
    """The source has this subscription no longer since `at`: it is over. Whether it was known."""
    hold_customers(store)
    rows = Subscription.objects.for_store(store).filter(source=source, external_id=external_id, told_at__lte=at)
    ends = {"status": SubscriptionStatus.CANCELLED, "next_charge_on": None, "told_at": at, "changed_at": at}
    whose = list(rows.values_list("customer", flat=True))
    rows.filter(cancelled_at=None).update(cancelled_at=at)
    known = rows.update(**ends)
    touch(store, whose)
    return bool(known)
