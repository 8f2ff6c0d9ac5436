"""The work on files of orders, subscriptions and events: the check that says what would happen, and the import."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from customers.imports.kinds import kind_of
from customers.imports.layouts import Layout
from customers.imports.readers import COLUMNS, RECHARGE_ID, SHOPIFY_ID
from customers.imports.work import TO_WRITE
from customers.models import Customer, CustomerImport, CustomerImportRow, ImportVerdict
from customers.privacy.identity import EMAIL, RECHARGE, SHOPIFY, erased_among
from customers.register import customers_version, hold_customers
from portal import audit, crash
from portal.models import Job
from portal.sheets import ApplySheet, CheckSheet, Entry, SheetWork

NOBODY = "Nobody here is known by the address or the id that this row has."
NO_PERSON = "It does not say whose it is: no e-mail address, and no id of a customer."
IN_PARTS = "It belongs to the row above that begins it."
PART_INVALID = "Another row of it is invalid; it is taken in whole, or not at all."
WITHOUT_BEGINNING = "The row that begins it is not in the file, or cannot be used."
COMES_AGAIN = "It comes again in a later row; the last one counts."
SAID_TWICE = "A row above says the same."
KNOWN_BETTER = "Something newer is known of it."


class Told(NamedTuple):
    """What is to be written of a row: its line, its customer, its key, what it says, and by what else the person in it
    is known; the customer is None in rows of nobody, where such are written."""

    line: int
    customer_id: Any
    key: str
    said: dict[str, Any]
    email_key: str = ""
    shopify_id: str = ""
    recharge_id: str = ""


Became = tuple[int, str, str]
"""What became of a row: its line, the verdict, and the reason."""


class DeedSheet(SheetWork):
    """What checking and importing such files share."""

    upload_model = CustomerImport
    row_model = CustomerImportRow
    columns = COLUMNS
    judged_by = len(COLUMNS)

    def world(self) -> list[int]:
        return [customers_version(self.store)]

    def judge(self, entries: Sequence[Entry]) -> None:
        self._find_customers(entries)
        known = self.known([entry for entry in entries if entry.customer_id is not None])
        for entry in entries:
            if entry.customer_id is None:
                entry.verdict, entry.reason = ImportVerdict.UNMATCHED, NOBODY
            else:
                entry.verdict = known(entry)
                entry.reason = KNOWN_BETTER if entry.verdict == ImportVerdict.OLDER else ""

    def known(self, entries: Sequence[Entry]) -> Callable[[Entry], str]:
        """What tells the verdict on each of these entries, all of them customers'."""
        raise NotImplementedError

    def _find_customers(self, entries: Sequence[Entry]) -> None:
        """The customers whose the rows are: by address, or else by the id at Shopify or at Recharge."""
        here = Customer.objects.for_store(self.store).filter(erased_at=None)
        by_key = _ids(here, "email_key", {entry.email_key for entry in entries})
        for entry in entries:
            entry.customer_id = by_key.get(entry.email_key)
        for place, name in ((SHOPIFY_ID, SHOPIFY), (RECHARGE_ID, RECHARGE)):
            unknown = [entry for entry in entries if entry.customer_id is None and entry.values[place]]
            by_id = _ids(here, name, {entry.values[place] for entry in unknown})
            for entry in unknown:
                entry.customer_id = by_id.get(entry.values[place])

    def erased(self, entries: Sequence[Entry]) -> list[Entry]:
        known_as = {EMAIL: [entry.email_key for entry in entries]}
        known_as |= {SHOPIFY: [entry.values[SHOPIFY_ID] for entry in entries]}
        known_as |= {RECHARGE: [entry.values[RECHARGE_ID] for entry in entries]}
        erased = erased_among(self.store, known_as)
        return [entry for entry in entries if erased and not erased.isdisjoint(_known_as(entry))]


def _ids(customers: QuerySet[Customer], column: str, values: Iterable[str]) -> dict[str, int]:
    """Value of the column → the one customer who has it."""
    asked = sorted(value for value in values if value)
    found = customers.filter(**{f"{column}__among": asked}).order_by("-pk").values_list(column, "pk")
    return dict(found) if asked else {}


def _known_as(entry: Entry) -> set[tuple[str, str]]:
    ids = {(SHOPIFY, entry.values[SHOPIFY_ID]), (RECHARGE, entry.values[RECHARGE_ID])}
    return {(EMAIL, entry.email_key), *ids}


class CheckDeeds(DeedSheet, CheckSheet):
    """The check; `reader` makes what reads the rows."""

    reader: ClassVar[Callable[..., Any]]
    looking_for_repeats = "Looking for what comes twice"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        layout = Layout.of(self.upload.source, self.upload.mapping)
        self._reader = type(self).reader(layout, self.store.zone, timezone.now(), self.store.currency)
        self._goes_on = False

    def values(self, cells: Sequence[str]) -> tuple[Sequence[Any], str]:
        values, wrong, self._goes_on = self._reader.read(cells)
        return values, wrong

    def without_address(self, entry: Entry) -> str:
        is_somebodys = entry.values[SHOPIFY_ID] or entry.values[RECHARGE_ID] or self._goes_on
        return "" if is_somebodys else NO_PERSON

    def _entry(self, row: Any) -> Entry:
        entry = super()._entry(row)
        if self._goes_on and not entry.reason:
            entry.verdict, entry.reason = ImportVerdict.JOINED, IN_PARTS
        return entry

    def find_repeats(self) -> None:
        self.repeat_by("key", COMES_AGAIN)


class CheckInParts(CheckDeeds):
    """The check of files in which several rows make one thing: those with its key."""

    def find_repeats(self) -> None:
        live = self.rows.exclude(verdict__in=(ImportVerdict.INVALID, ImportVerdict.ERASED))
        if self.upload.source == "shopify":
            self._begin_at_the_last(live)
        else:
            self._begin_at_the_first(live)
        self._leave_out_orphans()
        self._take_whole_or_not()
        self._tell_whose()

    def _begin_at_the_last(self, live: QuerySet[Any]) -> None:
        """A row that has all of an order begins it: when it comes once more, what stood before counts no more."""
        begins = live.exclude(verdict=ImportVerdict.JOINED).filter(key=OuterRef("key")).order_by()
        last = Subquery(begins.values("key").annotate(last=Max("line")).values("last"))
        before = live.exclude(key="").annotate(begins_at=last).filter(line__lt=F("begins_at"))
        self.rows.filter(pk__in=before.values("pk")).update(verdict=ImportVerdict.REPEATED, reason=COMES_AGAIN)

    def _begin_at_the_first(self, live: QuerySet[Any]) -> None:
        """Every row has all of the order: the first one begins it, and those that differ are its further lines."""
        said = Window(RowNumber(), partition_by=[F("key"), F("said")], order_by=F("line").asc())
        again = live.annotate(place=said).filter(place__gt=1)
        self.rows.filter(pk__in=again.values("pk")).update(verdict=ImportVerdict.REPEATED, reason=SAID_TWICE)
        place = Window(RowNumber(), partition_by=[F("key")], order_by=F("line").asc())
        more = live.exclude(verdict=ImportVerdict.REPEATED).annotate(place=place).filter(place__gt=1)
        self.rows.filter(pk__in=more.values("pk")).update(verdict=ImportVerdict.JOINED, reason=IN_PARTS)

    def _begins(self) -> QuerySet[Any]:
        kept = (ImportVerdict.INVALID, ImportVerdict.ERASED, ImportVerdict.REPEATED, ImportVerdict.JOINED)
        return self.rows.exclude(verdict__in=kept).filter(key=OuterRef("key"))

    def _leave_out_orphans(self) -> None:
        orphans = self.rows.filter(~Exists(self._begins()), verdict=ImportVerdict.JOINED)
        # Whose they are is not known: it may be somebody who was erased.
        self.rows.filter(pk__in=list(orphans.values_list("pk", flat=True))).update(
            verdict=ImportVerdict.INVALID, reason=WITHOUT_BEGINNING, key="", said=None
        )

    def _take_whole_or_not(self) -> None:
        invalid = self.rows.filter(verdict=ImportVerdict.INVALID).exclude(key="").values("key")
        left = (ImportVerdict.INVALID, ImportVerdict.ERASED, ImportVerdict.REPEATED)
        self.rows.exclude(verdict__in=left).filter(key__in=invalid).update(
            verdict=ImportVerdict.INVALID, reason=PART_INVALID
        )

    def _tell_whose(self) -> None:
        """Rows that go on are the same person's, whether they say so or not."""
        begins = self._begins().order_by("line")
        more = self.rows.filter(verdict=ImportVerdict.JOINED)
        more.update(
            customer_id=Subquery(begins.values("customer_id")[:1]), email_key=Subquery(begins.values("email_key")[:1])
        )


class ApplyDeeds(DeedSheet, ApplySheet):
    """The import; a subclass writes."""

    not_judged = (ImportVerdict.JOINED,)
    to_write: ClassVar[Sequence[str]] = TO_WRITE

    def world_after(self, before: list[int]) -> list[int]:
        return before

    def step(self) -> Any:
        # Whoever adds, changes or erases a customer of the store waits here, and so does who writes what they buy.
        hold_customers(self.store)
        return super().step()

    def write(self, told: Sequence[Told]) -> list[Became]:
        """Write what these rows say; what became of each."""
        raise NotImplementedError

    def apply(self, window: QuerySet[Any]) -> None:
        rows = window.filter(verdict__in=self.to_write).order_by("line")
        told = list(rows.values_list(*Told._fields, "verdict", "reason"))
        became = self.write([Told(*row[:-2]) for row in told])
        crash.point("import.deeds written")
        foreseen = {line: (verdict, reason) for line, *_, verdict, reason in told}
        groups: dict[tuple[str, str], list[int]] = {}
        for line, verdict, reason in became:
            if foreseen[line] != (verdict, reason):
                groups.setdefault((verdict, reason), []).append(line)
        for (verdict, reason), lines in groups.items():
            window.filter(line__among=lines).update(verdict=verdict, reason=reason)

    def parts(self, keys: Sequence[str]) -> dict[str, list[Any]]:
        """Key → what the rows say that go on with it, in the order of their lines."""
        found: dict[str, list[Any]] = {}
        more = self.rows.filter(Q(key__among=sorted(set(keys))), verdict=ImportVerdict.JOINED)
        for key, said in more.order_by("line").values_list("key", "said"):
            found.setdefault(key, []).append(said)
        return found

    def finish(self, counts: dict[str, int]) -> None:
        changes: dict[str, Any] = {"what": [None, kind_of(self.upload).many]}
        changes |= {name: [None, count] for name, count in counts.items() if count}
        audit.record(self.store, "imported", self.upload, actor=self.job.created_by, changes=changes)
