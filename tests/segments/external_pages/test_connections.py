"""Settings ▸ Connections, through the pages: connecting, what is said of a key that does not do, disconnecting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from portal.models import AuditEntry, Job, Store, User
from segments.external import connections
from segments.models import Connection, ExternalGroup
from segments.models.external import ConnectionState
from segments.sandbox.klaviyo import SCOPES, KlaviyoSandbox
from tests.segments.external_pages.conftest import ACCOUNT, KEY, Office, words

pytestmark = pytest.mark.django_db


def test_klaviyo_is_connected_by_its_key_and_shown_by_its_name(office: Office, klaviyo: KlaviyoSandbox) -> None:
    klaviyo.list("AbC123", "Newsletter", ["ada@x.example"])
    assert "Not connected" in office.get("connections")
    office.connect()
    page = office.get("connections")
    said = words(page)
    assert f"Account {ACCOUNT} Connected Just now by Owner Last check Just now" in said
    assert "1 name · Just now" in said
    assert KEY not in page


def test_the_key_is_kept_sealed_and_shown_nowhere(office: Office, klaviyo: KlaviyoSandbox) -> None:
    connection = office.connect()
    assert connection.credentials
    assert KEY not in connection.credentials
    form = office.get("connect", "klaviyo")
    assert KEY not in form
    assert 'type="password"' in form
    assert 'autocomplete="off"' in form
    assert KEY not in str(list(AuditEntry.everywhere.values_list())) + str(list(Job.everywhere.values_list()))


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("pk_wrong", "Klaviyo does not accept"),
        ("pk_lists_only", "lacks"),
        ("", "Paste the Private API key here."),
        ("pk_with a space", "Copy it once more, whole."),
        ("pk_ümlaut", "Copy it once more, whole."),
    ],
)
def test_a_key_that_does_not_do_is_refused_in_words(
    office: Office, klaviyo: KlaviyoSandbox, key: str, said: str
) -> None:
    klaviyo.add_key(klaviyo.accounts[0], "pk_lists_only", frozenset({"lists:read"}))
    answer = office.post("connect", "klaviyo", api_key=key)
    assert answer.status_code == 422
    assert said in words(answer.content.decode())
    assert "pk_" not in answer.content.decode().replace("begins with pk_", "")
    assert not Connection.everywhere.exists()


@pytest.mark.parametrize("scope", sorted(SCOPES - {"accounts:read"}))
def test_a_scope_that_is_missing_is_told_before_anything_is_imported(
    office: Office, klaviyo: KlaviyoSandbox, scope: str
) -> None:
    klaviyo.list("AbC123", "Newsletter", ["ada@x.example"])
    klaviyo.add_key(klaviyo.accounts[0], "pk_less", SCOPES - {scope})
    answer = office.post("connect", "klaviyo", api_key="pk_less")
    assert answer.status_code == 422
    assert f"lacks read access to {scope.partition(':')[0].title()}" in words(answer.content.decode())
    assert not Connection.everywhere.exists()


def test_klaviyo_away_is_told_apart_from_a_wrong_key(office: Office, klaviyo: KlaviyoSandbox, settings: Any) -> None:
    settings.KLAVIYO_API_URL = "http://127.0.0.1:9"
    answer = office.post("connect", "klaviyo", api_key=KEY)
    assert answer.status_code == 422
    assert "Nothing was saved; try again later." in words(answer.content.decode())


def test_a_shop_that_is_none_is_refused(office: Office) -> None:
    answer = office.post("connect", "shopify", shop="evil.example", token="shpat_1")
    assert answer.status_code == 422
    assert "not the address of a shop" in words(answer.content.decode())


def test_an_unknown_source_is_not_there(office: Office) -> None:
    for name in ("connect", "disconnect"):
        assert office.client.get(office.url(name, "mailchimp")).status_code == 404
    for name in ("check_connection", "refresh_names"):
        assert office.post(name, "mailchimp").status_code == 404


def test_a_key_of_another_account_is_refused_while_segments_follow_lists(
    office: Office, klaviyo: KlaviyoSandbox
) -> None:
    klaviyo.list("AbC123", "Newsletter", [])
    klaviyo.account("pk_other", "Willow Tea")
    office.connect()
    office.bring("Newsletter")
    answer = office.post("connect", "klaviyo", api_key="pk_other")
    assert answer.status_code == 422
    assert f"This key belongs to the account “Willow Tea”, and 1 segment follows a list of “{ACCOUNT}”" in words(
        answer.content.decode()
    )


def test_a_refused_key_needs_attention_and_owners_get_a_letter(
    office: Office, klaviyo: KlaviyoSandbox, manager: User
) -> None:
    klaviyo.list("AbC123", "Newsletter", [])
    office.connect()
    office.bring("Newsletter")
    klaviyo.revoke(KEY)
    office.sync()
    said = words(office.get("connections"))
    assert "Needs attention" in said
    assert "does not accept the key" in said
    assert "Klaviyo needs attention" in words(office.page())
    letters = [letter for letter in mail.outbox if "refuses the key" in letter.subject]
    assert [letter.to for letter in letters] == [["owner@maple.example"]]
    assert "/s/maple/settings/connections/" in letters[0].body
    assert "1 segment of Maple Coffee is not synced" in letters[0].body
    assert KEY not in letters[0].body


def test_a_mended_key_is_connected_again_by_a_click(office: Office, klaviyo: KlaviyoSandbox) -> None:
    office.connect()
    klaviyo.revoke(KEY)
    office.post("refresh_names", "klaviyo")
    office.run_jobs()
    assert office.connection().state == ConnectionState.REFUSED
    klaviyo.add_key(klaviyo.accounts[0], KEY, SCOPES)
    office.post("check_connection", "klaviyo")
    office.run_jobs()
    assert office.connection().state == ConnectionState.CONNECTED
    answer = office.post("check_connection", "klaviyo")
    assert "There is nothing to try" in words(answer.content.decode())


def test_another_key_makes_a_refused_account_good(office: Office, klaviyo: KlaviyoSandbox) -> None:
    office.connect()
    klaviyo.revoke(KEY)
    office.post("refresh_names", "klaviyo")
    office.run_jobs()
    klaviyo.add_key(klaviyo.accounts[0], "pk_new_5678", SCOPES)
    assert "Give another key" in office.get("connections")
    office.connect("pk_new_5678")
    assert office.connection().is_connected


def test_disconnecting_says_what_stops_and_forgets_the_key(office: Office, klaviyo: KlaviyoSandbox) -> None:
    klaviyo.list("AbC123", "Newsletter", [])
    office.connect()
    office.bring("Newsletter")
    said = words(office.get("disconnect", "klaviyo"))
    assert "This segment is not synced any more: Big Spenders , which follows “Newsletter”" in said
    office.post("disconnect", "klaviyo")
    assert office.connection().credentials == ""
    assert office.link().next_sync_at is None
    assert f"“{ACCOUNT}” is disconnected ( Just now )" in words(office.get("connections"))
    assert "Klaviyo is disconnected" in words(office.page())
    answer = office.client.get(office.url("disconnect", "klaviyo"), follow=True)
    assert "Klaviyo is not connected." in words(answer.content.decode())


def test_names_are_refreshed_by_a_click_and_one_at_a_time(office: Office, klaviyo: KlaviyoSandbox) -> None:
    office.connect()
    klaviyo.list("AbC123", "Newsletter", [])
    office.post("refresh_names", "klaviyo")
    assert "being read already" in words(office.post("refresh_names", "klaviyo").content.decode())
    assert "Read the names of lists at Klaviyo" in office.get("connections")
    office.run_jobs()
    assert ExternalGroup.objects.for_store(office.store).get().name == "Newsletter"


def test_managers_refresh_names_and_connect_nothing(
    office: Office, klaviyo: KlaviyoSandbox, manager: User, client_of: Callable[[User], Client]
) -> None:
    office.connect()
    office.client = client_of(manager)
    assert office.client.get(office.url("connections")).status_code == 403
    assert office.post("connect", "klaviyo", api_key=KEY).status_code == 403
    office.post("refresh_names", "klaviyo")
    assert Job.everywhere.filter(kind="segments.index_groups", state="queued").count() == 1
    page = office.client.get("/s/maple/").content.decode()
    assert "settings/connections" not in page


@pytest.mark.parametrize(("is_demo", "shown"), [(True, True), (False, False)])
def test_the_demo_says_what_its_stand_in_takes(office: Office, settings: Any, is_demo: bool, shown: bool) -> None:
    settings.DEMO = is_demo
    assert ("pk_demo_coterie" in office.get("connect", "klaviyo")) == shown
    settings.KLAVIYO_API_URL = "https://a.klaviyo.com"
    assert "pk_demo_coterie" not in office.get("connect", "klaviyo")


def test_the_network_is_asked_outside_of_any_transaction(
    office: Office, store: Store, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = connections.try_out

    def spy(source: str, given: Any) -> Any:
        asked.append(source)
        assert not Connection.everywhere.exists()
        return real(source, given)

    monkeypatch.setattr(connections, "try_out", spy)
    office.connect()
    assert asked == ["klaviyo"]
