"""The year of the demo's larger shop: its segments made, filled and kept by the people who work there."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random

from portal.models import User
from segments.demo import history
from segments.demo.files import Uploads
from segments.demo.history import Ledger
from segments.demo.imports import Imports
from segments.demo.office import Office
from segments.demo.people import Person
from segments.demo.segments import PLANS, Plan, Year
from segments.demo.shops import OPENED_DAYS_AGO, Shop, Team
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
    """What happened in `shop` up to `now`: told first, then written."""

    shop: Shop
    team: Team
    now: datetime
    ledgers: list[Ledger] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = Random(f"year {self.shop.store.slug}")  # noqa: S311 - a made-up year needs no secret dice
        self.trail = Trail(self.shop.store)
        self.uploads = Uploads(self.shop, self.rng, self.trail)
        self.imports = Imports(self.shop, self.rng, self.trail)
        self.today = self.shop.store.day(self.now)
        self.year = Year(self.shop.people, self.today - timedelta(days=DAYS), self.today, self.rng)

    def tell(self) -> None:
        """Fill the ledgers, and store the files."""
        Office(self.shop, self.team, self.now, self.rng, self.trail).run()
        self._customers_come()
        for plan in PLANS:
            self._live(plan)

    def write(self) -> int:
        """Write all that was told; how many changes of membership that were."""
        self.imports.write()
        self.uploads.write()
        self.trail.write()
        return history.write(self.ledgers)

    def _customers_come(self) -> None:
        owner, manager = self.team.owner, self.team.manager
        for days_ago, by, bring in (
            (OPENED_DAYS_AGO - 1, owner, self.imports.take_over),
            (203, manager, self.imports.catch_up),
            (171, manager, self.imports.bring_from_market),
            (41, manager, self.imports.cancel),
        ):
            bring(by, self._at(self.today - timedelta(days=days_ago), 11))

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
        self.trail.note(made_at, by, "created", segment)
        ledger = Ledger(segment)
        agendas = self._agendas(plan, made_on)
        incidents = self._incidents(plan)
        for day in sorted({*agendas, *incidents}):
            if day in agendas:
                self._act(ledger, day, agendas[day], by)
            if day in incidents:
                incidents[day](ledger, self._at(day, 14))
        self.ledgers.append(ledger)

    def _incidents(self, plan: Plan) -> dict[date, Callable[[Ledger, datetime], None]]:
        """What did not go as planned, by day."""
        found: dict[str, tuple[int, Callable[[Ledger, datetime], None]]] = {
            "Referral friends": (88, self._mistake),
            "Big Spenders": (52, self._too_many),
            "Tea lovers": (6, self._stuck),
        }
        if plan.name not in found:
            return {}
        days_ago, incident = found[plan.name]
        return {self.today - timedelta(days=days_ago): incident}

    def _mistake(self, ledger: Ledger, at: datetime) -> None:
        people = self._outsiders(ledger, "tea", 140)
        self.uploads.bring_in_by_mistake(ledger, people, self.team.manager, at)

    def _too_many(self, ledger: Ledger, at: datetime) -> None:
        self.uploads.refuse(ledger, 12_480, self.team.manager, at)

    def _stuck(self, ledger: Ledger, at: datetime) -> None:
        self.uploads.get_stuck(ledger, self._outsiders(ledger, "coffee", 180), self.team.manager, at)

    def _outsiders(self, ledger: Ledger, tag: str, count: int) -> list[Person]:
        """Customers with `tag` who are not in the segment."""
        pairs = zip(self.shop.ids, self.shop.people, strict=True)
        return self.rng.sample([who for pk, who in pairs if tag in who.tags and pk not in ledger.members], count)

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
        cause = self._by_hand(by, at)
        gone = [pk for pk in self._ids(agenda.leave) if pk in ledger.members]
        ledger.leave(gone, cause, keep_out=True)
        self.trail.note_went(cause, ledger.segment, gone)
        cause = self._by_hand(by, at + timedelta(minutes=self.rng.randrange(4, 9)))
        if len(agenda.enter) >= BY_FILE:
            people = [self.shop.people[place] for place in agenda.enter]
            self.uploads.bring_in(ledger, people, by, cause.at or at)
        else:
            ledger.enter(self._ids(agenda.enter), cause)
            self.trail.note_came(cause, ledger.segment, self._ids(agenda.enter))

    def _by_hand(self, by: User, at: datetime) -> Cause:
        return Cause(Source.MANUAL, actor=by, at=at)

    def _ids(self, places: list[int]) -> list[int]:
        return [self.shop.ids[place] for place in places]

    def _at(self, day: date, hour: int) -> datetime:
        """Some minute of that hour, in the store's zone."""
        minute = time(hour, self.rng.randrange(5, 50), self.rng.randrange(60), tzinfo=self.shop.store.zone)
        return datetime.combine(day, minute)
