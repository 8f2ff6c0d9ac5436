"""What may be wrong with Klaviyo's pages: their links, their rows, and people who come and go between them."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from portal.sandbox.faults import Answer, Effect
from portal.sandbox.server import Reply, Request
from segments.sandbox.documents import invalid

if TYPE_CHECKING:
    from segments.sandbox.klaviyo import KlaviyoSandbox

HOSTILE = (
    "<script>alert(1)</script>",
    "long " * 200_000,
    "nul\0inside",
    "\u202ereversed",
    "🦊 fox",
    "{{7*7}}",
    "=cmd()",
    '"><img src=x onerror=alert(1)>',
    "",
)
_WRONG: tuple[Callable[[dict[str, Any]], Any], ...] = (
    lambda row: row["attributes"].update(email=5),
    lambda row: row.update(attributes=None),
    lambda row: row.update(id=7),
    lambda row: row["attributes"].update(email=["a@list.example"]),
    lambda row: row["attributes"].update(email={"address": "a@object.example"}),
    lambda row: row.pop("attributes"),
    lambda row: row.update(attributes=[]),
    lambda row: row.update(id=None),
)
"""Ways in which a row may have the wrong types, used one after the other."""


def expired_cursor() -> Effect:
    """400: the cursor is not good any more. The ones after it are, unless they are the same."""
    return lambda request, usual: (
        invalid("Invalid page cursor.", "page[cursor]").reply if "cursor" in request.target else usual(request)
    )


def on_document(change: Callable[[dict[str, Any]], Any]) -> Effect:
    """An effect on the JSON of a good answer, which `change` alters in place."""

    def effect(request: Request, usual: Answer) -> Reply:
        reply = usual(request)
        if reply.status == 200:
            document = json.loads(reply.body)
            change(document)
            reply.body = json.dumps(document).encode()
        return reply

    return effect


def loop() -> Effect:
    """The next page is one that was there before, for ever: the second, once there is a second."""
    first: list[str] = []

    def change(document: dict[str, Any]) -> None:
        following = document["links"].get("next")
        if following and not first:
            first.append(following)
        elif first:
            document["links"]["next"] = first[0]

    return on_document(change)


def endless() -> Effect:
    """There is always a next page, with a cursor of its own and the same people."""

    def effect(request: Request, usual: Answer) -> Reply:
        address, _, query = request.target.partition("?")
        parts = [part for part in query.split("&") if part]
        kept = [part for part in parts if not unquote(part).startswith("page[cursor]=")]
        said = next((unquote(part).partition("=")[2] for part in parts if part not in kept), "endless-0")
        number = int(said.removeprefix("endless-")) + 1 if said.startswith("endless-") else 1
        asked = Request(request.method, f"{address}?{'&'.join(kept)}", request.headers, b"", request.arrived)
        reply = usual(asked)
        if reply.status == 200:
            document = json.loads(reply.body)
            base = document["links"]["self"].split("?")[0]
            cursor = f"{quote('page[cursor]')}=endless-{number}"
            document["links"]["next"] = f"{base}?{'&'.join([*kept, cursor])}"
            reply.body = json.dumps(document).encode()
        return reply

    return effect


def missing_next() -> Effect:
    """Nothing is said of a next page, be there one or not."""
    return on_document(lambda document: document["links"].pop("next", None))


def missing_links() -> Effect:
    return on_document(lambda document: document.pop("links", None))


def missing_data() -> Effect:
    return on_document(lambda document: document.pop("data", None))


def early_end() -> Effect:
    """The page is said to be the last, and is not."""
    return on_document(lambda document: document["links"].update(next=None))


def on_rows(change: Callable[[dict[str, Any], int], Any], every: int) -> Effect:
    """An effect on every so many-th row of a page; `change` gets the row, and how many it has had before."""
    counted = 0

    def over(document: dict[str, Any]) -> None:
        nonlocal counted
        for row in document["data"][every - 1 :: every]:
            change(row, counted)
            counted += 1

    return on_document(over)


def null_emails(every: int = 1) -> Effect:
    return on_rows(lambda row, _number: row["attributes"].update(email=None), every)


def wrong_types(every: int = 1) -> Effect:
    return on_rows(lambda row, number: _WRONG[number % len(_WRONG)](row), every)


def no_rows() -> Effect:
    """The rows are no objects at all."""
    return on_document(lambda document: document.update(data=["row", 5, None, []]))


def unknown_fields(every: int = 1) -> Effect:
    """More than the documents say, everywhere."""

    def change(row: dict[str, Any], number: int) -> None:
        row["attributes"]["loyalty_tier"] = {"level": number}
        row["meta"] = row["new"] = ["unheard", "of"]

    return on_rows(change, every)


def other_case(every: int = 1) -> Effect:
    """People who are there a second time, under another id and in capitals."""

    def change(document: dict[str, Any]) -> None:
        for row in document["data"][every - 1 :: every]:
            email = row["attributes"].get("email")
            again = {**row, "id": f"02{row['id'][2:]}"}
            document["data"].append(again | {"attributes": {**row["attributes"], "email": email and email.upper()}})

    return on_document(change)


def hostile_names(every: int = 1) -> Effect:
    """Names of groups, and addresses of people, that mean harm."""

    def change(row: dict[str, Any], number: int) -> None:
        name = "email" if row.get("type") == "profile" else "name"
        row["attributes"][name] = HOSTILE[number % len(HOSTILE)]

    return on_rows(change, every)


def mutate(
    klaviyo: KlaviyoSandbox,
    change: Callable[[KlaviyoSandbox], object] | None = None,
    *,
    seed: int = 0,
    leave: int = 3,
    join: int = 3,
    again: int = 3,
) -> Effect:
    """People come and go before each page: by `change`, or else so many by the seed, of the group that is asked for.

    `again` is how many leave and join anew, and thus stand at the end.
    """
    dice = Random(seed)  # noqa: S311 - for trying things, and the same every time
    known = 0

    def by_seed(request: Request) -> None:
        nonlocal known
        group = klaviyo.group(request.path.split("/")[3])
        with klaviyo.lock:
            inside = list(group.members)
            dice.shuffle(inside)
            for profile in inside[:leave]:
                group.leave(profile)
            group.join(*inside[leave : leave + again])
            for _ in range(join):
                known += 1
                group.join(f"newcomer{seed}-{known}@town.example")

    def effect(request: Request, usual: Answer) -> Reply:
        if change is None:
            by_seed(request)
        else:
            change(klaviyo)
        return usual(request)

    return effect


KLAVIYO: dict[str, Callable[..., Effect]] = {
    maker.__name__: maker
    for maker in (
        expired_cursor, loop, endless, missing_next, missing_links, missing_data, early_end, null_emails, wrong_types,
        no_rows, unknown_fields, other_case, hostile_names,
    )
}  # fmt: skip
