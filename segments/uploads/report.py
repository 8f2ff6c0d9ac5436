"""What is told of an upload: where it stands, how many rows had which outcome, and the rows themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet

from portal.models import Job
from portal.sheets import report
from segments.models import Upload, UploadRow, UploadVerdict
from segments.uploads.work import outcomes_of

FIRST_ROWS = 5


@dataclass(frozen=True)
class Words:
    """How an outcome is shown: `before` the import, and after it."""

    tone: str
    icon: str
    label: str
    before: str
    after: str


OUTCOMES = {
    UploadVerdict.ADDED: Words("good", "user-plus", "Added", "", "They are in the segment now."),
    UploadVerdict.MATCHED: Words("good", "user-check", "Matched", "Customers who will be added.", ""),
    UploadVerdict.ALREADY: Words(
        "neutral",
        "users",
        "Already in the segment",
        "They are not doubled; a name or phone in the file is noted.",
        "Nobody is doubled; a name or phone in the file is noted.",
    ),
    UploadVerdict.KEPT_OUT: Words(
        "warn", "user-minus", "Removed by hand before", "They stay out, unless you add them too.", "They stayed out."
    ),
    UploadVerdict.UNMATCHED: Words(
        "warn", "user-question", "Without a customer", "No customer has this e-mail address: ignored.", "Ignored."
    ),
    UploadVerdict.ERASED: Words(
        "neutral",
        "shield-lock",
        "Erased people",
        "They were erased on request: ignored, and nothing of these rows is kept.",
        "They were erased on request: nothing of these rows is kept.",
    ),
    UploadVerdict.REPEATED: Words(
        "neutral", "repeat", "Again later in the file", "Of each person the last row counts.", "The last row counted."
    ),
    UploadVerdict.INVALID: Words(
        "bad", "file-alert", "Invalid", "These rows cannot be used.", "They could not be used."
    ),
}


LEFT_OVER = Words("warn", "clock-pause", "Not imported", "", "The import stopped before them.")
"""How matched rows are shown that the import has not come to."""


def counts(upload: Upload) -> dict[str, int]:
    """Rows by outcome: of the check, of the import, or of as much of the import as was done."""
    if upload.finished_at or not upload.confirmed_at:
        return upload.counts
    outcomes, found = outcomes_of(upload), dict.fromkeys(upload.counts, 0)
    is_done = Count("pk", filter=Q(line__lte=upload.applied_to))
    for verdict, rows, done in _rows(upload).order_by().values_list("verdict").annotate(rows=Count("pk"), done=is_done):
        became = outcomes.get(verdict, verdict)
        found[became] = found.get(became, 0) + done
        found[verdict] = found.get(verdict, 0) + rows - done
    return found


def _rows(upload: Upload) -> QuerySet[Any]:
    return UploadRow.objects.for_store(upload.store).filter(upload=upload)


def rows_of(upload: Upload, outcome: str) -> QuerySet[Any]:
    """The rows with this outcome, one of OUTCOMES, in the order of their lines; all rows for ''."""
    rows = _rows(upload).order_by("line")
    if not outcome:
        return rows
    outcomes = outcomes_of(upload)
    done, to_come = Q(line__lte=upload.applied_to), Q(line__gt=upload.applied_to)
    became = Q(verdict__in=[verdict for verdict, name in outcomes.items() if name == outcome]) & done
    stayed = Q(verdict=outcome) & (to_come if outcome in outcomes else Q())
    return rows.filter(became | stayed)


def report_rows(upload: Upload, outcome: str) -> Iterator[tuple[Any, ...]]:
    """The rows under `sheets.REPORT_HEADERS` that people download."""
    labels: dict[str, str] = dict(UploadVerdict.choices)
    if upload.confirmed_at:
        labels[UploadVerdict.MATCHED] = LEFT_OVER.label
    return report(rows_of(upload, outcome), upload, labels, outcomes_of(upload))


def outcomes(upload: Upload, report_url: str) -> list[dict[str, Any]]:
    """The outcomes for components/file_report.html, with the first rows of each; `report_url` is where all are."""
    told = counts(upload)
    shown = [outcome for outcome in OUTCOMES if told.get(outcome) or outcome in _always(upload)]
    return [_outcome(upload, outcome, told.get(outcome, 0), report_url) for outcome in shown]


def _always(upload: Upload) -> tuple[UploadVerdict, ...]:
    first = UploadVerdict.ADDED if upload.confirmed_at else UploadVerdict.MATCHED
    return first, UploadVerdict.ALREADY, UploadVerdict.UNMATCHED, UploadVerdict.INVALID


def _outcome(upload: Upload, outcome: UploadVerdict, count: int, report_url: str) -> dict[str, Any]:
    words = OUTCOMES[outcome]
    first = rows_of(upload, outcome)[:FIRST_ROWS] if count else []
    if upload.confirmed_at and outcome == UploadVerdict.MATCHED:
        words = LEFT_OVER
    text = words.after if upload.confirmed_at else words.before
    return {
        "label": words.label,
        "count": count,
        "tone": words.tone,
        "icon": words.icon,
        "text": "They were, until the import was undone." if outcome == "added" and upload.undone_at else text,
        "url": f"{report_url}?result={outcome}" if count and report_url else "",
        "examples": [{"line": row.line, "value": row.email, "reason": row.reason} for row in first],
    }


def removed_by_undo(job: Job | None) -> int | None:
    """How many left by the undo `job`; None for another kind of work, or one that is not done."""
    return (job.result or {}).get("removed") if job is not None else None
