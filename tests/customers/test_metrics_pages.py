"""Metrics on the customer's page, the audit of data, and what the store means by its plans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from customers.metrics import work
from customers.metrics.reading import days_ago, shown, value_of
from customers.metrics.recompute import recompute
from customers.metrics.registry import METRICS, STORED
from customers.metrics.thresholds import thresholds_of
from customers.models import Customer, CustomerMetrics, MetricsSettings, MetricsState, Order, Subscription
from portal.models import AuditEntry, Job, Store, User
from tests.conftest import make_customer
from tests.customers.conftest import body
from tests.customers.selling import sell_something

pytestmark = pytest.mark.django_db
PAGES = "/s/maple/customers/"


@pytest.fixture
def ann(store: Store) -> Customer:
    customer = make_customer(store, "ann@x.example", signed_up_at=timezone.now() - timedelta(days=40))
    sell_something(customer)
    Order.objects.for_store(store).update(currency="USD", total="1234.500")
    with transaction.atomic():
        recompute(store, None, timezone.now())
    return customer


def test_every_metric_has_a_column_or_is_told_from_one() -> None:
    columns = {field.name for field in CustomerMetrics._meta.fields}
    assert set(STORED) == columns - {"id", "store", "customer", "computed_at"}
    assert {metric.column for metric in METRICS.values()} <= columns
    assert all(metric.means.endswith(".") and metric.made_of.endswith(".") for metric in METRICS.values())


def test_the_customer_page_tells_each_metric(client: Client, ann: Customer) -> None:
    page = body(client.get(ann.get_absolute_url()))
    for metric in METRICS.values():
        assert metric.label in page
        assert f'aria-describedby="metric-{metric.name}"' in page
    assert "1,234.50 USD" in page
    assert "40 days" in page
    assert "Not known" in page


def test_a_customer_who_was_not_measured_yet(client: Client, store: Store) -> None:
    bob = make_customer(store, "bob@x.example")
    assert "within a minute" in body(client.get(bob.get_absolute_url()))


def test_days_go_by_without_a_row_written(store: Store, ann: Customer) -> None:
    row = CustomerMetrics.objects.for_store(store).get(customer=ann)
    metric = METRICS["days_since_last_order"]
    now = timezone.now()
    for days in (0, 1, 30):
        later = now + timedelta(days=days)
        assert value_of(metric, row, store, later) == days
        at_most = CustomerMetrics.objects.for_store(store).filter(last_order_at__gte=days_ago(store, later, days))
        assert at_most.exists()
        fewer = CustomerMetrics.objects.for_store(store).filter(last_order_at__gte=days_ago(store, later, days - 1))
        assert not fewer.exists()
    assert len(shown(ann, now)) == 5


def test_the_audit_tells_what_is_known_and_what_is_not(client: Client, store: Store, ann: Customer) -> None:
    make_customer(store, "bob@x.example")
    Order.objects.create_for(
        store, customer=ann, source="file", external_id="E", told_at=timezone.now(), placed_at=timezone.now(),
        currency="EUR", subtotal=1, total=1,
    )  # fmt: skip
    with transaction.atomic():
        recompute(store, None, timezone.now())
    page = client.get(f"{PAGES}data-audit/")
    text = body(page)
    assert "50 %" in text
    assert "Blind spots" in text
    assert "1 orders are in EUR" in text or "1 order" in text
    assert "No event says that an e-mail was opened" in text
    assert "Orders from shopify" in text
    assert page.context["coverage"]["orders_count"] == 1
    assert page.context["coverage"]["customers"] == 2


def test_each_group_of_the_audit_is_summed_up(client: Client, store: Store, ann: Customer) -> None:
    make_customer(store, "bob@x.example")
    with transaction.atomic():
        recompute(store, None, timezone.now())
    page = client.get(f"{PAGES}data-audit/")
    groups = {audited.group.value: audited for audited in page.context["groups"]}
    assert sum(len(audited.rows) for audited in groups.values()) == len(METRICS), "none is left out"
    known = [row for row in groups["Orders"].rows if row.known]
    assert 0 < len(known) == groups["Orders"].having
    assert groups["Orders"].percents == "50 %"
    first = known[0]
    several = [first, replace(first, known=2, share=1.0), replace(first, known=0, share=0.0)]
    assert replace(groups["Orders"], rows=several).percents == "50 to 100 %"
    text = " ".join(body(page).split())
    assert f"{len(known)} of {len(groups['Orders'].rows)} have data, of 50 % of customers, since " in text
    assert text.count('<summary class="card-header">') == len(groups)


def test_an_empty_store_is_audited_too(client: Client) -> None:
    page = client.get(f"{PAGES}data-audit/")
    assert page.status_code == 200
    assert "0 of " in body(page)
    assert 'audit-group" open' not in body(page), "nothing to see there"


def test_many_customers_are_not_counted_for_the_page(
    client: Client, store: Store, ann: Customer, monkeypatch: pytest.MonkeyPatch, run_jobs: Callable[[], list[Job]]
) -> None:
    client.post(f"{PAGES}data-audit/recompute/")
    run_jobs()
    monkeypatch.setattr("customers.metrics.measuring.LIVE_MOST", 0)
    monkeypatch.setattr("customers.metrics.measuring.coverage_of", lambda store: pytest.fail("counted"))
    page = client.get(f"{PAGES}data-audit/")
    assert page.context["coverage"]["customers"] == 1
    assert "made anew" in body(page)


def test_recompute_now(client: Client, store: Store, ann: Customer, run_jobs: Callable[[], list[Job]]) -> None:
    CustomerMetrics.objects.for_store(store).update(orders_count=9)
    answer = client.post(f"{PAGES}data-audit/recompute/", follow=True)
    assert "being made anew" in body(answer)
    assert AuditEntry.objects.for_store(store).filter(verb="recomputed").exists()
    run_jobs()
    assert CustomerMetrics.objects.for_store(store).get(customer=ann).orders_count == 1


@pytest.fixture
def boss(owner: User, client_of: Callable[..., Client]) -> Client:
    return client_of(owner)


def filled(client: Client, **changed: str) -> dict[str, str]:
    form = client.get(f"{PAGES}metrics/").context["form"]
    given = {name: str(value) for name, value in form.initial.items()}
    return {**{f"initial-{name}": value for name, value in given.items()}, **given, **changed}


def test_the_store_says_what_its_plans_are(boss: Client, store: Store, run_jobs: Callable[[], list[Job]]) -> None:
    customer = make_customer(store, "ann@x.example")
    sell_something(customer)
    Subscription.objects.for_store(store).update(currency="USD", price=30)
    assert boss.post(f"{PAGES}metrics/", filled(boss, mid_from="20", premium_from="30")).status_code == 302
    assert thresholds_of(store).premium_from == Decimal(30)
    run_jobs()
    assert CustomerMetrics.objects.for_store(store).get(customer=customer).plan_tier == "premium"
    entry = AuditEntry.objects.for_store(store).latest("pk")
    assert AuditEntry.objects.for_store(store).filter(verb="changed", object_label="Metrics").exists(), entry
    assert "Nothing was changed" in body(boss.post(f"{PAGES}metrics/", filled(boss), follow=True))


def test_limits_are_shown_as_one_would_type_them(boss: Client, store: Store) -> None:
    boss.post(f"{PAGES}metrics/", filled(boss, mid_from="40", premium_from="1200.50", discount_responsive_from="10"))
    page = body(boss.get(f"{PAGES}metrics/"))
    assert [f'value="{value}"' in page for value in ("40", "1200.5", "10")] == [True] * 3
    assert "E+" not in page


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"mid_from": "50", "premium_from": "40"}, "less than that"),
        ({"mid_from": "-1"}, "greater than or equal to 0"),
        ({"discount_responsive_from": "101"}, "less than or equal to 100"),
        ({"mid_from": "NaN"}, "Enter a number"),
    ],
)
def test_what_cannot_be_meant(boss: Client, store: Store, changed: dict[str, str], said: str) -> None:
    answer = boss.post(f"{PAGES}metrics/", filled(boss, **changed))
    assert answer.status_code == 422
    assert said in body(answer)
    assert not MetricsSettings.objects.for_store(store).exists()
    assert work.at_work(store) is None


def test_two_who_set_the_same_do_not_undo_each_other(boss: Client, store: Store) -> None:
    seen = filled(boss, mid_from="20")
    boss.post(f"{PAGES}metrics/", filled(boss, mid_from="22"))
    answer = boss.post(f"{PAGES}metrics/", seen)
    assert answer.status_code == 422
    assert "Somebody else" in body(answer)
    assert thresholds_of(store).mid_from == 22


@pytest.mark.parametrize(("changed", "is_told"), [({"currency": "EUR"}, True), ({"name": "Maples"}, False)])
def test_the_settings_of_the_store_say_when_metrics_are_made_anew(
    boss: Client, store: Store, changed: dict[str, str], is_told: bool
) -> None:
    page = f"/s/{store.slug}/settings/store/"
    given = {name: value for name, value in boss.get(page).context["form"].initial.items() if value is not False}
    answer = boss.post(page, {**given, **changed}, follow=True)
    assert "Settings saved." in body(answer)
    assert ("metrics of customers are being made anew" in body(answer)) is is_told


def test_the_audit_says_that_the_store_is_another_since(client: Client, store: Store, ann: Customer) -> None:
    MetricsState.objects.for_store(store).update(time_zone=store.time_zone, currency=store.currency)
    assert "will be made anew" not in body(client.get(f"{PAGES}data-audit/"))
    Store.objects.filter(pk=store.pk).update(currency="EUR")
    assert "will be made anew within seconds" in body(client.get(f"{PAGES}data-audit/"))
