"""What is told of a customer file: how many rows had which outcome, and the rows themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet

from customers.imports.work import NOTES, TO_WRITE
from customers.models import CustomerImport, CustomerImportRow, ImportVerdict
from portal.sheets import report

FIRST_ROWS = 5
NOT_IMPORTED = "not_imported"


@dataclass(frozen=True)
class Words:
    """How an outcome is shown: `before` the import, and after it."""

    tone: str
    icon: str
    label: str
    before: str
    after: str


OUTCOMES = {
    ImportVerdict.CREATED: Words("good", "user-plus", "New customers", "They will be added.", "They were added."),
    ImportVerdict.UPDATED: Words(
        "good",
        "user-edit",
        "Customers here already",
        "They will be updated where the file says something new. Empty cells change nothing.",
        "They were updated. Empty cells changed nothing.",
    ),
    ImportVerdict.UNCHANGED: Words("neutral", "user-check", "Nothing new", "", "What the file says was known."),
    "stays_unsubscribed": Words(
        "warn",
        "mail-off",
        "Kept unsubscribed",
        "The file says subscribed, but they unsubscribed here. They stay so, unless you say otherwise below.",
        "The file says subscribed, but they unsubscribed here. They stayed so.",
    ),
    "consent_kept": Words(
        "neutral",
        "shield-check",
        "Consent kept",
        "The file says another marketing consent. Theirs stays, unless you say otherwise below.",
        "The file says another marketing consent. Theirs stayed.",
    ),
    ImportVerdict.ERASED: Words(
        "neutral",
        "shield-lock",
        "Erased people",
        "They were erased on request: ignored, and nothing of these rows is kept.",
        "They were erased on request: nothing of these rows is kept.",
    ),
    NOT_IMPORTED: Words("warn", "player-stop", "Not imported", "", "The import stopped before these rows."),
    ImportVerdict.REPEATED: Words(
        "neutral",
        "repeat",
        "Again later in the file",
        "A person counts once: the last row will be taken.",
        "A person counts once: the last row was taken.",
    ),
    ImportVerdict.INVALID: Words(
        "bad", "file-alert", "Invalid", "These rows cannot be used.", "These rows could not be used."
    ),
}
_ALWAYS = (ImportVerdict.CREATED, ImportVerdict.UPDATED, ImportVerdict.INVALID)


def counts(upload: CustomerImport) -> dict[str, int]:
    """Rows by outcome: of the check, of the import, or of as much of the import as was done."""
    if upload.finished_at or not upload.confirmed_at:
        return upload.counts
    asked = {outcome: Count("pk", filter=_is(upload, outcome)) for outcome in OUTCOMES}
    return _rows(upload).aggregate(**{str(outcome): count for outcome, count in asked.items()})


def _rows(upload: CustomerImport) -> QuerySet[Any]:
    return CustomerImportRow.objects.for_store(upload.store).filter(upload=upload)


def _is(upload: CustomerImport, outcome: str) -> Q:
    """Which rows have this outcome."""
    if outcome in NOTES:
        return Q(reason=NOTES[outcome])
    if outcome == NOT_IMPORTED:
        return Q(verdict__in=TO_WRITE, line__gt=upload.applied_to) if upload.confirmed_at else Q(pk=None)
    is_done = Q(line__lte=upload.applied_to) if upload.confirmed_at and outcome in TO_WRITE else Q()
    return Q(verdict=outcome) & is_done


def rows_of(upload: CustomerImport, outcome: str) -> QuerySet[Any]:
    """The rows with this outcome, one of OUTCOMES, in the order of their lines; all rows for ''."""
    rows = _rows(upload).order_by("line")
    return rows.filter(_is(upload, outcome)) if outcome else rows


def report_rows(upload: CustomerImport, outcome: str) -> Iterator[tuple[Any, ...]]:
    """The rows under `sheets.REPORT_HEADERS` that people download."""
    labels: dict[str, str] = dict(ImportVerdict.choices)
    done: dict[str, str] = {verdict: f"done {verdict}" for verdict in TO_WRITE}
    labels |= {name: labels[verdict] for verdict, name in done.items()}
    if upload.confirmed_at:
        labels |= dict.fromkeys(TO_WRITE, OUTCOMES[NOT_IMPORTED].label)
    else:
        labels[ImportVerdict.UPDATED] = "Customer here already"
    return report(rows_of(upload, outcome), upload, labels, done)


def outcomes(upload: CustomerImport, report_url: str) -> list[dict[str, Any]]:
    """The outcomes for components/file_report.html, with the first rows of each; `report_url` is where all are, ''
    for someone who may not take them out."""
    told = counts(upload)
    shown = [outcome for outcome in OUTCOMES if told.get(outcome) or outcome in _ALWAYS]
    return [_outcome(upload, outcome, told.get(outcome, 0), report_url) for outcome in shown]


_TOLD = (*TO_WRITE, ImportVerdict.UNCHANGED)
"""Outcomes of which the file's own words are shown; of the others, why."""


def _outcome(upload: CustomerImport, outcome: str, count: int, report_url: str) -> dict[str, Any]:
    words = OUTCOMES[outcome]
    first = rows_of(upload, outcome)[:FIRST_ROWS] if count else []
    return {
        "label": words.label,
        "count": count,
        "tone": words.tone,
        "icon": words.icon,
        "text": words.after if upload.confirmed_at else words.before,
        "url": f"{report_url}?result={outcome}" if count and report_url else "",
        "examples": [
            {"line": row.line, "value": row.email, "reason": _said(row) if outcome in _TOLD else row.reason}
            for row in first
        ],
        "heading": "What the file says" if outcome in _TOLD else "Why",
    }


def _said(row: CustomerImportRow) -> str:
    """Who the row says that the person is."""
    name = f"{row.first_name} {row.last_name}".strip()
    return " · ".join(filter(None, (name, row.phone)))
