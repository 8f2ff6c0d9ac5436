"""The one list of metrics."""

from __future__ import annotations

from customers.metrics import acquisition, engagement, orders, subscriptions, value
from customers.metrics.frame import Frame
from customers.metrics.metric import Group, Metric
from portal.sets import Part

_FILES = (orders, subscriptions, engagement, acquisition, value)

METRICS: dict[str, Metric] = {metric.name: metric for file in _FILES for metric in file.METRICS}
"""Name → metric; those of a group stand together, in the order in which they are shown."""
STORED = tuple(name for name, metric in METRICS.items() if metric.is_stored)


def of_group(group: Group) -> list[Metric]:
    return [metric for metric in METRICS.values() if metric.group is group]


def parts(frame: Frame) -> dict[str, Part]:
    """What the expressions of the metrics are made of."""
    found: dict[str, Part] = {}
    for file in (orders, subscriptions, engagement, acquisition):
        found |= file.parts(frame)
    return found
