"""What sorts of files there are, and how the pages speak of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from customers.imports import events, layouts, orders, subscriptions
from customers.imports.layouts import Layout, field_of
from customers.imports.readers import PEOPLE
from customers.models import CustomerImport, ImportKind


@dataclass(frozen=True)
class FileKind:
    """A sort of file: `one` of its rows, which columns there are, and whose layouts of them are known."""

    kind: ImportKind
    one: str
    subtitle: str
    hint: str
    recognise: Callable[[Sequence[str]], Layout]
    fields: Mapping[str, str]
    readings: Mapping[str, str]
    sources: Mapping[str, str]
    template: tuple[str, ...]
    """The columns of the file to fill in."""
    needs: tuple[tuple[frozenset[str], str], ...]
    """Sets of fields of each of which one has to be there, and what to say otherwise."""
    notes: tuple[str, ...]
    """What becomes of the file, sentence by sentence."""
    rest: str = ""
    """What columns are kept as that are no field; '' when they are not kept."""

    @property
    def many(self) -> str:
        return str(self.kind.value)

    @property
    def check(self) -> str:
        """The kind of work that checks such a file."""
        return "customers.check_import" if self.kind == ImportKind.CUSTOMERS else f"customers.check_{self.many}"

    @property
    def apply(self) -> str:
        """The kind of work that imports such a file."""
        return "customers.import" if self.kind == ImportKind.CUSTOMERS else f"customers.import_{self.many}"

    @property
    def upload_view(self) -> str:
        return "customers:import" if self.kind == ImportKind.CUSTOMERS else f"customers:import_{self.many}"

    @property
    def template_view(self) -> str:
        return "customers:template" if self.kind == ImportKind.CUSTOMERS else f"customers:template_{self.many}"

    def missing(self, fields: Sequence[str]) -> str:
        """What to say of a choice of these fields; '' when nothing is missing."""
        chosen = {field_of(name) for name in fields}
        return next((words for names, words in self.needs if not names & chosen), "")


_WHOSE = (frozenset(PEOPLE), "Choose the column that says whose the rows are: e-mail addresses, or ids of customers.")
_CHECKED = "It is checked first; nothing is changed before you have seen the result and selected Import."
_STRANGERS = "Rows of people who are no customers here are told in the report, and nobody is added for them."
_WAITING = "Events of people who are no customers here are kept, and join whoever has the address or id later."
_TWICE = "The same file once more changes nothing."

_KINDS = (
    FileKind(
        ImportKind.CUSTOMERS,
        one="customer",
        subtitle="From a file of your own, or an export from Shopify or Recharge.",
        hint="CSV or Excel (.xlsx), with a column of e-mail addresses.",
        recognise=layouts.recognise,
        fields=layouts.FIELDS,
        readings=layouts.READINGS,
        sources=layouts.SOURCES,
        template=(),
        needs=(
            (
                frozenset({"email"}),
                "Choose the column of the e-mail addresses: customers are recognised by them.",
            ),
        ),
        notes=(
            _CHECKED,
            (
                "Our template, Shopify's and Recharge's customer exports are recognised. For any other file you say "
                "what its columns are."
            ),
            (
                "A person is recognised by the e-mail address, whatever its case. Who is new is added, who is here is "
                "updated; someone who comes twice counts once, by the last row."
            ),
            "Empty cells change nothing. Neither does the file change who may be mailed, unless you say so.",
        ),
        rest="Attribute",
    ),
    FileKind(
        ImportKind.ORDERS,
        one="order",
        subtitle="From Shopify's order export, or a file of your own.",
        hint="CSV or Excel (.xlsx), a row for each line of an order.",
        recognise=orders.recognise,
        fields=orders.FIELDS,
        readings=orders.READINGS,
        sources=orders.SOURCES,
        template=orders.TEMPLATE_FIELDS,
        needs=(
            (frozenset({"order"}), "Choose the column of the order's number or id: orders are recognised by it."),
            _WHOSE,
            (frozenset({"placed_at"}), "Choose the column that says when the order was placed."),
            (frozenset({"total", "price"}), "Choose the column of the order's total, or of the price of its lines."),
        ),
        notes=(
            _CHECKED,
            "Our template and Shopify's order export are recognised. For any other file you say what its columns are.",
            "An order with several lines has a row for each of them, with the same order number.",
            "An order is recognised by its id: one that is here is updated, unless what is known of it is newer.",
            _STRANGERS,
            _TWICE,
        ),
    ),
    FileKind(
        ImportKind.SUBSCRIPTIONS,
        one="subscription",
        subtitle="From Recharge, or a file of your own.",
        hint="CSV or Excel (.xlsx), a row for each subscription.",
        recognise=subscriptions.recognise,
        fields=subscriptions.FIELDS,
        readings=subscriptions.READINGS,
        sources=subscriptions.SOURCES,
        template=subscriptions.TEMPLATE_FIELDS,
        needs=(
            (frozenset({"subscription"}), "Choose the column of the subscription's id: it is recognised by it."),
            _WHOSE,
            (frozenset({"started_at"}), "Choose the column that says when the subscription began."),
        ),
        notes=(
            _CHECKED,
            (
                "Our template and the column names of Recharge are recognised. For any other file you say what its "
                "columns are."
            ),
            "A subscription is recognised by its id: one that is here is updated, unless what is known is newer.",
            _STRANGERS,
            _TWICE,
        ),
    ),
    FileKind(
        ImportKind.EVENTS,
        one="event",
        subtitle="What customers did: logins, features used, e-mails opened.",
        hint="CSV or Excel (.xlsx), a row for each event.",
        recognise=events.recognise,
        fields=events.FIELDS,
        readings=events.READINGS,
        sources=events.SOURCES,
        template=events.TEMPLATE_FIELDS,
        needs=(
            (frozenset({"name"}), "Choose the column that says what happened."),
            _WHOSE,
            (frozenset({"occurred_at"}), "Choose the column that says when it happened."),
        ),
        notes=(
            _CHECKED,
            "A row says whose, what and when; properties stand in columns of their own, or in one as JSON.",
            "An event is recognised by its id, or by all that its row says: it is stored once.",
            _WAITING,
            _TWICE,
        ),
        rest=events.REST,
    ),
)
KINDS = {kind.kind.value: kind for kind in _KINDS}


def kind_of(upload: CustomerImport) -> FileKind:
    return KINDS[upload.kind]
