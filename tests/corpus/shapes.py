"""Tables with too little, too much, or things in the wrong places; people who come again; markup and formulas."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.corpus.cases import ADA, BEN, CUSTOMERS, CY, EMPTY, HEAD, SEGMENT, TWO, Case, refused, rows, taken
from tests.corpus.dialects import named, no_email

NO_ADDRESS = "No e-mail address."
NO_AT = "Not an e-mail address: no @."
MARKUP = (
    "<script>window.__x=1</script>", '"><img src=x onerror=window.__x=1>', "<svg/onload=window.__x=1>",
    "javascript:window.__x=1", "{{ 7|add:7 }}", "{% load ui %}", "&lt;b&gt;", "<!--", "]]>", "</title><h1>x",
    "${7*7}", "'; DROP TABLE portal_store; --", "%s%n%x", "\\u003cscript\\u003e", "../../etc/passwd", "AND 1=1",
)  # fmt: skip
FORMULAS = (
    '=HYPERLINK("http://x.example";"y")', "=1+1", "+1+1", "-1+1", "@SUM(A1)", "=cmd|'/c calc'!A0", "＝1+1", "＋1",
    "－1", "＠x", "'=1+1", "''=1", "'0170", "=", "+", "-", "@",
)  # fmt: skip


def width(found: int, most: int = 3) -> str:
    return f"The row has {found} values for {most} columns."


def cases() -> Iterator[Case]:
    yield from _empty()
    yield from _ragged()
    yield from _headers()
    yield from _wide()
    yield from _again()
    yield from _shown()


def _empty() -> Iterator[Case]:
    nothing = {
        "nothing": b"",
        "a-mark-alone": b"\xef\xbb\xbf",
        "line-ends-alone": b"\r\n\n\r\r\n",
        "spaces-alone": b"   \t \r\n  \n",
        "separators-alone": b",,,\r\n,,\r\n",
        "empty-quotes-alone": b'"",""\r\n"",""\r\n',
        "one-line-end": b"\n",
        "one-space": b" ",
        "no-break-spaces": "\u00a0\u3000\u2003\r\n".encode(),
    }
    for name, content in nothing.items():
        yield refused(name, content, EMPTY)
    yield taken("header-alone", HEAD, {})
    yield taken("header-without-an-end", HEAD.rstrip(), {})
    yield taken("header-and-blank-lines", HEAD + b"\r\n" * 50, {})
    yield taken("header-and-separators", HEAD + b",,\r\n" * 50, {})
    yield taken("header-and-empty-quotes", HEAD + b'"","",""\r\n' * 5, {})
    yield refused("one-letter", b"x", no_email("x"), doors=(SEGMENT,))


def _ragged() -> Iterator[Case]:
    yield taken("more-cells-than-headers", rows(f"{ADA},Ada,1,x", f"{BEN},,", f"{CY},,,,,,y"), {3: BEN},
                bad={2: width(4), 4: width(7)})  # fmt: skip
    yield taken("more-empty-cells", rows(f"{ADA},Ada,1,,,", f"{BEN},,,,,,,,,"), holds=named("Ada"))
    yield taken("fewer-cells", rows(f"{ADA},Ada", BEN), holds=named("Ada"))
    yield taken("no-address", rows(",Ada,1", f"{BEN},,", "  ,x,"), {3: BEN}, bad={2: NO_ADDRESS, 4: NO_ADDRESS})
    yield taken("a-line-of-totals", rows(f"{ADA},,", f"{BEN},,", "Total,2,"), bad={4: NO_AT})
    yield taken("comments", rows("# exported today", f"{ADA},,", f"{BEN},,", "// end"), {3: ADA, 4: BEN},
                bad=dict.fromkeys((2, 5), "Not an e-mail address: a space inside."))  # fmt: skip
    yield taken(
        "the-header-again", rows(f"{ADA},,", "email,first name,phone", f"{BEN},,"), {2: ADA, 4: BEN}, bad={3: NO_AT}
    )
    yield taken("blank-lines-before-the-header", b"\r\n\r\n,,\r\n" + rows(f"{ADA},,", f"{BEN},,"), {5: ADA, 6: BEN})
    yield refused("a-title-above-the-header", b"Our customers\r\n" + HEAD, no_email("Our customers"), doors=(SEGMENT,))
    yield refused("data-without-a-header", rows(f"{ADA},Ada", head=b""), no_email(ADA, "Ada"), doors=(SEGMENT,))
    one = "The row has 2 values for 1 column."
    yield taken("two-values-for-one-column", rows(f"{ADA},x", BEN, head=b"email\r\n"), {3: BEN}, bad={2: one})
    yield taken("two-files-end-to-end", rows(f"{ADA},,", "\ufeffemail,first name,phone", f"{BEN},,"), {2: ADA, 4: BEN},
                bad={3: NO_AT})  # fmt: skip


def _headers() -> Iterator[Case]:
    twice = "The column “{}” is there twice (columns {} and {}). Rename or remove one of them."
    yield refused("two-columns-of-addresses", b"email,email\r\n", twice.format("email", 1, 2))
    yield refused("two-columns-but-for-case", b"Email,x, E MAIL \r\n", twice.format("E MAIL", 1, 3))
    long = f"email,{'n' * 300},{'n' * 300}\r\n".encode()
    yield refused("two-columns-of-a-long-name", long, twice.format("n" * 60, 2, 3))
    yield refused("two-columns-folded-alike", "email,Straße,STRASSE\r\n".encode(), twice.format("STRASSE", 2, 3))
    yield taken("two-names-for-addresses", rows(f"{ADA},x@y.example", f"{BEN},", head=b"email,e-mail address\r\n"))
    yield taken(
        "columns-without-a-name", rows(f",{ADA},,Ada", f",{BEN},,", head=b",email,,first name\r\n"), holds=named("Ada")
    )
    yield taken("a-header-of-300-letters", rows(f"{ADA},x", f"{BEN},", head=f"email,{'n' * 300}\r\n".encode()))
    yield taken(
        "headers-in-capitals-and-dashes",
        rows(f"{ADA},Ada", f"{BEN},", head=b"E-MAIL,FIRST_NAME\r\n"),
        holds=named("Ada"),
    )
    wide = "ｅｍａｉｌ,Ｆｉｒｓｔ　ｎａｍｅ\r\n".encode()
    yield taken("headers-in-full-width-letters", rows(f"{ADA},Ada", f"{BEN},", head=wide), holds=named("Ada"))
    yield taken("headers-like-formulas", rows(f"{ADA},1,2", f"{BEN},,", head=b"email,=1+1,@x\r\n"))
    yield taken("headers-with-control-characters", rows(f"{ADA},1", f"{BEN},", head=b"email,na\x07me\x1b[31m\r\n"))
    yield taken("headers-turned-around", rows(f"{ADA},1", f"{BEN},", head="email,\u202eeman\u202c\r\n".encode()))
    yield taken(
        "headers-of-odd-names", rows(f"{ADA},1,2,3", f"{BEN},,,", head=b"email,__proto__,constructor,attributes[x]\r\n")
    )
    yield taken("a-header-that-is-markup", rows(f"{ADA},x", f"{BEN},", head=f"email,{MARKUP[0]}\r\n".encode()))
    yield taken(
        "address-column-last", rows(f"Ada,1,{ADA}", f",,{BEN}", head=b"first name,phone,email\r\n"), holds=named("Ada")
    )
    for name, header in (("german", "E-Mail-Adresse"), ("french", "Adresse e-mail"), ("spanish", "Correo electrónico")):
        yield taken(f"address-column-{name}", rows(ADA, BEN, head=f"{header}\r\n".encode()))
    bare = b"name,phone\r\n" + rows("Ada,1", head=b"")
    yield refused("no-column-of-addresses", bare, no_email("name", "phone"), doors=(SEGMENT,))


def _wide() -> Iterator[Case]:
    def table(columns: int) -> bytes:
        return rows(
            f"{ADA},1", BEN, head=("email," + ",".join(f"c{i}" for i in range(2, columns + 1)) + "\r\n").encode()
        )

    most = "The file has {} columns; at most 200 can be read."
    yield taken("200-columns", partial(table, 200), doors=(SEGMENT,))
    yield refused("201-columns", partial(table, 201), most.format("201"))
    yield refused("5000-columns", partial(table, 5_000), most.format("5,000"))
    yield refused("100000-columns", partial(table, 100_000), most.format("100,000"))


def _again() -> Iterator[Case]:
    last = {ADA: {"first_name": "Last", "phone": "2"}}
    yield taken("three-times", rows(f"{ADA},First,1", f"{ADA},Second,", f"{BEN},,", f"{ADA},Last,2"),
                {2: ADA, 3: ADA, 4: BEN, 5: ADA}, again={2, 3}, holds=last)  # fmt: skip
    spellings = (
        " ADA@Shop.Example ",
        "Ada <ada@shop.example>",
        "mailto:ada@SHOP.example",
        "\u200bada@shop.example\ufeff",
        ADA,
    )
    yield taken(
        "in-five-spellings",
        rows(*(f"{email},," for email in spellings)),
        dict.fromkeys(range(2, 7), ADA),
        again=range(2, 6),
    )
    accents = ("zoe\u0301@shop.example", "zo\u00e9@shop.example", "ZO\u00c9@shop.example")
    yield taken(
        "composed-and-not",
        rows(*(f"{email},," for email in accents)),
        dict.fromkeys(range(2, 5), accents[1]),
        again={2, 3},
    )
    domains = ("a@b\u00fccher.example", "a@xn--bcher-kva.example", "a@bu\u0308cher.example")
    yield taken("two-spellings-of-a-domain", rows(*(f"{email},," for email in domains)),
                dict.fromkeys(range(2, 5), "a@xn--bcher-kva.example"), again={2, 3})  # fmt: skip
    yield taken("a-hundred-times", rows(*[f"{ADA},,"] * 100), dict.fromkeys(range(2, 102), ADA), again=range(2, 101))
    yield taken(
        "the-last-is-unusable",
        rows(f"{ADA},First,1", f"{ADA},Second,2,3"),
        {2: ADA},
        bad={3: width(4)},
        holds=named("First"),
    )
    yield taken("empty-cells-say-nothing", rows(f"{ADA},First,1", f"{ADA},,"), {2: ADA, 3: ADA}, again={2},
                holds={ADA: {"first_name": "", "phone": ""}})  # fmt: skip
    apart = ("a.da@shop.example", "ada+news@shop.example", "adа2@shop.example", "ada@mail.shop.example")
    yield taken("people-who-are-not-merged", rows(*(f"{email},," for email in apart)),
                {2: apart[0], 3: apart[1], 5: apart[3]},
                bad={4: "Not an e-mail address: a look-alike character."})  # fmt: skip


def _shown() -> Iterator[Case]:
    texts = [f'p{line}@shop.example,"{text.replace(chr(34), chr(34) * 2)}",' for line, text in enumerate(MARKUP, 2)]
    people = {line: f"p{line}@shop.example" for line in range(2, len(MARKUP) + 2)}
    holds = {people[line]: {"first_name": text} for line, text in enumerate(MARKUP, 2)}
    yield taken("markup-in-names", rows(*texts), people, holds=holds)
    quoted = [
        f'"{text.replace(chr(34), chr(34) * 2)}",,' for text in ("<b>@shop.example", "a@<script>.example", "=1+1", "@x")
    ]
    yield taken("markup-in-addresses", rows(*quoted), {}, bad={
        2: "Not an e-mail address: a character that is not allowed before the @.",
        3: "Not an e-mail address: a character that is not allowed in the domain.",
        4: NO_AT,
        5: "Not an e-mail address: nothing before the @.",
    })  # fmt: skip
    texts = [f'p{line}@shop.example,"{text.replace(chr(34), chr(34) * 2)}",' for line, text in enumerate(FORMULAS, 2)]
    people = {line: f"p{line}@shop.example" for line in range(2, len(FORMULAS) + 2)}
    unguarded = {"'=1+1": "=1+1", "''=1": "'=1", "'0170": "0170"}
    holds = {people[line]: {"first_name": unguarded.get(text, text)} for line, text in enumerate(FORMULAS, 2)}
    yield taken("formulas-in-names", rows(*texts), people, holds=holds)
    signs = ("=1@shop.example", "+1@shop.example", "-1@shop.example", "'=1@shop.example")
    yield taken("formulas-that-are-addresses", rows(*(f"{email},," for email in signs)),
                {2: signs[0], 3: signs[1], 4: signs[2], 5: signs[0]}, again={2})  # fmt: skip
    yield taken(
        "a-formula-behind-spaces",
        rows(f'{ADA},"  =1+1",', f'{BEN},"\t@x",'),
        TWO,
        holds=named("=1+1"),
        doors=(CUSTOMERS,),
    )
