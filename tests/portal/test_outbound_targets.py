"""Where calls go: to the address that was judged, under the name that was asked for, to whoever can prove it."""

from __future__ import annotations

import random
import socket
import threading
import time
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest

from portal.outbound import Blocked, OutboundError, Session, Timeout, Unreachable, addresses, connecting, send
from tests.portal.address_tables import CLOSED, CLOSED_IN_DISGUISE
from tests.portal.outside import Authority, Outside, Resolver, answer, says

Patch = pytest.MonkeyPatch
PUBLIC = "198.51.100.7"
"""Stands for an address on the internet: the operator allows it, and nothing is there."""
REACHED = (AssertionError, pytest.fail.Exception)
removed = pytest.mark.xfail(strict=True, raises=REACHED, reason="the protection is taken away")


def get(url: str, **named: Any) -> Any:
    return send("GET", url, trusted=True, service="Klaviyo", timeout=Timeout(2, 3), **named)


@pytest.mark.parametrize(
    ("named", "options", "doubt"),
    [
        (("shop.example",), {}, "IP address mismatch"),
        (("127.0.0.1",), {"days": -1}, "expired"),
        (("127.0.0.1",), {"self_signed": True}, "self-signed"),
        (("127.0.0.1",), {"days": 40}, "not yet valid"),
    ],
)
def test_who_cannot_prove_who_he_is_is_told_nothing(
    named: tuple[str, ...], options: Any, doubt: str, authority: Authority, session: Session, monkeypatch: Patch
) -> None:
    # Settings of other programs that make them believe more.
    monkeypatch.setenv("CURL_CA_BUNDLE", authority.file)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority.file)
    with Outside(says(answer()), authority.server(*named, **options)) as outside:
        with pytest.raises(Unreachable, match=rf"^Klaviyo could not prove who it is \(TLS\): .*{doubt}"):
            get(outside.url, session=session)
        with pytest.raises(Unreachable, match="TLS"):
            get(outside.url)
    assert outside.requests == []


class Gullible(Session):
    """Believes whoever answers."""

    def adapter(self, *, trusted: bool) -> Any:
        adapter = super().adapter(trusted=trusted)
        return SimpleNamespace(send=lambda request, **named: adapter.send(request, **named | {"verify": False}))


@pytest.mark.teeth
@removed
@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_who_believes_everybody_tells_everybody(authority: Authority, monkeypatch: Patch) -> None:
    with Gullible() as session:
        test_who_cannot_prove_who_he_is_is_told_nothing(
            ("shop.example",), {}, "IP address mismatch", authority, session, monkeypatch
        )


def allow(settings: Any, port: int, *texts: str) -> None:
    settings.OUTBOUND_ALLOW = [(ip_network(text), port) for text in texts]


def test_the_name_is_kept_where_the_address_was_judged(
    service: Outside, session: Session, settings: Any, monkeypatch: Patch
) -> None:
    allow(settings, service.port, "127.0.0.1")
    resolver = Resolver(monkeypatch, ["127.0.0.1"])
    reply = send("GET", f"https://Shop.example.:{service.port}/x", session=session)
    assert reply.json() == {"ok": True}
    assert service.names == ["shop.example"]
    assert f"Host: shop.example:{service.port}\r\n".encode() in service.requests[0]
    assert resolver.asked == 1
    with pytest.raises(Unreachable, match=r"other\.example"):
        send("GET", f"https://other.example:{service.port}/x", session=session)
    assert len(service.requests) == 1


def test_what_was_opened_for_a_trusted_call_serves_no_other(
    service: Outside, session: Session, settings: Any, monkeypatch: Patch
) -> None:
    allow(settings, service.port, PUBLIC)
    Resolver(monkeypatch, ["127.0.0.1"])
    url = f"https://shop.example:{service.port}/"
    get(url, session=session)
    with pytest.raises(Blocked):
        send("GET", url, session=session)
    assert (service.accepted, len(service.requests)) == (1, 1)


@pytest.mark.teeth
@removed
def test_with_one_set_of_connections_it_would(
    service: Outside, session: Session, settings: Any, monkeypatch: Patch
) -> None:
    session._adapters[False] = session._adapters[True]
    test_what_was_opened_for_a_trusted_call_serves_no_other(service, session, settings, monkeypatch)


def call_in_disguise(service: Outside, session: Session, settings: Any) -> int:
    """Call this machine in every notation; how often that was refused."""
    allow(settings, service.port, PUBLIC)
    blocked = 0
    for url in CLOSED_IN_DISGUISE:
        host = url.removeprefix("https://").partition("/")[0].removesuffix(":443")
        try:
            send("GET", f"https://{host}:{service.port}/", session=session, timeout=Timeout(0.05, 0.1))
        except Blocked:
            blocked += 1
        except (OutboundError, RuntimeError):
            continue
    return blocked


def test_no_notation_reaches_this_machine(service: Outside, session: Session, settings: Any) -> None:
    assert call_in_disguise(service, session, settings) == len(CLOSED_IN_DISGUISE)
    assert service.accepted == 0


@pytest.mark.teeth
@removed
def test_without_the_judgement_they_would(
    service: Outside, session: Session, settings: Any, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(addresses, "is_allowed", lambda *_: True)
    test_no_notation_reaches_this_machine(service, session, settings)


def test_an_address_in_brackets_is_called_like_any_other(authority: Authority, session: Session) -> None:
    with Outside(says(answer()), authority.server("::1"), host="::1") as outside:
        assert get(f"https://[0:0::1]:{outside.port}/x", session=session).status == 200
    assert f"Host: [::1]:{outside.port}\r\n".encode() in outside.requests[0]
    assert outside.names == [None]


def test_no_name_reaches_a_closed_address(monkeypatch: Patch) -> None:
    tried: list[Any] = []
    monkeypatch.setattr(connecting, "_connected", lambda *target: tried.append(target))
    for text in CLOSED:
        for answers in ([text], ["8.8.8.8", text], [text, "8.8.8.8"], ["2606:4700::1", text, "8.8.8.8"]):
            Resolver(monkeypatch, answers)
            with pytest.raises(Blocked, match="private or reserved"):
                send("GET", "https://shop.example/")
    assert tried == []


class Rebinding:
    """A name that leads to PUBLIC now and to this machine then, and who was called for it."""

    TURNS = ([PUBLIC], ["127.0.0.1"], ["::1"], [PUBLIC, "::1"], ["::1", PUBLIC], [PUBLIC, "127.0.0.1"], ["0.0.0.0"])

    def __init__(self, service: Outside, session: Session, settings: Any, monkeypatch: Patch) -> None:
        self.service, self.session, self.monkeypatch = service, session, monkeypatch
        allow(settings, service.port, PUBLIC)
        self.tried: set[str] = set()
        self.real = connecting._connected
        monkeypatch.setattr(connecting, "_connected", self.connected)

    def connected(self, family: Any, target: Any, call: Any) -> socket.socket:
        self.tried.add(target[0])
        if target[0] == PUBLIC:
            raise ConnectionRefusedError
        return self.real(family, target, call)

    def play(self, tries: int) -> int:
        """Call it so often, each time with answers that change; how often its name was looked up."""
        rng, asked = random.Random(7), 0
        for _ in range(tries):
            resolver = Resolver(self.monkeypatch, *rng.choices(self.TURNS, weights=(9, 1, 1, 1, 1, 1, 1), k=3))
            with pytest.raises((Blocked, Unreachable)):
                send("GET", f"https://shop.example:{self.service.port}/", session=self.session)
            asked += resolver.asked
        return asked


@pytest.fixture
def rebinding(service: Outside, session: Session, settings: Any, monkeypatch: Patch) -> Rebinding:
    return Rebinding(service, session, settings, monkeypatch)


def test_a_name_that_changes_its_address_leads_nowhere(rebinding: Rebinding) -> None:
    assert rebinding.play(1_000) == 1_000
    assert rebinding.service.accepted == 0
    assert rebinding.tried == {PUBLIC}


def judge_then_look_up_again(self: Any) -> socket.socket:
    addresses.find(self._dns_host, self.port, trusted=False, seconds=1)
    family, target = addresses.find(self._dns_host, self.port, trusted=True, seconds=1)[0]
    try:
        return connecting._connected(family, target, connecting._call.get())
    except OSError:
        raise Unreachable("no") from None


@pytest.mark.teeth
@removed
def test_looked_up_twice_it_leads_to_this_machine(rebinding: Rebinding, monkeypatch: Patch) -> None:
    monkeypatch.setattr(connecting._Judged, "_new_conn", judge_then_look_up_again)
    rebinding.play(100)
    assert rebinding.service.accepted == 0


@pytest.mark.teeth
@removed
def test_with_one_answer_judged_it_leads_to_this_machine(rebinding: Rebinding, monkeypatch: Patch) -> None:
    monkeypatch.setattr(addresses, "all", lambda verdicts: next(iter(verdicts)), raising=False)
    rebinding.play(100)
    assert rebinding.tried == {PUBLIC}


def hang(*_: Any, **__: Any) -> Any:
    threading.Event().wait(2)
    return []


@pytest.mark.parametrize(
    "answers",
    [
        socket.gaierror(socket.EAI_NONAME, "not known"), socket.gaierror(socket.EAI_AGAIN, "later"), [],
        OSError(24, "files"), UnicodeError("label too long"), TimeoutError(),
    ],
)  # fmt: skip
def test_without_an_address_nothing_is_called(answers: Any, service: Outside, monkeypatch: Patch) -> None:
    Resolver(monkeypatch, answers)
    for trusted in (True, False):
        with pytest.raises(Unreachable, match="could not be looked up"):
            send("GET", "https://shop.example/", trusted=trusted)
    assert service.accepted == 0


@pytest.mark.parametrize("text", ["fe80::1%eth0", "fe80::1%1", "not an address", "", "127.0.0.1\x00"])
def test_an_answer_that_is_no_plain_address_is_not_called(text: str, monkeypatch: Patch) -> None:
    Resolver(monkeypatch, [text])
    with pytest.raises(Blocked):
        send("GET", "https://shop.example/")


def test_a_resolver_that_says_nothing_is_given_up(monkeypatch: Patch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", hang)
    began = time.monotonic()
    with pytest.raises(Unreachable, match="could not be looked up"):
        send("GET", "https://shop.example/", timeout=Timeout(0.2, 1))
    assert time.monotonic() - began < 1
