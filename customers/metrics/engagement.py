"""What the events of a customer tell."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import Case, Count, F, Max, Q, QuerySet, Sum, Value, When, Window
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, Lag, NullIf, Round
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, IsNull

from customers import activity_names as names
from customers.metrics.frame import Frame
from customers.metrics.metric import INSTANT, MONEY, NUMBER, WHOLE, WORD, Group, Kind, Metric, of, only_if
from customers.models import Event
from portal.sets import ROWS, Grouped, Part, Rows, SecondsBetween

_activity, _sessions = of("activity"), of("sessions")
_row = of(ROWS)

BY_OTHERS = (names.EMAIL_OPENED, names.EMAIL_CLICKED, *names.OF_SUBSCRIPTIONS)
"""Events that are no sign of the customer being there: mail programs and billing make them too."""
IS_PRESENCE = ~Q(name__in=BY_OTHERS) & ~Q(name__startswith="$")
_SPANS = ("7d", "30d", "90d")


def parts(frame: Frame) -> dict[str, Part]:
    return {
        "activity": Rows(_counted(frame), "customer_id"),
        "sessions": Grouped(_in_order(frame), "customer_id", _sessions_of(frame)),
    }


def _starts(frame: Frame) -> dict[str, datetime]:
    return dict(zip(_SPANS, (frame.week, frame.month, frame.quarter), strict=True))


def _counted(frame: Frame) -> QuerySet[Any, Any]:
    """All events of each customer together, by what the index of a customer's events holds: their rows are not read."""
    login, opened, clicked = Q(name=names.LOGIN), Q(name=names.EMAIL_OPENED), Q(name=names.EMAIL_CLICKED)
    lately = Q(occurred_at__gte=frame.quarter)
    logins = {
        f"logins_{span}": Count("occurred_at", filter=login & Q(occurred_at__gte=start))
        for span, start in _starts(frame).items()
    }
    return (
        frame.rows(Event)
        .filter(customer__isnull=False)
        .values("customer_id")
        .annotate(
            seen=Max("occurred_at", filter=IS_PRESENCE),
            last_login=Max("occurred_at", filter=login),
            of_mail=Count("occurred_at", filter=opened | clicked),
            opened=Count("occurred_at", filter=opened & lately),
            clicked=Count("occurred_at", filter=clicked & lately),
            of_subscriptions=Count("occurred_at", filter=Q(name__in=names.OF_SUBSCRIPTIONS)),
            skips=Count("occurred_at", filter=Q(name=names.SKIPPED)),
            pauses=Count("occurred_at", filter=Q(name=names.PAUSED)),
            **logins,
        )
    )


def _in_order(frame: Frame) -> QuerySet[Any, Any]:
    """The events of the last 90 days with which somebody was there, each beside the one before it."""
    lately = frame.rows(Event).filter(IS_PRESENCE, customer__isnull=False, occurred_at__gte=frame.quarter)
    order: Any = {"partition_by": F("customer_id"), "order_by": (F("occurred_at"), F("pk"))}
    before = Window(Lag("occurred_at"), **order)
    name = Case(When(name=names.FEATURE, then=KT("properties__name")), default=Value(None), output_field=WORD)
    return lately.values(
        "customer_id",
        "occurred_at",
        told=F("session_id"),
        told_before=Window(Lag("session_id"), **order),
        pause=SecondsBetween(F("occurred_at"), before, output_field=NUMBER),
        feature=NullIf(
            Coalesce(NullIf(KT("properties__feature"), Value("", WORD), output_field=WORD), name, output_field=WORD),
            Value("", WORD),
            output_field=WORD,
        ),
    )


def _sessions_of(frame: Frame) -> dict[str, Any]:
    told, before, pause = _row("told", WHOLE), _row("told_before", WHOLE), _row("pause", NUMBER)
    both_told = Q(IsNull(told, False)) & Q(IsNull(before, False))
    goes_on = Q(IsNull(pause, False)) & (
        (both_told & Q(Exact(told, before)))
        | (~both_told & ~Q(GreaterThan(pause, Value(float(names.SESSION_GAP_SECONDS)))))
    )
    columns: dict[str, Any] = {"features": Count(_row("feature", WORD), distinct=True)}
    for span, start in _starts(frame).items():
        recent = Q(GreaterThanOrEqual(_row("occurred_at", INSTANT), Value(start, INSTANT)))
        columns[f"sessions_{span}"] = Count(_row("occurred_at", INSTANT), filter=recent & ~goes_on)
        columns[f"seconds_{span}"] = Sum(pause, filter=recent & goes_on)
    return columns


def _if_any(count: str, name: str) -> Any:
    """A count of events of one kind, known of those who ever had one of that kind."""
    return only_if(GreaterThan(_activity(count, WHOLE), Value(0)), _activity(name, WHOLE), WHOLE)


def _if_seen(value: Any, output_field: Any) -> Any:
    """Of those who were ever seen; 0 where not in the last 90 days."""
    is_known = IsNull(_activity("seen", INSTANT), False)
    zero = Value(0, output_field)
    return only_if(is_known, Coalesce(value, zero, output_field=output_field), output_field)


def _minutes(span: str) -> Any:
    minutes = Round(Cast(_sessions(f"seconds_{span}", NUMBER) / Value(60.0), MONEY), 1, output_field=NUMBER)
    return _if_seen(minutes, NUMBER)


def _login(span: str) -> Any:
    is_known = IsNull(_activity("last_login", INSTANT), False)
    return only_if(is_known, _activity(f"logins_{span}", WHOLE), WHOLE)


_metric = partial(Metric, group=Group.ENGAGEMENT, needs="events")
_IN = {"7d": "in 7 days", "30d": "in 30 days", "90d": "in 90 days"}
_SINCE = "Today and the days before it, by the store's calendar."
_BREAK = "A session ends with the one that the source tells, else with a pause of more than 30 minutes."
METRICS: tuple[Metric, ...] = (
    _metric("last_seen_at", "Last seen", Kind.INSTANT, "When the customer did something last.",
            "The latest event, but for those of mail programs and of billing.", _activity("seen", INSTANT)),
    _metric("days_since_seen", "Days since seen", Kind.DAYS, "How long ago the customer was there.",
            "From the day when last seen to today, by the store's calendar.", since="last_seen_at"),
    _metric("last_login_at", "Last login", Kind.INSTANT, "When the customer logged in last.",
            f"The latest event “{names.LOGIN}”.", _activity("last_login", INSTANT)),
    *(_metric(f"logins_{span}", f"Logins {words}", Kind.WHOLE, "How often the customer logged in.",
              f"Events “{names.LOGIN}”. {_SINCE} Not known of those who never did.", _login(span))
      for span, words in _IN.items()),
    *(_metric(f"sessions_{span}", f"Sessions {words}", Kind.WHOLE, "How often the customer was there.",
              f"{_BREAK} Counted on the day on which it begins.",
              _if_seen(_sessions(f"sessions_{span}", WHOLE), WHOLE))
      for span, words in _IN.items()),
    *(_metric(f"session_minutes_{span}", f"Minutes in sessions {words}", Kind.MINUTES, "How long, taken together.",
              f"From event to event within a session. {_BREAK}", _minutes(span))
      for span, words in _IN.items()),
    _metric("features_used_90d", "Features used in 90 days", Kind.WHOLE, "How many different features were used.",
            f"What events have as “feature”, and the names in “{names.FEATURE}”.",
            _if_seen(_sessions("features", WHOLE), WHOLE)),
    _metric("emails_opened_90d", "E-mails opened in 90 days", Kind.WHOLE, "How often an e-mail was opened.",
            f"Events “{names.EMAIL_OPENED}”; not known where no e-mail event ever came.",
            _if_any("of_mail", "opened"), needs="email"),
    _metric("emails_clicked_90d", "E-mails clicked in 90 days", Kind.WHOLE, "How often a link in one was followed.",
            f"Events “{names.EMAIL_CLICKED}”; not known where no e-mail event ever came.",
            _if_any("of_mail", "clicked"), needs="email"),
)  # fmt: skip
