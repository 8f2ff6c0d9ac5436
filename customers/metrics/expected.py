"""What the store's models expect of customers: reckoned beside the database, and joined to what is reckoned in it."""

from __future__ import annotations

from typing import Any

from django.db.models import F, QuerySet, Value
from django.db.models.functions import Cast

from customers.metrics import orders
from customers.metrics.frame import Frame
from customers.metrics.lifetime import DAYS, Amounts, Orders
from customers.metrics.metric import DAY, NUMBER, WHOLE
from portal.sets import DaysBetween, Given, Part

AHEAD = 90
_COLUMNS = ("alive", "orders_90d", "order_value", "value_90d")


def model_of(kind: type[Orders] | type[Amounts], said: dict[str, Any] | None) -> Any:
    """The model of the kind with the parameters that were kept of it; None where there is none."""
    if said is None:
        return None
    return kind(**{name: said[name] for name in kind.__dataclass_fields__})


def parts(frame: Frame) -> dict[str, Part]:
    """The expectations of the frame's customers who have ordered; nothing where the store has no model."""
    model = model_of(Orders, frame.fit.get("orders"))
    if model is None:
        return {}
    import numpy as np  # noqa: PLC0415  (the web does without)

    rows = list(_bought(frame))
    if not rows:
        return {"expected": Given([], {name: [] for name in _COLUMNS})}
    keys, days, lasted, since, paid, spent = zip(*rows, strict=True)
    recency = np.array(lasted, dtype=float) / DAYS
    age = np.maximum(np.array(since, dtype=float) / DAYS, recency)
    again = np.array(days, dtype=float) - 1
    ahead = model.expected(AHEAD / DAYS, again, recency, age).round(3)
    value = _values(frame, paid, spent)
    return {
        "expected": Given(
            keys,
            {
                "alive": model.alive(again, recency, age).round(3).tolist(),
                "orders_90d": ahead.tolist(),
                "order_value": _known(value),
                "value_90d": _known(value * ahead),
            },
        )
    }


def _bought(frame: Frame) -> QuerySet[Any, Any]:
    """Customer, days with an order, days from the first to the last and from the first to today, orders in the store's
    currency, and what those brought; as plain numbers, which are read in a fraction of the time."""
    told = orders.bought(frame).annotate(
        lasted=DaysBetween(F("last_day"), F("first_day"), output_field=WHOLE),
        since=DaysBetween(Value(frame.today, DAY), F("first_day"), output_field=WHOLE),
        brought=Cast(F("spent"), NUMBER),
    )
    return told.values_list("customer_id", "days", "lasted", "since", "own_n", "brought").order_by()


def _values(frame: Frame, paid: Any, spent: Any) -> Any:
    """What an order of each is expected to bring; NaN where that is not known."""
    import numpy as np  # noqa: PLC0415

    model = model_of(Amounts, frame.fit.get("amounts"))
    count = np.array(paid, dtype=float)
    total = np.array([amount or 0.0 for amount in spent])
    if model is None:
        return np.full(len(count), np.nan)
    is_known = (count > 0) & (total > 0)
    mean = np.divide(total, count, out=np.zeros_like(total), where=is_known)
    return np.where(is_known, model.expected(count, mean), np.nan)


def _known(values: Any) -> list[float | None]:
    return [None if value != value else round(value, 2) for value in values.tolist()]  # noqa: PLR0124  (NaN)
