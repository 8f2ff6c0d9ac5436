"""What the check and the import of an upload share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db.models import Count, QuerySet

from portal import jobs, sets
from portal.jobs import GiveUp
from portal.models import Job, SheetRow, SheetUpload

PENDING, REPEATED, INVALID, ERASED = "pending", "repeated", "invalid", "erased"
GONE = "The upload is gone."
SUPERSEDED = "Something else was begun with this file since; see there."
LATER_ROW_COUNTS = "The same person comes again in a later line; the last one counts."
LEFT_OUT = "This row could not be processed. It was left out, so that the others could be."
WAS_ERASED = "This person was erased on request; add them by hand only with their new consent."


@dataclass(slots=True)
class Entry:
    """A row of the file on its way into the table: what it says, and the verdict on it."""

    line: int
    email: str
    email_key: str = ""
    verdict: str = PENDING
    reason: str = ""
    customer_id: int | None = None
    values: Sequence[Any] = ()

    def forget(self) -> None:
        """Keep of the row only that it was there: the person was erased."""
        self.email = self.email_key = ""
        self.verdict, self.reason, self.customer_id = ERASED, WAS_ERASED, None


class SheetWork:
    """Work on one upload, the job's subject."""

    upload_model: ClassVar[type[SheetUpload]]
    row_model: ClassVar[type[SheetRow]]
    columns: ClassVar[Sequence[str]] = ()
    """The fields of a row beyond the shared ones; an entry's `values` are theirs."""
    judged_by: ClassVar[int] = 0
    """How many of `columns`, from the first, `judge` looks at."""
    outcomes: dict[str, str] = {}
    """Verdict of the check → what it is called once the import has come past the row."""

    def __init__(self, job: Job) -> None:
        self.job, self.store = job, job.store
        upload = self.upload_model.objects.for_store(job.store).filter(pk=job.subject_id).first()
        if upload is None:
            raise GiveUp(GONE)
        self.upload: Any = upload
        self.upload.store = job.store
        self.rows: QuerySet[Any] = self.row_model.objects.for_store(job.store).filter(upload=upload)
        self.chunk = sets.chunk_size(self.row_model)

    @property
    def full_portion(self) -> int | None:
        """Rows that the next step takes as a rule, None where it cannot take fewer; see portal.portions."""
        return None

    @property
    def portion(self) -> int:
        """Rows that the next step takes; 0 when it leaves out one that workers die of."""
        return self.job.portion(self.full_portion or self.chunk)

    def hold(self) -> None:
        """Keep others from working on the upload while this step lasts.

        Raises GiveUp when it is gone, or when something newer was begun with it: an old check that is tried again must
        not undo what an import relies on.
        """
        mine = self.upload_model.objects.for_store(self.store).filter(pk=self.upload.pk)
        held = list(mine.select_for_update(no_key=True, of=("self",)).values_list("confirmed_at", flat=True))
        if not held:
            raise GiveUp(GONE)
        self.upload.confirmed_at = held[0]
        latest = jobs.of_subject(self.upload).first()
        if latest is not None and latest.pk != self.job.pk:
            raise GiveUp(SUPERSEDED)

    def judge(self, entries: Sequence[Entry]) -> None:
        """Set verdict and customer of each entry, all of them pending; with a query or two for all together."""
        raise NotImplementedError

    def erased(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those of the entries, none of them a customer's, whose people were erased."""
        return []

    def settle(self, entries: Sequence[Entry]) -> None:
        """Judge the entries that wait for it, and forget of all who was erased."""
        pending = [entry for entry in entries if entry.verdict == PENDING]
        for some in sets.handfuls(pending):
            self.judge(some)
        strangers = [entry for entry in entries if entry.customer_id is None]
        for entry in self.erased(strangers):
            entry.forget()
            entry.values = list(self.nothing.values())

    @property
    def nothing(self) -> dict[str, Any]:
        """The columns beyond the shared ones, as they are in a row that says nothing."""
        fields = [self.row_model._meta.get_field(name) for name in self.columns]
        return {field.name: None if field.null else "" for field in fields}

    def world(self) -> list[int]:
        """The versions of all that `judge` reads: while none has gone up, it would say the same again."""
        raise NotImplementedError

    def count_verdicts(self) -> dict[str, int]:
        found = self.rows.order_by().values_list("verdict").annotate(rows=Count("pk"))
        return dict(found)

    def save_upload(self, **fields: Any) -> None:
        self.upload_model.objects.for_store(self.store).filter(pk=self.upload.pk).update(**fields)
