"""Addresses as people type them, as tools print them, and as somebody writes who wants to pass for somebody else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.corpus.cases import SEGMENT, Case, rows, taken

LOOK_ALIKE = "a look-alike character"
INVISIBLE = "an invisible character inside"
TURNED = "a character that turns the direction of the text"
SPACE = "a space inside"
BEFORE = "a character that is not allowed before the @"
DOMAIN = "a character that is not allowed in the domain"
ENDING = "the domain has no valid ending"
QUOTES = "quotes before the @"
LONG, LONG_LOCAL = "longer than 254 characters", "more than 64 characters before the @"

GOOD: dict[str, Sequence[tuple[str, str]]] = {
    "case-and-space": (
        ("A1@X.EXAMPLE", "a1@x.example"),
        (" a2@x.example ", "a2@x.example"),
        ("\u00a0a3@x.example\u3000", "a3@x.example"),
    ),
    "wrapped": (
        ("Ann Lee <a1@x.example>", "a1@x.example"),
        ('"Lee, Ann" <A2@x.example>', "a2@x.example"),
        ("<a3@x.example>", "a3@x.example"),
        ("Ann <mailto:a4@x.example>", "a4@x.example"),
    ),
    "mailto": (
        ("mailto:a1@x.example", "a1@x.example"),
        ("MAILTO:a2@x.example?subject=Hi&cc=b@x.example", "a2@x.example"),
    ),
    "zero-width-at-the-ends": (
        ("\u200ba1@x.example\u200d", "a1@x.example"),
        ("\ufeffa2@x.example", "a2@x.example"),
        ("\u2060a3@x.example\u2060", "a3@x.example"),
        ("\u00ada4@x.example", "a4@x.example"),
    ),
    "other-alphabets": (
        ("иван@пример.example", "иван@xn--e1afmkfd.example"),
        ("用户@例え.example", "用户@xn--r8jz45g.example"),
        ("जॉन@x.example", "जॉन@x.example"),
        ("δοκιμή@παράδειγμα.example", "δοκιμή@xn--hxajbheg2az3al.example"),
    ),
    "endings-in-other-alphabets": (("a@例え.テスト", "a@xn--r8jz45g.xn--zckzah"), ("a@x.xn--zckzah", "a@x.xn--zckzah")),
    "accents": (
        ("jürgen@x.example", "jürgen@x.example"),
        ("RENÉ@x.example", "rené@x.example"),
        ("a@BÜCHER.example", "a@xn--bcher-kva.example"),
        ("b@xn--bcher-kva.example", "b@xn--bcher-kva.example"),
    ),
    "dotted-and-dotless-i": (
        ("ı@x.example", "ı@x.example"),
        ("i@x.example", "i@x.example"),
        ("İx@x.example", "i\u0307x@x.example"),
    ),
    "sharp-s": (
        ("straße@x.example", "straße@x.example"),
        ("strasse@x.example", "strasse@x.example"),
        ("a@straße.example", "a@xn--strae-oqa.example"),
        ("a@strasse.example", "a@strasse.example"),
    ),
    "signs-that-are-allowed": (
        ("!#$%&'*+/=?^_`{|}~-@x.example", "!#$%&'*+/=?^_`{|}~-@x.example"),
        ("o'brien@x.example", "o'brien@x.example"),
        ("a.b+c@x-y.example", "a.b+c@x-y.example"),
        ("1@2.example", "1@2.example"),
    ),
    "as-long-as-may-be": (
        ("a" * 64 + "@x.example", "a" * 64 + "@x.example"),
        ("b@" + "c" * 63 + ".example", "b@" + "c" * 63 + ".example"),
        (
            "d@" + ".".join(["e" * 49] * 4) + "." + "f" * 44 + ".example",
            "d@" + ".".join(["e" * 49] * 4) + "." + "f" * 44 + ".example",
        ),
    ),
    "emoji": (("😀@x.example", "😀@x.example"),),
}

BAD: dict[str, Sequence[tuple[str, str]]] = {
    "no-at": (("ann", "no @"), ("ann.x.example", "no @"), ("ann at x.example", SPACE)),
    "two-ats": (
        ("a@b@x.example", "more than one @"),
        ("a@@x.example", "more than one @"),
        ("a@x.example;b@x.example", "more than one @"),
    ),
    "quoted-locals": (('"a b"@x.example', QUOTES), ('"a"@x.example', QUOTES), ('"a\\"b"@x.example', QUOTES)),
    "dots": (
        ("a@x.example.", "a dot at the end"),
        (".a@x.example", "a dot in the wrong place before the @"),
        ("a.@x.example", "a dot in the wrong place before the @"),
        ("a..b@x.example", "a dot in the wrong place before the @"),
        ("a@x..example", "a dot in the wrong place in the domain"),
        ("a@.x.example", "a dot in the wrong place in the domain"),
    ),
    "endings": (
        ("a@x", "no dot in the domain"),
        ("a@localhost", "no dot in the domain"),
        ("a@x.e", ENDING),
        ("a@x.123", ENDING),
        ("a@127.0.0.1", ENDING),
        ("a@[127.0.0.1]", DOMAIN),
        ("a@[IPv6:::1]", "no dot in the domain"),
    ),
    "too-long": (
        ("a" * 65 + "@x.example", LONG_LOCAL),
        ("ü" * 33 + "@x.example", LONG_LOCAL),
        ("a@" + "b." * 150 + "example", LONG),
        ("a" * 310 + "@x.example", LONG),
        ("a@" + "b" * 64 + ".example", DOMAIN),
    ),
    "right-to-left": (
        ("a\u202eb@x.example", TURNED),
        ("\u202eelpmaxe.x@a", TURNED),
        ("a@x\u2066.example", TURNED),
        ("\u061ca@x.example", TURNED),
    ),
    "zero-width-inside": (
        ("a\u200bb@x.example", INVISIBLE),
        ("a@x\u200d.example", INVISIBLE),
        ("a\u00adb@x.example", INVISIBLE),
        ("a@\ufeffx.example", INVISIBLE),
        ("a\u2060@x.example", INVISIBLE),
        ("a\u180eb@x.example", INVISIBLE),
    ),
    "full-width": (
        ("a＠x.example", LOOK_ALIKE),
        ("ａ@x.example", LOOK_ALIKE),
        ("a@x．example", LOOK_ALIKE),
        ("a@x。example", LOOK_ALIKE),
    ),
    "homographs": (
        ("аnn@x.example", LOOK_ALIKE),
        ("a@аpple.example", LOOK_ALIKE),
        ("a@xn--pple-43d.example", LOOK_ALIKE),
        ("αnn@x.example", LOOK_ALIKE),
        ("ﬁn@x.example", LOOK_ALIKE),
        ("a@ⓔxample.example", LOOK_ALIKE),
    ),
    "punycode-that-is-none": (
        ("a@xn--zzzzzz.example", DOMAIN),
        ("a@xn--.example", DOMAIN),
        ("a@xn--a-.example", DOMAIN),
    ),
    "several": (
        ("a@x.example, b@x.example", SPACE),
        ("a@x.example/b@x.example", "more than one @"),
        ("a@x.example b@x.example", SPACE),
    ),
    "commas": (("a,b@x.example", BEFORE), ("a@x,example", "no dot in the domain"), ("a@x.exa,mple", DOMAIN)),
    "signs": (
        ("a;b@x.example", BEFORE),
        ("a(c)@x.example", BEFORE),
        ("a@x_y.example", DOMAIN),
        ("a@-x.example", DOMAIN),
        ("a@x-.example", DOMAIN),
        ("a\\b@x.example", BEFORE),
        ("a@☃.example", DOMAIN),
        ("a<b@x.example", BEFORE),
    ),
    "wrapped-badly": (
        ("<>", "empty"),
        ("Ann <>", "empty"),
        ("<<a@x.example>>", BEFORE),
        ("Ann <ann>", "no @"),
        ("mailto:", "empty"),
    ),
    "breaks-inside": (("a\nb@x.example", SPACE), ("a@x.example\r\nBcc: b@x.example", SPACE), ("a\tb@x.example", SPACE)),
    "words-for-nothing": (("n/a", "no @"), ("null", "no @"), ("-", "no @"), ("none", "no @"), ("#N/A", "no @")),
    "numbers": (("4.9E+11", "no @"), ("45123", "no @"), ("TRUE", "no @")),
    "combining-marks-alone": (("\u0301@x.example", BEFORE), ("a@\u0301x.example", DOMAIN)),
}


def cases() -> Iterator[Case]:
    for name, typed in GOOD.items():
        yield taken(f"address-{name}", _file(typed), {line: key for line, (_, key) in enumerate(typed, 2)})
    for name, wrong in BAD.items():
        reasons, line = {}, 2
        for text, reason in wrong:
            reasons[line] = f"Not an e-mail address: {reason}."
            line += 1 + text.count("\n")
        yield taken(f"no-address-{name}", _file(wrong), {}, bad=reasons, doors=(SEGMENT,))


def _file(typed: Sequence[tuple[str, str]]) -> bytes:
    return rows(*(f'"{text.replace(chr(34), chr(34) * 2)}",x,' for text, _ in typed))
