"""Settings ▸ Data sources: connecting Shopify and Recharge, and what their pages tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from customers.models import WayIn, WayInKind
from customers.providers import accounts
from portal import jobs
from portal.models import AuditEntry, Job, Store, User
from tests.customers.providers.conftest import SHOP, Shop, connected

pytestmark = pytest.mark.django_db
PAGES = "/s/maple/customers/data-sources/"
SECRET, TOKEN = "shpss_secret_of_maple", "shpat_token_of_maple"


@pytest.fixture
def client(owner: User, client_of: Callable[..., Client]) -> Client:
    return client_of(owner)


def connect(client: Client, **fields: Any) -> Any:
    given = {"label": "Web shop", "account": "Maple", "secret": SECRET, "token": TOKEN, "reads_history": "on"} | fields
    return client.post(f"{PAGES}connect/shopify/", given, follow=True)


def test_a_shop_is_connected_and_its_history_asked_for(store: Store, client: Client) -> None:
    page = connect(client).content.decode()
    way_in = WayIn.objects.for_store(store).get()
    assert (way_in.kind, way_in.account, way_in.reads_history) == ("shopify", SHOP, True)
    for topic, address in accounts.webhook_addresses(way_in):
        assert f">{topic}</h3>" in page
        assert address in page
    assert SECRET not in page
    assert TOKEN not in page
    assert SECRET not in way_in.secret + way_in.credentials
    (job,) = Job.objects.for_store(store)
    assert (job.kind, job.queue, job.label) == ("customers.read_history", "outside", "Read Shopify")
    assert job.label in page
    assert AuditEntry.objects.for_store(store).filter(verb="created").exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"account": "shop.example"}, "ends with .myshopify.com"),
        ({"account": ""}, "This field is required."),
        ({"secret": "", "token": ""}, "Give the secret, or a token, or both."),
        ({"secret": "with a space"}, "It holds no space"),
        ({"label": ""}, "This field is required."),
    ],
)
def test_what_cannot_be_connected(store: Store, client: Client, fields: dict[str, str], said: str) -> None:
    answer = connect(client, **fields)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert said in page
    assert TOKEN not in page
    assert not WayIn.objects.for_store(store).exists()


def test_a_shop_is_connected_once(store: Store, client: Client) -> None:
    connect(client)
    assert "This shop is connected already" in connect(client, account=f"https://{SHOP}/").content.decode()
    assert WayIn.objects.for_store(store).count() == 1


def test_secrets_change_and_what_is_left_empty_stays(store: Store, client: Client) -> None:
    connect(client)
    way_in = WayIn.objects.for_store(store).get()
    page = f"{PAGES}{way_in.pk}/account/"
    client.post(page, {"secret": "shpss_other", "token": "", "reads_history": "on"})
    way_in.refresh_from_db()
    assert accounts.secrets_of(way_in, timezone.now()) == ["shpss_other", SECRET]
    assert accounts.credentials_of(way_in).token == TOKEN
    client.post(page, {"secret": "", "token": ""})
    way_in.refresh_from_db()
    assert way_in.reads_history is False
    assert way_in.next_reconcile_at is not None  # its webhooks are looked at all the same
    changed = AuditEntry.objects.for_store(store).filter(verb="changed").order_by("pk")
    assert [entry.changes for entry in changed] == [{"signing secret": None}, {"reads history": [True, False]}]
    assert "The one before it is accepted until" in client.get(f"{PAGES}{way_in.pk}/").content.decode()


def test_reading_now(store: Store, owner: User, client: Client) -> None:
    shop = connected(store, owner, WayInKind.RECHARGE, token="sk_1", reads_history=True)
    for _ in range(2):
        client.post(f"{PAGES}{shop.way_in.pk}/read/")
    job = jobs.of_subject(shop.way_in).get()
    assert job.created_by == owner
    shop.way_in.refresh_from_db()
    assert shop.way_in.next_reconcile_at is not None
    assert shop.way_in.next_reconcile_at > timezone.now()


def test_what_is_amiss_is_said(store: Store, owner: User, client: Client) -> None:
    shop = connected(store, owner, WayInKind.RECHARGE, secret="", token="sk_1", reads_history=True)
    late = timezone.now() - timedelta(days=3)
    WayIn.everywhere.filter(pk=shop.way_in.pk).update(reconciled_to=late)
    page = client.get(f"{PAGES}{shop.way_in.pk}/").content.decode()
    assert "No signing secret is known, so no webhook of Recharge is accepted." in page
    assert "was not compared for more than two days" in page
    WayIn.everywhere.filter(pk=shop.way_in.pk).update(credentials="nobody can open this")
    page = client.get(f"{PAGES}{shop.way_in.pk}/").content.decode()
    assert "cannot be opened any more" in page


def test_new_addresses_are_given(store: Store, client: Client, shopify: Shop) -> None:
    before = accounts.credentials_of(shopify.way_in).address
    client.post(f"{PAGES}{shopify.way_in.pk}/addresses/")
    shopify.way_in.refresh_from_db()
    after = accounts.credentials_of(shopify.way_in).address
    assert before != after
    page = client.get(f"{PAGES}{shopify.way_in.pk}/").content.decode()
    assert after in page
    assert before not in page


def test_a_source_that_is_no_account_has_none_of_it(store: Store, owner: User, client: Client) -> None:
    tracking, _ = accounts.keys.create(store, WayInKind.SEGMENT, "App", actor=owner)
    for name in ("addresses", "read"):
        assert client.post(f"{PAGES}{tracking.pk}/{name}/").status_code == 302
    assert client.get(f"{PAGES}{tracking.pk}/account/").status_code == 302
    assert not Job.objects.for_store(store).exists()
    tracking.refresh_from_db()
    assert tracking.credentials == ""
    assert "Webhooks" not in client.get(f"{PAGES}{tracking.pk}/").content.decode()


def test_secrets_are_sealed_anew(store: Store, owner: User, shopify: Shop, settings: Any) -> None:
    from portal import vault

    settings.ENCRYPTION_KEYS = ["another key of thirty-two characters or more"]
    before = shopify.way_in.secret
    assert vault.reseal_all()["accounts of shops"] == 1
    shopify.way_in.refresh_from_db()
    assert shopify.way_in.secret != before
    assert accounts.secrets_of(shopify.way_in, timezone.now()) == ["shpss_of_the_shop"]
