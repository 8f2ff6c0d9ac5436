"""What the store's models expect of customers: reckoned beside the database, and joined to what is reckoned in it."""

from __future__ import annotations

from typing import Any

from customers.metrics import orders
from customers.metrics.frame import Frame
from customers.metrics.lifetime import DAYS, Amounts, Orders
from portal.sets import Given, Part

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

    rows = list(
        orders.bought(frame).values_list("customer_id", "days", "first_day", "last_day", "own_n", "spent").order_by()
    )
    if not rows:
        return {"expected": Given([], {name: [] for name in _COLUMNS})}
    keys, days, first, last, paid, spent = zip(*rows, strict=True)
    start = np.array(first, dtype="datetime64[D]")
    recency = (np.array(last, dtype="datetime64[D]") - start).astype(float) / DAYS
    age = np.maximum((np.datetime64(frame.today, "D") - start).astype(float) / DAYS, recency)
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


def _values(frame: Frame, paid: Any, spent: Any) -> Any:
    """What an order of each is expected to bring; NaN where that is not known."""
    import numpy as np  # noqa: PLC0415

    model = model_of(Amounts, frame.fit.get("amounts"))
    count = np.array(paid, dtype=float)
    total = np.array([0.0 if amount is None else float(amount) for amount in spent])
    if model is None:
        return np.full(len(count), np.nan)
    is_known = (count > 0) & (total > 0)
    mean = np.divide(total, count, out=np.zeros_like(total), where=is_known)
    return np.where(is_known, model.expected(count, mean), np.nan)


def _known(values: Any) -> list[float | None]:
    return [None if value != value else round(value, 2) for value in values.tolist()]  # noqa: PLR0124  (NaN)
