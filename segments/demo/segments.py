"""The dozen segments of the demo's larger shop: who belongs to each, from which day to which.

A stay is a customer's place in the shop's list, the day on which something makes the customer a member, and the day on
which something ends that (None: nothing did so far). When staff then act on it is the segment's rhythm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from segments.demo.people import Person

Stay = tuple[int, date, date | None]
NEW_FOR = timedelta(days=30)
LOYAL_AFTER = timedelta(days=365)
BIG_SPENDING = 90_000
"""Cents that make a Big Spender."""
GIFT_AFTER_ORDERS = 8


@dataclass(frozen=True)
class Year:
    """What the stays are drawn from; `first` and `last` are days of the shop's calendar."""

    people: list[Person]
    first: date
    last: date
    rng: Random

    def each(self) -> Iterator[tuple[int, Person]]:
        return iter(enumerate(self.people))

    def some_day(self, start: date, end: date) -> date:
        return start + timedelta(days=self.rng.randrange(max(1, (end - start).days)))


def daily(_day: date) -> bool:
    return True


def weekly(*weekdays: int) -> Callable[[date], bool]:
    """The rhythm of a task done every week on `weekdays` (0 is Monday)."""
    return lambda day: day.weekday() in weekdays


def monthly(day: date) -> bool:
    """The first Monday of a month."""
    return day.weekday() == 0 and day.day <= 7


@dataclass(frozen=True)
class Plan:
    """A segment to be. `by` is the role of who looks after it; it was made `made_after` days into the year."""

    name: str
    description: str
    stays: Callable[[Year], Iterator[Stay]]
    rhythm: Callable[[date], bool]
    by: str = "manager"
    made_after: int = 0


def _new(year: Year) -> Iterator[Stay]:
    for place, person in year.each():
        yield place, person.signed_up + timedelta(days=1), person.signed_up + NEW_FOR + timedelta(days=1)


def _loyal(year: Year) -> Iterator[Stay]:
    for place, person in year.each():
        yield place, person.signed_up + LOYAL_AFTER, person.ends_on


def _at_risk(year: Year) -> Iterator[Stay]:
    """Some waver and come back, some of them twice; most of those who cancel were quiet for a while before."""
    for place, person in year.each():
        settled = person.signed_up + timedelta(days=45)
        if person.ends_on:
            if year.rng.random() < 0.75:
                yield place, max(settled, person.ends_on - timedelta(days=year.rng.randrange(15, 60))), person.ends_on
            continue
        begins = max(settled, year.first - timedelta(days=30))
        while year.rng.random() < 0.22 and begins < year.last:
            starts = year.some_day(begins, year.last)
            ends = starts + timedelta(days=year.rng.randrange(12, 80))
            yield place, starts, ends
            begins = ends + timedelta(days=20)


def _tagged(tag: str, *, staying: float) -> Callable[[Year], Iterator[Stay]]:
    def stays(year: Year) -> Iterator[Stay]:
        for place, person in year.each():
            if tag in person.tags:
                leaves = person.ends_on if year.rng.random() > staying else None
                yield place, person.signed_up + timedelta(days=year.rng.randrange(5, 30)), leaves

    return stays


def _big_spenders(year: Year) -> Iterator[Stay]:
    for place, person in year.each():
        if person.spent >= BIG_SPENDING and not person.company:
            active = ((person.ends_on or year.last) - person.signed_up).days
            yield place, person.signed_up + timedelta(days=active * BIG_SPENDING // person.spent), person.ends_on


def _free_gift(year: Year) -> Iterator[Stay]:
    """Whoever got the gift of a streak's milestone; counted since the segment was made."""
    for place, person in year.each():
        reached = person.signed_up + timedelta(days=int(GIFT_AFTER_ORDERS * person.days_between_orders * 1.15))
        if person.orders >= GIFT_AFTER_ORDERS and reached >= year.first and year.rng.random() < 0.6:
            yield place, reached, None


def _referral_friends(year: Year) -> Iterator[Stay]:
    for place, person in year.each():
        if person.channel == "referral" and not person.company:
            yield place, person.signed_up + timedelta(days=3), None


def _holiday_gifters(year: Year) -> Iterator[Stay]:
    """Who bought presents in the weeks before the holidays of the years that the history touches."""
    for place, person in year.each():
        for number in range(year.first.year, year.last.year + 1):
            bought = year.some_day(date(number, 11, 8), date(number, 12, 20))
            likely = 0.45 if "gift" in person.tags else 0.07
            if person.signed_up < bought and year.first <= bought <= year.last and year.rng.random() < likely:
                yield place, bought, None
                break


def _wholesale(year: Year) -> Iterator[Stay]:
    for place, person in year.each():
        if person.company:
            yield place, person.signed_up + timedelta(days=2), None


def _tasting_panel(year: Year) -> Iterator[Stay]:
    """Two dozen of the best customers, half of whom make way for others every seven weeks."""
    best = sorted(year.each(), key=lambda entry: -entry[1].spent)
    seats = [place for place, person in best if not person.company and not person.ends_on][:96]
    for half in range(8):
        starts = year.first + timedelta(days=49 * half)
        for place in seats[half * 12 : half * 12 + 12]:
            yield place, starts, starts + timedelta(days=98)


def _testers(year: Year) -> Iterator[Stay]:
    for place, person in year.each():
        if person.is_tester:
            yield place, year.first, None


PLANS = (
    Plan("New subscribers (first 30 days)", "Signed up in the last 30 days: the welcome letters.", _new, daily),
    Plan("Loyal — 12+ months", "Subscribed for a year or longer: thank-yous and upgrades.", _loyal, weekly(0), "owner"),
    Plan("At-risk", "Skips, pauses or orders less than before: a check-in by e-mail.", _at_risk, weekly(1, 4)),
    Plan("Tea lovers", "Drinks tea, perhaps beside coffee.", _tagged("tea", staying=0.8), weekly(2)),
    Plan("Build-a-box", "Puts the box together anew each time.", _tagged("build-a-box", staying=0.7), weekly(4)),
    Plan("Big Spenders", "Has spent 900 dollars and more with us.", _big_spenders, monthly, "owner"),
    Plan("Free Gift", "Received the tin for the eighth order in a row.", _free_gift, weekly(3)),
    Plan("Referral friends", "Came through a friend.", _referral_friends, weekly(4)),
    Plan("Holiday gifters", "Bought presents before the holidays.", _holiday_gifters, weekly(1)),
    Plan("Wholesale cafés", "Serves our coffee and tea to others.", _wholesale, weekly(0), "owner"),
    Plan("VIP tasting panel", "Tastes new lots before anyone else.", _tasting_panel, daily, "owner", 190),
    Plan("Test Customers", "Our own accounts, to try things on.", _testers, monthly, "owner", 12),
)
