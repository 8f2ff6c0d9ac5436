"""Since when somebody is a customer, and how they came."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db.models import Case, Expression, F, Q, QuerySet, Value, When, Window
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, Concat, RowNumber
from django.db.models.lookups import Exact, GreaterThan, IsNull

from customers.activity_names import CAMPAIGN
from customers.channels import channel_of
from customers.metrics.frame import Frame
from customers.metrics.metric import INSTANT, WORD, Group, Kind, Metric, of
from customers.models import Event, Order
from portal.sets import Part, Rows

_customer, _by_order, _by_event = of("customer"), of("order_channel"), of("event_channel")
_BETWEEN = "\x1f"
_TAGS = Concat(
    Coalesce(KT(f"properties__{CAMPAIGN}__source"), Value("", WORD)),
    Value(_BETWEEN),
    Coalesce(KT(f"properties__{CAMPAIGN}__medium"), Value("", WORD)),
    output_field=WORD,
)


def parts(frame: Frame) -> dict[str, Part]:
    return {
        "order_channel": Rows(_first(_orders(frame), "placed_at"), "customer_id"),
        "event_channel": Rows(_first(_events(frame, _channels(frame)), "occurred_at"), "customer_id"),
    }


def _orders(frame: Frame) -> QuerySet[Any]:
    return frame.rows(Order).exclude(channel="").annotate(came_by=F("channel"))


def _tagged(frame: Frame) -> QuerySet[Any]:
    events = frame.rows(Event).filter(customer__isnull=False, properties__has_key=CAMPAIGN)
    return events.annotate(tags=_TAGS)


def _channels(frame: Frame) -> dict[str, list[str]]:
    """Channel → the campaign tags that mean it, of those that these customers came with."""
    found: dict[str, list[str]] = {}
    for tags in _tagged(frame).order_by().values_list("tags", flat=True).distinct():
        source, _, medium = tags.partition(_BETWEEN)
        if channel := channel_of(source=source, medium=medium):
            found.setdefault(str(channel), []).append(tags)
    return found


def _events(frame: Frame, channels: Mapping[str, list[str]]) -> QuerySet[Any]:
    if not channels:
        return frame.rows(Event).filter(pk__lt=0).annotate(came_by=Value("", WORD))
    whens = [When(tags__among=tags, then=Value(channel)) for channel, tags in sorted(channels.items())]
    came_by = Case(*whens, default=Value("", WORD), output_field=WORD)
    return _tagged(frame).annotate(came_by=came_by).exclude(came_by="")


def _first(touches: QuerySet[Any], at: str) -> QuerySet[Any, Any]:
    """The earliest of each customer: when, and by what channel."""
    order: Any = (F(at), F("pk"))
    ranked = touches.annotate(place=Window(RowNumber(), partition_by=F("customer_id"), order_by=order), at=F(at))
    return ranked.filter(place=1).values("customer_id", "at", "came_by")


def _channel(frame: Frame) -> Expression:
    own, ordered, there = _customer("acquisition_channel", WORD), _by_order("came_by", WORD), _by_event("came_by", WORD)
    earlier = Q(IsNull(_by_order("at", INSTANT), True)) | Q(
        GreaterThan(_by_order("at", INSTANT), _by_event("at", INSTANT))
    )
    return Case(
        When(~Q(Exact(own, Value("", WORD))), then=own),
        When(Q(IsNull(there, False)) & earlier, then=there),
        default=Coalesce(ordered, there, Value("", WORD)),
        output_field=WORD,
    )


_metric = partial(Metric, group=Group.ACQUISITION)
METRICS: tuple[Metric, ...] = (
    _metric("customer_since", "Customer since", Kind.INSTANT, "When the customer signed up.", "The profile.",
            _customer("signed_up_at", INSTANT), needs="customers"),
    _metric("tenure_days", "Tenure", Kind.DAYS, "For how long somebody has been a customer.",
            "From the day of signing up to today, by the store's calendar.", needs="customers", since="customer_since"),
    _metric("acquisition_channel", "Acquisition channel", Kind.WORD, "How the customer came.",
            "What the profile says; else the first order or event that tells where the customer came from.",
            _channel, needs="channels"),
)  # fmt: skip
