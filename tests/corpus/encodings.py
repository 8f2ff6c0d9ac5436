"""Text in the right encoding, in the wrong one, in two at once, and in none."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from tests.corpus.cases import ADA, BEN, CY, HEAD, NOT_TEXT, TWO, Case, refused, rows, taken

TEXT = f"email,first name,phone\r\n{ADA},Zoé,1\r\n{BEN},Jürgen,2\r\n"
ASCII = f"email,first name,phone\r\n{ADA},Zoe,1\r\n{BEN},Jurgen,2\r\n"
NAMES = {ADA: {"first_name": "Zoé"}, BEN: {"first_name": "Jürgen"}}
UTF_32 = "This is UTF-32 text. Save the file again as CSV UTF-8."
AGAIN = "Save the file again as CSV UTF-8."
NUL = "The row contains a NUL byte."


def unlike(line: int, encoding: str = "UTF-8") -> str:
    return f"Line {line} is not {encoding} text like the rest of the file. {AGAIN}"


def neither(line: int) -> str:
    return f"Line {line} is neither UTF-8 nor Windows-1252 text. {AGAIN}"


def cases() -> Iterator[Case]:
    yield from _told()
    yield from _guessed()
    yield from _utf_8_that_is_none()
    yield from _mixed()
    yield from _lost_before()
    yield from _nul()


def _told() -> Iterator[Case]:
    yield taken("utf-8", TEXT.encode(), holds=NAMES)
    yield taken("utf-8-mark", codecs.BOM_UTF8 + TEXT.encode(), holds=NAMES)
    yield taken("utf-8-two-marks", codecs.BOM_UTF8 * 2 + TEXT.encode(), holds=NAMES)
    yield taken("utf-8-two-marks-and-spaces", codecs.BOM_UTF8 * 2 + b"  " + TEXT.encode(), holds=NAMES)
    yield taken("utf-8-mark-quoted-header", codecs.BOM_UTF8 + TEXT.replace("email", '"email"', 1).encode(), holds=NAMES)
    yield taken("utf-8-mark-inside", TEXT.replace(BEN, f"\ufeff{BEN}").encode(), holds=NAMES)
    for name, order in (("le", codecs.BOM_UTF16_LE), ("be", codecs.BOM_UTF16_BE)):
        encoded = TEXT.encode(f"utf-16-{name}")
        yield taken(f"utf-16-{name}-mark", order + encoded, holds=NAMES)
        yield taken(f"utf-16-{name}-no-mark", encoded, holds=NAMES, guessed=True)
        yield taken(f"utf-16-{name}-tabs", order + TEXT.replace(",", "\t").encode(f"utf-16-{name}"), holds=NAMES)
        yield refused(f"utf-16-{name}-odd-byte", order + encoded + b"x", _cut(name), late=False)
        broken = TEXT.replace("Zoé", "Zo\ud83d").encode(f"utf-16-{name}", "surrogatepass")
        yield refused(f"utf-16-{name}-lone-surrogate", order + broken, _cut(name, 2))
    for name, order in (("le", codecs.BOM_UTF32_LE), ("be", codecs.BOM_UTF32_BE)):
        yield refused(f"utf-32-{name}-mark", order + TEXT.encode(f"utf-32-{name}"), UTF_32)
        yield refused(f"utf-32-{name}-no-mark", TEXT.encode(f"utf-32-{name}"), UTF_32)
    emoji = TEXT.replace("Zoé", "Zoé 👩‍👩‍👧 𝒵")
    yield taken("utf-16-surrogate-pairs", codecs.BOM_UTF16_LE + emoji.encode("utf-16-le"), holds={BEN: NAMES[BEN]})
    yield taken("utf-8-beyond-the-basic-plane", emoji.encode(), holds={ADA: {"first_name": "Zoé 👩‍👩‍👧 𝒵"}})
    yield refused("utf-16-mark-alone", codecs.BOM_UTF16_LE, "The file is empty.")


def _cut(order: str, line: int = 4) -> str:
    return unlike(line, "UTF-16" if order == "le" else "UTF-16 (big-endian)")


def _guessed() -> Iterator[Case]:
    yield taken("cp1252", TEXT.encode("cp1252"), holds=NAMES, guessed=True)
    euro = TEXT.replace("Zoé", "Zoé “€” – ‚x‘ Š")
    yield taken(
        "cp1252-its-own-signs", euro.encode("cp1252"), holds={ADA: {"first_name": "Zoé “€” – ‚x‘ Š"}}, guessed=True
    )
    yield taken("latin-1", TEXT.encode("latin-1"), holds=NAMES, guessed=True)
    yield taken("latin-9", TEXT.replace("Zoé", "Zoé 5 €").encode("iso-8859-15"), guessed=True, holds={BEN: NAMES[BEN]})
    yield taken("cp1252-semicolons", TEXT.replace(",", ";").encode("cp1252"), holds=NAMES, guessed=True)
    late = HEAD + b"".join(_many(450)) + "zoe@shop.example,Zoé,1\r\n".encode("cp1252")
    yield taken("cp1252-late", late, _many_people(450) | {452: "zoe@shop.example"}, guessed=True)
    # Mac, DOS and the East: nothing says so, and the letters come out wrong; the page asks a person to look.
    yield taken("mac-roman", TEXT.encode("mac-roman"), holds={ADA: {"first_name": "ZoŽ"}}, guessed=True)
    yield taken("cyrillic-cp1251", TEXT.replace("Zoé", "Зоя").replace("ü", "u").encode("cp1251"), guessed=True)
    yield taken("koi8-r", TEXT.replace("Zoé", "Зоя").replace("ü", "u").encode("koi8-r"), guessed=True)
    yield taken("greek-iso-8859-7", TEXT.replace("Zoé", "Ζωή").replace("ü", "u").encode("iso-8859-7"), guessed=True)
    yield taken("gbk", TEXT.replace("Zoé", "王伟").replace("ü", "u").encode("gbk"), guessed=True)
    yield taken("euc-kr", TEXT.replace("Zoé", "김철수").replace("ü", "u").encode("euc-kr"), guessed=True)
    yield refused("dos-cp850", TEXT.encode("cp850"), neither(3))
    yield taken("shift-jis", TEXT.replace("Zoé", "山田").replace("ü", "u").encode("shift-jis"), guessed=True)
    yield refused("shift-jis-long-vowel", TEXT.replace("Zoé", "ゾー").replace("ü", "u").encode("shift-jis"), neither(2))
    yield taken("utf-7", ASCII.replace("Zoe", "Zo+AOk-").encode(), holds={ADA: {"first_name": "Zo+AOk-"}})
    yield refused("ebcdic", TEXT.encode("cp500"), neither(1))
    yield taken("iso-2022-jp", ASCII.replace("Zoe", "山田").encode("iso-2022-jp"))


def _many(count: int) -> list[bytes]:
    """Lines enough, with 450 of them, that what comes below is not among the first 64 kB."""
    return [f"p{line}@shop.example,{'Pat' * 45},1\r\n".encode() for line in range(2, count + 2)]


def _many_people(count: int) -> dict[int, str]:
    return {line: f"p{line}@shop.example" for line in range(2, count + 2)}


def _utf_8_that_is_none() -> Iterator[Case]:
    good = f"{BEN},Jürgen Ångström,2\r\n".encode()
    start = HEAD + good
    odd = {
        "cesu-8": b"\xed\xa0\xbd\xed\xb8\x80",
        "lone-surrogate": b"\xed\xa0\x80",
        "overlong-slash": b"\xc0\xaf",
        "overlong-three": b"\xe0\x80\xaf",
        "overlong-nul": b"\xc0\x80",
        "five-bytes": b"\xf8\x88\x80\x80\x80",
        "beyond-unicode": b"\xf4\x90\x80\x80",
        "cut-off": b"\xc3",
        "stray-continuation": b"\xbf",
        "never-valid": b"\xfe\xff",
    }
    for name, piece in odd.items():
        # Where the rest is plainly UTF-8, reading it as Windows-1252 would garble everybody else's name.
        enough = good * 4
        yield refused(f"utf-8-{name}", start + enough + f"{ADA},Zo".encode() + piece + b",1\r\n", unlike(7))
    yield refused("utf-8-cut-at-the-end", start + f"{ADA},Zo".encode() + b"\xc3", unlike(3))
    # An overlong @ is never an @.
    yield taken("overlong-at", HEAD + b"ada\xc1\x80shop.example,Ada,1\r\n" + f"{BEN},,\r\n".encode(), {3: BEN},
                bad={2: "Not an e-mail address: no @."}, guessed=True)  # fmt: skip
    yield refused("byte-that-is-nowhere", HEAD + f"{ADA},Zo\x81,1\r\n".encode("latin-1"), neither(2))
    yield refused("utf-8-mark-but-latin", codecs.BOM_UTF8 + TEXT.encode("latin-1"), unlike(2))
    lost = rows(f"{ADA},Zo\ufffd,1", "b\ufffdn@shop.example,,", f"{CY},,")
    yield taken("replacement-characters", lost, {2: ADA, 4: CY}, bad={3: "Not an e-mail address: a broken character."})
    none = rows(f"{ADA},Zo\uffff,1", "b\ufffen@shop.example,,", f"{CY},,")
    yield taken("noncharacters", none, {2: ADA, 4: CY},
                bad={3: "Not an e-mail address: a character that is not allowed."})  # fmt: skip
    private = rows(f"{ADA},Zo\ue000,1", "b\ue000n@shop.example,,")
    yield taken("private-use", private, {2: ADA}, bad={3: "Not an e-mail address: a character that is not allowed."})


def _mixed() -> Iterator[Case]:
    good = f"{BEN},Jürgen Ångström,2\r\n".encode()
    yield refused("utf-8-then-one-cp1252", HEAD + good * 3 + f"{ADA},Zoé,1\r\n".encode("cp1252"), unlike(5))
    yield refused("utf-8-then-cp1252-far-below",
                  lambda: HEAD + good * 3 + b"".join(_many(5_000)) + "z@shop.example,Zoé,1\r\n".encode("cp1252"),
                  unlike(5_005))  # fmt: skip
    yield taken("cp1252-then-one-utf-8",
                HEAD + f"{BEN},Jürgen Ångström Müller,2\r\n".encode("cp1252") + f"{ADA},Zoé,1\r\n".encode(),
                {2: BEN, 3: ADA}, guessed=True, holds={ADA: {"first_name": "ZoÃ©"}})  # fmt: skip
    yield refused("utf-16-then-utf-8", codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le") + b"x,y\r\n", _cut("le"))
    yield taken(
        "utf-8-then-utf-16", TEXT.encode() + f"{CY},,\r\n".encode("utf-16-le"), TWO, bad={4: NUL, 5: NUL, 6: NUL}
    )
    yield taken("html-entities-stay", rows(f"{ADA},Zo&eacute;,1"), {2: ADA}, holds={ADA: {"first_name": "Zo&eacute;"}})
    twice = rows(f"{ADA},ZoÃ©,1")
    yield taken("encoded-twice", twice, {2: ADA}, holds={ADA: {"first_name": "ZoÃ©"}})
    cut = TEXT.encode().replace(b"\xc3\xbc", b"\xc3\x83\xc2\xbc")
    yield taken("partly-encoded-twice", cut, TWO, holds={ADA: NAMES[ADA]})


def _lost_before() -> Iterator[Case]:
    # What an earlier program could not read stays what it is; the line that is told is that of the damage.
    good = f"{BEN},Jürgen\ufffd Ångström,2\r\n".encode()
    yield refused(
        "damage-below-replacement-characters", HEAD + good * 3 + f"{ADA},Zo\xe9,1\r\n".encode("latin-1"), unlike(5)
    )


def _nul() -> Iterator[Case]:
    yield taken("nul-in-a-name", rows(f"{ADA},Z\0oe,1", f"{BEN},,"), {3: BEN}, bad={2: NUL})
    yield taken("nul-in-an-address", rows("a\0da@shop.example,Zoe,1", f"{BEN},,"), {3: BEN}, bad={2: NUL})
    yield taken("nul-in-quotes", rows(f'{ADA},"Z\0\noe",1', f"{BEN},,"), {4: BEN}, bad={2: NUL})
    yield taken("nul-alone-in-a-line", rows("\0", f"{BEN},,"), {3: BEN}, bad={2: NUL})
    yield taken("nul-at-the-very-end", rows(f"{ADA},,", f"{BEN},,") + b"\0", TWO, bad={4: NUL})
    yield taken("nul-in-a-giant-cell", rows(f"{ADA},{'x' * 70_000}\0,1", f"{BEN},,"), {3: BEN},
                bad={2: "The row has a cell longer than 64 kB."})  # fmt: skip
    yield refused("nul-in-the-header", b"email,na\0me\r\n" + f"{ADA},x\r\n".encode(),
                  "The first row cannot be read: it contains a NUL byte.")  # fmt: skip
    yield refused("nothing-but-nul", b"\0" * 5_000, NOT_TEXT)
    yield taken("control-characters", rows(f"{ADA},Z\x07o\x1be,1", "b\x08n@shop.example,,"), {2: ADA},
                bad={3: "Not an e-mail address: a control character."})  # fmt: skip
