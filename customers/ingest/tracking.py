"""Taking in what apps and sites track: records become events, each once, of the customer who is known by then."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from customers.ingest import amplitude, segment
from customers.ingest.outcomes import Outcome, Refused
from customers.ingest.storing import store_events
from customers.ingest.taking_in import handles
from customers.ingest.tracked import Tracked, Unfit
from customers.models import Arrival, ErasedIdentity, WayIn, WayInKind
from customers.privacy.identity import EMAIL, VISITOR, erased_among
from customers.privacy.person import Person
from customers.privacy.sheets import ERASED_WORDS
from portal.audit import ANY_ADDRESS
from portal.emails import InvalidEmail, email_key
from portal.models import Store


@dataclass
class Found:
    """What an arrival held: events that can be taken in, with their positions, and why others cannot."""

    tracked: list[tuple[int, Tracked]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    names: Counter[str] = field(default_factory=Counter)

    def outcome(self) -> Outcome:
        counts: dict[str, Any] = {
            name: self.counts[name] for name in ("stored", "duplicate", "invalid", "ignored", "unmatched")
        }
        return Outcome(**counts, refused=tuple(self.refused), names=self.names)


def read_each(records: Sequence[Any], read: Callable[[int, Any], Tracked]) -> Found:
    """Each of the records by `read`, with its position."""
    found = Found()
    for position, record in enumerate(records):
        if record == ERASED_WORDS:
            found.counts["ignored"] += 1
            continue
        try:
            found.tracked.append((position, read(position, record)))
        except Unfit as error:
            found.refused.append(Refused(position, error.field, error.reason, error.code))
    found.counts["invalid"] = len(found.refused)
    return found


class _Tracking:
    """What both tracking APIs share: all but how a request is read."""

    def records(self, arrival: Arrival, body: dict[str, Any]) -> tuple[list[Any], Callable[[int, Any], Tracked]]:
        raise NotImplementedError

    def take_in(self, store: Store, way_in: WayIn, arrivals: list[Arrival]) -> list[Outcome]:
        remembers = ErasedIdentity.objects.for_store(store).exists()
        found = []
        for arrival in arrivals:
            records, read = self.records(arrival, json.loads(arrival.body))
            mine = read_each(records, read)
            if remembers:
                _leave_out_erased(store, mine, records)
            found.append(mine)
        write(store, way_in, found)
        return [each.outcome() for each in found]


@handles(WayInKind.SEGMENT)
class SegmentTracking(_Tracking):
    def records(self, arrival: Arrival, body: dict[str, Any]) -> tuple[list[Any], Callable[[int, Any], Tracked]]:
        sent = segment.sent_at(body)

        def read(position: int, record: Any) -> Tracked:
            return segment.read(
                record, received=arrival.received_at, sent=sent, fallback=f"arrival {arrival.pk} {position}"
            )

        return segment.records_of(arrival.topic, body), read


@handles(WayInKind.AMPLITUDE)
class AmplitudeTracking(_Tracking):
    def records(self, arrival: Arrival, body: dict[str, Any]) -> tuple[list[Any], Callable[[int, Any], Tracked]]:
        shortest = amplitude.min_id_length(body)

        def read(position: int, event: Any) -> Tracked:
            return amplitude.read(
                event, received=arrival.received_at, shortest=shortest, fallback=f"arrival {arrival.pk} {position}"
            )

        return body["events"], read


def _leave_out_erased(store: Store, found: Found, records: Sequence[Any]) -> None:
    """Leave out what names somebody who was erased: by a name that the person had, or by an address anywhere in it."""
    said = {position: addresses_in(records[position]) for position, _ in found.tracked}
    asked: dict[str, set[str]] = {VISITOR: {name for _, each in found.tracked for name in _called(each)}}
    asked[EMAIL] = set().union(*said.values())
    for _, each in found.tracked:
        for kind, value in each.claims:
            asked.setdefault(kind, set()).add(value)
    erased = erased_among(store, asked)
    if not erased:
        return
    kept = []
    for position, each in found.tracked:
        mine = {*((VISITOR, name) for name in _called(each)), *each.claims, *((EMAIL, key) for key in said[position])}
        if erased & mine:
            found.counts["ignored"] += 1
        else:
            kept.append((position, each))
    found.tracked = kept


def without_person(arrival: Arrival, kind: WayInKind, person: Person) -> str:
    """The body of a request that is kept, with ERASED_WORDS in the place of each record that names the person, or is
    about the person, who is remembered as erased by now; as it was where none does, and empty where the request is but
    one record that does."""
    body = json.loads(arrival.body)
    handler = SegmentTracking() if kind == WayInKind.SEGMENT else AmplitudeTracking()
    place = "batch" if kind == WayInKind.SEGMENT else "events"
    records, read = handler.records(arrival, body)
    found = read_each(records, read)
    could_be = {position for position, _ in found.tracked}
    _leave_out_erased(person.store, found, records)
    gone = could_be - {position for position, _ in found.tracked}
    gone |= {at for at, record in enumerate(records) if person.is_in(json.dumps(record, ensure_ascii=False))}
    if not isinstance(body.get(place), list):
        return "" if gone else arrival.body
    others = [
        ERASED_WORDS if at in gone else person.blank_all(record, ERASED_WORDS) for at, record in enumerate(body[place])
    ]
    about = person.blank_all({name: said for name, said in body.items() if name != place}, ERASED_WORDS)
    left = {**about, place: others}
    return arrival.body if left == body else json.dumps(left, ensure_ascii=False)


def _called(each: Tracked) -> set[str]:
    return {each.visitor, *(name for pair in each.joins for name in pair)}


def addresses_in(record: Any) -> set[str]:
    """The keys of the e-mail addresses that stand anywhere in the record."""
    text = json.dumps(record, ensure_ascii=False)
    found = set()
    for typed in ANY_ADDRESS.findall(text) if "@" in text else ():
        try:
            found.add(email_key(typed))
        except InvalidEmail:
            continue
    return found


def write(store: Store, way_in: WayIn, found: Sequence[Found]) -> None:
    """Write the events that are not here yet, and count what became of each."""
    every = [(arrival, each) for arrival in found for _, each in arrival.tracked]
    for (arrival, each), is_new in zip(every, store_events(store, way_in, [each for _, each in every]), strict=True):
        if not is_new:
            arrival.counts["duplicate"] += 1
            continue
        arrival.counts["stored"] += 1
        arrival.names[each.name] += 1
        arrival.counts["unmatched"] += each.customer_id is None
