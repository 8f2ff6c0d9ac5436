"""Whose a webhook is: told by its signature alone, and nothing that is nearly one passes for it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.providers import signing
from tests.customers.providers.length_extension import extended

SECRET, OTHER = "shpss_0123456789abcdef", "shpss_fedcba9876543210"
BODY = b'{"id": 1, "email": "ada@maple.example"}'
NOW = 1_780_000_000.0
MUTATIONS = 35_000


def shopify(body: bytes = BODY, secret: str = SECRET) -> dict[str, str]:
    return {signing.SHOPIFY_HEADER: base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()}


def recharge(body: bytes = BODY, secret: str = SECRET, at: float = NOW) -> dict[str, str]:
    code = hmac.digest(secret.encode(), f"{at:.0f}.".encode() + body, "sha256").hex()
    return {signing.RECHARGE_HEADER: f"t={at:.0f},v1={code}"}


def legacy(body: bytes = BODY, secret: str = SECRET) -> dict[str, str]:
    return {signing.RECHARGE_LEGACY: hashlib.sha256(secret.encode() + body).hexdigest()}


def at_shopify(headers: Mapping[str, str], body: bytes = BODY, secrets: tuple[str, ...] = (SECRET,)) -> bool:
    return signing.is_of_shopify(secrets, body, headers)


def at_recharge(headers: Mapping[str, str], body: bytes = BODY, secrets: tuple[str, ...] = (SECRET,)) -> bool:
    return signing.is_of_recharge(secrets, body, headers, now=NOW)


WAYS: list[tuple[str, Callable[..., dict[str, str]], Callable[..., bool], str]] = [
    ("shopify", shopify, at_shopify, signing.SHOPIFY_HEADER),
    ("recharge", recharge, at_recharge, signing.RECHARGE_HEADER),
    ("legacy", legacy, at_recharge, signing.RECHARGE_LEGACY),
]
ways = pytest.mark.parametrize(("sign", "accepts", "name"), [way[1:] for way in WAYS], ids=[way[0] for way in WAYS])


@ways
def test_what_is_signed_is_accepted(sign: Any, accepts: Any, name: str) -> None:
    assert accepts(sign())
    assert accepts(sign(b"", SECRET), b"")
    assert accepts(sign(BODY, OTHER), secrets=(SECRET, OTHER))


@ways
def test_what_is_not(sign: Any, accepts: Any, name: str) -> None:
    good = sign()[name]
    code = good.rpartition("=")[2] if good.startswith("t=") else good
    assert not accepts({})
    assert not accepts(sign(BODY, OTHER))
    assert not accepts(sign(BODY, ""), secrets=())
    assert not accepts(sign(BODY, ""), secrets=("",))
    assert not accepts(sign(), BODY + b" ")
    spoiled = [
        "", " ", "None", code[:-1], f"{code}=", f"{code}\n", f" {code}", code.swapcase(), f"sha256={code}",
        good + good, f"{good},{good}", good.replace("=", ""), good[:-2] + "é=", "\ud800", "A" * 44, "0" * 64,
        f"{good}\x00", f"v1={code}", f"t={NOW:.0f},v1=", "t=,v1=" + code, f"t={NOW:.0f},v0={code}",
        f"t={NOW:.0f}, v1={code}", f"t=١٧٨٠,v1={code}", f"t=-1,v1={code}", f"t={NOW},v1={code}",
        hmac.new(SECRET.encode(), BODY, "sha1").hexdigest(), base64.b64encode(b"x" * 20).decode(),
    ]  # fmt: skip
    accepted = [text for text in spoiled if text != good and accepts({name: text})]
    assert not accepted


def test_other_spellings_of_the_same_base64_are_refused() -> None:
    good = shopify()[signing.SHOPIFY_HEADER]
    raw = base64.b64decode(good)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    same = [good[:42] + letter + "=" for letter in letters if base64.b64decode(good[:42] + letter + "=") == raw]
    assert len(same) == 4
    assert [text for text in same if at_shopify({signing.SHOPIFY_HEADER: text})] == [good]
    assert not at_shopify({signing.SHOPIFY_HEADER: base64.urlsafe_b64encode(b"\xff" * 32).decode()})


@ways
def test_nothing_that_was_changed_is_accepted(sign: Any, accepts: Any, name: str) -> None:
    """So many signatures, bodies and secrets, each another than the right one by a little: none passes."""
    chance, good, passed = Random(name), sign()[name], 0
    alphabet = "ABCDEFabcdef0123456789+/=,tv.- "
    for _ in range(MUTATIONS):
        text, body = list(good), bytearray(BODY)
        where = chance.randrange(3)
        if where == 0:
            text[chance.randrange(len(text))] = chance.choice(alphabet)
        elif where == 1:
            body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
        else:
            text.insert(chance.randrange(len(text) + 1), chance.choice(alphabet))
        if "".join(text) != good or bytes(body) != BODY:
            passed += accepts({name: "".join(text)}, bytes(body))
    assert passed == 0


@given(st.text(max_size=120), st.binary(max_size=60), st.text(max_size=20))
def test_whatever_comes_is_refused_and_raises_nothing(text: str, body: bytes, secret: str) -> None:
    secret = secret.encode("utf-8", "replace").decode()
    assert not signing.is_of_shopify([secret], body, {signing.SHOPIFY_HEADER: text})
    assert not signing.is_of_recharge([secret], body, {signing.RECHARGE_HEADER: text}, now=NOW)
    assert not signing.is_of_recharge([secret], body, {signing.RECHARGE_LEGACY: text}, now=NOW)


@pytest.mark.parametrize(
    ("seconds", "is_accepted"),
    [(0, True), (-172_800, True), (-172_801, False), (300, True), (301, False), (10**11, False), (-NOW, False)],
)
def test_what_is_too_old_or_not_of_this_time(seconds: float, is_accepted: bool) -> None:
    assert at_recharge(recharge(at=NOW + seconds)) is is_accepted


def test_the_older_header_does_not_help_where_the_newer_is_wrong() -> None:
    wrong = {signing.RECHARGE_HEADER: f"t={NOW:.0f},v1={'0' * 64}"}
    assert not at_recharge({**legacy(), **wrong})
    assert not at_recharge({**legacy(), signing.RECHARGE_HEADER: ""})
    assert at_recharge({**recharge(), signing.RECHARGE_LEGACY: "wrong"})


def test_a_hash_with_the_secret_first_can_be_prolonged() -> None:
    """What the older signature is weak to: without the secret, a longer body is made whose hash fits. It passes here,
    and is refused where the body is read."""
    longer, code = extended(legacy()[signing.RECHARGE_LEGACY], BODY, b',"id": 2}', len(SECRET))
    assert longer.startswith(BODY)
    assert at_recharge({signing.RECHARGE_LEGACY: code}, longer)
