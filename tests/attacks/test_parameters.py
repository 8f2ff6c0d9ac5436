"""Queries, bodies, headers and methods that no browser would send: refused or passed over, never an error."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
from django.test import Client

from portal.models import User
from portal.paging import _token
from tests.conftest import make_user
from tests.test_access_matrix import SENTINEL, STORE_ROUTES, Furnished, Route, body, fingerprint

pytestmark = pytest.mark.django_db

NAMES = (
    "sort", "order_by", "o", "after", "before", "page", "q", "days", "kind", "state", "result", "then", "unit", "title",
    "consent", "tag", "channel", "phone", "since", "until", "who", "verb", "object", "name", "way", "next", "segment",
)  # fmt: skip
VALUES = (
    "store__owner__password", "-store__slug", "password", "user__password", "search_text__regex", "?", "-", "*",
    "9" * 400, "-1", "0", "1e309", "NaN", "0x10", "٣", "null", "None", "[]", "{}", "a[]=1", "'\"--", "1' OR '1'='1",
    "%", "_", "\\", "\x00", "a\x00b", "\ufffd\ud7ff", "\u202e", "x" * 10_000, "../../../etc/passwd", "{{7*7}}",
    "=1+1", "javascript:alert(1)", "//elsewhere.example", "\r\nSet-Cookie: a=b", "2026-02-31", "0001-01-01",
    "99999-01-01",
)  # fmt: skip
LOOKING = [route for route in STORE_ROUTES if "GET" in route.view.methods]


@pytest.fixture
def client(victim: Furnished, mine: Furnished, stranger: User, client_of: Callable[..., Client]) -> Client:
    return client_of(stranger)


def test_odd_values_of_parameters_are_passed_over(client: Client, mine: Furnished) -> None:
    for route in LOOKING:
        url = mine.url(route)
        context = client.get(url).context
        is_list = context is not None and "page" in context
        # Pages that read no parameters answer alike to all.
        for at, value in enumerate(VALUES if is_list else VALUES[::13]):
            alone = NAMES[at % len(NAMES)]
            for query in (dict.fromkeys(NAMES, value), {alone: [value, "1", ""]})[
                : 2 if is_list and at % 4 == 0 else 1
            ]:
                answer = client.get(url, query)
                assert answer.status_code < 500, (url, value)
                assert SENTINEL not in body(answer), (url, value)


def test_positions_in_lists_cannot_be_bent(client: Client, mine: Furnished) -> None:
    class Row:
        pk, signed_up_at, sort_name = 2**62, "2020-01-01T00:00:00+00:00", "x"

    tokens = [
        _token(Row(), "sort_name"),
        _token(Row(), "signed_up_at"),
        "bnVsbA",
        "W10",
        "eyJhIjoxfQ",
        "W1widFwiLCAxXQ",
    ]
    for token, sort, side in product(tokens, ("name", "-signed_up", "email"), ("after", "before")):
        answer = client.get(f"/s/{mine.store.slug}/customers/", {side: token, "sort": sort})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "route", [route for route in STORE_ROUTES if "POST" in route.view.methods], ids=lambda r: r.name
)
def test_odd_bodies_are_refused(route: Route, client: Client, mine: Furnished, victim: Furnished) -> None:
    url, before = mine.url(route), fingerprint(victim.store)
    for content, kind in (
        (b"a=1&" * 2_000, "application/x-www-form-urlencoded"),
        (b"\x00\xff=\xfe", "application/x-www-form-urlencoded"),
        (b"name=%00&email=%ff%fe&ids=%00", "application/x-www-form-urlencoded"),
        (b"ids=" + b"9" * 5_000, "application/x-www-form-urlencoded"),
        (b'{"ids": [1]}', "application/json"),
        (b"not a multipart", "multipart/form-data; boundary=x"),
        (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n\r\n--x--',
            "multipart/form-data; boundary=x",
        ),
        (b"--x\r\n" * 2_000, "multipart/form-data; boundary=x"),
        (b"a" * 6_000_000, "application/x-www-form-urlencoded"),
        (b"name=x", "text/plain; charset=none"),
        (b"name=x", "application/x-www-form-urlencoded; charset=utf-16"),
    ):
        answer = client.generic("POST", url, content, content_type=kind)
        assert answer.status_code < 500, (url, content[:40], kind)
        assert SENTINEL not in body(answer)
    assert fingerprint(victim.store) == before


@pytest.mark.parametrize(
    "method", ["TRACE", "TRACK", "CONNECT", "PROPFIND", "GET /", pytest.param("X" * 300, id="long")]
)
def test_odd_methods_are_refused_everywhere(method: str, client: Client, mine: Furnished, victim: Furnished) -> None:
    before = fingerprint(victim.store)
    for route in STORE_ROUTES:
        assert client.generic(method, mine.url(route)).status_code in (403, 404, 405), route.name
    for url in ("/", "/healthz", "/accounts/login/", "/accounts/password/reset/", "/admin/", "/static/css/coterie.css"):
        assert client.generic(method, url).status_code < 500, url
    assert fingerprint(victim.store) == before


def test_a_method_cannot_be_changed_by_a_header_or_a_field(client: Client, mine: Furnished, stranger: User) -> None:
    before = fingerprint(mine.store, audit=False)
    for route in (route for route in STORE_ROUTES if "GET" in route.view.methods):
        answer = client.get(mine.url(route), {"_method": "POST", "_METHOD": "DELETE"}, headers={
            "X-HTTP-Method-Override": "POST", "X-Method-Override": "DELETE", "X-HTTP-Method": "PUT",
        })  # fmt: skip
        body(answer)
    assert fingerprint(mine.store, audit=False) == before


PATHS = (
    "..%2f..%2fetc/passwd", "%2e%2e/%2e%2e/", "..;/admin/", "%00", "customers/%00/", "customers/1%00/", "customers/１/",
    "customers/1;a=b/", "customers/%F0%28/", "customers//", "customers/./", "customers/-1/",
    "customers/" + "9" * 400 + "/",
    "customers/99999999999999999999/", "segments/9223372036854775808/", "segments/samples/..%2f..%2fsettings.py/",
    "segments/samples/%00/", "segments/1/remove/99999999999999999999/", "runs/9223372036854775808/", "%252e%252e%252f",
    "\\..\\", "customers/1e3/", "customers/0x1/", "x" * 5_000,
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:30])
def test_odd_paths_are_not_found(path: str, client: Client, mine: Furnished) -> None:
    for url in (f"/s/{mine.store.slug}/{path}", f"/{path}", f"/static/{path}"):
        for method in ("GET", "POST"):
            answer = client.generic(method, url)
            assert answer.status_code in (301, 400, 404, 405, 414), (url, method, answer.status_code)
            assert "root:" not in body(answer)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_COOKIE", "; ".join(f"c{n}={'x' * 50}" for n in range(3_000))),
        ("HTTP_COOKIE", "coterie=" + "x" * 100_000),
        ("HTTP_COOKIE", 'coterie="\\000\\377"; csrf=\x7f; messages=W1wi'),
        ("HTTP_X_PADDING", "y" * 10_000),
        ("HTTP_REFERER", "https://elsewhere.example/" + "z" * 10_000),
        ("HTTP_REFERER", "//\\elsewhere.example\x00"),
        ("HTTP_ACCEPT_LANGUAGE", "de" * 5_000),
        ("HTTP_HX_REQUEST", "true"),
        ("HTTP_HX_CURRENT_URL", "javascript:alert(1)"),
        ("HTTP_RANGE", "bytes=0-1,1-2," + ",".join(f"{n}-{n}" for n in range(3_000))),
        ("HTTP_IF_MODIFIED_SINCE", "not a date"),
        ("HTTP_X_FORWARDED_FOR", "' OR 1=1 --"),
        ("CONTENT_LENGTH", "-5"),
        ("CONTENT_TYPE", "multipart/form-data"),
    ],
)
def test_odd_headers_are_no_errors(name: str, value: str, client: Client, mine: Furnished) -> None:
    for path in ("", "customers/", "segments/", "staff/", "runs/"):
        for method in ("get", "post"):
            answer = getattr(client, method)(f"/s/{mine.store.slug}/{path}", **{name: value})
            assert answer.status_code < 500, (path, method)


@pytest.mark.parametrize(
    "host", ["evil.example", "testserver.evil.example", "testserver@evil.example", "a" * 300, "[::1", ""]
)
def test_another_host_is_refused(host: str, db: None) -> None:
    for url in ("/", "/accounts/login/", "/accounts/password/reset/", "/admin/", "/healthz"):
        answer = Client().get(url, HTTP_HOST=host)
        assert answer.status_code == 400, url
        assert "evil" not in body(answer)


def test_ten_thousand_parameters(client: Client, mine: Furnished) -> None:
    query = "&".join(f"a{n}={n}" for n in range(10_000))
    for route in STORE_ROUTES:
        answer = client.generic(route.view.methods[0], f"{mine.url(route)}?{query}")
        # Pages that read no parameters do not mind.
        assert answer.status_code < 500, route.name
        body(answer)
    assert client.get(f"/s/{mine.store.slug}/customers/?{query}").status_code == 400


def test_a_doubled_parameter_is_one(victim: Furnished, client_of: Callable[..., Client]) -> None:
    boss = client_of(make_user("boss@maple.example", owner=victim.store))
    url = f"/s/{victim.store.slug}/customers/"
    once, twice = boss.get(f"{url}?q=nobody"), boss.get(f"{url}?q={SENTINEL}&q=nobody")
    assert (once.context["page"].rows, twice.context["page"].rows) == ([], [])
