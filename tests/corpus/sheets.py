"""Sheets as Excel and other programs write them, with cells of every kind, and as nobody should."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.corpus.books import text_cells, workbook, workbook_parts, zip_of
from tests.corpus.cases import ADA, BEN, CUSTOMERS, DAMAGED, EMPTY, TWO, Case, refused, taken
from tests.corpus.dialects import LONG_CELL
from tests.corpus.packages import NO_SHEET
from tests.corpus.shapes import NO_ADDRESS, NO_AT, width

HEAD = text_cells("email", "first name", "phone")
HEAD_DATE = text_cells("email", "signed up")
DATE_STYLE = '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/></cellXfs>'
FIRST, PHONE, DAY = "first_name", "phone", "signed_up_at"


def cell(value: str, kind: str = "", place: str = "", style: str = "", inner: str = "v") -> str:
    words = {"t": kind, "r": place, "s": style}
    attributes = "".join(f' {name}="{text}"' for name, text in words.items() if text)
    return f"<c{attributes}><{inner}>{value}</{inner}></c>"


def text(value: str, place: str = "") -> str:
    return f'<c t="inlineStr"{f" r={place!r}" if place else ""}><is><t>{value}</t></is></c>'


def row(*cells: str, number: str = "") -> str:
    return f"<row{f' r={number!r}' if number else ''}>{''.join(cells)}</row>"


def people(first: str, second: str = "", email: str = ADA) -> str:
    """Ada's row with this second cell, and Ben's with that one."""
    return row(text(email), first) + row(text(BEN), second)


def cases() -> Iterator[Case]:
    for case in (*_values(), *_dates(), *_strings(), *_places(), *_sheets(), *_wrong()):
        # One door each: what is read is the same behind both, and a customer shows what was.
        doors = case.doors if case.refused else (CUSTOMERS,)
        yield Case(**{**vars(case), "filename": "people.xlsx", "doors": doors})


def named(value: Any, field: str = FIRST) -> Mapping[str, Mapping[str, Any]]:
    return {ADA: {field: value}}


def _values() -> Iterator[Case]:
    head = text_cells("email", "phone")
    numbers = {
        "a-whole-number": ("4915512345678", "4915512345678"),
        "a-number-in-powers": ("4.915512345678E+12", "4915512345678"),
        "a-number-with-a-tail": ("170.0", "170"),
        "a-fraction": ("0.30000000000000004", "0.3"),
        "less-than-nothing": ("-12", "-12"),
        "too-large-for-a-number": ("1E+400", "1E+400"),
        "no-number": ("nan", "nan"),
        "a-word-as-a-number": ("abc", "abc"),
        "digits-of-the-east": ("٣", "٣"),
        "with-an-underscore": ("1_000", "1_000"),
    }
    for name, (value, said) in numbers.items():
        yield taken(f"cell-{name}", workbook(head + people(cell(value))), holds=named(said, PHONE))
    endless = workbook(head + people(cell("9" * 5_000)))
    yield taken("cell-of-5000-digits", endless, {3: BEN}, bad={2: "Phone has 5,000 characters; at most 50 fit."},
                doors=(CUSTOMERS,))  # fmt: skip
    yield taken("cell-true", workbook(HEAD + people(cell("1", "b"))), holds=named("TRUE"))
    yield taken("cell-error", workbook(HEAD + people(cell("#REF!", "e"))), holds=named("#REF!"))
    formula = '<c t="str"><f>HYPERLINK("http://x.example")</f><v>Ada</v></c>'
    yield taken("formula-with-a-value", workbook(HEAD + people(formula)), holds=named("Ada"))
    yield taken("formula-without-a-value", workbook(HEAD + people("<c><f>1+1</f></c>")), holds=named(""))
    evil = '<c t="str"><f>WEBSERVICE("http://x.example")</f><v>=1+1</v></c>'
    yield taken("formula-of-a-formula", workbook(HEAD + people(evil)), holds=named("=1+1"))
    asked = HEAD + row(cell("45123"), text("Ada")) + row(cell("1", "b")) + row(cell("#N/A", "e")) + row(text(BEN))
    yield taken("numbers-as-addresses", workbook(asked), {5: BEN}, bad={2: NO_AT, 3: NO_AT, 4: NO_AT})


def _dates() -> Iterator[Case]:
    def book(value: str, style: str = "1", **parts: str) -> bytes:
        return workbook(HEAD_DATE + people(cell(value, style=style)), styles=DATE_STYLE, **parts)

    only: dict[str, Any] = {"doors": (CUSTOMERS,)}
    early = "Signed up: “{}” is not a day since 1970."
    yield taken("day-of-1900-count", book("45292"), **only)
    yield taken("day-of-1904-count", book("43830", properties='<workbookPr date1904="1"/>'), **only)
    yield taken("day-with-a-time", book("45292.75", "2"), **only)
    no_date = "Signed up: “{}” is not a date. Write it as 2024-12-25."
    wrong = {
        "day-before-1970": ("100", "1", early.format("1900-04-09")),
        "day-29-february-1900": ("60", "1", early.format("1900-02-28")),
        "day-far-ahead": ("73051", "1", early.format("2100-01-01")),
        "day-of-year-10000": ("2958466", "1", no_date.format("2958466")),
        "day-less-than-nothing": ("-5", "1", no_date.format("-5")),
        "a-time-alone": ("0.5", "1", no_date.format("12:00:00")),
        "a-day-without-a-style": ("45292", "0", no_date.format("45292")),
    }
    for name, (value, style, reason) in wrong.items():
        yield taken(name, book(value, style), {3: BEN}, bad={2: reason}, **only)
    iso = workbook(HEAD_DATE + people(cell("2024-02-29T10:00:00Z", "d")))
    yield taken("day-as-iso", iso, **only)
    yield taken("unknown-style", book("5", "99999"), {3: BEN}, bad={2: no_date.format("5")}, **only)


def _strings() -> Iterator[Case]:
    shared = "".join(f"<si><t>{value}</t></si>" for value in ("email", "first name", ADA, BEN, "Ada"))

    def book(cells: str, strings: str = shared) -> bytes:
        return workbook(cells, strings=strings)

    head = row(cell("0", "s"), cell("1", "s"))
    yield taken(
        "shared-strings", book(head + row(cell("2", "s"), cell("4", "s")) + row(cell("3", "s"))), holds=named("Ada")
    )
    rich = "<si><r><t>em</t></r><r><rPr><b/></rPr><t>ail</t></r><rPh sb='0' eb='1'><t>x</t></rPh></si>"
    yield taken("rich-text", book(row(cell("0", "s")) + row(text(ADA)) + row(text(BEN)), rich))
    yield refused("a-string-beyond-the-last", book(row(cell("9", "s"))), DAMAGED)
    yield refused("a-string-below-the-first", book(row(cell("-1", "s"))), DAMAGED)
    yield refused("a-string-of-no-number", book(row(cell("x", "s"))), DAMAGED)
    yield refused("a-string-beyond-the-last-in-a-row", book(head + row(cell("2", "s"), cell("99", "s"))), DAMAGED)
    escaped = people(text("A_x000D__x000A_da_x0000__xD800_"))
    yield taken("escaped-characters", workbook(HEAD + escaped), holds=named("A  da_x0000__xD800_"))
    yield taken("entities", workbook(HEAD + people(text("&lt;b&gt;&amp;&#x41;&#10;"))), holds=named("<b>&A"))
    long = people(text("x" * 70_000))
    yield taken("a-text-of-70-kb", workbook(HEAD + long), {3: BEN}, bad={2: LONG_CELL})
    strings = f"<si><t>email</t></si><si><t>{'x' * 70_000}</t></si>"
    shared_long = row(cell("0", "s"), text("a")) + row(text(ADA), cell("1", "s")) + row(text(BEN))
    yield taken("a-shared-text-of-70-kb", book(shared_long, strings), {3: BEN}, bad={2: LONG_CELL})
    invisible = row(text("\u200bada@shop.example\ufeff")) + row(text("ben\u200b@shop.example"))
    yield taken("invisible-in-a-sheet", workbook(HEAD + invisible), {2: ADA},
                bad={3: "Not an e-mail address: an invisible character inside."})  # fmt: skip


def _places() -> Iterator[Case]:
    def placed(*cells: tuple[str, str]) -> str:
        return "".join(text(value, place) for place, value in cells)

    head = row(placed(("A1", "email"), ("B1", "first name")), number="1")
    sparse = head + row(placed(("A2", ADA)), number="2") + row(placed(("A1048576", BEN)), number="1048576")
    yield taken("the-last-row-there-is", workbook(sparse), {2: ADA, 1_048_576: BEN})
    corner = (
        head
        + row(placed(("A2", ADA)), number="2")
        + row(placed(("A1048576", BEN), ("XFD1048576", "x")), number="1048576")
    )
    yield taken("the-last-corner", workbook(corner), {2: ADA}, bad={1_048_576: width(201, 2)})
    gaps = head + row(placed(("B5", "Ada"), ("A5", ADA)), number="5") + row(placed(("A9", BEN)), number="9")
    yield taken("rows-with-gaps-and-cells-swapped", workbook(gaps), {5: ADA, 9: BEN}, holds=named("Ada"))
    yield taken("a-table-in-the-middle", workbook(row(placed(("D7", "email"), ("F7", "first name")), number="7")
                + row(placed(("D8", ADA), ("F8", "Ada")), number="8") + row(placed(("D9", BEN)), number="9")),
                {8: ADA, 9: BEN}, holds=named("Ada"))  # fmt: skip
    twice = head + row(placed(("A2", BEN), ("A2", ADA)), number="2") + row(placed(("A3", BEN)), number="3")
    yield taken("a-cell-twice", workbook(twice))
    bad_rows = {"0": "row-0", "-1": "row-less-than-nothing", "1048577": "row-beyond-the-last", "1": "row-twice",
                "99999999999999999999": "row-huge", "x": "row-x", "1.5": "row-1-5"}  # fmt: skip
    for number, name in bad_rows.items():
        yield refused(name, workbook(head + row(text(ADA), number=number)), DAMAGED)
    for name, place in (
        ("XFE1", "XFE2"),
        ("AAAAA1", "AAAAA2"),
        ("digits", "22"),
        ("signs", "-A2"),
        ("full-width", "Ａ2"),
    ):
        yield refused(f"column-{name}", workbook(head + row(text(ADA, place), number="2")), DAMAGED)
    wide = row(*(text(f"c{i}") for i in range(300)))
    yield refused("300-columns-in-a-sheet", workbook(wide), "The file has 201 columns; at most 200 can be read.")
    empty = row() * 500
    yield taken("500-empty-rows", workbook(HEAD + row(text(ADA)) + empty + row(text(BEN))), {2: ADA, 503: BEN})
    blank = "".join(row(text(""), text("  ")) for _ in range(500))
    yield taken("500-blank-rows", workbook(HEAD + row(text(ADA)) + blank + row(text(BEN))), {2: ADA, 503: BEN})
    yield taken(
        "no-address-in-a-row", workbook(HEAD + row(text(""), text("x")) + row(text(BEN))), {3: BEN}, bad={2: NO_ADDRESS}
    )


def _sheets() -> Iterator[Case]:
    parts = workbook_parts(HEAD + people(text("Ada")))
    links = str(parts["xl/_rels/workbook.xml.rels"])
    second = links.replace("</Relationships>", "").replace('"rId2"', '"x2"') + (
        '<Relationship Id="rId9" Type="x/worksheet" Target="worksheets/sheet2.xml"/></Relationships>'
    )
    ours, other = str(parts["xl/worksheets/sheet1.xml"]), "<worksheet><sheetData><row/></sheetData></worksheet>"

    def two(first: str, one: str, last: str) -> bytes:
        sheets = f'<sheets><sheet name="A" {first} r:id="rId1"/><sheet name="B" r:id="rId9"/></sheets>'
        start, _, rest = str(parts["xl/workbook.xml"]).partition("<sheets>")
        book = start + sheets + rest.partition("</sheets>")[2]
        return zip_of({**parts, "xl/workbook.xml": book, "xl/_rels/workbook.xml.rels": second,
                       "xl/worksheets/sheet1.xml": one, "xl/worksheets/sheet2.xml": last})  # fmt: skip

    yield taken("the-first-of-two-sheets", two("", ours, other), holds=named("Ada"))
    yield taken("a-hidden-sheet-first", two('state="hidden"', other, ours), holds=named("Ada"))
    yield taken("a-very-hidden-sheet-first", two('state="veryHidden"', other, ours), holds=named("Ada"))
    yield refused("an-empty-sheet-first", two("", other, ours), EMPTY)
    hidden = str(parts["xl/workbook.xml"]).replace('name="S"', 'name="S" state="hidden"')
    yield refused("all-sheets-hidden", zip_of({**parts, "xl/workbook.xml": hidden}), NO_SHEET)
    merged = ours.replace("</sheetData>", '</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>')
    yield taken("merged-cells", zip_of({**parts, "xl/worksheets/sheet1.xml": merged}), holds=named("Ada"))
    claimed = ours.replace("<sheetData>", '<dimension ref="A1:XFD1048576"/><sheetData>')
    yield taken(
        "a-sheet-that-claims-to-be-huge", zip_of({**parts, "xl/worksheets/sheet1.xml": claimed}), holds=named("Ada")
    )
    prefixed = ours.replace("<", "<x:").replace("<x:/", "</x:").replace("<x:worksheet", '<x:worksheet xmlns:x="x"')
    yield taken("tags-with-a-prefix", zip_of({**parts, "xl/worksheets/sheet1.xml": prefixed}), holds=named("Ada"))
    filtered = ours.replace("<row>", '<row hidden="1">')
    yield taken("rows-that-are-hidden", zip_of({**parts, "xl/worksheets/sheet1.xml": filtered}), holds=named("Ada"))


def _wrong() -> Iterator[Case]:
    yield refused("a-sheet-of-nothing", workbook(""), EMPTY)
    yield refused("a-sheet-of-empty-rows", workbook(row() * 9), EMPTY)
    yield taken("a-sheet-of-headers", workbook(HEAD), {})
    more = HEAD + row(text(ADA), text("a"), text("b"), text("c")) + row(text(BEN))
    yield taken("more-cells-in-a-row", workbook(more), {3: BEN}, bad={2: width(4)})
    yield taken("unknown-kinds-of-cells", workbook(HEAD + people(cell("Ada", "zzz"))), TWO, holds=named("Ada"))
    yield taken(
        "tags-that-nobody-knows", workbook(HEAD + people(text("Ada")) + "<x><y><z/></y></x>"), holds=named("Ada")
    )
    again = HEAD + row(text(ADA), text("First")) + row(text(ADA), text("Last"))
    yield taken("twice-in-a-sheet", workbook(again), {2: ADA, 3: ADA}, again={2}, holds=named("Last"))
