"""The import of an upload, which does what the check promised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from django.utils import timezone

from portal import crash, sets
from portal.jobs import Step
from portal.sheets.work import ERASED, INVALID, LEFT_OUT, REPEATED, Entry, SheetWork

NEVER_JUDGED = (INVALID, REPEATED, ERASED)


class ApplySheet(SheetWork):
    """Do what the check promised, window by window in the order of the lines. A subclass gives `judge` and `apply`,
    and may add to `finish`."""

    phase: ClassVar[str] = "Importing"
    written: ClassVar[Sequence[type[Model]]] = ()
    """The tables that `apply` fills."""
    not_judged: ClassVar[Sequence[str]] = ()
    """Verdicts of rows of which another row is judged."""

    @property
    def full_portion(self) -> int | None:
        return self.chunk

    def apply(self, window: QuerySet[Any]) -> None:
        """Write the rows of the window where they belong, and what became of those for whom it is not what their
        verdicts say."""
        raise NotImplementedError

    def world_after(self, before: list[int]) -> list[int]:
        """What `world` will say next, if nobody but this work writes in the meantime; it said `before` before this
        window was written."""
        raise NotImplementedError

    def finish(self, counts: dict[str, int]) -> None:
        """What has to be written with the end of the import."""

    def step(self) -> Step:
        self.hold()
        total, after = self.upload.row_count, self.job.cursor.get("line", 0)
        to_come = self.rows.filter(line__gt=after).order_by("line").values_list("line", flat=True)
        lines = list(to_come[: self.portion or 1])
        if not lines:
            return self._ends(total)
        if not self.portion:
            return self._leave_out(lines[0], total)
        window = self.rows.filter(line__gt=after, line__lte=lines[-1])
        crash.taste(lambda: window.values_list("email", flat=True))
        world = self.world()
        is_as_judged = world == self.job.cursor.get("world", self.upload.judged_in)
        if not is_as_judged:
            self.rejudge(window)
        self.apply(window)
        crash.point("import.applied")
        self.save_upload(applied_to=lines[-1])
        done = self.job.cursor.get("done", 0) + len(lines)
        # Once people have come and gone since the check, the windows to come are judged anew too.
        cursor = {"line": lines[-1], "done": done, "world": self.world_after(world) if is_as_judged else None}
        return Step(done, total, cursor, self.phase)

    def _leave_out(self, line: int, total: int) -> Step:
        """Come past a row that workers die of, and say so in the report."""
        self.rows.filter(line=line).exclude(verdict=ERASED).update(verdict=INVALID, reason=LEFT_OUT)
        self.save_upload(applied_to=line)
        done = self.job.cursor.get("done", 0) + 1
        return Step(done, total, {**self.job.cursor, "line": line, "done": done}, self.phase)

    def rejudge(self, window: QuerySet[Any]) -> None:
        """Judge the rows of the window anew, and write down the verdicts that are others now."""
        columns = ("pk", "line", "email_key", "customer_id", "verdict", "reason", *self.columns[: self.judged_by])
        rows = list(window.exclude(verdict__in=(*NEVER_JUDGED, *self.not_judged)).values_list(*columns))
        entries = [Entry(line, "", key, values=values) for _, line, key, _, _, _, *values in rows]
        self.settle(entries)
        by_verdict: dict[tuple[str, str], list[int]] = {}
        customers: dict[int, int | None] = {}
        for entry, (pk, line, _, customer, verdict, reason, *_) in zip(entries, rows, strict=True):
            if (verdict, reason) != (entry.verdict, entry.reason):
                by_verdict.setdefault((entry.verdict, entry.reason), []).append(line)
            if customer != entry.customer_id:
                customers[pk] = entry.customer_id
        for (now, why), lines in by_verdict.items():
            gone = {"email": "", "email_key": "", **self.nothing} if now == ERASED else {}
            window.filter(line__among=lines).update(verdict=now, reason=why, **gone)
        sets.assign(self.row_model, "customer_id", customers)

    def _ends(self, total: int) -> Step:
        counts: dict[str, int] = {}
        for verdict, rows in self.count_verdicts().items():
            name = self.outcomes.get(verdict, verdict)
            counts[name] = counts.get(name, 0) + rows
        self.save_upload(counts=counts, finished_at=timezone.now())
        crash.point("import.ending")
        self.finish(counts)
        sets.refresh_statistics(*self.written)
        return Step(total, total, {}, "Finished", result=counts)
