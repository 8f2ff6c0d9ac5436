"""What a customer is worth to the store: beside the store's others, and as models expect it."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db.models import Case, Expression, Value, When
from django.db.models.functions import Cast
from django.db.models.lookups import GreaterThan, IsNull

from customers.metrics import orders
from customers.metrics.frame import Frame
from customers.metrics.metric import DAY, MONEY, NUMBER, WHOLE, WORD, Group, Kind, Metric, Picked, of, only_if
from customers.models import RfmGroup

_expected = of("expected")

N, P, A, C, L = RfmGroup.NEW, RfmGroup.PROMISING, RfmGroup.ACTIVE, RfmGroup.CHAMPIONS, RfmGroup.LOYAL
ATTENTION, ALMOST, RISK = RfmGroup.NEEDS_ATTENTION, RfmGroup.ALMOST_LOST, RfmGroup.AT_RISK
FORMER, DORMANT = RfmGroup.PREVIOUSLY_LOYAL, RfmGroup.DORMANT
GROUPS = {
    5: {2: N, 4: P, 6: A, 8: C, 10: C},
    4: {2: N, 4: P, 6: A, 8: L, 10: L},
    3: {2: ALMOST, 4: ATTENTION, 6: ATTENTION, 8: A, 10: L},
    2: {2: DORMANT, 4: ALMOST, 6: RISK, 8: RISK, 10: RISK},
    1: {2: DORMANT, 4: DORMANT, 6: DORMANT, 8: FORMER, 10: FORMER},
}
"""Recency score → up to which sum of the frequency and the monetary score → group."""
_BY_SCORES = {
    100 * recency + both: next(group for upto, group in groups.items() if both <= upto).value
    for recency, groups in GROUPS.items()
    for both in range(2, 11)
}

CUTS: dict[str, tuple[str, Any]] = {
    "recency": ("last_day", DAY),
    "frequency": ("n", WHOLE),
    "monetary": ("spent", MONEY),
}
"""Score → what of the orders it looks at. `Frame.cuts` has, for each, the values at which the lower four fifths of the
store's customers end; alike values get alike scores."""


def score(frame: Frame, name: str) -> Expression:
    """1 to 5: one more than the fifths that the value lies beyond."""
    cuts = frame.cuts.get(name)
    if not cuts:
        return Cast(Value(None), WHOLE)
    column, field = CUTS[name]
    value = of("orders")(column, field)
    whens = [
        When(GreaterThan(value, Value(field.to_python(cut), field)), then=Value(place))
        for place, cut in reversed(list(enumerate(cuts, start=2)))
    ]
    return only_if(IsNull(value, False), Case(*whens, default=Value(1), output_field=WHOLE), WHOLE)


def _group(frame: Frame) -> Expression:
    prospects = When(IsNull(orders.COUNT, True), then=Value(RfmGroup.PROSPECTS.value))
    if not frame.cuts:
        return Case(prospects, default=Value("", WORD), output_field=WORD)
    scores = score(frame, "recency") * Value(100) + score(frame, "frequency") + score(frame, "monetary")
    return Case(prospects, default=Picked(scores, _BY_SCORES), output_field=WORD)


def _by_model(name: str) -> Any:
    # The part is there when there is a model.
    return lambda frame: _expected(name, NUMBER) if "orders" in frame.fit else Cast(Value(None), NUMBER)


_metric = partial(Metric, group=Group.VALUE, needs="orders")
_FIFTHS = "5 is the best fifth of the store's customers who have ordered; those who are alike score alike."
_BG_NBD = "The BG/NBD model (Fader, Hardie and Lee 2005), fitted to the store's customers: days with an order count."
_GAMMA = "The Gamma-Gamma model (Fader and Hardie 2013), fitted to the store's customers."
METRICS: tuple[Metric, ...] = (
    _metric("recency_score", "Recency score", Kind.WHOLE, "How lately the customer ordered, from 1 to 5.", _FIFTHS,
            partial(score, name="recency")),
    _metric("frequency_score", "Frequency score", Kind.WHOLE, "How often the customer ordered, from 1 to 5.", _FIFTHS,
            partial(score, name="frequency")),
    _metric("monetary_score", "Monetary score", Kind.WHOLE, "How much the customer spent, from 1 to 5.", _FIFTHS,
            partial(score, name="monetary")),
    _metric("rfm_group", "RFM group", Kind.WORD, "What the three scores together say.",
            "By the recency score, and the frequency and monetary scores together. Prospects have not ordered yet.",
            _group),
    _metric("alive_probability", "Probability of being active", Kind.SHARE, "How likely it is that more orders come.",
            _BG_NBD, _by_model("alive")),
    _metric("expected_orders_90d", "Expected orders in 90 days", Kind.NUMBER, "How many orders are to be expected.",
            _BG_NBD, _by_model("orders_90d")),
    _metric("expected_order_value", "Expected order value", Kind.MONEY, "What the next order is expected to bring.",
            _GAMMA, _by_model("order_value")),
    _metric("expected_value_90d", "Expected value in 90 days", Kind.MONEY, "What 90 days are expected to bring.",
            "Expected orders in 90 days, times the expected order value.", _by_model("value_90d")),
)  # fmt: skip
