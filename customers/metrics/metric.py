"""What a metric is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import Any

from django.db import models
from django.db.models import Case, Expression, ExpressionWrapper, Func, Value, When
from django.db.models.functions import Cast, Coalesce, NullIf, Round

from customers.metrics.frame import Frame
from portal import sets


class Kind(StrEnum):
    """How a value is written, and what may be asked of it."""

    WHOLE = "a whole number"
    NUMBER = "a number"
    MONEY = "an amount in the store's currency"
    SHARE = "a share between 0 and 1"
    DAYS = "days"
    MINUTES = "minutes"
    INSTANT = "a time"
    DATE = "a day"
    WORD = "a word"


class Group(StrEnum):
    ORDERS = "Orders"
    SUBSCRIPTIONS = "Subscriptions"
    ENGAGEMENT = "Engagement"
    ACQUISITION = "Acquisition"
    VALUE = "Value"


Reckoned = Expression | Callable[[Frame], Expression]
"""An expression, or what makes it of the frame."""


@dataclass(frozen=True)
class Metric:
    """`name` is a column of CustomerMetrics, reckoned by `expression`; or a number of days from (for `until`, to) the
    column `since`, less the days in the column `less`. `means` says what it is in a sentence, `made_of` how it is
    come by; `needs` is the source without which it cannot be known."""

    name: str
    label: str
    kind: Kind
    means: str
    made_of: str
    expression: Reckoned | None = None
    _: KW_ONLY
    group: Group
    needs: str
    since: str = ""
    less: str = ""

    def reckoned(self, frame: Frame) -> Expression:
        """The expression within the frame, of columns of the parts that the registry joins."""
        if self.expression is None:
            raise TypeError(f"{self.name} is not stored.")
        return self.expression if isinstance(self.expression, Expression) else self.expression(frame)

    @property
    def unit(self) -> str:
        return {Kind.DAYS: "days", Kind.MINUTES: "minutes", Kind.SHARE: "%"}.get(self.kind, "")

    @property
    def is_stored(self) -> bool:
        return not self.since

    @property
    def column(self) -> str:
        """The column that says whether it is known."""
        return self.less or self.since or self.name


WHOLE, NUMBER, WORD = models.BigIntegerField(), models.FloatField(), models.TextField()
INSTANT, DAY, MONEY = models.DateTimeField(), models.DateField(), models.DecimalField(max_digits=20, decimal_places=6)


def or_none(expression: Any) -> Expression:
    """The count, 0 where there is nothing to count."""
    return Coalesce(expression, Value(0), output_field=WHOLE)


def or_empty(expression: Any) -> Expression:
    """The word, '' where there is none."""
    return Coalesce(expression, Value("", WORD), output_field=WORD)


def only_if(condition: Any, expression: Any, output_field: models.Field[Any, Any]) -> Expression:
    """The expression where the condition is true, else NULL."""
    return Case(When(condition, then=expression), default=Value(None), output_field=output_field)


def to_cents(amount: Any) -> Expression:
    """The amount with the places that amounts are kept in."""
    return Round(Cast(amount, MONEY), 3, output_field=MONEY)


class Picked(Func):
    """The word that stands for the number which the expression comes to, '' where none does. The number is reckoned
    once; a Case reckons it again for each of its conditions."""

    def __init__(self, number: Any, words: Mapping[int, str]) -> None:
        pairs = [Value(value) for pair in words.items() for value in pair]
        super().__init__(number, *pairs, output_field=WORD)

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **__: Any) -> Any:
        said = [compiler.compile(expression) for expression in self.source_expressions]
        (number, *pairs), given = [sql for sql, _ in said], [value for _, values in said for value in values]
        whens = " ".join(f"WHEN {key} THEN {word}" for key, word in zip(pairs[::2], pairs[1::2], strict=True))
        return f"CASE {number} {whens} ELSE '' END", given


def ratio(part: Any, whole: Any) -> Expression:
    """One divided by the other, ready to be rounded; NULL where there is nothing to divide by. Of floating numbers:
    SQLite divides whole ones without rest, and takes decimals for such."""
    divisor = NullIf(Cast(whole, NUMBER), Value(0.0), output_field=NUMBER)
    return Cast(ExpressionWrapper(Cast(part, NUMBER) / divisor, NUMBER), MONEY)


def of(part: str) -> Callable[[str, Any], sets.Of]:
    """What makes columns of a part."""
    return lambda name, field: sets.Of(part, name, field)
