"""Which addresses are one person, which are none, and why."""

from __future__ import annotations

import timeit
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.emails import InvalidEmail, display_email, email_key

SAME_PERSON = [
    ("a@x.example", ["A@X.EXAMPLE", " a@x.example ", "\ta@x.example\r\n", "a@x.Example\u00a0", "\ufeffa@x.example"]),
    ("a@x.example", ["\u200ba@x.example\u200d", "\u2060a@x.example", "\u200ea@x.example", "\u3000a@x.example"]),
    ("a@x.example", ["Ann <a@x.example>", '"Ann, Lee" < A@x.example >', "<a@x.example>", "mailto:a@x.example"]),
    ("a@x.example", ["MAILTO:A@x.example?subject=Hi", "<mailto:a@x.example>", "Ann <mailto:a@x.example>"]),
    ("a@xn--bcher-kva.example", ["a@bücher.example", "a@BÜCHER.example", "a@bu\u0308cher.example"]),
    ("a@xn--bcher-kva.example", ["A@XN--BCHER-KVA.EXAMPLE", "a@xn--bcher-kva.example"]),
    ("jürgen@x.example", ["JÜRGEN@x.example", "ju\u0308rgen@x.example", "Jürgen <Jürgen@X.example>"]),
    ("a@xn--r8jz45g.xn--zckzah", ["a@例え.テスト"]),
    ("o'brien@x.example", ["O'Brien@x.example"]),
    ("a.b+c@mail.x-y.example", ["A.B+C@Mail.X-Y.example"]),
    ("!#$%&'*+/=?^_`{|}~-@x.example", ["!#$%&'*+/=?^_`{|}~-@x.example"]),
    ("a@ab--cd.example", ["a@ab--cd.example"]),
    ("1@2.example", ["1@2.example"]),
    ("иван@xn--e1afmkfd.example", ["ИВАН@ПРИМЕР.example"]),
]
OTHER_PEOPLE = [
    ("a.b@gmail.example", "ab@gmail.example"),
    ("a+news@x.example", "a@x.example"),
    ("a@straße.example", "a@strasse.example"),
    ("a@x.example", "a@mail.x.example"),
    ("ı@x.example", "i@x.example"),
]
NO_ADDRESS = [
    ("", "empty"),
    ("  \u200b ", "empty"),
    ("<>", "empty"),
    ("ann", "no @"),
    ("Ann Lee", "a space inside"),
    ("a@b@x.example", "more than one @"),
    ("a@x.example, b@x.example", "a space inside"),
    ("a@x.example,b@x.example", "more than one @"),
    ("a b@x.example", "a space inside"),
    ("a@x .example", "a space inside"),
    ("a\u00a0b@x.example", "a space inside"),
    ('"a b"@x.example', "quotes before the @"),
    ('"a"@x.example', "quotes before the @"),
    ("@x.example", "nothing before the @"),
    ("a@", "nothing after the @"),
    ("a@localhost", "no dot in the domain"),
    ("a@x.example.", "a dot at the end"),
    ("a@x..example", "a dot in the wrong place in the domain"),
    ("a@.example", "a dot in the wrong place in the domain"),
    (".a@x.example", "a dot in the wrong place before the @"),
    ("a.@x.example", "a dot in the wrong place before the @"),
    ("a..b@x.example", "a dot in the wrong place before the @"),
    ("a@x.e", "the domain has no valid ending"),
    ("a@x.123", "the domain has no valid ending"),
    ("a@127.0.0.1", "the domain has no valid ending"),
    ("a@[127.0.0.1]", "a character that is not allowed in the domain"),
    ("a@x_y.example", "a character that is not allowed in the domain"),
    ("a@-x.example", "a character that is not allowed in the domain"),
    ("a@x-.example", "a character that is not allowed in the domain"),
    ("a@x.example;", "a character that is not allowed in the domain"),
    ("a@" + "b" * 64 + ".example", "a character that is not allowed in the domain"),
    ("a@xn--zzzzzz.example", "a character that is not allowed in the domain"),
    ("a@☃.example", "a character that is not allowed in the domain"),
    ("a;b@x.example", "a character that is not allowed before the @"),
    ("a(comment)@x.example", "a character that is not allowed before the @"),
    ("a,b@x.example", "a character that is not allowed before the @"),
    ("<<a@x.example>>", "a character that is not allowed before the @"),
    ("a" * 65 + "@x.example", "more than 64 characters before the @"),
    ("İ" * 30 + "@x.example", "more than 64 characters before the @"),
    ("ü" * 33 + "@x.example", "more than 64 characters before the @"),
    ("a@" + "b.c" * 90 + ".example", "longer than 254 characters"),
    ("a" * 100_000, "longer than 254 characters"),
    (" " * 100_000 + "x" + " " * 100_000, "no @"),
    ("a＠x.example", "a look-alike character"),
    ("a@x．example", "a look-alike character"),
    ("a@x。example", "a look-alike character"),
    ("ａ@x.example", "a look-alike character"),
    ("ﬁn@x.example", "a look-alike character"),
    ("аnn@x.example", "a look-alike character"),
    ("a@аpple.example", "a look-alike character"),
    ("a@xn--pple-43d.example", "a look-alike character"),
    ("a\u200bb@x.example", "an invisible character inside"),
    ("a\u00adb@x.example", "an invisible character inside"),
    ("a@x\u200d.example", "an invisible character inside"),
    ("a\u202eb@x.example", "a character that turns the direction of the text"),
    ("\u202ea@x.example", "a character that turns the direction of the text"),
    ("a\x00@x.example", "a control character"),
    ("a\x07b@x.example", "a control character"),
    ("a\nb@x.example", "a space inside"),
    ("a@x.example\x00", "a control character"),
    ("\ud800@x.example", "a broken character"),
    ("a@\udfff.example", "a broken character"),
]


@pytest.mark.parametrize(("key", "typed"), [(key, text) for key, texts in SAME_PERSON for text in texts])
def test_spellings_of_one_person(key: str, typed: str) -> None:
    assert email_key(typed) == key
    assert email_key(key) == key


@pytest.mark.parametrize(("one", "other"), OTHER_PEOPLE)
def test_people_who_are_not_merged(one: str, other: str) -> None:
    assert email_key(one) != email_key(other)


@pytest.mark.parametrize(("typed", "reason"), NO_ADDRESS, ids=lambda value: ascii(value)[:40])
def test_what_is_no_address(typed: str, reason: str) -> None:
    with pytest.raises(InvalidEmail) as caught:
        email_key(typed)
    assert caught.value.reason == reason
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (" Ann@Shop.Example ", "Ann@Shop.Example"),
        ("Ann <Ann@Shop.Example>", "Ann@Shop.Example"),
        ("mailto:Ann@Shop.Example?subject=x", "Ann@Shop.Example"),
        ("JU\u0308RGEN@Bücher.example", "JÜRGEN@Bücher.example"),
        ("nonsense\ud800", "nonsense\ud800"),
        ("", ""),
    ],
)
def test_what_is_shown(typed: str, shown: str) -> None:
    assert display_email(typed) == shown


WRITTEN = st.text(st.characters(categories=["L", "M", "N", "P", "S", "Z", "C"]), min_size=1, max_size=12)


@given(local=WRITTEN, domain=WRITTEN, before=st.sampled_from(["", " ", "Ann <", "mailto:", "\u200b"]))
def test_a_key_is_its_own_key(local: str, domain: str, before: str) -> None:
    for text in (f"{before}{local}@{domain}.example", f"{local}@{domain}"):
        try:
            key = email_key(text)
        except InvalidEmail:
            continue
        assert email_key(key) == key
        assert email_key(display_email(text)) == key
        assert email_key(unicodedata.normalize("NFD", text)) == key
        key.encode()


@given(st.text())
def test_any_text_has_a_key_or_a_reason(text: str) -> None:
    try:
        found = email_key(text)
    except InvalidEmail as error:
        found = error.reason
    assert found


def test_a_plain_address_takes_about_a_microsecond() -> None:
    taken = min(timeit.repeat(lambda: email_key("Some.Person12@Shop-Mail.example"), number=2_000, repeat=5)) / 2_000
    assert taken < 10e-6  # ten times what it takes here, so that a busy machine does not fail it
