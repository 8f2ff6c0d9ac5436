"""What the cells of a customer file may hold: dates, tags, consent, ids, attributes; in our layout and in those of
shops."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.corpus.cases import ADA, BEN, CUSTOMERS, KNOWN, SEGMENT, Case, rows, taken

NEW = "new{}@shop.example"
NO_DATE = "Signed up: “{}” is not a date. Write it as 2024-12-25."
NO_DAY = "Signed up: “{}” is not a day since 1970."
EITHER = "Signed up: “{}” may begin with the day or the month: say which for this column."
NOT_JSON, NO_OBJECT = "Attributes: this is not JSON.", "Attributes: this is not a JSON object."
NO_VALUE = "Attributes: only texts, numbers, true and false may stand in it."

DATES = {
    "2024-07-09": datetime(2024, 7, 9, 4, tzinfo=UTC),
    "2024-07-09 10:30": datetime(2024, 7, 9, 14, 30, tzinfo=UTC),
    "2024-07-09T10:30:05Z": datetime(2024, 7, 9, 10, 30, 5, tzinfo=UTC),
    "2024-07-09T10:30:05.123456+02:00": datetime(2024, 7, 9, 8, 30, 5, 123456, tzinfo=UTC),
    "2024-07-09 10:30:05 -0500": datetime(2024, 7, 9, 15, 30, 5, tzinfo=UTC),
    "25.12.2023 14:30": datetime(2023, 12, 25, 19, 30, tzinfo=UTC),
    "12/25/2023 2:30 PM": datetime(2023, 12, 25, 19, 30, tzinfo=UTC),
    "25 Dec 2023": datetime(2023, 12, 25, 5, tzinfo=UTC),
    "1970-01-01": datetime(1970, 1, 1, 5, tzinfo=UTC),
    "2024-02-29": datetime(2024, 2, 29, 5, tzinfo=UTC),
    "2024-03-10 02:30": datetime(2024, 3, 10, 7, 30, tzinfo=UTC),
    "20240709": datetime(2024, 7, 9, 4, tzinfo=UTC),
    "2024-W28-2": datetime(2024, 7, 9, 4, tzinfo=UTC),
}
"""In a store of New York; 2:30 on the tenth of March 2024 is an hour that its clocks passed over."""
NO_DATES = {
    "03/04/2024": EITHER,
    "1969-12-31": NO_DAY,
    "0001-01-01": NO_DAY,
    "2099-01-01": NO_DAY,
    "9999-12-31": NO_DAY,
    "10000-01-01": NO_DATE,
    "2023-02-29": NO_DATE,
    "2016-12-31T23:59:60Z": NO_DATE,
    "2024-13-01": NO_DATE,
    "31.11.2023": NO_DATE,
    "yesterday": NO_DATE,
    "45123": NO_DATE,
    "1720519805": NO_DATE,
    "1/2/24": NO_DATE,
    "25:00": NO_DATE,
    "2024-01-01T25:00": NO_DATE,
    "2024-01-01 10:00 +99:00": NO_DATE,
    "13:30 PM": NO_DATE,
    "-2024-01-01": NO_DATE,
    "=TODAY()": NO_DATE,
}
ATTRIBUTES = {
    '{"a": "x\\u0000y"}': {"a": "xy"},
    '{"a": "\\ud800"}': {"a": "?"},
    '{"\\ud800": 1}': {"?": 1},
    '{"a": 1e14, "b": -0.5, "c": true}': {"a": 1e14, "b": -0.5, "c": True},
    '{"a": null, "b": ""}': None,
    '{"__proto__": "x", "constructor": "y"}': {"__proto__": "x", "constructor": "y"},
    '{"a": "<script>"}': {"a": "<script>"},
    '{"a": "one\\ntwo"}': {"a": "one\ntwo"},
    "{}": None,
}
NO_ATTRIBUTES = {
    '{"a": NaN}': NO_VALUE,
    '{"a": -Infinity}': NO_VALUE,
    '{"a": 1e999}': NO_VALUE,
    '{"a": [1]}': NO_VALUE,
    '{"a": {"b": 1}}': NO_VALUE,
    '{"a": 1e15}': NO_VALUE,
    '{"a": ' + "9" * 5_000 + "}": NOT_JSON,
    '{"a": ' + "9" * 4_000 + "}": NO_VALUE,
    "[" * 5_000: NOT_JSON,
    '{"a":' * 5_000: NOT_JSON,
    '{"a": "' + "x" * 5_001 + '"}': NO_VALUE,
    "{": NOT_JSON,
    "[1]": NO_OBJECT,
    "1": NO_OBJECT,
    "null": NO_OBJECT,
    '"x"': NO_OBJECT,
    "{'a': 1}": NOT_JSON,
    '{"a": 1,}': NOT_JSON,
    '{"": 1}': "Attributes: one of them has no name.",
    '{"\\u202e": 1}': "Attributes: one of them has no name.",
    '{"a": 1, "a": 2}': "Attributes: “a” is there twice.",
    '{"a": 1, " a": 2}': "Attributes: “a” is there twice.",
    '{"' + "n" * 100 + '1": 1, "' + "n" * 100 + '2": 2}': f"Attributes: “{'n' * 40}” is there twice.",
}


def cases() -> Iterator[Case]:
    yield from _of_one_column()
    yield from _texts()
    yield from _layouts()


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def column(name: str, header: str, field: str, good: Mapping[str, Any], bad: Mapping[str, str], **more: Any) -> Case:
    """New people, each with one of the cells in this column; `good`: cell → what is kept of it."""
    lines, people, reasons, holds = [], {}, {}, {}
    for line, cell in enumerate([*good, *bad], 2):
        email = NEW.format(line)
        lines.append(f"{email},{quoted(cell)}")
        if cell in bad:
            reasons[line] = bad[cell].format(cell[:40])
        else:
            people[line], holds[email] = email, {field: good[cell]}
    head = f"email,{header}\r\n".encode()
    return taken(name, rows(*lines, head=head), people, bad=reasons, holds=holds, doors=(CUSTOMERS,), **more)


def _of_one_column() -> Iterator[Case]:
    yield column("dates", "signed up", "signed_up_at", DATES, {})
    yield column("dates-that-are-none", "signed up", "signed_up_at", {}, NO_DATES)
    kept = {cell: {} if value is None else value for cell, value in ATTRIBUTES.items()}
    yield column("attributes", "attributes", "attributes", kept, {})
    yield column("attributes-that-no-database-holds", "attributes", "attributes", {}, NO_ATTRIBUTES)
    tags = {
        " b, a ,b,, c": ["b", "a", "c"], "a\u0301,á": ["á"], "x\ty": ["x y"], ",,,": [], "=1,@x": ["=1", "@x"],
        ",".join(f"t{i}" for i in range(250)): [f"t{i}" for i in range(250)], "a;b": ["a;b"], "\u202ea": ["a"],
    }  # fmt: skip
    no_tags = {
        "x" * 101: "A tag has more than 100 characters.",
        ",".join(f"t{i}" for i in range(251)): "There are 251 tags; at most 250 fit.",
    }
    yield column("tags", "tags", "tags", tags, no_tags)
    consent = {
        "yes": "subscribed", "TRUE": "subscribed", "1": "subscribed", "Opted In": "subscribed", "no": "unsubscribed",
        "FALSE": "unsubscribed", "0": "unsubscribed", "unknown": "unknown", "n/a": "unknown", "sí": "subscribed",
    }  # fmt: skip
    neither = "Marketing consent: “{}” is neither yes nor no."
    yield column("consent", "marketing consent", "marketing_consent", consent,
                 dict.fromkeys(("perhaps", "2", "yes!", "да", "nil", "<b>"), neither))  # fmt: skip
    ids = {
        "7705686567229": "7705686567229", "gid://shopify/Customer/77": "77", '{"ecommerce": "78"}': "78",
        '{"ecommerce": null}': "", "'0079": "0079", "a-b": "a-b",
    }  # fmt: skip
    no_ids = {
        "9" * 51: "Shopify id has 51 characters; at most 50 fit.",
        "{": "Shopify id: this is not JSON.",
        '{"ecommerce": ' + "9" * 5_000 + "}": "Shopify id: this is not JSON.",
        '{"ecommerce": {"x": "' + "y" * 60 + '"}}': "Shopify id has 69 characters; at most 50 fit.",
    }
    yield column("ids", "shopify id", "shopify_id", ids, no_ids)


def _texts() -> Iterator[Case]:
    names = {
        "A\x07n\u202en\tB": "Ann B", "e\u0301": "é", "İ": "İ", "ﬁ": "ﬁ", "\u200bAnn": "\u200bAnn",
        "a\u0300" * 75: "à" * 75, "x" * 150: "x" * 150, "😀" * 150: "😀" * 150, "A\u2028B": "A\u2028B",
    }  # fmt: skip
    names = {cell: value.replace("à", "\u00e0") for cell, value in names.items()}
    long = "First name has {} characters; at most 150 fit."
    wrong = {"x" * 151: long.format(151), "x" * 60_000: long.format("60,000")}
    yield column("names", "first name", "first_name", names, wrong)
    phones = {"+49 30 1234": "+49 30 1234", "'+49": "+49", "0170": "0170", "٠١٧٠": "٠١٧٠", "ext. 5": "ext. 5"}
    yield column("phones", "phone", "phone", phones, {"1" * 51: "Phone has 51 characters; at most 50 fit."})
    notes = {"one\ntwo": {"Note": "one\ntwo"}, "x" * 5_000: {"Note": "x" * 5_000}}
    yield taken("attributes-of-columns",
                rows(*(f"{NEW.format(i)},{quoted(cell)}" for i, cell in enumerate(notes)), head=b"email,Note\r\n"),
                {2: NEW.format(0), 4: NEW.format(1)}, doors=(CUSTOMERS,),
                holds={NEW.format(i): {"attributes": kept} for i, kept in enumerate(notes.values())})  # fmt: skip
    long_note = rows(f"{ADA},{'x' * 5_001}", f"{BEN},y", head=b"email,Note\r\n")
    yield taken("an-attribute-that-is-too-long", long_note, {3: BEN}, doors=(CUSTOMERS,),
                bad={2: "“Note” has 5,001 characters; at most 5,000 fit."})  # fmt: skip
    for name, cell, reason in (
        ("name", "x" * 256 + ",", "The name is longer than 255 characters."),
        ("phone", "Ada," + "5" * 51, "The phone number is longer than 50 characters."),
    ):
        yield taken(
            f"segment-{name}-that-is-too-long",
            rows(f"{ADA},{cell}", f"{BEN},,"),
            {3: BEN},
            bad={2: reason},
            doors=(SEGMENT,),
        )


SHOPIFY = (
    b"Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address City,Phone,"
    b"Total Spent,Total Orders,Note,Tax Exempt,Tags\r\n"
)
RECHARGE = b"id,email,first_name,last_name,phone,created_at,external_customer_id,subscriptions_active_count,hash\r\n"


def _layouts() -> Iterator[Case]:
    good = f'\'7705,Ada,Lee,{NEW.format(1)},yes,"Köln\n(D)",\'+49 1,10.00,2,=1+1,no,"a, b"'
    bad = f"7706,Eve,Lee,{NEW.format(2)},perhaps,,,,,,,"
    yield taken("shopify", rows(good, bad, head=SHOPIFY), {2: NEW.format(1)}, doors=(CUSTOMERS,),
                bad={4: "Marketing consent: “perhaps” is neither yes nor no."},
                holds={NEW.format(1): {
                    "shopify_id": "7705", "phone": "+49 1", "tags": ["a", "b"], "marketing_consent": "subscribed",
                    "attributes": {"City": "Köln\n(D)", "Total Spent": "10.00", "Total Orders": "2", "Note": "=1+1",
                                   "Tax Exempt": "no"},
                }})  # fmt: skip
    good = f'1,{NEW.format(1)},Ada,Lee,,2024-07-09T10:30:05,"{{""ecommerce"": ""9""}}",3,secret'
    bad = f"2,{NEW.format(2)},Eve,,,03/04/2024,,NaN,"
    yield taken("recharge", rows(good, bad, head=RECHARGE), {2: NEW.format(1)}, doors=(CUSTOMERS,),
                bad={3: EITHER.format("03/04/2024")},
                holds={NEW.format(1): {
                    "recharge_id": "1", "shopify_id": "9", "attributes": {"subscriptions_active_count": "3"},
                }})  # fmt: skip
    plain = rows(f"1,Ada,Lee,{ADA},yes,,,,,,,", f"2,Ben,Lee,{BEN},no,,,,,,,", head=SHOPIFY)
    yield taken("shopify-as-segment", plain, doors=(SEGMENT,))
    ours = (
        "Email,First name,Last name,Phone,Signed up,Acquisition channel,Tags,Marketing consent,Shopify id,"
        "Recharge id,Attributes"
    )
    line = f"{ADA},'=1+1,,'+1,2024-07-09 00:00:00-04:00,ads,\"a, b\",unknown,'5,'6,{quoted(json.dumps({'a': '=1'}))}"
    yield taken("our-own-export", rows(line, head=f"{ours}\r\n".encode()), {2: KNOWN[0]}, doors=(CUSTOMERS,),
                holds={ADA: {"first_name": "=1+1", "phone": "+1", "tags": ["a", "b"], "shopify_id": "5",
                             "recharge_id": "6", "attributes": {"a": "=1"}, "acquisition_channel": "ads"}})  # fmt: skip
    many = rows(
        f"{NEW.format(1)}," + ",".join(["=1"] * 150),
        head=("email," + ",".join(f"=a{i}" for i in range(150)) + "\r\n").encode(),
    )
    yield taken("150-attributes", many, {2: NEW.format(1)}, doors=(CUSTOMERS,),
                holds={NEW.format(1): {"attributes": {f"=a{i}": "=1" for i in range(150)}}})  # fmt: skip
