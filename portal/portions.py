"""How many rows a step takes on: fewer after workers have died of them, until the row they die of stands alone.

Work in portions has an attribute `full_portion`, the rows that its next step takes as a rule (None where a step cannot
be divided), takes what `Job.portion` makes of that, and sets the next row aside when that is 0. What is known of the
trouble stands in the job's `caution`: `rows` of the next step, `until` how many rows done that holds, and how many
rows were set `aside`.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings

from portal.models import Job

SHARE = 25
"""A portion that nobody survived is cut down to one of so many parts."""
MOST_ASIDE = 25
"""Rows that are set aside; with more of them, it is not the rows that are at fault."""


def tries(job: Job) -> int:
    """How often the step at hand may fail. Once there is suspicion, it is narrowed down quickly; but a row is only
    blamed after as many failures as work was."""
    return 1 if job.caution.get("rows", 0) > 1 else settings.JOB_MAX_ATTEMPTS


def cut(job: Job, work: Any) -> dict[str, int] | None:
    """The caution for the next try after a step has failed too often; None when there is nothing to cut."""
    full, aside = getattr(work, "full_portion", None), job.caution.get("aside", 0)
    rows = job.caution.get("rows", full)
    if not full or not rows or (rows == 1 and aside >= MOST_ASIDE):
        return None
    return {"rows": max(1, rows // SHARE) if rows > 1 else 0, "until": job.done + rows, "aside": aside}


def after_step(job: Job, done: int) -> dict[str, int]:
    """The caution after a step that was kept, and came to `done` rows: past the trouble, portions grow again."""
    if "rows" not in job.caution:
        return job.caution
    caution = dict(job.caution)
    caution["aside"] += caution["rows"] == 0
    if done >= caution["until"]:
        caution["rows"] = max(1, caution["rows"]) * SHARE
    return caution
