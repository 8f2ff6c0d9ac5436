"""`next` leads to places of ours alone; and neither the Host header nor what proxies add can be forged."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, RequestFactory

from portal import clients
from portal.accounts import is_own_path
from portal.models import User
from tests.portal.visitors import Phone, Visitor, give_app

ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\\/evil.example",
    "//\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "\t//evil.example",
    "\n//evil.example",
    " //evil.example",
    "/ /evil.example",
    "\x00//evil.example",
    "\x0b//evil.example",
    "/\x00/evil.example",
    "http://evil.example",
    "https://evil.example",
    "HTTPS://evil.example",
    "https:evil.example",
    "http:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "https:\\evil.example",
    "https:\\\\evil.example",
    "http:\t//evil.example",
    "ftp://evil.example",
    "ws://evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "\x01javascript:alert(1)",
    "javascript://testserver/%0aalert(1)",
    "vbscript:x",
    "data:text/html,<script>alert(1)</script>",
    "blob:https://evil.example/x",
    "file:///etc/passwd",
    "mailto:a@evil.example",
    "http://testserver@evil.example/",
    "http://testserver:80@evil.example/",
    "//testserver@evil.example",
    "@evil.example",
    "evil.example",
    ".evil.example",
    "http://testserver.evil.example/",
    "http://testserver%2eevil.example/",
    "http://testserver#@evil.example/",
    "http://testserver\\@evil.example/",
    "http://evil。example",
    "//evil。example",
    "//evil．example",
    "/／evil.example\\..",
    "http://[::1]/",
    "http://[evil/",
    "http://localhost/",
    "http://127.0.0.1/",
    "http://testserver:8000/",
    "%2f%2fevil.example",
    "%09//evil.example",
    "https://",
    "?next=//evil.example",
    "#",
    "",
]
OURS = ["/", "/s/maple/", "/s/maple/segments/?q=a%20b&sort=-name", "/s/maple/#x", "/invitations/abc/", "/ä", "/%2f%2fx"]


@pytest.mark.parametrize("place", ELSEWHERE)
def test_elsewhere_is_no_path_of_ours(place: str) -> None:
    assert not is_own_path(place)


@pytest.mark.parametrize("place", OURS)
def test_ours_is(place: str) -> None:
    assert is_own_path(place)


def test_the_table_is_long_enough() -> None:
    assert len(set(ELSEWHERE)) >= 60


def stays(answer: Any) -> bool:
    return answer.status_code == 200 or (answer.status_code == 302 and is_own_path(answer["Location"]))


@pytest.mark.django_db
def test_no_page_that_takes_a_way_back_leads_elsewhere(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    give_app(owner, phone := Phone(monkeypatch))
    astray = []
    for place in ELSEWHERE:
        browser = Visitor()
        answers = [browser.sign_in(owner.email, next=place)]
        answers += [browser.post("/accounts/2fa/code/", {"code": phone.next_code(), "next": place})]
        answers += [browser.get("/accounts/login/", {"next": place}), browser.get("/admin/login/", {"next": place})]
        answers += [browser.post("/accounts/2fa/confirm/", {"code": phone.next_code(), "next": place})]
        answers += [browser.get("/accounts/reauthenticate/", {"next": place})]
        answers += [
            browser.post("/accounts/logout/", {"next": place}),
            browser.get("/accounts/logout/", {"next": place}),
        ]
        answers += [browser.post("/accounts/password/reset/", {"email": owner.email, "next": place})]
        astray += [
            (place, answer.get("Location"))
            for answer in answers
            if not stays(answer) and answer.status_code not in (403, 429)
        ]
    assert not astray


@pytest.mark.django_db
def test_a_page_with_the_password_leads_back_to_places_of_ours_alone(owner: User) -> None:
    browser = Visitor()
    browser.sign_in(owner.email)
    for place in ("//evil.example", "/\\evil.example", "http://localhost/"):
        answer = browser.post("/accounts/reauthenticate/", {"password": "a-long-test-password", "next": place})
        assert answer["Location"] == "/"
    answer = browser.post("/accounts/reauthenticate/", {"password": "a-long-test-password", "next": "/s/maple/"})
    assert answer["Location"] == "/s/maple/"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "testserver.evil.example",
        "testserver:80@evil.example",
        "testserver evil",
        "",
        "testserver/x",
        "[::1",
    ],
)
@pytest.mark.django_db
def test_a_host_that_is_not_ours_is_refused(host: str) -> None:
    assert Client().get("/accounts/login/", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Host", "X-Original-URL", "X-Rewrite-URL", "Forwarded"])
@pytest.mark.django_db
def test_headers_that_claim_another_host_change_nothing(header: str) -> None:
    answer = Client().get("/s/maple/", headers={header: "evil.example"})
    assert answer["Location"] == "/accounts/login/?next=/s/maple/"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "peer", "found"),
    [
        (0, "", "192.0.2.1", "192.0.2.1"),
        (0, "198.51.100.1", "192.0.2.1", "192.0.2.1"),
        (1, "198.51.100.1", "10.0.0.1", "198.51.100.1"),
        (1, "6.6.6.6, 198.51.100.1", "10.0.0.1", "198.51.100.1"),
        (2, "6.6.6.6, 198.51.100.1, 10.0.0.2", "10.0.0.1", "198.51.100.1"),
        (2, "198.51.100.1", "10.0.0.1", "10.0.0.1"),
        (1, "", "10.0.0.1", None),
        (1, "nonsense", "10.0.0.1", None),
        (1, "198.51.100.1:4711", "10.0.0.1", "198.51.100.1"),
        (1, "[2001:db8::1]:4711", "10.0.0.1", "2001:db8::1"),
        (1, "2001:db8::1", "10.0.0.1", "2001:db8::1"),
        (0, "", "::ffff:192.0.2.1", "192.0.2.1"),
        (0, "", "fe80::1%eth0", "fe80::1"),
        (0, "", "", None),
    ],
)
def test_the_address_comes_from_our_own_proxies_alone(
    settings: Any, proxies: int, forwarded: str, peer: str, found: str | None
) -> None:
    settings.PROXY_COUNT = proxies
    request = RequestFactory().get("/", REMOTE_ADDR=peer, headers={"X-Forwarded-For": forwarded})
    assert clients.address(request) == found


@pytest.mark.django_db
def test_a_forged_address_escapes_no_limit(owner: User) -> None:
    for number in range(7):
        page = Visitor().post(
            "/accounts/login/",
            {"login": owner.email, "password": "wrong"},
            headers={"X-Forwarded-For": f"6.6.6.{number}", "X-Real-IP": f"6.6.6.{number}"},
        )
    assert "Too many tries" in page.content.decode()


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("", "An unknown browser"),
        ("curl/8.0", "An unknown browser"),
        ("<script>alert(1)</script>", "An unknown browser"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 Version/18 Safari/605", "Safari on macOS"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/140 Safari/537 Edg/140", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537 Chrome/140 Mobile Safari/537", "Chrome on Android"),
        ("Mozilla/5.0 (iPad; CPU OS 18_0) AppleWebKit/605 CriOS/140 Safari/604", "Chrome on iPad"),
        ("Mozilla/5.0 (Windows NT 10.0; x64)", "A browser on Windows"),
    ],
)
def test_browsers_in_words(agent: str, words: str) -> None:
    assert clients.browser(RequestFactory().get("/", HTTP_USER_AGENT=agent)) == words
