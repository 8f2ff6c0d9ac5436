"""The year of the demo's larger shop: its segments made, filled and kept by the people who work there."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random

from portal.models import User
from segments.demo.files import Uploads
from segments.demo.history import Ledger
from segments.demo.segments import PLANS, Plan, Year
from segments.demo.shops import Shop, Team
from segments.demo.trail import Trail
from segments.membership import Cause
from segments.models import Segment, Source

DAYS = 365
BY_FILE = 45
"""From so many people on, staff upload a file instead of adding them by hand."""
NOBODY_BY_HAND = timedelta(minutes=30)


@dataclass
class Agenda:
    """What staff do on one day, by the customers' places in the shop's list."""

    leave: list[int] = field(default_factory=list)
    enter: list[int] = field(default_factory=list)


@dataclass
class Story:
    """Tells the year: the ledgers, uploads and trail that it fills are written by the caller."""

    shop: Shop
    team: Team
    now: datetime
    rng: Random
    trail: Trail
    ledgers: list[Ledger] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.uploads = Uploads(self.shop, self.rng)
        self.today = self.shop.store.day(self.now)
        self.year = Year(self.shop.people, self.today - timedelta(days=DAYS), self.today, self.rng)

    def tell(self) -> None:
        for plan in PLANS:
            self._live(plan)

    def _live(self, plan: Plan) -> None:
        by: User = getattr(self.team, plan.by)
        made_on = self.year.first + timedelta(days=plan.made_after)
        made_at = self._at(made_on, 8)
        segment = Segment.objects.create_for(
            self.shop.store,
            name=plan.name,
            description=plan.description,
            created_by=by,
            created_at=made_at,
            updated_at=made_at,
        )
        self.trail.note(self.shop.store, made_at, by, "created", segment)
        ledger = Ledger(segment)
        for day, agenda in sorted(self._agendas(plan, made_on).items()):
            self._act(ledger, day, agenda, by)
        self.ledgers.append(ledger)

    def _agendas(self, plan: Plan, made_on: date) -> dict[date, Agenda]:
        """The working days of the segment; staff act on what happened since the last one."""
        span = (self.today - made_on).days
        days = [made_on, *(day for ago in range(1, span + 1) if plan.rhythm(day := made_on + timedelta(days=ago)))]
        agendas = {day: Agenda() for day in days}
        for place, start, end in plan.stays(self.year):
            enters = bisect_left(days, start)
            leaves = bisect_left(days, end) if end else len(days)
            if enters >= leaves:
                continue
            agendas[days[enters]].enter.append(place)
            if leaves < len(days):
                agendas[days[leaves]].leave.append(place)
        return agendas

    def _act(self, ledger: Ledger, day: date, agenda: Agenda, by: User) -> None:
        at = self._at(day, 9)
        if at > self.now - NOBODY_BY_HAND:
            return
        if ledger.leave(self._ids(agenda.leave), self._by_hand(by, at), keep_out=True):
            self.trail.note(
                self.shop.store, at, by, "removed customers", ledger.segment, customers=[len(agenda.leave), 0]
            )
        at += timedelta(minutes=self.rng.randrange(4, 9))
        if len(agenda.enter) >= BY_FILE:
            people = [self.shop.people[place] for place in agenda.enter]
            upload = self.uploads.bring_in(ledger, people, by, at)
            self.trail.note(self.shop.store, upload.finished_at or at, by, "imported", upload)
        else:
            ledger.enter(self._ids(agenda.enter), self._by_hand(by, at))

    def _by_hand(self, by: User, at: datetime) -> Cause:
        return Cause(Source.MANUAL, actor=by, at=at)

    def _ids(self, places: list[int]) -> list[int]:
        return [self.shop.ids[place] for place in places]

    def _at(self, day: date, hour: int) -> datetime:
        """Some minute of that hour, in the store's zone."""
        minute = time(hour, self.rng.randrange(5, 50), self.rng.randrange(60), tzinfo=self.shop.store.zone)
        return datetime.combine(day, minute)
