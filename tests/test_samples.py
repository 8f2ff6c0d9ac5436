"""The files to try do what the page says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from customers.imports.layouts import RECHARGE, SHOPIFY, recognise
from portal.emails import InvalidEmail, email_key
from portal.models import Store, User
from portal.tabular import EMAIL_NAMES, find_column, open_table
from segments.demo import samples
from segments.demo.people import Person, draw_people
from segments.demo.places import WEST_COAST_SHOP
from tests.conftest import make_store


@pytest.fixture(scope="module")
def people() -> list[Person]:
    now, zone = datetime(2026, 11, 22, 12, tzinfo=UTC), ZoneInfo("America/Los_Angeles")
    return draw_people(Random("juniper"), 5_000, places=WEST_COAST_SHOP, now=now, zone=zone)


@pytest.fixture
def written(people: list[Person], settings: Settings, tmp_path: Path) -> Path:
    settings.DEMO, settings.DATA_DIR = True, tmp_path
    samples.write(people)
    return samples.folder()


def judge(path: Path, people: list[Person]) -> Counter[str]:
    """How many rows find a customer, find nobody, come again, or have no address."""
    known = {email_key(person.email) for person in people}
    seen: set[str] = set()
    verdicts: Counter[str] = Counter()
    with path.open("rb") as file:
        table = open_table(file, path.name)
        column = find_column(table.headers, EMAIL_NAMES)
        assert column is not None
        for row in table:
            try:
                key = email_key(row.cells[column])
            except InvalidEmail:
                verdicts["invalid"] += 1
                continue
            verdicts["again" if key in seen else "known" if key in known else "unknown"] += 1
            seen.add(key)
    return verdicts


def test_each_file_holds_what_it_is_said_to(written: Path, people: list[Person]) -> None:
    assert {path.name: dict(judge(path, people)) for path in sorted(written.iterdir())} == {
        "holiday-orders.xlsx": {"known": 60},
        "market-stall.csv": {"known": 90, "again": 8, "unknown": 14, "invalid": 6},
        "recharge-customers.csv": {"known": 150, "unknown": 25},
        "shopify-customers.csv": {"known": 160, "unknown": 40, "invalid": 2},
        "tasting-guests.csv": {"known": 120},
        "too-many.csv": {"known": 4_994, "unknown": 4_406},
    }


def test_the_messy_file_is_messy(written: Path) -> None:
    content = (written / "market-stall.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        content.decode()
    assert b'"likes Jasmine Pearls;\nasks' in content
    with (written / "market-stall.csv").open("rb") as file:
        assert open_table(file, "market-stall.csv").format.description == "Windows-1252, semicolons"


def test_exports_are_recognised(written: Path) -> None:
    for name, source in (("shopify-customers.csv", SHOPIFY), ("recharge-customers.csv", RECHARGE)):
        with (written / name).open("rb") as file:
            assert recognise(open_table(file, name).headers).source == source


def test_the_same_people_give_the_same_files(written: Path, people: list[Person]) -> None:
    before = {path.name: path.read_bytes() for path in written.glob("*.csv")}
    samples.write(people)
    assert {path.name: path.read_bytes() for path in written.glob("*.csv")} == before


def test_the_page_offers_every_file(
    written: Path, store: Store, viewer: User, client_of: Callable[[User], Client]
) -> None:
    client = client_of(viewer)
    page = client.get(reverse("segments:samples", args=(store.slug,))).content.decode()
    for sample in samples.SAMPLES:
        url = reverse("segments:sample", args=(store.slug, sample.name))
        assert url in page
        answer = client.get(url)
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{sample.name}"'
        assert b"".join(answer) == (written / sample.name).read_bytes()


def test_the_page_says_when_the_files_are_not_here(
    store: Store, viewer: User, client_of: Callable[[User], Client], settings: Settings, tmp_path: Path
) -> None:
    settings.DEMO, settings.DATA_DIR = True, tmp_path
    page = client_of(viewer).get(reverse("segments:samples", args=(store.slug,)))
    assert "load_demo" in page.content.decode()


@pytest.mark.parametrize("name", ["secret_key", "..", "tasting-guests.csv.bak"])
def test_only_samples_are_given_out(
    written: Path, store: Store, viewer: User, client_of: Callable[[User], Client], name: str
) -> None:
    (written / "secret_key").write_text("a secret")
    (written / "tasting-guests.csv.bak").write_text("a copy")
    assert client_of(viewer).get(f"/s/{store.slug}/segments/samples/{name}/").status_code == 404


def test_there_are_none_outside_the_demo(
    written: Path, store: Store, viewer: User, client_of: Callable[[User], Client], settings: Settings
) -> None:
    settings.DEMO = False
    for url in (
        reverse("segments:samples", args=(store.slug,)),
        reverse("segments:sample", args=(store.slug, "tasting-guests.csv")),
    ):
        assert client_of(viewer).get(url).status_code == 404


def test_strangers_are_not_let_in(written: Path, stranger: User, client_of: Callable[[User], Client]) -> None:
    elsewhere = make_store("elm")
    assert client_of(stranger).get(reverse("segments:samples", args=(elsewhere.slug,))).status_code == 404
