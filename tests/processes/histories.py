"""Stories of an account at a provider whose history is read; see scenes.

The provider is a stand-in of the test's own, at RECHARGE_API_URL or SHOPIFY_API_URL, and has what it has.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from customers.models import Customer, Event, Order, OrderLine, PersonTold, Product, Subscription, WayIn, WayInKind
from customers.providers import accounts, checking, history, recharge_api, schedule, shopify_pages
from portal import turns
from portal.models import Job
from tests.processes import scenes
from tests.processes.scene import Rows, Scene

TOKEN, SECRET, SHOP = "sk_test_of_the_sandbox", "secret_of_the_client", "maple.myshopify.com"
A_PAGE = 4


def _unhurried() -> None:
    """Small pages, each kept by itself, and asked for as fast as one likes."""
    recharge_api.PAGE = history.ROWS_AT_ONCE = A_PAGE
    shopify_pages.CUSTOMERS_A_PAGE = shopify_pages.ORDERS_A_PAGE = A_PAGE
    turns.wait_for = lambda *_, **__: 0.0
    # Whoever was killed has made the webhooks, and the next one finds them there.
    checking.Seen.told = _known  # type: ignore[method-assign]


def _known(self: checking.Seen) -> dict[str, Any]:
    return {"known": sorted({*self.there, *self.made, *self.refused}), "trouble": self.trouble}


def _read(slug: str, kind: WayInKind) -> Any:
    """Connect the account, and have it be read once; what the tables say then."""
    scene = Scene(slug)
    _unhurried()
    if not WayIn.objects.for_store(scene.store).exists():
        given = {"secret": SECRET, "token": TOKEN, "account": SHOP if kind == WayInKind.SHOPIFY else ""}
        accounts.connect(scene.store, kind, kind.label, actor=scene.owner, reads_history=True, **given)
    if not Job.objects.for_store(scene.store).exists():
        schedule.run_due(timezone.now())
    scene.work()
    return world(slug)


def read_recharge(slug: str, _: Rows) -> Any:
    return _read(slug, WayInKind.RECHARGE)


def read_shopify(slug: str, _: Rows) -> Any:
    return _read(slug, WayInKind.SHOPIFY)


def world(slug: str) -> Any:
    """All that the tables say of what was read, and what the reading says of itself."""
    store = Scene(slug).store

    def of(model: Any, *columns: str) -> list[list[str]]:
        rows = model.objects.for_store(store).order_by(*columns).values_list(*columns)
        return [[str(value) for value in row] for row in rows]

    jobs = Job.objects.for_store(store).filter(kind=history.HISTORY).order_by("pk")
    way_in = WayIn.objects.for_store(store).get()
    return {
        "people": of(Customer, "email_key", "first_name", "shopify_id", "recharge_id", "signed_up_at"),
        "told": of(PersonTold, "source", "external_id", "customer__email_key", "told_at"),
        "products": of(Product, "source", "external_id", "title"),
        "orders": of(Order, "external_id", "total", "status", "told_at", "customer__email_key"),
        "lines": of(OrderLine, "order__external_id", "position", "title", "quantity", "price"),
        "subscriptions": of(Subscription, "external_id", "status", "title", "price", "customer__email_key"),
        "events": of(Event, "message_key", "name", "occurred_at", "customer__email_key"),
        "jobs": [[job.state, job.done, job.result, job.error] for job in jobs],
        "read": [way_in.history_read_at is not None, way_in.reconciled_to is not None],
    }


scenes.STORIES.update({"read recharge": read_recharge, "read shopify": read_shopify})


def golden(story: str, cast: scenes.Cast) -> Any:
    """What an undisturbed reading comes to."""
    slug = f"golden-{story.replace(' ', '-')}"
    scenes.prepare(story, slug, cast)
    return scenes.STORIES[story](slug, cast["file"])
