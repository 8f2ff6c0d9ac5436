"""Files of people, and their rows, as a place in which a person is found; for every kind of file the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db.models import Case, Count, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast

from customers.privacy import files, registry
from customers.privacy.person import Person
from customers.privacy.registry import Portion
from portal import jobs
from portal.models import SheetRow, SheetUpload
from portal.sheets import ERASED, WAS_ERASED

OF_UPLOADS = {
    "nothing": (
        "id store size sha256 format row_count applied_to counts judged_in form_token created_at checked_at "
        "confirmed_at finished_at"
    ),
    "staff": "created_by",
    "in_text": "filename headers mapping refusal",
    "in_file": "file",
}
"""What the fields that all kinds of uploads share hold of people."""

ERASED_WORDS = "[erased]"
REMOVED = "The file was deleted, because somebody whom it names was erased. Upload it again without them."
_ABOUT_THE_LINE = {"id", "store", "upload", "line", "verdict", "reason"}
_FILES_AT_ONCE = 50
_ROWS_AT_ONCE = 500_000
_BYTES_AT_ONCE = 256 * 1024 * 1024


class Sheets:
    """The files of one kind: `uploads` their model, `rows` that of their lines, `outcomes` what the verdicts of an
    upload's rows are called in its counts once the import has come past them, `notes` other counts, by the reason."""

    def __init__(
        self,
        name: str,
        uploads: type[SheetUpload],
        rows: type[SheetRow],
        *,
        outcomes: Callable[[Any], dict[str, str]] | None = None,
        notes: dict[str, str] | None = None,
    ) -> None:
        self.name, self.uploads, self.rows = name, uploads, rows
        self.outcomes, self.notes = outcomes, {reason: note for note, reason in (notes or {}).items()}
        self.covers: tuple[str, ...] = (uploads._meta.label, rows._meta.label)
        fields = [field for field in rows._meta.fields if field.name not in _ABOUT_THE_LINE]
        self.nothing: dict[str, Any] = {field.name: None if field.null else "" for field in fields}
        self.texts = [name for name, value in self.nothing.items() if value == "" and name != "email_key"]
        self.words = [name for name in self.texts if name != "email"]
        self.json = [field.name for field in fields if field.get_internal_type() == "JSONField"]

    def tell(self, person: Person) -> Iterator[dict[str, Any]]:
        uploads = self.uploads.objects.for_store(person.store)
        known = dict(uploads.values_list("pk", "filename"))
        found = self.rows.objects.for_store(person.store).filter(self._about(person), upload_id__among=list(known))
        for row in found.order_by("upload_id", "line").iterator(chunk_size=1_000):
            said = {name: getattr(row, name) for name in (*self.nothing, "verdict", "reason") if name != "email_key"}
            filled = {name: value for name, value in said.items() if value not in ("", None)}
            yield {"file": person.only(known[row.upload_id]), "line": row.line, **filled}

    def erase(self, person: Person, after: int) -> Portion:
        held = self.uploads.objects.for_store(person.store).filter(pk__gt=after).order_by("pk")
        erased, rows, size, last = 0, 0, 0, None
        for upload in registry.hold(held)[:_FILES_AT_ONCE]:
            upload.store = person.store
            rows, size = rows + (upload.row_count or 0), size + upload.size
            erased, last = erased + self._erase_from(upload, person), upload.pk
            if rows > _ROWS_AT_ONCE or size > _BYTES_AT_ONCE:
                break
        return Portion(erased, last)

    def _erase_from(self, upload: Any, person: Person) -> int:
        rows = self.rows.objects.for_store(person.store).filter(upload=upload)
        unreadable = self._unreadable(rows, person)
        about = self._about(person)
        mine = rows.filter(about | Q(pk__among=unreadable) if unreadable else about)
        self._recount(upload, mine)
        erased = mine.update(verdict=ERASED, reason=WAS_ERASED, **self.nothing)
        named = self._blank_mentions(rows, person)
        is_headed = person.is_in(json.dumps(upload.headers, ensure_ascii=False))
        if upload.file and (erased or named or is_headed or self._is_in_file(upload, person)):
            self._delete_file(upload)
            named += 1
        self._blank_words(upload, person, is_headed)
        return erased + named

    def _about(self, person: Person) -> Q:
        """What is true of the person's rows; those that have no address say by an id whose they are."""
        mine = person.rows
        if person.customer_id is not None:
            mine |= Q(email_key="", customer_id=person.customer_id)
        for kind, value in person.ids.items():
            if kind in self.nothing:
                mine |= Q(email_key="", **{kind: value})
        return mine

    def _unreadable(self, rows: QuerySet[Any], person: Person) -> list[int]:
        """The rows without an address that can be read, but with the person's number, name, or address among others."""
        found = rows.filter(email_key="").exclude(verdict=ERASED).values_list("pk", "reason", *self.texts)
        return [pk for pk, *texts in found.iterator(chunk_size=2_000) if person.is_meant(texts)]

    def _blank_mentions(self, rows: QuerySet[Any], person: Person) -> int:
        """Blank what other people's rows say of the person."""
        names = [*self.json, *self.words]
        as_text = {f"{name}_written": Cast(name, TextField()) for name in self.json}
        named = Q()
        for column in (*as_text, *self.words):
            named |= spelled(column, person)
        blanked = 0
        for row in rows.annotate(**as_text).filter(named).iterator(chunk_size=2_000):
            # Two people may have one number: that of a row is its own person's.
            own = {"phone"} if getattr(row, "phone", "") == person.phone else set()
            said = {name: person.blank_all(getattr(row, name), ERASED_WORDS) for name in names if name not in own}
            changed = {name: value for name, value in said.items() if value != getattr(row, name)}
            blanked += rows.filter(pk=row.pk).update(**self._fit(changed)) if changed else 0
        return blanked

    def _fit(self, said: dict[str, Any]) -> dict[str, Any]:
        lengths = {name: getattr(self.rows._meta.get_field(name), "max_length", None) for name in said}
        return {name: value[: lengths[name]] if lengths[name] else value for name, value in said.items()}

    def _recount(self, upload: Any, erased: QuerySet[Any]) -> None:
        """Count the rows that are about to be erased as such, and no more as what they were."""
        counts = dict(upload.counts)
        outcomes = self.outcomes(upload) if self.outcomes and upload.finished_at else {}
        is_past = Case(When(line__lte=upload.applied_to, then=Value(True)), default=Value(False))
        groups = erased.order_by().annotate(is_past=is_past).values_list("verdict", "reason", "is_past")
        for verdict, reason, past, rows in groups.annotate(rows=Count("pk")):
            was = outcomes.get(verdict, verdict) if past else verdict
            for name in filter(None, (was, self.notes.get(reason))):
                counts[name] = max(counts.get(name, 0) - rows, 0)
            counts[ERASED] = counts.get(ERASED, 0) + rows
        if upload.counts and counts != upload.counts:
            self._save(upload, counts=counts)

    def _is_in_file(self, upload: Any, person: Person) -> bool:
        try:
            with upload.file.open("rb") as file:
                return files.names(file, person)
        except FileNotFoundError:
            return True  # deleted by us, it may be, before a step that was not kept

    def _delete_file(self, upload: Any) -> None:
        upload.file.delete(save=False)
        latest = jobs.of_subject(upload).first()
        is_unread = upload.checked_at is None and not upload.refusal and not (latest and latest.is_active)
        self._save(upload, file="", sha256="", **({"refusal": REMOVED} if is_unread else {}))

    def _blank_words(self, upload: Any, person: Person, is_headed: bool) -> None:
        """Take the person out of what the file is called, and out of its first line where that was no header."""
        if person.is_in(upload.filename):
            self._save(upload, filename=person.blank(upload.filename, ERASED_WORDS)[:255])
        if is_headed:
            mapping = {field: index for field, index in upload.mapping.items() if isinstance(index, int)}
            refusal = REMOVED if upload.refusal else ""
            self._save(upload, headers=[""] * len(upload.headers), mapping=mapping, refusal=refusal)

    def _save(self, upload: Any, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(upload, name, value)
        self.uploads.objects.for_store(upload.store).filter(pk=upload.pk).update(**fields)


def spelled(column: str, person: Person) -> Q:
    """What is true of rows whose text `column` may name the person; JSON spells letters beyond ASCII in two ways."""
    texts = {json.dumps(mark, ensure_ascii=is_plain)[1:-1] for mark in person.marks for is_plain in (True, False)}
    # One pass over the text, whatever there is to look for; several cost as much each.
    named = Q(**{f"{column}__iregex": "|".join(re.escape(text) for text in sorted(texts))})
    hints = _hints(texts)
    return _any_contained(column, hints) & named if hints else named


def _hints(texts: Iterable[str]) -> set[str]:
    """What stands in every text that one of these may be found in, however it is spelled; nothing where that cannot be
    told. To look for it takes a tenth of what a pattern takes that knows capitals."""
    found = set()
    for text in texts:
        if "@" in text:
            found.add("@")
        elif text.lower() == text.upper():
            found.add(text)
        else:
            return set()
    return found


def _any_contained(column: str, parts: Iterable[str]) -> Q:
    contained = Q()
    for part in sorted(parts):
        contained |= Q(**{f"{column}__contains": part})
    return contained
