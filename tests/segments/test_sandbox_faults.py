"""What can be made to go wrong does, by the process and over HTTP; and the stand-ins start by themselves."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from portal import demo_outside
from segments.sandbox.klaviyo import KlaviyoSandbox
from segments.sandbox.people import ACCOUNT, LISTS, SEGMENTS, furnish_klaviyo
from segments.sandbox.tampering import HOSTILE
from tests.segments.klaviyo_contract import complaints
from tests.segments.sandboxes import Caller, caller, klaviyo

__all__ = ["caller", "klaviyo"]
MEMBERS = "/api/lists/LiSt01/profiles?page[size]=10"
MANAGE = Path(__file__).parents[2] / "manage.py"


@pytest.fixture(autouse=True)
def _list(klaviyo: KlaviyoSandbox) -> None:
    klaviyo.list("LiSt01", "Newsletter", 35)


def rows(reply: Any) -> list[Any]:
    found: list[Any] = reply.json()["data"]
    return found


@pytest.mark.parametrize("said", [7, "86400", "-5", "soon", None, "Sat, 01 Jan 2000 00:00:00 GMT"])
def test_throttled_in_every_manner(klaviyo: KlaviyoSandbox, caller: Caller, said: Any) -> None:
    klaviyo.faults.add("throttle", retry_after=said, times=1)
    reply = caller.get(MEMBERS)
    assert reply.status_code == 429
    assert reply.headers.get("Retry-After") == (None if said is None else str(said))
    assert caller.get(MEMBERS).status_code == 200
    assert [seen.early for seen in klaviyo.requests] == [False, said in {7, "86400"}]


def test_a_share_of_errors(klaviyo: KlaviyoSandbox, caller: Caller) -> None:
    fault = klaviyo.faults.add("error", status=503, share=0.3, dice=5, path="/profiles")
    statuses = [caller.get(MEMBERS).status_code for _ in range(60)]
    assert set(statuses) == {200, 503}
    assert 10 <= statuses.count(503) == fault.struck <= 26
    assert caller.get("/api/lists").status_code == 200
    klaviyo.faults.remove(fault)
    assert {caller.get(MEMBERS).status_code for _ in range(20)} == {200}


def test_after_so_many_and_so_often_and_for_one_key(klaviyo: KlaviyoSandbox, caller: Caller) -> None:
    klaviyo.account("pk_other")
    klaviyo.faults.add("error", status=500, after=2, times=2, key="pk_test")
    other: dict[str, str | None] = {"Authorization": "Klaviyo-API-Key pk_other"}
    assert [caller.get("/api/lists", other).status_code for _ in range(4)] == [200] * 4
    assert [caller.get("/api/lists").status_code for _ in range(6)] == [200, 200, 500, 500, 200, 200]


def test_refused_in_the_middle(klaviyo: KlaviyoSandbox, caller: Caller) -> None:
    for status in (400, 401, 403, 404, 410):
        klaviyo.faults.add("refuse", status=status, after=1, times=1)
        following = caller.get(MEMBERS).json()["links"]["next"]
        assert [caller.get(following).status_code for _ in range(2)] == [status, 200]


def test_pages_that_are_no_documents(klaviyo: KlaviyoSandbox, caller: Caller) -> None:
    kinds: list[tuple[str, dict[str, Any], int]] = [
        ("page", {}, 502),
        ("page", {"status": 200}, 200),
        ("challenge", {}, 403),
    ]
    for name, details, status in kinds:
        klaviyo.faults.add(name, times=1, **details)
        reply = caller.get(MEMBERS, checked=False)
        assert (reply.status_code, reply.headers["Content-Type"]) == (status, "text/html; charset=UTF-8")
        assert reply.headers.get("cf-mitigated") == ("challenge" if name == "challenge" else None)
    klaviyo.faults.add("redirect", location="http://127.0.0.1:1/", times=1)
    reply = caller.session.get(klaviyo.url + MEMBERS, allow_redirects=False, timeout=5)
    assert (reply.status_code, reply.headers["Location"]) == (302, "http://127.0.0.1:1/")


def test_bodies_that_break(klaviyo: KlaviyoSandbox, caller: Caller) -> None:
    klaviyo.faults.add("cut", times=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        caller.get(MEMBERS, checked=False)
    klaviyo.faults.add("broken_json", times=1)
    with pytest.raises(requests.exceptions.JSONDecodeError):
        caller.get(MEMBERS, checked=False).json()
    klaviyo.faults.add("gzipped", times=1)
    assert len(rows(caller.get(MEMBERS))) == 10
    klaviyo.faults.add("bomb", megabytes=3, times=1)
    reply = caller.session.get(klaviyo.url + MEMBERS, stream=True, timeout=5)
    packed = reply.raw.read(decode_content=False)
    unpacked = gzip.decompress(packed)
    assert len(packed) < 20_000
    assert len(unpacked) > 3_000_000
    assert json.loads(unpacked)["data"] == []


def test_answers_that_do_not_come(klaviyo: KlaviyoSandbox, caller: Caller) -> None:
    klaviyo.faults.add("hang_up", times=1)
    with pytest.raises(requests.ConnectionError):
        caller.get(MEMBERS)
    klaviyo.faults.add("hang", times=1)
    with pytest.raises(requests.ReadTimeout):
        caller.get(MEMBERS, timeout=0.2)
    klaviyo.faults.add("drip", seconds=0.15, times=1)
    began = time.monotonic()
    reply = caller.session.get(klaviyo.url + "/api/lists", headers=caller.headers, stream=True, timeout=1)
    assert [next(reply.iter_content(1)) for _ in range(3)] == [b"{", b'"', b"d"]
    assert time.monotonic() - began > 0.4
    reply.close()
    klaviyo.faults.add("slow", seconds=0.2, times=1)
    began = time.monotonic()
    assert caller.get(MEMBERS).status_code == 200
    assert time.monotonic() - began > 0.2


def test_links_that_lead_astray(klaviyo: KlaviyoSandbox, caller: Caller) -> None:
    def followed(name: str) -> list[str | None]:
        klaviyo.faults.add(name)
        found: list[str | None] = [MEMBERS]
        while found[-1] and len(found) < 12:
            found.append(caller.get(found[-1]).json()["links"].get("next"))
        klaviyo.faults.clear()
        return found[1:]

    looped, endless = followed("loop"), followed("endless")
    assert len(looped) == len(endless) == 11
    assert len(set(looped)) == 1
    assert len(set(endless)) == 11
    assert None not in {*looped, *endless}
    assert followed("missing_next") == followed("early_end") == [None]
    klaviyo.faults.add("missing_next", times=1)
    assert "next" not in caller.get(MEMBERS).json()["links"]


def test_a_cursor_that_is_too_old_at_a_page(klaviyo: KlaviyoSandbox, caller: Caller) -> None:
    klaviyo.faults.add("expired_cursor", path="cursor", after=1, times=1)
    second = caller.get(MEMBERS).json()["links"]["next"]
    third = caller.get(second).json()["links"]["next"]
    assert [caller.get(third).status_code for _ in range(2)] == [400, 200]


def test_rows_that_are_wrong(klaviyo: KlaviyoSandbox, caller: Caller) -> None:
    path = MEMBERS.partition("?")[0]
    for name in ("wrong_types", "no_rows", "missing_data"):
        klaviyo.faults.add(name, times=1)
        reply = caller.get(MEMBERS, checked=False)
        assert complaints(path, 200, reply.json())
    klaviyo.faults.add("unknown_fields", times=1)
    assert "loyalty_tier" in rows(caller.get(MEMBERS))[0]["attributes"]
    klaviyo.faults.add("null_emails", every=2, times=1)
    assert [row["attributes"]["email"] is None for row in rows(caller.get(MEMBERS))] == [False, True] * 5
    klaviyo.faults.add("other_case", times=1)
    emails = [row["attributes"]["email"] for row in rows(caller.get(MEMBERS))]
    assert emails[10:] == [email.upper() for email in emails[:10]]
    klaviyo.faults.add("hostile_names", times=1)
    assert {row["attributes"]["email"] for row in rows(caller.get(MEMBERS))} == set(HOSTILE)
    klaviyo.faults.add("hostile_names", times=1)
    assert rows(caller.get("/api/lists"))[0]["attributes"]["name"] == HOSTILE[0]
    klaviyo.faults.add("sunset", times=1)
    assert caller.get(MEMBERS).headers["Sunset"].startswith("Fri, 01 Jan 2027")


def test_people_come_and_go_by_a_seed(klaviyo: KlaviyoSandbox, caller: Caller) -> None:
    klaviyo.faults.add("mutate", path="/profiles", seed=3, leave=2, join=4, again=1)
    first = caller.get(MEMBERS)
    assert len(rows(first)) == 10
    assert len(klaviyo.group("LiSt01")) == 37
    assert caller.get(first.json()["links"]["next"]).status_code == 200
    assert len(klaviyo.group("LiSt01")) == 39


def test_people_are_named_by_id_or_address(klaviyo: KlaviyoSandbox, caller: Caller) -> None:
    group = klaviyo.list("Small1", "Small", ["ann@x.example", ("01BOB", "bob@x.example")])
    group.leave("ann@x.example")
    assert caller.ids("/api/lists/Small1/profiles") == ["01BOB"]
    group.account.change_email("01BOB", "robert@x.example")
    assert rows(caller.get("/api/lists/Small1/profiles"))[0]["attributes"]["email"] == "robert@x.example"
    with pytest.raises(KeyError):
        group.leave("nobody@x.example")
    large = klaviyo.group("LiSt01")
    large.leave("customer7@town.example")
    ids = caller.ids(MEMBERS)
    assert (len(ids), len(large)) == (34, 34)
    large.join(ids[0])
    assert caller.ids(MEMBERS) == [*ids[1:], ids[0]]


def test_all_of_it_over_http(klaviyo: KlaviyoSandbox, caller: Caller) -> None:
    assert caller.control("POST", "/_sandbox/faults", {"fault": "error", "status": 500, "times": 1}).ok
    assert [caller.get("/api/lists").status_code for _ in range(2)] == [500, 200]
    assert caller.control("DELETE", "/_sandbox/faults").json() == []
    for told, size in (
        ({"count": 300}, 300),
        ({"keep": 10}, 10),
        ({"members": ["a@x.example", ["01B", "b@x.example"], ["01C", None]]}, 3),
        ({"join": ["d@x.example"]}, 4),
        ({"leave": ["a@x.example"]}, 3),
        ({"members": []}, 0),
    ):
        assert caller.control("POST", "/_sandbox/groups/LiSt01", told).json()["members"] == size
        assert len(caller.ids("/api/lists/LiSt01/profiles?page[size]=100")) == size
    assert caller.control("POST", "/_sandbox/keys/pk_test", {"scopes": ["lists:read"]}).ok
    assert caller.get(MEMBERS).status_code == 403
    assert caller.control("DELETE", "/_sandbox/groups/LiSt01").ok
    assert caller.get("/api/lists/LiSt01").status_code == 404
    assert caller.control("DELETE", "/_sandbox/keys/pk_test").ok
    assert caller.get("/api/lists").status_code == 401
    state = caller.control("GET", "/_sandbox/").json()
    assert {"limits", "accounts", "faults", "help"} == state.keys()
    assert len(state["faults"]["kinds"]) > 25
    assert caller.control("POST", "/_sandbox/limits", {"on": True}).json() == {"on": True}
    assert len(caller.control("GET", "/_sandbox/requests").json()) == len(klaviyo.requests) > 10


@pytest.mark.parametrize(
    ("status", "method", "path", "told", "headers"),
    [
        (404, "POST", "/_sandbox/faults", {"fault": "earthquake"}, {}),
        (400, "POST", "/_sandbox/faults", {"fault": "throttle", "magnitude": 8}, {}),
        (400, "POST", "/_sandbox/faults", ["throttle"], {}),
        (404, "POST", "/_sandbox/groups/Gone01", {"keep": 1}, {}),
        (400, "POST", "/_sandbox/groups/LiSt01", {"members": [5]}, {}),
        (400, "POST", "/_sandbox/groups/LiSt01", {}, {}),
        (404, "GET", "/_sandbox/elsewhere", None, {}),
        (403, "POST", "/_sandbox/groups/LiSt01", {"keep": 1}, {"Origin": "https://elsewhere.example"}),
        (403, "GET", "/_sandbox/", None, {"Host": "elsewhere.example"}),
    ],
)
def test_what_is_refused_over_http(
    caller: Caller, status: int, method: str, path: str, told: Any, headers: dict[str, str]
) -> None:
    assert caller.control(method, path, told, **headers).status_code == status


def test_the_account_of_the_demo() -> None:
    with KlaviyoSandbox() as klaviyo:
        account = furnish_klaviyo(klaviyo)
        assert account.name == ACCOUNT
        assert len(account.groups) == len(LISTS) + len(SEGMENTS) == 40
        letter = next(group for group in account.groups.values() if group.name == "Newsletter")
        emails = [account.email_of(profile) for profile in letter.members]
        known = [email for email in emails if email]
        assert len(emails) - len(known) == 35
        assert len(known) - len({email.lower() for email in known}) == 2
        sizes = {group.name: len(group) for group in account.groups.values()}
        assert sizes["Empty list"] == 0
        assert sizes["VIP: 3+ orders"] > 500 < sizes["Lapsed 90 days"]


@pytest.fixture
def started(request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A stand-in as a process of its own, and where it is."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COTERIE_SECRET")}
    command = [sys.executable, str(MANAGE), request.param, "--port", "0", "--crowd", "100000", "--no-limits"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    said = ""
    assert process.stdout is not None
    while "_API_URL" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    yield process, re.findall(r"_API_URL=(\S+)", said)[0]
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    process.stdout.close()
    assert process.wait(10) == 0


@pytest.mark.parametrize("started", ["recharge_sandbox"], indirect=True)
def test_the_one_for_recharge_runs_by_itself(started: tuple[subprocess.Popen[str], str]) -> None:
    _, url = started
    assert requests.get(f"{url}/_sandbox/", timeout=5).json()["rows"]["subscriptions"] > 100_000


@pytest.mark.parametrize("started", ["shopify_sandbox"], indirect=True)
def test_the_one_for_shopify_lists_orders(started: tuple[subprocess.Popen[str], str]) -> None:
    _, url = started
    asked = {"query": "{ orders(first: 3) { nodes { name } pageInfo { hasNextPage } } }"}
    headers = {"X-Shopify-Access-Token": demo_outside.SHOPIFY_TOKEN}
    answer = requests.post(f"{url}/admin/api/2026-10/graphql.json", json=asked, headers=headers, timeout=5).json()
    assert len(answer["data"]["orders"]["nodes"]) == 3


@pytest.mark.parametrize("started", ["klaviyo_sandbox"], indirect=True)
def test_it_runs_by_itself(started: tuple[subprocess.Popen[str], str]) -> None:
    _, url = started
    headers = {"Authorization": f"Klaviyo-API-Key {demo_outside.KLAVIYO_KEY}", "revision": "2026-07-15"}
    account = requests.get(f"{url}/api/accounts", headers=headers, timeout=5)
    assert account.json()["data"][0]["attributes"]["contact_information"]["organization_name"] == ACCOUNT
    counted = requests.get(f"{url}/api/lists/Cr0wd1?additional-fields[list]=profile_count", headers=headers, timeout=5)
    assert counted.json()["data"]["attributes"]["profile_count"] == 100_000


def test_the_demo_stands_in_for_what_is_not_named() -> None:
    environ = {"SHOPIFY_API_URL": "https://shop.example"}
    programs, services = demo_outside.stand_in(8085, environ)
    stood_in = [service.name.lower() for service in services]
    assert [program.name for program in programs] == stood_in == ["klaviyo", "recharge"]
    assert environ["SHOPIFY_API_URL"] == "https://shop.example"
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", environ["KLAVIYO_API_URL"])
    assert environ["KLAVIYO_API_URL"].rpartition(":")[2] == programs[0].command[-1] != "8085"
    assert not programs[0].needed
    with KlaviyoSandbox() as one:
        taken = int(one.url.rpartition(":")[2])
        assert demo_outside.free_port(taken) != taken
