"""What must always be true of files of people, whichever they are."""

from __future__ import annotations

from typing import Any

from django.db.models import BigIntegerField, Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from portal.invariants import declare, doubles
from portal.models import Job
from portal.models.job import ACTIVE_STATES
from portal.sheets.work import PENDING


def of_files(uploads: type[Any], rows: type[Any]) -> None:
    """Declare them for the model of `uploads` and that of their `rows`."""
    name = uploads._meta.model_name

    def checked_or_refused() -> QuerySet[Any]:
        return uploads.everywhere.filter(checked_at__isnull=False, refusal="")

    def counts_that_differ_from_rows() -> QuerySet[Any]:
        mine = rows.everywhere.filter(store_id=OuterRef("store_id"), upload_id=OuterRef("pk")).order_by()
        counted = Subquery(
            mine.values("upload_id").annotate(found=Count("pk")).values("found"), output_field=BigIntegerField()
        )
        return checked_or_refused().annotate(found=Coalesce(counted, 0)).exclude(row_count=F("found"))

    def finished_without_a_word_before() -> QuerySet[Any]:
        return uploads.everywhere.filter(finished_at__isnull=False).filter(Q(confirmed_at=None) | Q(checked_at=None))

    def imported_unconfirmed() -> QuerySet[Any]:
        return uploads.everywhere.filter(confirmed_at=None, applied_to__gt=0)

    def confirmed_and_refused() -> QuerySet[Any]:
        return uploads.everywhere.filter(confirmed_at__isnull=False).exclude(refusal="")

    def rows_left_behind() -> QuerySet[Any]:
        """Rows that a finished import has not come to."""
        return rows.everywhere.filter(upload__finished_at__isnull=False, line__gt=F("upload__applied_to"))

    def rows_never_judged() -> QuerySet[Any]:
        return rows.everywhere.filter(verdict=PENDING)

    def worked_on_twice() -> QuerySet[Any]:
        """Files that two jobs are at work on."""
        at_work = Job.everywhere.filter(state__in=ACTIVE_STATES, subject_type=uploads._meta.label_lower).order_by()
        return at_work.values("store", "subject_id").annotate(jobs=Count("pk")).filter(jobs__gt=1)

    declare(f"{name}s_whose_rows_differ_from_their_count", counts_that_differ_from_rows)
    declare(f"{name}s_finished_without_a_word_before", finished_without_a_word_before)
    declare(f"{name}s_imported_unconfirmed", imported_unconfirmed)
    declare(f"{name}s_confirmed_and_refused", confirmed_and_refused)
    declare(f"{name}s_worked_on_twice", worked_on_twice)
    declare(f"{name}_rows_left_behind", rows_left_behind)
    declare(f"{name}_rows_never_judged", rows_never_judged)
    doubles(f"{name}_rows_doubled", rows, "store", "upload", "line")
