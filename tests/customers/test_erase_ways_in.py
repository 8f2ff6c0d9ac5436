"""A person comes in by one way alone, and is erased: nothing is left, whatever still waits or was set aside, and the
same way does not bring the person back; that somebody was left out is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.utils import timezone

from customers.ingest import sweeping, tracking
from customers.models import Arrival, Customer, Event, Order, WayIn, WayInKind
from customers.privacy import activity
from customers.privacy.erase import erase_customer
from customers.providers import accounts, people, taking_in
from customers.sandbox.bodies import (
    recharge_charge,
    recharge_customer,
    recharge_order,
    recharge_subscription,
    shopify_customer,
    shopify_line,
    shopify_order,
)
from customers.sandbox.recharge import SECRET, TOKEN, RechargeSandbox
from portal import turns
from portal.invariants import broken
from portal.models import Job, Store, User
from segments.sandbox.shopify import ShopifySandbox
from tests.conftest import make_customer
from tests.customers.ingest.conftest import identify, make_source, track
from tests.customers.providers.conftest import SECRETS, SHOP, at, connected
from tests.customers.providers.test_history import read
from tests.customers.searching import forget_files, hits

pytestmark = pytest.mark.django_db(transaction=True)

MAIL, NUMBER = "zq7mail@zq7dom.example", 7719077190
WORDS = ["zq7", "zörq7née", "719-2774", str(NUMBER)]
ME: dict[str, Any] = {"first_name": "Zq7first", "last_name": "Zörq7née", "phone": "+1 555 719-2774"}


class Way:
    """`come` has the person, and others, come in with words of so many minutes after the beginning; what `left` sends
    waits or was set aside when the person is erased."""

    def __init__(self, store: Store, owner: User) -> None:
        self.store, self.owner = store, owner

    def come(self, minutes: int) -> None:
        raise NotImplementedError

    def left(self) -> None:
        """Nothing."""

    def set_aside(self) -> None:
        Arrival.objects.for_store(self.store).filter(state="waiting").update(state="poison", reason="It failed.")
        sweeping.look_through_all()

    def told_of_refusals(self) -> bool:
        return Arrival.objects.for_store(self.store).filter(state="ignored", reason=people.WAS_ERASED).exists()


class ByTracking(Way):
    def __init__(self, store: Store, owner: User, kind: WayInKind) -> None:
        super().__init__(store, owner)
        self.source, self.kind, self.count = make_source(store, owner, kind), kind, 0
        make_customer(store, MAIL, **ME)

    def send(self, *names: str, mail: str = "", user: str = "zq7user") -> None:
        self.count += 1
        if self.kind == WayInKind.AMPLITUDE:
            said = {"user_id": user, "device_id": f"{user}-device", "user_properties": {"email": mail} if mail else {}}
            answer = self.source.amplitude(*[{"event_type": name, **said} for name in names])
        else:
            calls = [track(name, user=user, anonymousId=f"{user}-device") for name in names]
            answer = self.source.track(*([identify(user, mail)] if mail else []), *calls)
        assert answer.status_code == 200

    def come(self, minutes: int) -> None:
        self.send("Tapped", mail=MAIL)
        self.send("Tapped", "zq7 looked")
        self.send("Tapped", user="bobs own")

    def left(self) -> None:
        self.send("Poison, by the name of an app alone")
        self.send("Poison, of somebody else", user="bobs own")
        self.set_aside()
        self.send("Waits", mail=MAIL)
        self.send("Waits, by the name alone")

    def told_of_refusals(self) -> bool:
        return self.source.counts()["ignored"] > 0


class ByWebhooks(Way):
    def __init__(self, store: Store, owner: User, kind: WayInKind) -> None:
        super().__init__(store, owner)
        self.shop = connected(store, owner, kind)

    def send(self, *said: tuple[str, Any]) -> None:
        for topic, body in said:
            assert self.shop.send(topic, body).status_code == 200

    def come(self, minutes: int) -> None:
        self.send(*(shopify_words if self.shop.kind == WayInKind.SHOPIFY else recharge_words)(minutes))

    def left(self) -> None:
        if self.shop.kind == WayInKind.SHOPIFY:
            by_id: Any = ("fulfillments/create", {"id": 5, "customer": {"id": NUMBER}})
            waits: Any = ("customers/update", shopify_customer(NUMBER, None, at(2)))
            bob: Any = ("fulfillments/create", {"id": 6, "customer": {"id": 2}})
        else:
            by_id = ("onetime/created", {"id": 5, "customer_id": NUMBER})
            waits = ("subscription/updated", recharge_subscription(NUMBER + 1, NUMBER, at(2)))
            bob = ("onetime/created", {"id": 6, "customer_id": 2})
        self.send(by_id, bob)
        sweeping.take_in_all()
        self.send((by_id[0], {**by_id[1], "id": 7}), ("products/create", {"id": 1, "email": MAIL}))
        self.set_aside()
        self.send(waits)


def shopify_words(minutes: int) -> list[tuple[str, Any]]:
    me = shopify_customer(NUMBER, MAIL, at(minutes), tags="zq7tag", default_address={"city": "Zq7city"}, **ME)
    lines = [shopify_line(7, "Coffee", properties=[{"name": "Card", "value": MAIL}])]
    bob = shopify_customer(2, "bob@x.example", at(minutes))
    return [
        ("customers/create", me),
        ("orders/create", shopify_order(NUMBER + 1, me, at(minutes), note="zq7note", line_items=lines)),
        ("orders/create", shopify_order(6, bob, at(minutes))),
    ]


def recharge_words(minutes: int) -> list[tuple[str, Any]]:
    me, bob = recharge_customer(NUMBER, MAIL, at(minutes), **ME), recharge_customer(2, "bob@x.example", at(minutes))
    ended = {"status": "cancelled", "cancelled_at": at(minutes).isoformat(), "cancellation_reason": "As zq7 said"}
    return [
        ("customer/created", me),
        ("subscription/created", recharge_subscription(NUMBER + 1, NUMBER, at(minutes))),
        ("subscription/cancelled", recharge_subscription(NUMBER + 2, NUMBER, at(minutes), **ended)),
        ("order/created", recharge_order(NUMBER + 3, me, at(minutes))),
        ("charge/failed", recharge_charge(NUMBER + 4, me, at(minutes))),
        ("order/created", recharge_order(6, bob, at(minutes))),
    ]


class ByHistory(Way):
    """The provider has the person, and is read from the beginning each time."""

    way_in: WayIn

    def come(self, minutes: int) -> None:
        self.fill(minutes)
        WayIn.everywhere.filter(pk=self.way_in.pk).update(reconciled_to=None, next_reconcile_at=timezone.now())
        job = read(self.way_in)
        assert job.state == "succeeded", job.error
        self.told = job.result["told"]

    def fill(self, minutes: int) -> None:
        raise NotImplementedError

    def told_of_refusals(self) -> bool:
        return bool(self.told.get("gone", 0) > 0)


class ByHistoryOfRecharge(ByHistory):
    def __init__(self, store: Store, owner: User, sandbox: RechargeSandbox) -> None:
        super().__init__(store, owner)
        self.sandbox = sandbox
        given: dict[str, Any] = {"secret": SECRET, "token": TOKEN, "reads_history": True}
        self.way_in = accounts.connect(store, WayInKind.RECHARGE, "Recharge", actor=owner, **given)

    def fill(self, minutes: int) -> None:
        for topic, said in recharge_words(minutes):
            self.sandbox.put(f"{topic.partition('/')[0]}s", said)


class ByHistoryOfShopify(ByHistory):
    def __init__(self, store: Store, owner: User, sandbox: ShopifySandbox) -> None:
        super().__init__(store, owner)
        self.sandbox = sandbox
        given: dict[str, Any] = {"account": SHOP, "token": TOKEN, "reads_history": True}
        given["secret"] = SECRETS[WayInKind.SHOPIFY]
        self.way_in = accounts.connect(store, WayInKind.SHOPIFY, "Shopify", actor=owner, **given)

    def fill(self, minutes: int) -> None:
        for topic, said in shopify_words(minutes):
            self.sandbox.sold[SHOP].put(topic.partition("/")[0], said)


WAYS = ["segment", "amplitude", "shopify", "recharge", "history of recharge", "history of shopify"]


@pytest.fixture(params=WAYS)
def way(
    request: pytest.FixtureRequest, store: Store, owner: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Way]:
    forget_files()
    monkeypatch.setattr(turns, "wait_for", lambda *_, **__: 0.0)
    with ExitStack() as open_:
        if request.param == "history of recharge":
            recharge = open_.enter_context(RechargeSandbox(limits=False))
            settings.RECHARGE_API_URL = recharge.url
            yield ByHistoryOfRecharge(store, owner, recharge)
        elif request.param == "history of shopify":
            shopify = open_.enter_context(ShopifySandbox(limits=False))
            settings.SHOPIFY_API_URL = shopify.url
            shopify.account(TOKEN, "Maple", domain=SHOP, scopes=("read_customers", "read_orders"))
            yield ByHistoryOfShopify(store, owner, shopify)
        else:
            kind = WayInKind(request.param)
            yield (ByTracking if kind.is_tracking else ByWebhooks)(store, owner, kind)


def come_and_be_erased(way: Way, run_jobs: Callable[[], list[Job]]) -> None:
    way.come(0)
    sweeping.take_in_all()
    way.left()
    person = Customer.objects.for_store(way.store).get(email_key=MAIL)
    person.store = way.store
    found = hits(WORDS)
    assert any("zq7" in hit for hit in found), "the person was not here before"
    erase_customer(person, typed=MAIL, actor=way.owner)
    run_jobs()
    sweeping.take_in_all()


def nothing_is_left(way: Way) -> None:
    left = hits(WORDS)
    assert not left, "\n".join(left)
    assert not Customer.objects.for_store(way.store).filter(email_key=MAIL).exists()


def erased_for_good(way: Way, run_jobs: Callable[[], list[Job]]) -> None:
    come_and_be_erased(way, run_jobs)
    nothing_is_left(way)
    others = [model.objects.for_store(way.store).count() for model in (Event, Order)]
    assert max(others) > 0, "others are gone too"
    set_aside = Arrival.objects.for_store(way.store).exclude(body="").count()
    way.come(60)
    sweeping.take_in_all()
    nothing_is_left(way)
    assert way.told_of_refusals()
    # What others sent that was set aside is there to be replayed.
    assert Arrival.objects.for_store(way.store).exclude(body="").count() == set_aside
    assert isinstance(way, ByHistory) or set_aside > 0
    assert broken() == {}


def test_nothing_is_left_and_nobody_comes_back(way: Way, run_jobs: Callable[[], list[Job]]) -> None:
    erased_for_good(way, run_jobs)


@pytest.mark.teeth
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="the person is here again, or still")
@pytest.mark.parametrize(
    ("kind", "module", "name", "careless"),
    [
        ("shopify", people, "erased_among", lambda *_: set()),
        ("recharge", people, "erased_among", lambda *_: set()),
        ("shopify", taking_in, "WAS_ERASED", "Never said."),
        ("recharge", activity, "is_about", lambda *_: False),
        ("segment", activity.tracking, "without_person", lambda arrival, *_: arrival.body),
        ("segment", tracking, "erased_among", lambda *_: set()),
        ("amplitude", tracking, "erased_among", lambda *_: set()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_teeth(
    store: Store, owner: User, run_jobs: Callable[[], list[Job]], monkeypatch: pytest.MonkeyPatch,
    kind: str, module: Any, name: str, careless: Any,
) -> None:  # fmt: skip
    monkeypatch.setattr(module, name, careless)
    way = (ByTracking if WayInKind(kind).is_tracking else ByWebhooks)(store, owner, WayInKind(kind))
    erased_for_good(way, run_jobs)
