"""Who is meant by the names that sources have for people.

A name is a digest (`names.digest`). It goes by another one, its `same_as`: an anonymous id by a user id, a user id by
an e-mail address; and the last of them belongs to a customer, or to nobody yet. What happens is followed in its order:
the name that somebody has at the moment of an event decides, and what was done before under a name that nobody knew
comes to the first customer whom the name turns out to be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Q, QuerySet
from django.utils import timezone

from customers.ingest import names
from customers.ingest.tracked import Tracked
from customers.models import Customer, Event, Visitor
from customers.privacy.person import Person
from portal import sets
from portal.models import Store

LONGEST_CHAIN = 16


class Names:
    """The names that a portion of events speaks of, as the store knows them; changed in memory by `follow`, and written
    by `save`. The caller holds what keeps others from doing the same."""

    def __init__(self, store: Store, tracked: Iterable[Tracked]) -> None:
        self._store = store
        tracked = list(tracked)
        self._claimed = {claim: names.digest(*claim) for each in tracked for claim in each.claims}
        wanted = {each.visitor for each in tracked} | set(self._claimed.values())
        wanted |= {name for each in tracked for pair in each.joins for name in pair}
        self._own = {each.visitor for each in tracked} & set(self._claimed.values())
        """Names of customers under which something was done: by them those are found who turn out to be meant."""
        self._rows: dict[str, Visitor] = {}
        self._read(wanted)
        self._same_as = {name: row.same_as for name, row in self._rows.items() if row.same_as}
        self._customer: dict[str, int] = {name: row.customer_id for name, row in self._rows.items() if row.customer_id}
        self._known_before = set(self._customer)
        self._goes_by: dict[str, set[str]] = defaultdict(set)
        for name, other in self._same_as.items():
            self._goes_by[other].add(name)
        self._find_customers()
        self._waiting: dict[str, list[Tracked]] = defaultdict(list)
        self.newly: dict[str, int] = {}
        """Names that were nobody's before → the customer that they turned out to be first."""

    def _read(self, wanted: set[str]) -> None:
        """The rows of these names, and of those that they go by."""
        seen: set[str] = set()
        for _ in range(LONGEST_CHAIN):
            wanted -= seen
            if not wanted:
                return
            for row in Visitor.objects.for_store(self._store).filter(digest__among=sorted(wanted)):
                self._rows[row.digest] = row
            seen |= wanted
            wanted = {row.same_as for row in self._rows.values() if row.same_as}

    def _find_customers(self) -> None:
        """Look up who is claimed to be a customer and was not known so far."""
        for kind in names.OF_CUSTOMERS:
            values = {value for (of, value), name in self._claimed.items() if of == kind}
            column = "email_key" if kind == names.EMAIL else kind
            if not values:
                continue
            mine = Customer.objects.for_store(self._store).filter(**{f"{column}__among": sorted(values)})
            for value, number in mine.filter(erased_at=None).order_by("-pk").values_list(column, "pk"):
                # The customer who has the address now, whoever had it when the name was heard first.
                self._customer[self._claimed[kind, value]] = number

    def follow(self, each: Tracked) -> None:
        """Take up what the event says of names, and say whose it is (`each.customer_id`), where that is known."""
        for name, other in each.joins:
            self._join(name, other)
        self._claim(each)
        each.customer_id = self._who(each.visitor)
        if each.customer_id is None:
            self._waiting[each.visitor].append(each)

    def _who(self, name: str) -> int | None:
        for _ in range(LONGEST_CHAIN):
            if (found := self._customer.get(name)) is not None:
                return found
            if not (name := self._same_as.get(name, "")):
                return None
        return None

    def _join(self, name: str, other: str) -> None:
        if self._leads_to(other, name):
            return
        self._link(name, other)
        customer = self._who(other)
        if customer is None:
            self._customer.pop(name, None)
        else:
            self._belongs(name, customer)

    def _claim(self, each: Tracked) -> None:
        """The visitor is said to be a customer: go by the first of the names that leads to one, else by the first."""
        if not each.claims:
            return
        claimed = [self._claimed[claim] for claim in each.claims]
        known = next((name for name in claimed if self._who(name) is not None), None)
        chosen = known or claimed[0]
        if chosen == each.visitor or self._leads_to(chosen, each.visitor):
            return
        customer = self._who(chosen)
        if customer is None and self._who(each.visitor) is not None:
            return
        self._link(each.visitor, chosen)
        if customer is not None:
            self._belongs(chosen, customer)
            self._belongs(each.visitor, customer)

    def _leads_to(self, name: str, end: str) -> bool:
        for _ in range(LONGEST_CHAIN):
            if name == end:
                return True
            if not (name := self._same_as.get(name, "")):
                return False
        return True

    def _link(self, name: str, other: str) -> None:
        self._goes_by[self._same_as.get(name, "")].discard(name)
        self._same_as[name] = other
        self._goes_by[other].add(name)

    def _belongs(self, name: str, customer: int) -> None:
        """The name is the customer's, and so are those that go by it and were nobody's."""
        left = [name]
        while left:
            found = left.pop()
            self._customer[found] = customer
            if found not in self._known_before:
                self.newly.setdefault(found, customer)
            for each in self._waiting.pop(found, ()):
                each.customer_id = customer
            left += [other for other in self._goes_by[found] if other not in self._customer]

    def save(self) -> set[int]:
        """Write what was learned, and give what was done before to those who turned out to have done it; their ids."""
        for name in {*self._same_as, *(name for name in self._claimed.values() if name in self._customer)}:
            if name not in self._customer and (found := self._who(name)) is not None:
                self._belongs(name, found)
        self._write()
        return give(self._store, self.newly)

    def _write(self) -> None:
        rows, gone = [], []
        for name in {*self._same_as, *self._customer, *self._own}:
            row = self._rows.get(name)
            customer, same_as = self._customer.get(name), self._same_as.get(name, "")
            if row is not None and (row.customer_id, row.same_as) == (customer, same_as):
                continue
            if row is not None:
                gone.append(row.pk)
            rows.append((name, customer, same_as))
        write(self._store, rows, gone)


def write(store: Store, rows: Iterable[tuple[str, int | None, str]], gone: list[int]) -> None:
    """Write these names (digest, customer, what it goes by) in the place of the rows `gone`."""
    if gone:
        sets.delete_matching(Visitor.objects.for_store(store).filter(pk__among=gone))
    now = timezone.now()
    loaded = [(store.pk, name, customer, same_as, now) for name, customer, same_as in rows]
    if loaded:
        sets.load(Visitor, ("store", "digest", "customer", "same_as", "known_at"), loaded)


def give(store: Store, newly: dict[str, int]) -> set[int]:
    """Names that were nobody's → customers: have all that goes by them, and was done under them by nobody, be theirs.
    The ids of customers who got something."""
    all_of_them, ahead = dict(newly), dict(newly)
    while ahead:
        unknown = Visitor.objects.for_store(store).filter(same_as__among=sorted(ahead), customer=None)
        found = {row.pk: (row.digest, ahead[row.same_as]) for row in unknown}
        sets.assign(Visitor, "customer", {pk: customer for pk, (_, customer) in found.items()})
        ahead = {name: customer for name, customer in found.values() if name not in all_of_them}
        all_of_them |= ahead
    if not all_of_them:
        return set()
    mine = Event.objects.for_store(store).filter(customer=None, visitor__among=sorted(all_of_them))
    given = {pk: all_of_them[visitor] for pk, visitor in mine.values_list("pk", "visitor").iterator(chunk_size=20_000)}
    sets.assign(Event, "customer", given)
    return set(given.values())


def of_person(person: Person) -> QuerySet[Visitor]:
    """The names that the person is known by: those that are the customer's, and those that lead to an address or an id
    of the person and are nobody else's."""
    said = {names.EMAIL: person.keys, **{kind: (value,) for kind, value in person.ids.items()}}
    seeds = {names.digest(kind, value) for kind, values in said.items() for value in values}
    every: QuerySet[Visitor] = Visitor.objects.for_store(person.store)
    mine = every.filter(customer_id=person.number).values_list("digest", flat=True) if person.customer_id else ()
    led = closure(person.store, {*seeds, *mine})
    return every.filter(Q(customer=None) | Q(customer_id=person.number), digest__among=sorted(led))


def closure(store: Store, seeds: Iterable[str]) -> set[str]:
    """These names, and all that go by them."""
    found, ahead = set(seeds), set(seeds)
    while ahead:
        rows = Visitor.objects.for_store(store).filter(same_as__among=sorted(ahead))
        ahead = set(rows.values_list("digest", flat=True)) - found
        found |= ahead
    return found
