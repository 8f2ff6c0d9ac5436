"""A segment follows one at Shopify."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from portal import jobs
from portal.actions import Refusal
from portal.models import Job, Store, User
from portal.models.job import JobState
from portal.outbound import Pace
from segments.external import connections, groups, links
from segments.models import Segment, Sync
from segments.sandbox.shopify import ShopifySandbox
from segments.sources.base import Ask
from segments.sources.shopify import Shopify
from tests.segments.conftest import emails_in, make_customers

pytestmark = pytest.mark.django_db
SHOP, TOKEN = "little-shop.myshopify.com", "shpat_test"
GIVEN = {"shop": SHOP, "token": TOKEN}


@pytest.fixture
def shopify(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[ShopifySandbox]:
    monkeypatch.setattr(Shopify, "paces", dict.fromkeys(Ask, Pace(per_second=10_000, per_minute=100_000)))
    with ShopifySandbox() as sandbox:
        settings.SHOPIFY_API_URL = sandbox.url
        sandbox.account(TOKEN, "Little Shop", domain=SHOP)
        yield sandbox


def work() -> None:
    while job := Job.everywhere.filter(state=JobState.QUEUED).order_by("pk").first():
        jobs.run(job.pk)
        job.refresh_from_db()
        assert job.state != JobState.QUEUED, job.error


def test_a_segment_of_several_pages_is_followed(
    shopify: ShopifySandbox, store: Store, segment: Segment, owner: User
) -> None:
    make_customers(store, 1_200)
    members = [(str(number), f"p{number:05}@x.example") for number in range(1_150)]
    shopify.segment("77", "Champions", [*members, ("9999", None), ("9998", "stranger@x.example")])
    connection = connections.connect(store, "shopify", GIVEN, connections.try_out("shopify", GIVEN), actor=owner)
    assert (connection.account_id, connection.account_name) == (SHOP, "Little Shop")
    work()
    group = groups.groups(connection, "segment", "champ").get()
    links.link_segment(segment, group, actor=owner)
    work()
    assert len(emails_in(segment)) == 1_150
    sync = Sync.objects.for_store(store).get()
    assert {name: count for name, count in sync.counts.items() if count} == {
        "read": 1_152, "coming": 1_150, "entered": 1_150, "unmatched": 1, "no-email": 1, "after": 1_150,
    }  # fmt: skip


def test_a_token_that_is_refused_is_said(shopify: ShopifySandbox) -> None:
    with pytest.raises(Refusal, match="read_customers"):
        connections.try_out("shopify", {**GIVEN, "token": "shpat_wrong"})
    with pytest.raises(Refusal, match=r"myshopify\.com"):
        connections.try_out("shopify", {**GIVEN, "shop": "127.0.0.1"})
