"""What is sold, and what others bought, as places in which the person may be named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Max, Q

from customers.models import Customer, CustomerMetrics, MetricsState, Order, OrderLine, Product, Subscription, WayIn
from customers.privacy import registry
from customers.privacy.person import Person
from customers.privacy.registry import Portion, place
from customers.privacy.sheets import ERASED_WORDS, spelled
from customers.register import hold_customers
from portal.tenancy import StoreModel

_ROWS_AT_ONCE = 100_000


class Words:
    """Short texts of the rows of one model, `texts`, and ids by which a source knows them, `keys`: these stay each for
    one row alone. `held_by` is what whoever writes them holds."""

    def __init__(
        self,
        name: str,
        model: type[StoreModel],
        *,
        texts: tuple[str, ...],
        keys: tuple[str, ...] = (),
        held_by: type[StoreModel] = WayIn,
    ) -> None:
        self.name, self.model, self.texts, self.keys, self.held_by = name, model, texts, keys, held_by
        self.covers: tuple[str, ...] = (model._meta.label,)

    def tell(self, person: Person) -> Iterator[dict[str, Any]]:
        yield from ()  # it is somebody else's row

    def erase(self, person: Person, after: int) -> Portion:
        list(registry.hold(self.held_by.objects.for_store(person.store).order_by("pk")))
        hold_customers(person.store)
        every = self.model.objects.for_store(person.store)
        ahead = every.filter(pk__gt=after).order_by("pk").values("pk")[:_ROWS_AT_ONCE]
        last = every.filter(pk__in=ahead).aggregate(last=Max("pk"))["last"]
        named = Q()
        for name in (*self.texts, *self.keys):
            named |= spelled(name, person)
        found = list(every.filter(pk__gt=after, pk__lte=last or 0).filter(named))
        blanked = [(row.pk, said) for row in found if (said := self._blanked(row, person))]
        for pk, said in blanked:
            every.filter(pk=pk).update(**said)
        return Portion(len(blanked), last)

    def _blanked(self, row: Any, person: Person) -> dict[str, str]:
        said = {name: person.blank(getattr(row, name), ERASED_WORDS) for name in (*self.texts, *self.keys)}
        changed = {name: text for name, text in said.items() if text != getattr(row, name)}
        return {name: self._fit(row, name, text) for name, text in changed.items()}

    def _fit(self, row: Any, name: str, text: str) -> str:
        end = f" {row.pk}" if name in self.keys else ""
        most = row._meta.get_field(name).max_length
        return text[: most - len(end)] + end


_KEYS = ("external_id",)
place(Words("Products", Product, texts=("title", "category"), keys=_KEYS))
place(Words("Orders of others", Order, texts=("number", "discount_codes", "channel"), keys=_KEYS))
place(Words("Lines of others' orders", OrderLine, texts=("title",)))
place(Words("Subscriptions of others", Subscription, texts=("title", "cancellation_reason"), keys=_KEYS))
place(Words("Channels of others", Customer, texts=("acquisition_channel",)))
place(
    Words(
        "Metrics of others",
        CustomerMetrics,
        texts=("preferred_category", "last_cancellation_reason", "acquisition_channel"),
        held_by=MetricsState,
    )
)
