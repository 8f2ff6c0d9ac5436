"""What must have come of a story: told by a model in plain Python, and seen in the database.

The model knows nothing of steps, files or SQL: it takes the rows that people brought in, one after the other. What is
seen is put in the same words, without ids and times, so that two runs can be compared.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from customers.imports import report as customer_report
from customers.models import Customer, CustomerImport, CustomerImportRow
from portal.models import AuditEntry, Job, Store
from segments.models import (
    Exclusion,
    ExternalLink,
    ExternalMember,
    Membership,
    MembershipChange,
    Segment,
    SegmentDay,
    Source,
    Sync,
    Upload,
    UploadRow,
)
from segments.uploads import report as upload_report

MANUAL, UPLOAD, EXTERNAL = Source.MANUAL.label, Source.UPLOAD.label, Source.EXTERNAL.label
Rows = list[list[str]]
ERASED = "erased"
"""What the key of somebody who was erased is called here; it holds a number otherwise."""


@dataclass
class Member:
    by: set[str]
    name: str = ""
    phone: str = ""


@dataclass
class Shop:
    """A store with one segment, as the model sees it."""

    customers: dict[str, list[str]] = field(default_factory=dict)
    """Key → first name and phone."""
    members: dict[str, Member] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    history: list[list[str]] = field(default_factory=list)

    def add(self, *keys: str) -> None:
        for key in keys:
            self.members[key] = Member({MANUAL})
            self.history.append([key, "Entered", MANUAL])

    def remove(self, *keys: str) -> None:
        for key in keys:
            del self.members[key]
            self.removed.add(key)
            self.history.append([key, "Left", MANUAL])

    def _verdict(self, key: str, later: set[str]) -> str:
        if "@" not in key:
            return "Invalid"
        return "Again later in the file" if key in later else ""

    def _rows(self, rows: Rows) -> list[tuple[list[str], str, str]]:
        """Each row with its key, and its verdict if that needs no look at the store."""
        keys = [row[0].strip().lower() for row in rows]
        return [(row, key, self._verdict(key, set(keys[at + 1 :]))) for at, (row, key) in enumerate(zip(rows, keys))]  # noqa: B905

    def import_customers(self, rows: Rows) -> list[str]:
        """Bring them in; the result of each row."""
        results = []
        for (_, name, phone), key, verdict in self._rows(rows):
            if verdict:
                results.append(verdict)
                continue
            before = self.customers.get(key)
            now = [name or (before or ["", ""])[0], phone or (before or ["", ""])[1]]
            self.customers[key] = now
            results.append("New customer" if before is None else "Nothing new" if before == now else "Customer updated")
        return results

    def import_members(self, rows: Rows) -> list[str]:
        """Bring them into the segment; the result of each row."""
        results = []
        for (_, name, phone), key, verdict in self._rows(rows):
            result = verdict or self._enter(key, name, phone)
            results.append(result)
        return results

    def _enter(self, key: str, name: str, phone: str) -> str:
        if key not in self.customers:
            return "No customer with this e-mail"
        if key in self.removed:
            return "Removed by hand before"
        was_in = key in self.members
        member = self.members.setdefault(key, Member(set()))
        member.by.add(UPLOAD)
        member.name, member.phone = name or member.name, phone or member.phone
        if not was_in:
            self.history.append([key, "Entered", UPLOAD])
        return "Already in the segment" if was_in else "Added"

    def undo(self) -> None:
        """Take back the one upload that there was."""
        for key, member in list(self.members.items()):
            if UPLOAD not in member.by:
                continue
            member.by.discard(UPLOAD)
            member.name = member.phone = ""
            if not member.by:
                del self.members[key]
                self.history.append([key, "Left", UPLOAD])

    def sync(self, rows: Rows, when: str) -> None:
        """The segment follows what is on the list then."""
        listed = {email.strip().lower() for _, email in on_list(rows, when)}
        for key in listed & set(self.customers) - self.removed:
            if key not in self.members:
                self.history.append([key, "Entered", EXTERNAL])
            self.members.setdefault(key, Member(set())).by.add(EXTERNAL)
        for key in set(self.members) - listed:
            self._let_go(key)

    def unlink(self, *, keep: bool) -> None:
        """Those whom the list holds are held by hand, or let go."""
        for key, member in list(self.members.items()):
            if keep and EXTERNAL in member.by:
                member.by.add(MANUAL)
                member.by.discard(EXTERNAL)
            self._let_go(key)

    def _let_go(self, key: str) -> None:
        self.members[key].by.discard(EXTERNAL)
        if not self.members[key].by:
            del self.members[key]
            self.history.append([key, "Left", EXTERNAL])

    def delete(self) -> None:
        self.members, self.removed, self.history = {}, set(), []

    def erase(self, key: str) -> None:
        """Take the person out for good; the history goes on without saying whose it is."""
        if self.members.pop(key, None):
            self.history.append([key, "Left", MANUAL])
        self.removed.discard(key)
        self.history = [[ERASED if who == key else who, *said] for who, *said in self.history]
        self.customers = {who: said for who, said in self.customers.items() if who != key} | {ERASED: ["", ""]}

    def told(self) -> dict[str, Any]:
        """The same words as `seen`."""
        moves = Counter(kind for _, kind, _ in self.history)
        return {
            "customers": {key: self.customers[key] for key in sorted(self.customers)},
            "members": [[key, sorted(one.by), one.name, one.phone] for key, one in sorted(self.members.items())],
            "removed": sorted(self.removed),
            "history": sorted(self.history),
            "count": [len(self.members)],
            "days": [[len(self.members), moves["Entered"], moves["Left"]]],
        }


def on_list(rows: Rows, when: str) -> list[list[str]]:
    """The id and address of each profile that is on the list then: "first" or "later"."""
    return [row[1:] for row in rows if row[0] in {when, "both"}]


def seen(slug: str) -> dict[str, Any]:
    """What stands in the database of the store."""
    store = Store.objects.get(slug=slug)

    def of(model: Any, *columns: str) -> list[list[Any]]:
        rows = model.objects.for_store(store).order_by("pk").values_list(*columns)
        return [[ERASED if str(value).startswith(f"{ERASED} ") else value for value in row] for row in rows]

    members = of(Membership, "customer__email_key", "sources", "name", "phone")
    history = of(MembershipChange, "customer__email_key", "kind", "source")
    return {
        "customers": {row[0]: row[1:] for row in sorted(of(Customer, "email_key", "first_name", "phone"))},
        "members": sorted([key, sorted(Source.labels_of(by)), *said] for key, by, *said in members),
        "removed": sorted(key for (key,) in of(Exclusion, "customer__email_key")),
        "history": sorted([key, MembershipChange.Kind(k).label, Source(s).label] for key, k, s in history),
        "count": [count for (count,) in of(Segment, "member_count")],
        "days": of(SegmentDay, "size", "entered", "left"),
        "results": results(store),
        "counts": [*of(Upload, "counts", "row_count"), *of(CustomerImport, "counts", "row_count")],
        "audit": [verb for (verb,) in of(AuditEntry, "verb") if verb != "exported"],
        "jobs": of(Job, "kind", "state", "done", "total", "result", "error"),
        "files": files(store),
        "syncs": of(Sync, "cause", "outcome", "counts", "problems"),
        "links": of(ExternalLink, "name", "state", "daily"),
        "profiles": sorted(of(ExternalMember, "profile_id", "email_key", "trouble")),
    }


def results(store: Store) -> list[list[str]]:
    """The reports that people download: the result of each row, file by file."""
    told = []
    for model, rows_of in ((Upload, upload_report.report_rows), (CustomerImport, customer_report.report_rows)):
        for upload in model.objects.for_store(store).order_by("pk"):
            told += [[result for _, _, result, _ in rows_of(upload, "")]]
    return told


def files(store: Store) -> list[bool]:
    """Of each upload that there is, whether its file is."""
    found = [*Upload.objects.for_store(store), *CustomerImport.objects.for_store(store)]
    return [bool(upload.file) and upload.file.storage.exists(upload.file.name) for upload in found]


def broken() -> dict[str, list[str]]:
    from portal.invariants import broken as found

    return {name: list(map(str, rows)) for name, rows in found().items()}


def reasons(slug: str) -> list[str]:
    """Why rows of the store's files are invalid."""
    store = Store.objects.get(slug=slug)
    rows = (model.objects.for_store(store).filter(verdict="invalid") for model in (UploadRow, CustomerImportRow))
    return [reason for found in rows for reason in found.values_list("reason", flat=True)]
