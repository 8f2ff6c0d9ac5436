"""Separators and quotes, as programs write them and as they get broken."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import partial

from tests.corpus.cases import ADA, BEN, CY, EMPTY, SEGMENT, TWO, Case, refused, rows, taken
from tests.corpus.texts import huge_cell, unclosed_quote

MANY_LINES = "The row has a cell of more than 100 lines (until line {})."
LONG_CELL = "The row has a cell longer than 64 kB."
LONG_ROW = "The row is longer than 1024 kB."


def open_quote(line: int) -> str:
    return f"The quote opened in line {line} never closes."


def no_email(*headers: str) -> str:
    told = ", ".join(f"“{header}”" for header in headers)
    return (
        f"There is no e-mail column. The columns found are: {told}. "
        "Name the one that holds the addresses “email”, or start from the template."
    )


def named(name: str) -> dict[str, dict[str, str]]:
    return {ADA: {"first_name": name}}


def cases() -> Iterator[Case]:
    yield from _separators()
    yield from _sep_lines()
    yield from _quotes()
    yield from _broken_quotes()
    yield from _line_ends()
    yield from _giants()


def _separators() -> Iterator[Case]:
    text = f"email{{0}}first name{{0}}phone\r\n{ADA}{{0}}Ada{{0}}1,5\r\n{BEN}{{0}}Ben{{0}}2,25\r\n"
    for name, mark in (("semicolons", ";"), ("tabs", "\t"), ("bars", "|")):
        yield taken(f"{name}-decimal-commas", text.format(mark).encode(), holds={ADA: {"phone": "1,5"}})
    yield taken("tabs-tsv", text.format("\t").encode(), filename="people.tsv", holds=named("Ada"))
    yield taken("commas-in-a-tsv", rows(f"{ADA},Ada,1", f"{BEN},,"), filename="people.tsv", holds=named("Ada"))
    yield taken("txt", rows(f"{ADA},Ada,1", f"{BEN},,"), filename="people.txt", holds=named("Ada"))
    names = [f'{ADA};"Lee, Ada, Dr., Prof.";1', f'{BEN};"a,b,c,d,e,f";2']
    yield taken("semicolons-with-many-commas", rows(*names, head=b"email;first name;phone\r\n"),
                holds=named("Lee, Ada, Dr., Prof."))  # fmt: skip
    yield taken("commas-with-many-semicolons", rows(f"{ADA},a;b;c;d,1", f"{BEN},e;f;g;h,2"), holds=named("a;b;c;d"))
    yield taken("one-column", rows(ADA, BEN, head=b"email\r\n"))
    yield taken("one-column-and-commas-in-names", rows(ADA, BEN, head=b"Email\n", end="\n"))
    yield taken("separators-at-the-ends", rows(f"{ADA},Ada,1,,", f"{BEN},,2,,", head=b"email,first name,phone,,\r\n"),
                holds=named("Ada"))  # fmt: skip
    quoted = rows(f'"{ADA}";"a;b";"1"', f'"{BEN}";";;;;";""', head=b'"email";"first name";"phone"\r\n')
    yield taken("separators-within-quotes", quoted, holds=named("a;b"))
    yield taken(
        "spaces-around-everything", rows(f"  {ADA} , Ada ,\t1 ", f"\u00a0{BEN}\u00a0,\u3000Ben,"), holds=named("Ada")
    )
    for name, mark in (("carets", "^"), ("spaces", " "), ("unit-separators", "\x1f"), ("colons", ":")):
        content = text.format(mark).replace(",", ".").encode()
        header = f"email{mark}first name{mark}phone".replace("\x1f", "\ufffd")
        yield refused(f"separated-by-{name}", content, no_email(header), doors=(SEGMENT,))
    doubled = f"email||first name\r\n{ADA}||Ada\r\n{BEN}||Ben\r\n".encode()
    yield taken("two-bars-at-a-time", doubled, holds=named("Ada"))


def _sep_lines() -> Iterator[Case]:
    body = f"email;first name\r\n{ADA};Ada\r\n{BEN};Ben\r\n"
    below = {3: ADA, 4: BEN}
    yield taken("sep-line", f"sep=;\r\n{body}".encode(), below, holds=named("Ada"))
    yield taken("sep-line-quoted-with-mark", codecs.BOM_UTF8 + f'"sep=;"\r\n{body}'.encode(), below)
    yield taken("sep-line-utf-16", codecs.BOM_UTF16_LE + f"sep=;\r\n{body}".encode("utf-16-le"), below)
    yield taken("sep-line-of-a-caret", f"sep=^\n{body.replace(';', '^')}".encode(), below, holds=named("Ada"))
    yield taken("sep-line-of-a-tab", f"sep=\t\n{body.replace(';', chr(9))}".encode(), below, holds=named("Ada"))
    yield taken("sep-line-of-an-emoji", f"SEP=😀\n{body.replace(';', '😀')}".encode(), below, holds=named("Ada"))
    yield refused("sep-line-that-lies", f"sep=|\r\n{body}".encode(), no_email("email;first name"), doors=(SEGMENT,))
    yield refused("sep-line-alone", b"sep=;\r\n", EMPTY)


def _quotes() -> Iterator[Case]:
    yield taken("all-quoted", rows(f'"{ADA}","Ada","1"', f'"{BEN}","",""', head=b'"email","first name","phone"\r\n'))
    yield taken(
        "doubled-quotes", rows(f'{ADA},"Ada ""the Countess"" L",1', f"{BEN},,"), holds=named('Ada "the Countess" L')
    )
    yield taken(
        "quotes-in-the-middle", rows(f'{ADA},Ada "the Countess" L,1', f"{BEN},,"), holds=named('Ada "the Countess" L')
    )
    yield taken("text-behind-a-quote", rows(f'{ADA},"Ada" L,1', f"{BEN},,"), holds=named("Ada L"))
    yield taken("space-behind-a-quote", rows(f'{ADA},"Ada" ,1', f'{BEN},"Ben"  ,'), holds=named("Ada"))
    yield taken("space-before-a-quote", rows(f'{ADA}, "Ada",1', f"{BEN},,"), holds=named('"Ada"'))
    yield taken("nothing-but-quotes", rows(f'{ADA},"""",1', f'{BEN},"""""",'), holds=named('"'))
    yield taken("single-quotes", rows(f"{ADA},'Ada',1", f"{BEN},O'Neil,"), holds=named("'Ada'"))
    yield taken(
        "curly-quotes", rows(f"{ADA},“Ada, no,1", f"{BEN},,", head=b"email,first name,phone,x\r\n"), holds=named("“Ada")
    )
    yield taken("backslash-before-a-quote", rows(f'{ADA},"Ada \\"L\\" B",1', f"{BEN},,"), holds=named('Ada \\L\\" B"'))
    yield taken("an-inch-sign", rows(f'{ADA},Ada 5",1', f'{BEN},6" Ben,'), holds=named('Ada 5"'))
    breaks = rows(f'{ADA},"Ada\nL",1', f'{BEN},"B\r\n\r\nB",2', f"{CY},,")
    yield taken("line-breaks-in-cells", breaks, {2: ADA, 4: BEN, 7: CY}, holds=named("Ada L"))
    broken = rows(f"{ADA},Ada,1", f"{BEN},,", head=b'email,"first\nname",phone\r\n')
    yield taken("a-break-in-the-header", broken, {3: ADA, 4: BEN}, holds=named("Ada"))
    tall = "x" + "\n" * 99
    yield taken("cell-of-100-lines", rows(f'{ADA},"{tall}",', f"{BEN},,"), {2: ADA, 102: BEN}, holds=named("x"))
    yield taken("cell-of-101-lines", rows(f'{ADA},"{"x" + chr(10) * 100}y",', f"{BEN},,"), {103: BEN},
                bad={2: MANY_LINES.format(102)})  # fmt: skip


def _broken_quotes() -> Iterator[Case]:
    yield refused("open-quote-in-the-last-line", rows(f"{ADA},Ada,1", f'{BEN},"Ben,2'), open_quote(3), late=True)
    yield refused("open-quote-in-the-header", rows(f"{ADA},Ada,1", head=b'email,"first name\r\n'), open_quote(1))
    yield refused("open-quote-and-no-more", rows(f'{ADA},Ada,"'), open_quote(2), late=True)
    yield refused(
        "open-quote-at-3-of-100000", lambda: unclosed_quote(100_000, 3), open_quote(3), late=True, doors=(SEGMENT,)
    )
    yield refused("open-quote-at-3-and-many-after", lambda: unclosed_quote(900, 3, ',""'), open_quote(3), late=True)
    yield refused("open-quote-that-meets-the-next", rows(f'{ADA},"Ada,1', f'{BEN},"Ben",2', f"{CY},,"), open_quote(2))
    yield refused("open-quote-far-below", lambda: unclosed_quote(3_000, 2_900), open_quote(2_900), late=True)


def _line_ends() -> Iterator[Case]:
    text = "email,first name,phone\n" + f"{ADA},Ada,1\n{BEN},Ben,2\n"
    yield taken("line-feeds", text.encode(), holds=named("Ada"))
    yield taken("carriage-returns", text.replace("\n", "\r").encode(), holds=named("Ada"))
    yield taken("all-three-ends", f"email,first name,phone\r{ADA},Ada,1\n{BEN},Ben,2\r\n{CY},,".encode(), TWO | {4: CY})
    yield taken("no-last-end", text.rstrip("\n").encode(), holds=named("Ada"))
    yield taken(
        "ends-doubled-by-a-transfer", text.replace("\n", "\r\r\n").encode(), {3: ADA, 5: BEN}, holds=named("Ada")
    )
    yield taken("line-feed-then-return", text.replace("\n", "\n\r").encode(), {3: ADA, 5: BEN}, holds=named("Ada"))
    odd = rows(f"{ADA},A\x0bd\x0ca\u2028\u2029\x85x,1", f"{BEN},,")
    yield taken("ends-that-are-none", odd, TWO)
    yield taken("a-dos-end-of-file", text.encode() + b"\x1a", bad={4: "Not an e-mail address: a control character."})
    yield taken("blank-lines-everywhere", text.replace("\n", "\n\n \n\t\n").encode(), {5: ADA, 9: BEN})


def _giants() -> Iterator[Case]:
    ends = {2: "a@shop.example", 4: "c@shop.example"}
    for name, is_quoted in (("cell-of-10-mb", False), ("cell-of-10-mb-quoted", True)):
        cell = partial(huge_cell, 10 << 20, quoted=is_quoted)
        yield taken(name, cell, ends, bad={3: LONG_CELL}, doors=(SEGMENT,))
    yield taken("cell-of-2-mb-over-20-lines", lambda: huge_cell(2 << 20, quoted=True, lines=20),
                {2: "a@shop.example", 23: "c@shop.example"}, bad={3: LONG_CELL})  # fmt: skip
    yield taken("address-of-70-kb", rows(f"{'a' * 70_000}@shop.example,,", f"{BEN},,"), {3: BEN}, bad={2: LONG_CELL})
    yield taken("row-of-2-mb", lambda: rows(f"{ADA},Ada,1" + ",x" * (1 << 20), f"{BEN},,"), {3: BEN}, bad={2: LONG_ROW})
    yield taken("row-of-separators", lambda: rows(ADA + "," * 200_000, f"{BEN},,"), TWO)
    commas = partial(rows, ADA + "," * 2_000_000, f"{BEN},,")
    yield taken("row-of-two-million-separators", commas, {3: BEN}, bad={2: LONG_ROW}, doors=(SEGMENT,))
    yield taken("a-million-blank-lines", lambda: rows(f"{ADA},,") + b"\n" * 1_000_000 + f"{BEN},,".encode(),
                {2: ADA, 1_000_003: BEN})  # fmt: skip
    yield taken("50000-lines-of-separators", lambda: rows(f"{ADA},,") + b",,\n" * 50_000 + f"{BEN},,".encode(),
                {2: ADA, 50_003: BEN})  # fmt: skip
    yield refused(
        "one-line-and-no-end", lambda: b"x" * 3_000_000, "The first row cannot be read: it is longer than 1024 kB."
    )
    yield refused("header-of-70-kb", b"email," + b"x" * 70_000 + b"\r\n" + rows(f"{ADA},x", head=b""),
                  "The first row cannot be read: it has a cell longer than 64 kB.")  # fmt: skip
    yield refused(
        "header-of-commas", lambda: b"," * 3_000_000, "The first row cannot be read: it is longer than 1024 kB."
    )
    yield refused(
        "a-megabyte-of-spaces",
        lambda: b" " * 1_000_000 + b"\n",
        "The first row cannot be read: it has a cell longer than 64 kB.",
    )
