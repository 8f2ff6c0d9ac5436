"""Syncs, through the pages: the panel of a segment, history, what waits for a decision, what went wrong."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from portal.models import AuditEntry, Job, Store, User
from portal.models.job import JobState
from segments import actions
from segments.models import ExternalLink, Sync
from segments.sandbox.crowd import Given, Group
from segments.sandbox.klaviyo import KlaviyoSandbox
from tests.conftest import make_customer
from tests.segments.conftest import download, emails_in, make_customers
from tests.segments.external_pages.conftest import ACCOUNT, KEY, Office, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def newsletter(office: Office, klaviyo: KlaviyoSandbox) -> Group:
    """A list of two customers, one who is none, and one without an e-mail; it is imported."""
    for name in ("ada", "ben"):
        make_customer(office.store, f"{name}@x.example")
    members: list[Given] = ["ada@x.example", "BEN@x.example", "=nobody@x.example", ("p4", None)]
    group = klaviyo.list("AbC123", "Newsletter", members)
    office.connect()
    office.bring("Newsletter")
    return group


@pytest.fixture
def held(office: Office, klaviyo: KlaviyoSandbox, store: Store) -> Sync:
    """A sync that would let go 160 of 200 members."""
    people = make_customers(store, 201)
    group = klaviyo.list("AbC123", "Newsletter", [person.email for person in people[:200]])
    office.connect()
    office.bring("Newsletter")
    group.keep(40)
    group.join(people[200].email)
    return office.sync()


def outcomes(page: str) -> dict[str, str]:
    labels = re.findall(r'class="outcome-label">(.*?)</p>', page)
    counts = re.findall(r'class="outcome-count">(.*?)</span>', page)
    return dict(zip(map(words, labels), counts, strict=True))


def test_the_report_accounts_for_every_profile(office: Office, newsletter: Group) -> None:
    sync = office.latest()
    page = office.get("sync", office.segment.pk, sync.pk)
    assert outcomes(page) == {
        "Matched and added": "2",
        "Already in the segment": "0",
        "Without a customer here": "1",
        "Without an e-mail": "1",
    }
    assert "4 profiles read" in words(page)
    assert "Members before 0 Members after 2" in words(page)


def test_profiles_without_a_customer_are_a_file_without_formulas(office: Office, newsletter: Group) -> None:
    sync = office.latest()
    address = office.url("sync_unmatched", office.segment.pk, sync.pk)
    assert address in office.get("sync", office.segment.pk, sync.pk)
    answer = office.client.get(address)
    rows = list(csv.reader(io.StringIO(download(answer).decode("utf-8-sig"))))
    assert rows[0] == ["email", "profile_id"]
    assert [row[0] for row in rows[1:]] == ["'=nobody@x.example"]
    assert AuditEntry.everywhere.filter(verb__startswith="exported people without a customer").exists()


def test_a_viewer_sees_the_report_and_no_file(
    office: Office, newsletter: Group, viewer: User, client_of: Callable[[User], Client]
) -> None:
    office.client = client_of(viewer)
    sync = office.latest()
    page = office.get("sync", office.segment.pk, sync.pk)
    assert "Download as CSV" not in page
    assert office.client.get(office.url("sync_unmatched", office.segment.pk, sync.pk)).status_code == 403
    assert "Sync now" not in office.page()
    assert "Newsletter" in office.get("syncs", office.segment.pk)


def test_the_segment_says_what_it_follows(office: Office, newsletter: Group) -> None:
    page = office.page()
    said = words(page)
    assert '<span class="mark">Klaviyo list</span>' in page
    assert f"Newsletter Klaviyo list of {ACCOUNT}" in said
    assert "Last sync Just now Result In sync 2 added Next sync" in said
    assert re.search(r"Next sync (Today|Tomorrow), \d\d:\d\d", said)
    assert "Sync from Klaviyo" in said
    assert "Big Spenders Klaviyo list 2 +2" in words(office.get("list"))


def test_a_sync_at_any_time_and_one_at_a_time(office: Office, newsletter: Group) -> None:
    newsletter.leave("ada@x.example")
    first = office.post("sync_now", office.segment.pk)
    assert "The list is read at Klaviyo, page by page." in first.content.decode()
    second = office.post("sync_now", office.segment.pk)
    assert re.search(r"A sync is running already, since \d\d:\d\d\.", second.content.decode())
    sync = office.worked()
    assert emails_in(office.segment) == {"ben@x.example"}
    page = office.get("sync", office.segment.pk, sync.pk)
    assert outcomes(page)["Left the segment"] == "1"
    said = words(office.get("syncs", office.segment.pk))
    assert "In sync By hand Owner 0 1 1" in said
    assert "In sync Import Owner 2 0 1" in said


def test_history_costs_the_same_however_long(office: Office, newsletter: Group, django_assert_num_queries: Any) -> None:
    address = office.url("syncs", office.segment.pk)
    office.client.get(address)
    with django_assert_num_queries(9):
        office.client.get(address)
    for _ in range(5):
        office.sync()
    with django_assert_num_queries(9):
        office.client.get(address)


def test_a_running_sync_is_cancelled_and_changes_nothing(office: Office, newsletter: Group) -> None:
    office.post("sync_now", office.segment.pk)
    job = Job.everywhere.get(kind="segments.sync", state=JobState.QUEUED)
    assert f"/s/maple/runs/{job.pk}/cancel/" in office.get("sync", office.segment.pk, office.latest().pk)
    office.client.post(f"/s/maple/runs/{job.pk}/cancel/")
    said = words(office.get("sync", office.segment.pk, office.latest().pk))
    assert "This sync was cancelled Nothing was changed." in said
    assert emails_in(office.segment) == {"ada@x.example", "ben@x.example"}


# --- Held ---


def test_a_held_sync_shows_its_numbers_and_some_names(office: Office, held: Sync) -> None:
    assert "160 members of 200 would leave, 1 would enter" in words(office.page())
    assert "Waits for a decision" in office.get("list")
    said = words(office.get("sync", office.segment.pk, held.pk))
    assert "This sync would take away 80 % of the members." in said
    assert "Members now 200 Would leave 160 Would enter 1 Members then 41 Profiles read 41" in said
    assert said.count("@x.example") == 21
    assert "p00200@x.example" in said
    assert "p00039@x.example" not in said


def test_approving_takes_a_second_step(office: Office, held: Sync) -> None:
    page = office.get("sync_approve", office.segment.pk, held.pk)
    assert "Let 160 members leave, and 1 customer enter" in page
    answer = office.post("sync_approve", office.segment.pk, held.pk)
    assert answer.status_code == 422
    assert "Tick this first" in answer.content.decode()
    office.run_jobs()
    assert len(emails_in(office.segment)) == 200
    office.post("sync_approve", office.segment.pk, held.pk, meant="on")
    office.worked()
    assert len(emails_in(office.segment)) == 41
    said = words(office.get("sync", office.segment.pk, held.pk))
    assert "Approved by Owner" in said
    assert "Left the segment" in said
    again = office.post("sync_approve", office.segment.pk, held.pk, meant="on")
    assert "This sync waits for no decision." in again.content.decode()


def test_discarding_changes_nothing(office: Office, held: Sync) -> None:
    office.post("sync_discard", office.segment.pk, held.pk)
    office.run_jobs()
    assert len(emails_in(office.segment)) == 200
    said = words(office.get("sync", office.segment.pk, held.pk))
    assert "This sync was discarded Owner decided so" in said
    assert "A sync waits" not in office.page()
    again = office.post("sync_discard", office.segment.pk, held.pk)
    assert "waits for no decision any more" in words(again.content.decode())


def test_what_is_held_says_that_the_list_is_being_read_anew(office: Office, held: Sync) -> None:
    office.post("sync_now", office.segment.pk)
    page = office.get("sync", office.segment.pk, held.pk)
    assert f'What comes of <a href="{office.latest().get_absolute_url()}">' in page
    assert "Approve …" not in page
    assert "Discard" in page
    assert "Waits for a decision" in office.get("list")
    assert f'href="{held.get_absolute_url()}">Look at it' in office.page()
    answer = office.post("sync_approve", office.segment.pk, held.pk, meant="on")
    assert "The list is being read anew" in words(answer.content.decode())
    newer = office.worked()
    said = words(office.get("sync", office.segment.pk, held.pk))
    assert "This sync was discarded A later sync took its place" in said
    assert f'href="{newer.get_absolute_url()}">Look at it' in office.page()


def test_what_is_held_outlives_a_sync_that_failed(office: Office, held: Sync, klaviyo: KlaviyoSandbox) -> None:
    klaviyo.revoke(KEY)
    assert office.sync().outcome == ""
    assert "A sync waits for a decision" in words(office.page())
    office.post("sync_approve", office.segment.pk, held.pk, meant="on")
    office.run_jobs()
    assert len(emails_in(office.segment)) == 41


def test_a_viewer_does_not_decide(
    office: Office, held: Sync, viewer: User, client_of: Callable[[User], Client]
) -> None:
    office.client = client_of(viewer)
    page = office.get("sync", office.segment.pk, held.pk)
    assert "Owners and managers of the store can decide." in page
    assert "Approve …" not in page


# --- What goes wrong ---


def test_a_list_that_is_gone_is_told_and_owners_get_a_letter(
    office: Office, klaviyo: KlaviyoSandbox, newsletter: Group, manager: User
) -> None:
    klaviyo.delete("AbC123")
    sync = office.sync()
    assert emails_in(office.segment) == {"ada@x.example", "ben@x.example"}
    said = words(office.page())
    assert "Gone at Klaviyo “Newsletter” was deleted there" in said
    assert "Gone at Klaviyo" in office.get("list")
    assert "The members stay as they are." in words(office.get("sync", office.segment.pk, sync.pk))
    office.sync()
    letters = [letter for letter in mail.outbox if "is gone at" in letter.subject]
    assert [letter.to for letter in letters] == [["owner@maple.example"]]
    assert letters[0].subject == "“Newsletter” is gone at Klaviyo"
    assert f"/s/maple/segments/{office.segment.pk}/" in letters[0].body


def test_a_sync_that_failed_says_why(office: Office, klaviyo: KlaviyoSandbox, newsletter: Group) -> None:
    klaviyo.faults.add("loop", path="/profiles")
    newsletter.replace(500)
    sync = office.sync()
    said = words(office.get("sync", office.segment.pk, sync.pk))
    assert "gave the same page again and again" in said
    assert "Nothing was changed. The next sync is planned for" in said
    assert "The last sync did not work" in words(office.page())
    assert "Last sync failed" in office.get("list")
    assert "Failed" in words(office.get("syncs", office.segment.pk))


def test_unreadable_profiles_are_named(office: Office, klaviyo: KlaviyoSandbox, newsletter: Group) -> None:
    newsletter.join(*(f"more{number}@x.example" for number in range(90)))
    klaviyo.faults.add("wrong_types", path="/profiles", every=50)
    sync = office.sync()
    page = office.get("sync", office.segment.pk, sync.pk)
    assert outcomes(page)["Could not be read"] == str(len(sync.problems))
    assert sync.problems[0]["id"] in page
    assert "Profiles that could not be read" in page


def test_a_sync_that_waits_says_for_whom(office: Office, newsletter: Group) -> None:
    office.post("sync_now", office.segment.pk)
    waiting = "Waiting for Klaviyo, which limits how much it is asked."
    Job.everywhere.filter(kind="segments.sync", state=JobState.QUEUED).update(error=waiting)
    assert waiting in office.page()
    assert waiting in office.get("sync", office.segment.pk, office.latest().pk)


# --- Settings ---


def test_an_old_link_says_why_it_is_not_daily_and_an_owner_turns_it_on(
    office: Office, newsletter: Group, manager: User, client_of: Callable[[User], Client]
) -> None:
    old = datetime(2025, 1, 22, tzinfo=UTC)
    ExternalLink.everywhere.update(created_at=old, next_sync_at=None)
    said = words(office.page())
    assert "imported before 23 January 2025 are synced by hand" in said
    assert "Next sync By hand" in said
    address = office.url("sync_settings", office.segment.pk)
    assert address in office.page()
    client, office.client = office.client, client_of(manager)
    assert "imported before 23 January 2025" in office.page()
    assert address not in office.page()
    assert office.client.post(address, {"daily": "on"}).status_code == 403
    office.client = client
    office.post("sync_settings", office.segment.pk, daily="on", brake_percent=30, brake_people=100)
    assert office.link().next_sync_at is not None
    assert "not synced daily" not in office.page()


def test_the_brake_and_the_daily_sync_are_set(office: Office, newsletter: Group) -> None:
    answer = office.post("sync_settings", office.segment.pk, brake_percent=101, brake_people=-1)
    assert answer.status_code == 422
    office.post("sync_settings", office.segment.pk, brake_percent=5, brake_people=0)
    link = office.link()
    assert (link.brake_percent, link.brake_people, link.daily, link.next_sync_at) == (5, 0, False, None)
    assert "An owner has turned the daily sync off." in words(office.page())
    newsletter.leave("ada@x.example")
    assert office.sync().outcome == "held"
    trail = words(office.client.get("/s/maple/audit/").content.decode())
    assert "Daily sync from on to off" in trail
    assert (
        "Nothing was changed."
        in office.post("sync_settings", office.segment.pk, brake_percent=5, brake_people=0).content.decode()
    )


def test_two_owners_who_save_at_once_are_told(office: Office, newsletter: Group) -> None:
    page = office.get("sync_settings", office.segment.pk)
    seen: dict[str, Any] = dict(re.findall(r'type="hidden" name="(initial-\w+)" value="(\w+)"', page))
    assert seen == {"initial-daily": "True", "initial-brake_percent": "30", "initial-brake_people": "100"}
    mine: dict[str, Any] = {"daily": "on", "brake_percent": 10, "brake_people": 100}
    office.post("sync_settings", office.segment.pk, **seen, **mine | {"brake_percent": 50})
    answer = office.post("sync_settings", office.segment.pk, **seen, **mine)
    assert answer.status_code == 422
    said = words(answer.content.decode())
    assert re.search(r"owner@maple\.example \(.*?\) has made this 50 meanwhile\. Save again", said)
    assert office.link().brake_percent == 50
    seen = dict(re.findall(r'type="hidden" name="(initial-\w+)" value="(\w+)"', answer.content.decode()))
    assert seen["initial-brake_percent"] == "50"
    office.post("sync_settings", office.segment.pk, **seen, **mine)
    assert office.link().brake_percent == 10


def test_what_another_owner_changed_meanwhile_stays(office: Office, newsletter: Group) -> None:
    seen: dict[str, Any] = {"initial-daily": "True", "initial-brake_percent": "30", "initial-brake_people": "100"}
    unchanged: dict[str, Any] = {"daily": "on", "brake_percent": 30, "brake_people": 100}
    office.post("sync_settings", office.segment.pk, **seen, **unchanged | {"brake_percent": 50})
    office.post("sync_settings", office.segment.pk, **seen, **unchanged | {"brake_people": 7})
    assert (office.link().brake_percent, office.link().brake_people) == (50, 7)


def test_syncs_of_other_segments_are_not_there(office: Office, newsletter: Group, owner: User) -> None:
    other = actions.create_segment(office.store, name="Other", actor=owner)
    sync = office.latest()
    for name in ("sync", "sync_approve", "sync_unmatched"):
        assert office.client.get(office.url(name, other.pk, sync.pk)).status_code == 404
    assert office.post("sync_discard", other.pk, sync.pk).status_code == 404
