"""The stand-in for Klaviyo is as strict as the real one: shapes, keys, parameters, cursors, limits."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from datetime import UTC, datetime
from random import Random
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from segments.sandbox.klaviyo import SCOPES, KlaviyoSandbox
from segments.sandbox.limits import LARGE, SMALL, Limit, Limits
from tests.segments.sandboxes import Caller, caller, klaviyo

__all__ = ["caller", "klaviyo"]
ONE = "/api/lists/LiSt01"
MEMBERS = f"{ONE}/profiles"


@pytest.fixture(autouse=True)
def _groups(klaviyo: KlaviyoSandbox) -> None:
    klaviyo.list("LiSt01", "Newsletter", ["ann@x.example", ("01NULL", None), "Bob@x.example"])
    klaviyo.segment("SeG001", "VIP: 3+ orders", 250)
    for number in range(12):
        klaviyo.list(f"More{number:02}", f"List {number}")


@pytest.mark.parametrize(
    "path",
    [
        "/api/accounts",
        "/api/accounts/",
        "/api/accounts?fields[account]=contact_information.organization_name,timezone",
        "/api/lists",
        "/api/lists/?page[size]=3&sort=-updated",
        "/api/segments",
        "/api/segments?filter=equals(is_active,true)",
        ONE,
        f"{ONE}/?additional-fields[list]=profile_count",
        "/api/segments/SeG001?additional-fields[segment]=profile_count&fields[segment]=name",
        MEMBERS,
        f"{MEMBERS}/?page[size]=100&fields[profile]=email",
        "/api/segments/SeG001/profiles?page[size]=100",
        f"{ONE}/relationships/profiles",
        "/api/segments/SeG001/relationships/profiles/?page[size]=100",
    ],
)
def test_good_calls_are_answered_as_described(caller: Caller, path: str) -> None:
    reply = caller.get(path)
    assert reply.status_code == 200
    assert urlsplit(reply.json()["links"]["self"]).path == path.partition("?")[0]
    assert reply.headers["RateLimit-Limit"].endswith(";w=60")
    assert int(reply.headers["RateLimit-Reset"]) <= 60
    assert "Retry-After" not in reply.headers


@pytest.mark.parametrize(
    ("status", "path", "said"),
    [
        (400, f"{MEMBERS}?page[size]=101", "page[size]"),
        (400, f"{MEMBERS}?page[size]=0", "page[size]"),
        (400, f"{MEMBERS}?page[size]=ten", "page[size]"),
        (400, "/api/lists?page[size]=11", "page[size]"),
        (400, f"{ONE}?page[size]=10", "page[size]"),
        (400, "/api/accounts?page[cursor]=x", "page[cursor]"),
        (400, f"{MEMBERS}?page[cursor]=nonsense", "page[cursor]"),
        (400, f"{MEMBERS}?page[cursor]=", "page[cursor]"),
        (400, f"{MEMBERS}?limit=10", "limit"),
        (400, "/api/lists?additional-fields[list]=profile_count", "additional-fields[list]"),
        (400, f"{ONE}?additional-fields[list]=members", "additional-fields[list]"),
        (400, f"{ONE}?additional-fields[segment]=profile_count", "additional-fields[segment]"),
        (400, f"{MEMBERS}?fields[profile]=email,mail", "fields[profile]"),
        (400, f"{MEMBERS}?fields[list]=name", "fields[list]"),
        (400, f"{ONE}/relationships/profiles?fields[profile]=email", "fields[profile]"),
        (400, f"{MEMBERS}?sort=email", "sort"),
        (400, "/api/lists?sort=size", "sort"),
        (400, '/api/lists?filter=contains(name,"News")', "filter"),
        (400, '/api/lists?filter=equals(name,"Newsletter")', "filter"),
        (400, "/api/lists?filter=equals(name,['Newsletter'])", "filter"),
        (400, "/api/lists?filter=equals(is_active,true)", "filter"),
        (400, "/api/lists?filter=greater-than(updated,2026-01-01)", "filter"),
        (400, '/api/lists?filter=any(name,["a"]),', "filter"),
        (400, f"{MEMBERS}?filter=equals(joined_group_at,2026-01-01T00:00:00Z)", "filter"),
        (400, f"{MEMBERS}?page[size]=10&page[size]=20", ""),
        (404, "/api/lists/Gone01", ""),
        (404, "/api/lists/Gone01/profiles", ""),
        (404, "/api/lists/SeG001/profiles", ""),
        (404, "/api/segments/LiSt01", ""),
        (404, "/api/profiles", ""),
        (404, "/", ""),
        (410, "/api/v2/lists", ""),
    ],
)
def test_bad_calls_are_refused(caller: Caller, status: int, path: str, said: str) -> None:
    reply = caller.get(path)
    assert reply.status_code == status
    [error] = reply.json()["errors"]
    assert error["source"].get("parameter", "") == said


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (401, {"Authorization": None}),
        (401, {"Authorization": "Bearer pk_test"}),
        (401, {"Authorization": "pk_test"}),
        (401, {"Authorization": "Klaviyo-API-Key pk_other"}),
        (401, {"Authorization": "Klaviyo-API-Key "}),
        (400, {"revision": None}),
        (400, {"revision": "2026-07-16"}),
        (400, {"revision": "latest"}),
        (200, {"revision": "2023-02-22"}),
    ],
)
def test_keys_and_revisions(caller: Caller, status: int, headers: dict[str, str | None]) -> None:
    reply = caller.get("/api/lists", headers)
    assert reply.status_code == status
    if status == 401:
        code = "not_authenticated" if headers["Authorization"] is None else "authentication_failed"
        assert reply.json()["errors"][0]["code"] == code
        assert "pk_" not in reply.text


@pytest.mark.parametrize("missing", sorted(SCOPES))
def test_a_scope_that_is_missing_is_named(klaviyo: KlaviyoSandbox, caller: Caller, missing: str) -> None:
    klaviyo.add_key(klaviyo.accounts[0], "pk_test", SCOPES - {missing})
    needs = {
        "/api/accounts": {"accounts:read"},
        "/api/lists": {"lists:read"},
        "/api/segments/SeG001": {"segments:read"},
        MEMBERS: {"lists:read", "profiles:read"},
        "/api/segments/SeG001/relationships/profiles": {"segments:read", "profiles:read"},
    }
    for path, scopes in needs.items():
        reply = caller.get(path)
        assert reply.status_code == (403 if missing in scopes else 200)
        if missing in scopes:
            assert reply.json()["errors"][0]["detail"] == f"Your API key is missing required scopes: {missing}"


def test_other_methods_and_malformed_requests(klaviyo: KlaviyoSandbox, caller: Caller) -> None:
    for method in ("POST", "DELETE", "PATCH"):
        assert (
            caller.session.request(method, klaviyo.url + MEMBERS, headers=caller.headers, timeout=5).status_code == 405
        )
    for sent in (
        b"NONSENSE\r\n\r\n",
        b"GET http://elsewhere.example/ HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nx\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", urlsplit(klaviyo.url).port or 0), timeout=5) as wire:
            wire.sendall(sent)
            assert wire.recv(100).startswith(b"HTTP/1.1 400 ")


def test_filters_and_order_of_groups(caller: Caller) -> None:
    def names(query: str) -> list[str]:
        path = f"/api/lists?{query}"
        return [row["attributes"]["name"] for page in caller.walk(path) for row in page["data"]]

    assert names(quote('filter=any(name,["List 3","Newsletter","newsletter"])', safe="=")) == ["Newsletter", "List 3"]
    assert names('filter=equals(id,"More05")') == ["List 5"]
    assert names('filter=any(name,["List 3","List 4"]),equals(id,["More04"])') == ["List 4"]
    assert names("filter=greater-than(updated,2999-01-01T00:00:00Z)") == []
    assert names("sort=name&page[size]=5") == sorted(names("sort=-name")) == sorted(names(""))
    assert names("sort=-name") == names("sort=name")[::-1]


def test_fields_are_what_was_asked_for(caller: Caller) -> None:
    rows = caller.get(f"{MEMBERS}?fields[profile]=email").json()["data"]
    assert [row["attributes"].keys() for row in rows] == [{"email", "joined_group_at"}] * 3
    assert [row["attributes"]["email"] for row in rows] == ["ann@x.example", None, "Bob@x.example"]
    counted = caller.get("/api/segments/SeG001?additional-fields[segment]=profile_count").json()
    assert counted["data"]["attributes"]["profile_count"] == 250
    assert "profile_count" not in caller.get("/api/segments/SeG001").json()["data"]["attributes"]
    assert [row.keys() for row in caller.get(f"{ONE}/relationships/profiles").json()["data"]] == [{"type", "id"}] * 3


def test_pages_lead_to_the_end_and_back(caller: Caller) -> None:
    path = "/api/segments/SeG001/profiles?page[size]=100&fields[profile]=email"
    pages = list(caller.walk(path))
    emails = [row["attributes"]["email"] for page in pages for row in page["data"]]
    assert emails == [f"customer{number}@town.example" for number in range(250)]
    assert [len(page["data"]) for page in pages] == [100, 100, 50]
    assert pages[0]["links"]["prev"] is None
    assert dict(parse_qsl(urlsplit(pages[0]["links"]["next"]).query)).items() >= {"page[size]": "100"}.items()
    back = caller.get(pages[2]["links"]["prev"]).json()
    assert [row["id"] for row in back["data"]] == [row["id"] for row in pages[1]["data"]]
    assert [row["id"] for row in caller.get(back["links"]["next"]).json()["data"]] == [
        row["id"] for row in pages[2]["data"]
    ]
    assert caller.get(back["links"]["prev"]).json()["links"]["prev"] is None
    assert caller.ids(f"{path}&sort=-joined_group_at") == caller.ids(path)[::-1]


def test_members_by_when_they_joined(klaviyo: KlaviyoSandbox, caller: Caller) -> None:
    group = klaviyo.list("Dated1", "Dated")
    for day in range(1, 8):
        group.join(f"day{day}@x.example", joined=datetime(2026, 11, day, tzinfo=UTC))
    for condition, days in (
        ("greater-or-equal(joined_group_at,2026-11-03T00:00:00Z)", [3, 4, 5, 6, 7]),
        ("greater-than(joined_group_at,2026-11-03T00:00:00%2B00:00)", [4, 5, 6, 7]),
        ("less-than(joined_group_at,2026-11-03T00:00:00Z)", [1, 2]),
        (
            "less-or-equal(joined_group_at,2026-11-03T00:00:00Z),greater-than(joined_group_at,2026-11-01T00:00:00Z)",
            [2, 3],
        ),
    ):
        for order, expected in (("joined_group_at", days), ("-joined_group_at", days[::-1])):
            path = f"/api/lists/Dated1/profiles?page[size]=2&filter={condition}&sort={order}"
            rows = [row for page in caller.walk(path) for row in page["data"]]
            assert [row["attributes"]["email"] for row in rows] == [f"day{day}@x.example" for day in expected]


def test_cursors_open_only_what_they_were_made_for(klaviyo: KlaviyoSandbox, caller: Caller) -> None:
    first = caller.get("/api/segments/SeG001/profiles?page[size]=20").json()["links"]["next"]
    cursor = dict(parse_qsl(urlsplit(first).query))["page[cursor]"]
    assert caller.get(first).status_code == 200
    klaviyo.segment("SeG002", "Another", 250)
    for wrong in (
        f"/api/segments/SeG002/profiles?page[cursor]={cursor}",
        f"/api/segments/SeG001/relationships/profiles?page[cursor]={cursor}",
        f"/api/segments/SeG001/profiles?sort=-joined_group_at&page[cursor]={cursor}",
        f"/api/segments/SeG001/profiles?page[cursor]={cursor[:-4]}",
        f"/api/segments/SeG001/profiles?page[cursor]={cursor[:9]}x{cursor[10:]}",
    ):
        assert caller.get(wrong).status_code == 400
    klaviyo.cursors.expire()
    assert caller.get(first).status_code == 400
    klaviyo.cursors.life = -1
    assert caller.get(caller.get("/api/segments/SeG001/profiles").json()["links"]["next"]).status_code == 400


@pytest.mark.parametrize("seed", range(5))
def test_whoever_was_there_throughout_is_seen_exactly_once(klaviyo: KlaviyoSandbox, caller: Caller, seed: int) -> None:
    dice = Random(seed)
    group = klaviyo.segment("Moving", "Moving", 600)
    group.join(*(f"held{number}@x.example" for number in range(300)))
    moved: set[str] = set()

    def change(_: KlaviyoSandbox) -> None:
        inside = list(group.members)
        for profile in dice.sample(inside, 12):
            group.leave(profile)
            moved.add(profile)
        again = dice.sample(list(group.members), 6)
        group.join(*again, *(f"new{seed}-{dice.random()}@x.example" for _ in range(4)))
        moved.update(again)

    throughout = set(group.members)
    klaviyo.faults.add("mutate", change=change)
    order = dice.choice(["", "&sort=-joined_group_at"])
    seen = Counter(caller.ids(f"/api/segments/Moving/profiles?page[size]=50{order}", checked=False))
    assert len(moved) > 100
    assert {seen[profile] for profile in throughout - moved} == {1}
    assert len(group) == len(list(group.members)) == len(set(group.members))


def test_windows_of_a_second_and_a_minute() -> None:
    limits = Limits()

    def take(now: float, account: str = "one") -> tuple[bool, int, int, int]:
        verdict = limits.take(account, "all", Limit(5, 12), now)
        return verdict.allowed, verdict.remaining, verdict.reset, verdict.retry_after

    assert [take(100.0 + number / 10) for number in range(5)] == [(True, 11 - number, 60, 0) for number in range(5)]
    assert take(100.7) == (False, 7, 60, 1)
    assert take(100.7, "other") == (True, 11, 60, 0)
    assert [take(101.0)[0] for _ in range(6)] == [True] * 5 + [False]
    assert [take(102.0) for _ in range(3)] == [(True, 1, 58, 0), (True, 0, 58, 0), (False, 0, 58, 58)]
    assert take(159.9) == (False, 0, 1, 1)
    assert take(160.0) == (True, 11, 60, 0)


def test_one_call_too_many(caller: Caller, klaviyo: KlaviyoSandbox) -> None:
    klaviyo.limits.on = True
    klaviyo.limits.replace(LARGE, Limit(100, 5))
    answers = [caller.get(path) for path in (MEMBERS, "/api/lists", ONE, MEMBERS, "/api/segments", MEMBERS, MEMBERS)]
    assert [reply.status_code for reply in answers] == [200] * 5 + [429] * 2
    assert [reply.headers["RateLimit-Remaining"] for reply in answers[:3]] == ["4", "3", "2"]
    refused = answers[5]
    wait = int(refused.headers["Retry-After"])
    assert 30 <= wait <= 60
    assert not [name for name in refused.headers if name.startswith("RateLimit")]
    assert refused.json()["errors"][0] | {"id": ""} == {
        "id": "",
        "status": 429,
        "code": "throttled",
        "title": "Request was throttled.",
        "detail": f"Request was throttled. Expected available in {wait} seconds.",
        "source": {"pointer": "/data/"},
        "links": {},
        "meta": {},
    }
    assert klaviyo.early() == [klaviyo.requests[-1]]


def test_dear_calls_have_limits_of_their_own(caller: Caller, klaviyo: KlaviyoSandbox) -> None:
    klaviyo.limits.on = True
    klaviyo.limits.replace(SMALL, Limit(15, 1))
    klaviyo.account("pk_second", "Willow Tea")
    klaviyo.add_key(klaviyo.accounts[0], "pk_same_account", SCOPES)
    for path in (f"{ONE}?additional-fields[list]=profile_count", "/api/accounts"):
        assert [caller.get(path).status_code for _ in range(2)] == [200, 429]
        assert caller.get(path, {"Authorization": "Klaviyo-API-Key pk_same_account"}).status_code == 429
    assert caller.get("/api/accounts", {"Authorization": "Klaviyo-API-Key pk_second"}).status_code == 200
    assert caller.get(ONE).headers["RateLimit-Limit"] == "700, 75;w=1, 700;w=60"
    assert (Limit(1, 15), Limit(75, 700)) == (SMALL, LARGE)


def test_what_came_is_remembered(caller: Caller, klaviyo: KlaviyoSandbox) -> None:
    before = time.monotonic()
    caller.get("/api/lists?page[size]=5")
    caller.get("/api/segments", {"Authorization": None})
    first, second = klaviyo.requests
    assert (first.path, first.status, first.key) == ("/api/lists?page%5Bsize%5D=5", 200, "pk_test")
    assert (second.status, second.key, second.early) == (401, "", False)
    assert before <= first.arrived <= second.arrived <= time.monotonic()


def test_two_requests_in_one_packet(klaviyo: KlaviyoSandbox) -> None:
    head = "GET /api/lists HTTP/1.1\r\nHost: x\r\nAuthorization: Klaviyo-API-Key pk_test\r\nrevision: 2026-07-15\r\n"
    with socket.create_connection(("127.0.0.1", urlsplit(klaviyo.url).port or 0), timeout=5) as wire:
        wire.sendall(f"{head}\r\n{head}Connection: close\r\n\r\n".encode())
        received = b"".join(iter(lambda: wire.recv(65_536), b""))
    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert json.loads(received.rpartition(b"\r\n\r\n")[2])["data"]
