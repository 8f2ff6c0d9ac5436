"""The measures, each for a store of one size."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from tests.bench import floors
from tests.bench.doors import PATIENCE, Desk
from tests.bench.figures import Figure, Report
from tests.bench.town import address, slug_of

PEER_ROWS = 20_000


@dataclass
class Store:
    """A store under measure: where it is, and where the figures go."""

    desk: Desk
    report: Report
    id: int
    size: int

    @property
    def home(self) -> str:
        return f"/s/{slug_of(self.size)}/"

    @property
    def is_large(self) -> bool:
        """Whether the bounds are meant for a store of this size."""
        return self.size >= 1_000_000

    @property
    def database(self) -> str:
        return self.desk.installation.database_url

    def add(self, name: str, value: float, unit: str, *, floor: float | None = None, most: float | None = None) -> None:
        self.report.add(Figure(name, self.size, value, unit, floor, most))

    def new_segment(self, name: str) -> str:
        """The address of a segment made for the occasion."""
        form = f"{self.home}segments/new/how/?name={name}"
        answer = self.desk.visitor.post(form, {"name": name, "how": "later"})
        found = re.search(rf"{self.home}segments/\d+/", answer.url)
        if found is None:
            raise RuntimeError(f"No segment was made: {answer.url}")
        return found.group(0)


# --- Files in -------------------------------------------------------------------------------------------------------


def upload(store: Store) -> str:
    """Everyone in the store into a segment, by CSV; the segment's address."""
    desk, segment = store.desk, store.new_segment("Everyone")
    file = "email,name\n" + "".join(f"{address('p', n)},Person {n}\n" for n in range(store.size))
    desk.restart_worker()
    floor = floors.upload(store.database, store.id, store.size)
    page, check = _bring(desk, f"{segment}imports/new/", file, "segments.check_upload")
    meanwhile: list[float] = []
    pages = iter(_pages_meanwhile(store, segment) * 10_000)

    def look() -> None:
        meanwhile.append(desk.time_page(next(pages)))

    work = desk.run("segments.import_upload", lambda: desk.visitor.press(page, f"{page}import/"))
    store.add("Upload into a segment, end to end", check + work, "s", floor=floor, most=3)
    store.add("… its check", check, "s")
    store.add("… its import", work, "s")
    store.add("… worker memory", desk.worker_memory(), "MB", most=200)
    undo = desk.run("segments.undo_upload", lambda: desk.visitor.press(page, f"{page}undo/"))
    store.add("Undo of the upload", undo, "s")
    again, _ = _bring(desk, f"{segment}imports/new/", file + "x", "segments.check_upload")
    desk.run("segments.import_upload", lambda: desk.visitor.press(again, f"{again}import/"), look)
    store.report.spread("Pages while an upload runs", store.size, meanwhile, most=300 if store.is_large else None)
    return segment


def _pages_meanwhile(store: Store, segment: str) -> list[str]:
    return [f"{store.home}customers/", segment, f"{store.home}segments/", f"{store.home}customers/?q=group3"]


def customers(store: Store) -> None:
    """As many new customers again as the store has, by CSV, and the same people once more with other tags."""
    desk = store.desk
    new, there = floors.customers(store.database, store.id, store.size)
    desk.restart_worker()
    for name, tag, floor in (("new", "first", new), ("existing", "second", there)):
        file = customer_file(store.size, tag)
        page, check = _bring(desk, f"{store.home}customers/import/", file, "customers.check_import")
        work = desk.run("customers.import", partial(desk.visitor.press, page, f"{page}start/"))
        store.add(f"Import of {name} customers, end to end", check + work, "s", floor=floor, most=3)
        store.add(f"… {name}: its check", check, "s")
        store.add(f"… {name}: its import", work, "s")
    store.add("… worker memory of both", desk.worker_memory(), "MB", most=200)


def customer_file(size: int, tag: str) -> str:
    head = "Email,First name,Last name,Signed up,Acquisition channel,Tags,Marketing consent\n"
    return head + "".join(
        f'{address("new", n)},First{n % 999},Last{n % 4999},2024-01-02 03:04:05,organic,"a, {tag}",yes\n'
        for n in range(size)
    )


def _bring(desk: Desk, form: str, file: str, kind: str) -> tuple[str, float]:
    """Bring a file and wait until it is checked: its page, and the seconds that it took."""
    pages = []

    def send() -> None:
        answer = desk.visitor.post(form, {}, file=("people.csv", file.encode(), "text/csv"))
        pages.append(answer.url.removeprefix(desk.visitor.base))

    taken = desk.run(kind, send)
    return pages[0], taken


_STOCK = """
import time
from django.db import transaction
from import_export import resources
from tablib import Dataset
from customers.models import Customer
class Stock(resources.ModelResource):
    class Meta:
        model = Customer
        import_id_fields = ("store", "email_key")  # it is looked up for each row, by an index
        fields = ("store", "email_key", "email", "first_name", "last_name", "acquisition_channel")
    def get_queryset(self):
        return Customer.everywhere.all()
rows = Dataset(headers=Stock.Meta.fields)
for n in range({rows}):
    key = f"stock{{n}}@bench.example"
    rows.append(({store}, key, key, f"First{{n}}", f"Last{{n}}", "organic"))
began = time.monotonic()
result = Stock().import_data(rows, use_transactions=True, raise_errors=True)
answer = time.monotonic() - began
assert result.totals["new"] == {rows}, result.totals
"""


def peer(store: Store) -> None:
    """The same number of new customers by django-import-export as it comes, without its preview, and by ours."""
    desk = store.desk
    stock = float(desk.installation.ask(_STOCK.format(rows=PEER_ROWS, store=store.id), seconds=PATIENCE))
    page, check = _bring(
        desk,
        f"{store.home}customers/import/",
        customer_file(PEER_ROWS, "peer").replace("new", "peer"),
        "customers.check_import",
    )
    ours = check + desk.run("customers.import", lambda: desk.visitor.press(page, f"{page}start/"))
    name = f"Import of {PEER_ROWS:,} customers, rows a second, beside stock django-import-export"
    store.report.add(Figure(name, store.size, PEER_ROWS / ours, "/s", PEER_ROWS / stock, 20, at_least=True))


# --- Pages ----------------------------------------------------------------------------------------------------------


def pages(store: Store, segment: str) -> None:
    """The lists that staff look at most."""
    people, groups = f"{store.home}customers/", f"{store.home}segments/"
    middle, group = store.size // 2, int(segment.rstrip("/").rpartition("/")[2])
    by_email = _middle(store, _MIDDLE_CUSTOMER.format("email_key"), store.id)
    by_name = _middle(store, _MIDDLE_CUSTOMER.format("sort_name"), store.id)
    searches = [address("p", middle), "first77", "last1234", "group3", f"group3 first{middle % 997}", "nobodyatall"]
    looks: dict[str, list[str]] = {
        "Customers, first page": [people, f"{people}?sort=name", f"{people}?sort=email"],
        "Customers, page in the middle": [
            f"{people}?sort=email&after={by_email}",
            f"{people}?sort=name&after={by_name}",
        ],
        "Customers, search": [f"{people}?q={words}" for words in searches],
        "Members, first page": [segment, f"{segment}?sort=email"],
        "Members, page in the middle": [f"{segment}?after={_middle(store, _MIDDLE_MEMBER, group)}"],
        "Members, search": [f"{segment}?q={words}" for words in searches],
        "List of 1,000 segments": [groups, f"{groups}?q=segment+77"],
    }
    for name, paths in looks.items():
        taken = store.desk.time_pages(paths, times=max(5, 40 // len(paths)))
        store.report.spread(name, store.size, taken, most=100 if store.is_large else None)


_MIDDLE_CUSTOMER = "SELECT {}, id FROM customers_customer WHERE store_id = %s ORDER BY 1, 2 LIMIT 1 OFFSET %s"
_MIDDLE_MEMBER = "SELECT added_at, id FROM segments_membership WHERE segment_id = %s ORDER BY 1, 2 LIMIT 1 OFFSET %s"


def _middle(store: Store, query: str, of: int) -> str:
    """Where the list's second half begins, as the links of its pages say it."""
    with store.desk.installation.rows(query, of, store.size // 2) as rows:
        value, key = rows[0]
    said = ["t", value.isoformat()] if isinstance(value, datetime) else ["v", value]
    return base64.urlsafe_b64encode(json.dumps([*said, key]).encode()).decode().rstrip("=")


def exports(store: Store, segment: str) -> None:
    first, whole, lines = store.desk.download(segment, f"{segment}export/", kind="csv")
    if lines != store.size + 1:
        raise RuntimeError(f"The export has {lines:,} lines.")
    store.add("Export of all members as CSV", whole, "s", most=15)
    store.add("… its first byte", first, "s")
    people = f"{store.home}customers/"
    _, whole, _ = store.desk.download(people, f"{people}export/", kind="csv")
    store.add("Export of all customers as CSV", whole, "s")
    store.add("… web memory", store.desk.web_memory(), "MB")


# --- Going ----------------------------------------------------------------------------------------------------------


def removal(store: Store, segment: str) -> None:
    """A tenth of the members removed at once, by a search; and then the whole segment."""
    desk = store.desk
    meanwhile: list[float] = []

    def look() -> None:
        meanwhile.append(desk.time_page(segment))

    remove = f"{segment}remove/all/?q=group3"
    work = desk.run("segments.remove_members", lambda: desk.visitor.post(remove, {"q": "group3"}), look)
    store.add("Removal of a tenth of the members", work, "s")
    store.report.spread("The segment's page meanwhile", store.size, meanwhile)
    meanwhile.clear()
    page, taken = f"{segment}delete/", []

    def delete() -> None:
        taken.append(_timed(lambda: desk.visitor.post(page, {"confirm": "Everyone"})))

    def list_segments() -> None:
        meanwhile.append(desk.time_page(f"{store.home}segments/"))

    work = desk.run("segments.delete_segment", delete, list_segments)
    store.add("Deletion of the segment: the click", taken[0], "s")
    store.add("… and what goes on behind it", work, "s")
    store.report.spread("The list of segments meanwhile", store.size, meanwhile)


def _timed(do: Callable[[], object]) -> float:
    began = time.monotonic()
    do()
    return time.monotonic() - began
