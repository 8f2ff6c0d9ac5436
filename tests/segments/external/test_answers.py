"""Whatever a source answers, it is either understood or refused in words: nothing else comes out of its module."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.providers import shopify_api
from portal.outbound import CursorExpired, OutboundError, Reply
from segments.sources import klaviyo, shopify
from segments.sources.base import Account, Member, MemberPage, Source, is_plain

LINKS = {"self": "https://k.example/api", "next": "https://k.example/api?page%5Bcursor%5D=abc", "prev": None}
PROFILES = {
    "data": [
        {"type": "profile", "id": "01A", "attributes": {"email": "a@x.example", "joined_group_at": "2026-01-01"}},
        {"type": "profile", "id": "01B", "attributes": {"email": None}},
    ],
    "links": LINKS,
}
LISTS = {
    "data": [{"type": "list", "id": "L1", "attributes": {"name": "News", "updated": "2026-01-01T00:00:00+00:00"}}],
    "links": LINKS,
}
ONE = {"data": {"type": "list", "id": "L1", "attributes": {"name": "News", "profile_count": 7}}}
ACCOUNTS = {
    "data": [{"type": "account", "id": "A1", "attributes": {"contact_information": {"organization_name": "Shop"}}}],
    "links": LINKS,
}
INFO = {"hasNextPage": True, "endCursor": "abc"}
EDGE = {"node": {"id": "gid://shopify/CustomerSegmentMember/5", "defaultEmailAddress": {"emailAddress": "a@x.example"}}}
SEGMENT = {"id": "gid://shopify/Segment/1", "name": "VIP", "lastEditDate": "2026-01-01T00:00:00Z"}
GRAPH = {
    "data": {
        "shop": {"name": "Shop", "myshopifyDomain": "shop.myshopify.com"},
        "segments": {"nodes": [SEGMENT], "pageInfo": INFO},
        "customerSegmentMembers": {"edges": [EDGE], "pageInfo": INFO, "totalCount": 3},
    },
    "extensions": {"cost": {"throttleStatus": {"currentlyAvailable": 900}}},
}
WRONG: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=20),
    st.just([]), st.just({}), st.just([{}]), st.just("x" * 5_000), st.just("\x00\u202e"),
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for name, part in value.items():
            yield from places(part, (*path, name))
    elif isinstance(value, list):
        for at, part in enumerate(value):
            yield from places(part, (*path, at))


def changed(document: Any, path: tuple[Any, ...], to: Any, *, away: bool) -> Any:
    if not path:
        return to
    document = copy.deepcopy(document)
    part = document
    for step in path[:-1]:
        part = part[step]
    if away and isinstance(part, dict):
        del part[path[-1]]
    else:
        part[path[-1]] = to
    return document


@st.composite
def documents(draw: st.DrawFn, base: Any) -> Any:
    document = base
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(document))))
        document = changed(document, path, draw(WRONG), away=draw(st.booleans()))
    return document


def asked(source: Source, ask: str, monkeypatch: pytest.MonkeyPatch, module: Any, document: Any, status: int) -> Any:
    body = json.dumps(document).encode()
    monkeypatch.setattr(module, "send", lambda *_, **__: Reply(status, {}, body, "The service"))
    kind = next(iter(source.kinds))
    calls = {
        "check": source.check,
        "groups": lambda: source.groups(kind, None),
        "size": lambda: source.size(kind, "L1"),
        "members": lambda: source.members(kind, "L1", "cursor"),
    }
    try:
        return calls[ask]()
    except OutboundError:
        return None
    except CursorExpired:
        if ask in ("check", "size"):
            raise
        return None


def is_well_made(answer: Any) -> None:
    assert not isinstance(answer, Account) or (is_plain(answer.id) and answer.name)
    if isinstance(answer, MemberPage):
        assert answer.next is None or is_plain(answer.next, 4_000)
        for member in answer.members:
            assert isinstance(member, Member)
            assert is_plain(member.id)
            assert member.email is None or isinstance(member.email, str)


@pytest.mark.parametrize(
    ("ask", "base"), [("members", PROFILES), ("groups", LISTS), ("size", ONE), ("check", ACCOUNTS)]
)
@pytest.mark.parametrize("status", [200, 400, 500])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_klaviyo(ask: str, base: Any, status: int, data: st.DataObject, monkeypatch: pytest.MonkeyPatch) -> None:
    source = klaviyo.Klaviyo({"api_key": "pk_test"})
    is_well_made(asked(source, ask, monkeypatch, klaviyo, data.draw(documents(base)), status))


@pytest.mark.parametrize("ask", ["members", "groups", "size", "check"])
@pytest.mark.parametrize("status", [200, 500])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_shopify(ask: str, status: int, data: st.DataObject, monkeypatch: pytest.MonkeyPatch) -> None:
    source = shopify.Shopify({"shop": "shop.myshopify.com", "token": "shpat_x"})
    is_well_made(asked(source, ask, monkeypatch, shopify_api, data.draw(documents(GRAPH)), status))


def test_whole_answers_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    source = klaviyo.Klaviyo({"api_key": "pk_test"})
    page = asked(source, "members", monkeypatch, klaviyo, PROFILES, 200)
    assert page == MemberPage([Member("01A", "a@x.example"), Member("01B", None)], "abc", [])
    assert asked(source, "size", monkeypatch, klaviyo, ONE, 200) == 7
    shop = shopify.Shopify({"shop": "https://Shop.myshopify.com/", "token": "shpat_x"})
    page = asked(shop, "members", monkeypatch, shopify_api, GRAPH, 200)
    assert page == MemberPage([Member("5", "a@x.example")], "abc", [])


@pytest.mark.parametrize(
    "shop", ["shop.example", "127.0.0.1", "a.myshopify.com.evil.example", "a/../b.myshopify.com", ""]
)
def test_an_address_that_is_no_shop_is_not_called(shop: str) -> None:
    with pytest.raises(OutboundError, match=r"myshopify\.com"):
        shopify.Shopify({"shop": shop, "token": "t"})
