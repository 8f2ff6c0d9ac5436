"""Twins of what keeps the tracking APIs whole: with the care taken away, its tests would see it."""

from __future__ import annotations

import json
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from django.db.models import Q

from customers.ingest import (
    accounting,
    inbox,
    keys,
    limits,
    pace,
    receiving,
    segment,
    storing,
    taking_in,
    times,
    tracking,
)
from customers.ingest.tracked import Tracked
from customers.models import Arrival, WayIn, WayInKind
from portal import strict_json
from portal.actions import Refusal
from tests.customers.ingest import test_amplitude, test_hostile, test_identities, test_segment, test_taking_in
from tests.customers.ingest.test_taking_in import poisoned
from tests.customers.twins import Patch, Twin, twins

assert poisoned  # a fixture of the tests that are run again
pytestmark = pytest.mark.django_db(transaction=True)


def no_counting(patch: Patch) -> None:
    patch.setattr(pace, "take", lambda *_: None)


def no_asking(patch: Patch) -> None:
    patch.setattr(pace, "ask", lambda _: None)


def one_pace_for_all(patch: Patch) -> None:
    real = pace._pace_of
    patch.setattr(pace, "_pace_of", lambda _, per_second: real(0, per_second))


def keys_for_ever(patch: Patch) -> None:
    def find(key: str, kinds: Any) -> WayIn | None:
        known = keys.digest(key)
        opened = Q(key_digest=known) | Q(former_digest=known)
        return WayIn.everywhere.select_related("store").filter(opened, kind__in=list(kinds)).first()

    patch.setattr(keys, "find", find)


def former_keys_for_ever(patch: Patch) -> None:
    real = keys.find

    def find(key: str, kinds: Any) -> WayIn | None:
        return (
            real(key, kinds) or WayIn.everywhere.select_related("store").filter(former_digest=keys.digest(key)).first()
        )

    patch.setattr(keys, "find", find)


def any_kind(patch: Patch) -> None:
    real = keys.find
    patch.setattr(keys, "find", lambda key, _: real(key, [WayInKind.SEGMENT, WayInKind.AMPLITUDE]))


def keys_in_addresses(patch: Patch) -> None:
    real = receiving.basic_key
    patch.setattr(receiving, "basic_key", lambda request: real(request) or request.GET.get("writeKey", ""))


def keys_as_they_are(patch: Patch) -> None:
    patch.setattr(keys, "digest", lambda key: key)


def bodies_with_keys(patch: Patch) -> None:
    patch.setattr(receiving, "without_key", lambda data, *_: data.decode())


def every_message_is_new(patch: Patch) -> None:
    patch.setattr(segment, "_message", lambda _: "")


def clocks_are_believed(patch: Patch) -> None:
    patch.setattr(segment, "sent_at", lambda _: None)


def the_future_is_believed(patch: Patch) -> None:
    patch.setattr(times, "AHEAD", times.TOO_FAR_AHEAD)


def all_times_can_be_meant(patch: Patch) -> None:
    patch.setattr(times, "placed", lambda said, received, sent=None: (said or received, times.EventTime.AS_SENT))


def poison_stays(patch: Patch) -> None:
    patch.setattr(taking_in, "TRIES", 1_000)


def portions_are_never_halved(patch: Patch) -> None:
    patch.setattr(taking_in, "_narrow", lambda _: None)


def faults_blame_arrivals(patch: Patch) -> None:
    patch.setattr(taking_in, "fault_of", lambda _: None)


def the_useless_is_done(patch: Patch) -> None:
    def put_aside(way_in: WayIn, arrival: Arrival, _: str) -> None:
        Arrival.objects.for_store(way_in.store).filter(pk=arrival.pk).update(state="done", body="")

    patch.setattr(accounting, "_put_aside", put_aside)


def nobody_was_erased(patch: Patch) -> None:
    patch.setattr(tracking, "_leave_out_erased", lambda *_: None)


def names_join_nobody(patch: Patch) -> None:
    class Alone(storing.Names):
        def follow(self, each: Tracked) -> None:
            each.joins = ()
            super().follow(each)

    patch.setattr(storing, "Names", Alone)


def nothing_is_too_much(patch: Patch) -> None:
    patch.setattr(limits, "excess", lambda *_, **__: "")


def all_is_read(patch: Patch) -> None:
    real = receiving.body
    patch.setattr(receiving, "body", lambda request, most: real(request, 100 * most))


def json_as_python_reads_it(patch: Patch) -> None:
    patch.setattr(strict_json, "read", lambda data: json.loads(data.decode()))


def answered_before_it_is_kept(patch: Patch) -> None:
    patch.setattr(inbox, "receive", lambda *_, **__: inbox.Received.STORED)


def faults_are_ours(patch: Patch) -> None:
    patch.setattr(import_module("customers.views.answering"), "fault_of", lambda _: None)


_again = test_taking_in
_refused = partial(Twin, test_hostile.test_what_is_no_json_is_refused, json_as_python_reads_it)
_limited = test_hostile.test_limits_of_one_event_leave_the_others_alone


@twins(
    pace=Twin(_again.test_what_comes_too_fast_is_asked_to_come_later, no_counting),
    pace_before_reading=Twin(_again.test_what_comes_too_fast_is_not_looked_at, no_asking),
    pace_of_each_key=Twin(_again.test_what_comes_too_fast_is_asked_to_come_later, one_pace_for_all),
    backlog=Twin(_again.test_a_backlog_holds_its_own_source_back, no_counting),
    revocation=Twin(test_segment.test_keys_end, keys_for_ever),
    end_of_former_keys=Twin(test_segment.test_keys_end, former_keys_for_ever),
    kinds_of_keys=Twin(test_amplitude.test_a_key_of_the_other_kind_opens_nothing, any_kind, sees=KeyError),
    no_keys_in_addresses=Twin(test_segment.test_a_key_in_the_address_is_no_key, keys_in_addresses),
    digests_of_keys=Twin(test_segment.test_a_key_is_kept_nowhere, keys_as_they_are),
    bodies_without_keys=Twin(test_segment.test_a_key_is_kept_nowhere, bodies_with_keys),
    message_ids=Twin(test_segment.test_the_same_message_is_stored_once, every_message_is_new),
    message_ids_at_once=Twin(_again.test_a_hundred_times_the_same_at_once, every_message_is_new),
    clock_skew=Twin(test_segment.test_times, clocks_are_believed, sees=KeyError),
    times_ahead=Twin(test_segment.test_times, the_future_is_believed),
    times_that_can_be=Twin(
        test_segment.test_times_that_cannot_be_meant,
        all_times_can_be_meant,
        {"said": "1970-01-01T00:00:00Z"},
        KeyError,
    ),
    poison_set_aside=Twin(_again.test_a_poison_request_is_set_aside_and_the_rest_goes_on, poison_stays),
    halving=Twin(_again.test_a_poison_request_is_set_aside_and_the_rest_goes_on, portions_are_never_halved),
    faults_are_nobodys=Twin(_again.test_a_database_that_is_away_makes_nobody_poison, faults_blame_arrivals),
    the_useless_is_kept=Twin(
        _again.test_what_is_of_no_use_is_ignored_and_may_be_replayed, the_useless_is_done, sees=Refusal
    ),
    the_erased_stay_out=Twin(test_identities.test_who_was_erased_stays_out, nobody_was_erased),
    names_join=Twin(test_identities.test_a_customer_who_comes_later_gets_what_waited, names_join_nobody),
    limits_of_depth=Twin(_limited, nothing_is_too_much, {"properties": test_hostile.nested(10), "is_fine": False}),
    limits_of_size=Twin(_limited, nothing_is_too_much, {"properties": {"a": "x" * 32_768}, "is_fine": False}),
    limits_of_bodies=Twin(test_hostile.test_a_call_and_a_batch_have_their_sizes, all_is_read),
    strict_nan=_refused({"name": "NaN", "is_batch": False}),
    strict_surrogates=_refused({"name": "lone surrogate", "is_batch": False}),
    strict_duplicates=_refused({"name": "duplicate keys", "is_batch": True}),
    kept_before_it_is_answered=Twin(test_segment.test_a_batch_is_kept_and_taken_in, answered_before_it_is_kept),
    told_to_come_again=Twin(_again.test_a_database_that_is_away_is_answered_with_503, faults_are_ours, sees=KeyError),
)
def test_without_it_the_test_fails(twin: Twin, request: pytest.FixtureRequest, monkeypatch: Patch) -> None:
    twin.told(request, monkeypatch)
