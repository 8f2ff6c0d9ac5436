"""What is told of a customer file: how many rows had which outcome, and the rows themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, Q, QuerySet

from customers.imports.words import NOT_IMPORTED, WORDS
from customers.imports.work import NOTES, TO_WRITE
from customers.models import CustomerImport, CustomerImportRow, ImportKind, ImportVerdict
from portal.sheets import report

FIRST_ROWS = 5

_ALWAYS = (ImportVerdict.CREATED, ImportVerdict.UPDATED, ImportVerdict.INVALID)


def counts(upload: CustomerImport) -> dict[str, int]:
    """Rows by outcome: of the check, of the import, or of as much of the import as was done."""
    if upload.finished_at or not upload.confirmed_at:
        return upload.counts
    asked = {outcome: Count("pk", filter=_is(upload, outcome)) for outcome in WORDS[upload.kind]}
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
    """The rows with this outcome, one of WORDS, in the order of their lines; all rows for ''."""
    rows = _rows(upload).order_by("line")
    return rows.filter(_is(upload, outcome)) if outcome else rows


def report_rows(upload: CustomerImport, outcome: str) -> Iterator[tuple[Any, ...]]:
    """The rows under `sheets.REPORT_HEADERS` that people download."""
    words = WORDS[upload.kind]
    labels: dict[str, str] = dict(ImportVerdict.choices)
    if upload.kind != ImportKind.CUSTOMERS:
        labels |= {ImportVerdict.CREATED: "New", ImportVerdict.UPDATED: "Updated"}
    done: dict[str, str] = {verdict: f"done {verdict}" for verdict in TO_WRITE}
    labels |= {name: labels[verdict] for verdict, name in done.items()}
    if upload.confirmed_at:
        labels |= dict.fromkeys(TO_WRITE, words[NOT_IMPORTED].label)
    else:
        one = "Customer here" if upload.kind == ImportKind.CUSTOMERS else "Here"
        labels[ImportVerdict.UPDATED] = f"{one} already"
    return report(rows_of(upload, outcome), upload, labels, done)


def outcomes(upload: CustomerImport, report_url: str) -> list[dict[str, Any]]:
    """The outcomes for components/file_report.html, with the first rows of each; `report_url` is where all are, ''
    for someone who may not take them out."""
    told = counts(upload)
    shown = [outcome for outcome in WORDS[upload.kind] if told.get(outcome) or outcome in _ALWAYS]
    return [_outcome(upload, outcome, told.get(outcome, 0), report_url) for outcome in shown]


_TOLD = (*TO_WRITE, ImportVerdict.UNCHANGED, ImportVerdict.JOINED)
"""Outcomes of which the file's own words are shown; of the others, why."""


def _outcome(upload: CustomerImport, outcome: str, count: int, report_url: str) -> dict[str, Any]:
    words = WORDS[upload.kind][outcome]
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
    """Who the row says that the person is, or what the person bought or did."""
    if row.said is not None:
        return _said_of_deed(row.said)
    name = f"{row.first_name} {row.last_name}".strip()
    return " · ".join(filter(None, (name, row.phone)))


def _said_of_deed(said: dict[str, Any]) -> str:
    line = said.get("line") or {}
    at = str(said.get("placed_at") or said.get("started_at") or said.get("at") or "")[:10]
    money = f"{said['total']} {said['currency']}" if "total" in said else ""
    words = (said.get("number"), said.get("name"), said.get("title"), line.get("title"), money, at)
    return " · ".join(str(word) for word in words if word)
