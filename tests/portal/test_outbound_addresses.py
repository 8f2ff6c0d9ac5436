"""Which addresses a person may make the portal call, in every way there is to write them."""

from __future__ import annotations

import socket
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
import requests
from django.core.exceptions import ImproperlyConfigured
from urllib3.util import parse_url

from portal import env
from portal.outbound import Blocked, addresses, check_url
from tests.portal.address_tables import CLOSED, CLOSED_IN_DISGUISE, FINE, OPEN, OTHER_WAYS, UNREADABLE


def test_the_tables_are_as_long_as_was_asked_for() -> None:
    assert len(set(CLOSED)) == len(CLOSED) >= 120
    assert len({*CLOSED_IN_DISGUISE, *UNREADABLE, *OTHER_WAYS, *FINE}) >= 200


@pytest.mark.parametrize("text", CLOSED)
def test_what_is_private_or_reserved_is_closed(text: str) -> None:
    assert not addresses.is_allowed(ip_address(text))
    with pytest.raises(Blocked):
        check_url(f"https://[{text}]/" if ":" in text else f"https://{text}/")


@pytest.mark.parametrize("text", OPEN)
def test_what_is_public_is_open_at_443_alone(text: str) -> None:
    assert addresses.is_allowed(ip_address(text))
    assert not addresses.is_allowed(ip_address(text), 80)
    assert not addresses.is_allowed(ip_address(text), 22)


@pytest.mark.teeth
def test_the_flags_of_the_library_would_let_many_through() -> None:
    through = [text for text in CLOSED if ip_address(text).is_global or not ip_address(text).is_private]
    assert {"100.64.0.1", "64:ff9b::7f00:1", "224.0.0.1", "::127.0.0.1"} <= set(through)
    assert len(through) > 25


@pytest.mark.parametrize("url", CLOSED_IN_DISGUISE)
def test_no_notation_of_a_closed_address_gets_by(url: str) -> None:
    with pytest.raises(Blocked, match="private or reserved"):
        check_url(url)


@pytest.mark.parametrize("url", UNREADABLE)
def test_what_two_readers_might_read_differently_is_not_read(url: str) -> None:
    with pytest.raises(Blocked):
        check_url(url)
    with pytest.raises(Blocked):
        addresses.read(url, trusted=True)


@pytest.mark.parametrize("url", OTHER_WAYS)
def test_only_https_at_its_usual_port(url: str) -> None:
    with pytest.raises(Blocked):
        check_url(url)


@pytest.mark.parametrize(("url", "plain"), FINE.items())
def test_an_address_that_is_fine_is_written_plainly(url: str, plain: str) -> None:
    check_url(url)
    assert addresses.read(url, trusted=False).url == plain


def test_the_library_that_calls_finds_the_same_host() -> None:
    for url in (*FINE, *CLOSED_IN_DISGUISE):
        place = addresses.read(url, trusted=True)
        request = requests.Request("GET", place.url, params={"a": "b@127.0.0.1:80/#"}).prepare()
        again, third = addresses.read(str(request.url), trusted=True), parse_url(str(request.url))
        assert (again.host, again.port) == (place.host, place.port) == (str(third.host).strip("[]"), third.port or 443)


@pytest.mark.parametrize("text", ["8.8.8.8", "2606:4700:4700::1111"])
def test_this_machine_itself_is_closed_whatever_its_address(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not addresses.is_own(ip_address(text))
    assert addresses.is_own(ip_address("127.0.0.1"))
    monkeypatch.setattr(addresses, "_may_stand_on", lambda address: address == text)
    assert addresses.is_own(ip_address(text))
    assert not addresses.is_allowed(ip_address(text))


def test_a_machine_whose_sockets_stand_anywhere_still_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_may_stand_on", lambda address: True)
    assert addresses.is_allowed(ip_address("8.8.8.8"))
    assert not addresses.is_allowed(ip_address("10.0.0.1"))


def test_the_addresses_of_this_machine_are_closed() -> None:
    own = {str(entry[4][0]) for entry in socket.getaddrinfo("localhost", 443)}
    assert not any(addresses.is_allowed(ip_address(text)) for text in own)


def test_what_the_operator_allows_is_all_that_opens(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = [(ip_network("10.1.2.3"), 443), (ip_network("10.20.0.0/16"), 8443)]
    open_now = [("10.1.2.3", 443), ("10.20.0.0", 8443), ("10.20.255.255", 8443)]
    assert all(addresses.is_allowed(ip_address(text), port) for text, port in open_now)
    still = [("10.1.2.3", 80), ("10.1.2.3", 8443), ("10.1.2.4", 443), ("10.20.0.1", 443), ("10.21.0.1", 8443)]
    assert not any(addresses.is_allowed(ip_address(text), port) for text, port in [*still, ("8.8.8.8", 8443)])
    assert not any(addresses.is_allowed(ip_address(text)) for text in CLOSED if text != "10.1.2.3")
    for url in ("https://10.1.2.3/", "https://0xa.1.515/", "https://10.20.1.1:8443/", "https://inside.example:8443/"):
        check_url(url)
    for url in ("https://10.1.2.4/", "https://10.1.2.3:80/", "https://127.0.0.1:8443/", "http://10.1.2.3/"):
        with pytest.raises(Blocked):
            check_url(url)


def test_the_operators_words_are_understood_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COTERIE_OUTBOUND_ALLOW", "10.1.2.3:443, 10.0.0.0/8:8443,[fd00::1]:443, [fd00::/8]:443")
    texts = [("10.1.2.3/32", 443), ("10.0.0.0/8", 8443), ("fd00::1/128", 443), ("fd00::/8", 443)]
    assert env.networks("COTERIE_OUTBOUND_ALLOW") == [(ip_network(text), port) for text, port in texts]
    for word in (
        "10.1.2.3",
        "10.0.0.1/8:443",
        "host.example:443",
        "10.1.2.3:0",
        "10.1.2.3:70000",
        "10.1.2.3:x",
        ":443",
    ):
        monkeypatch.setenv("COTERIE_OUTBOUND_ALLOW", word)
        with pytest.raises(ImproperlyConfigured, match="COTERIE_OUTBOUND_ALLOW"):
            env.networks("COTERIE_OUTBOUND_ALLOW")
