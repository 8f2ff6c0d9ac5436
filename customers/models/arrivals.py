"""The ways in: who may send what, what has arrived and waits to be taken in, and what became of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from portal.tenancy import BulkStoreModel, StoreModel


class WayInKind(models.TextChoices):
    SEGMENT = "segment", "Segment-compatible tracking"
    AMPLITUDE = "amplitude", "Amplitude-compatible tracking"
    SHOPIFY = "shopify", "Shopify"
    RECHARGE = "recharge", "Recharge"

    @property
    def is_tracking(self) -> bool:
        return self in (WayInKind.SEGMENT, WayInKind.AMPLITUDE)


class WayIn(StoreModel):
    """A source of a store's data: an app or site that sends events with a write key, or an account at a provider that
    calls our webhooks and whose history is read. Kept when revoked: what came through it names it."""

    Kind = WayInKind

    kind = models.CharField(max_length=20, choices=WayInKind.choices)
    label = models.CharField(max_length=100)
    key_digest = models.CharField(
        max_length=64,
        unique=True,
        help_text="SHA-256 of the write key, or of what is secret in the webhooks' address.",
    )
    key_ends = models.CharField(max_length=8, help_text="How the key ends, to tell it from others.")
    former_digest = models.CharField(max_length=64, blank=True, default="", db_index=True)
    former_until = models.DateTimeField(null=True, help_text="Until when the key before this one is accepted too.")
    secret = models.TextField(blank=True, editable=False, help_text="What webhooks are signed with; sealed.")
    former_secret = models.TextField(blank=True, editable=False)
    former_secret_until = models.DateTimeField(null=True)
    account = models.CharField(max_length=255, blank=True, default="", help_text="The shop's address at the provider.")
    credentials = models.TextField(blank=True, editable=False, help_text="What its history is read with; sealed.")
    reads_history = models.BooleanField(default=False)
    history_read_at = models.DateTimeField(null=True, help_text="When all of its history had been read once.")
    reconciled_to = models.DateTimeField(null=True, help_text="Up to when what the provider has is here for certain.")
    next_reconcile_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True, help_text="When something arrived last.")
    last_error = models.CharField(max_length=500, blank=True, default="")
    last_error_at = models.DateTimeField(null=True)
    latest = models.JSONField(default=dict, help_text="Names of what came last → how many today, and when.")
    created_by = models.ForeignKey("portal.User", on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    revoked_at = models.DateTimeField(null=True)

    class Meta(StoreModel.Meta):
        verbose_name = "way in"
        verbose_name_plural = "ways in"
        indexes = [models.Index(fields=["next_reconcile_at"], name="way_in_by_reconcile")]

    def __str__(self) -> str:
        return self.label


class ArrivalState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    DONE = "done", "Taken in"
    IGNORED = "ignored", "Ignored"
    POISON = "poison", "Could not be taken in"


LOOKS = 3
"""How often looking through an arrival is begun at most: what fails at it, or kills who looks, is left alone then."""


class Arrival(BulkStoreModel):
    """A request of a way in, as it came: written before it is answered, taken in afterwards. What was taken in keeps no
    body; what was ignored, or could not be taken in, keeps it until it is replayed or too old."""

    State = ArrivalState

    way_in = models.ForeignKey(
        WayIn, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    topic = models.CharField(max_length=100, help_text="The call of the tracking API, or the topic of the webhook.")
    received_at = models.DateTimeField(default=timezone.now)
    dedupe_key = models.CharField(
        max_length=64, null=True, help_text="What a webhook is recognised by when it comes again."
    )
    records = models.PositiveIntegerField(default=1)
    body = models.TextField(blank=True, default="", help_text="JSON, as it came.")
    state = models.CharField(max_length=20, choices=ArrivalState.choices, default=ArrivalState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=500, blank=True, default="")
    settled_at = models.DateTimeField(null=True)
    looks_left = models.PositiveSmallIntegerField(
        default=LOOKS,
        db_default=LOOKS,
        help_text="How often it may still be looked through for whom it may be about, once set aside; 0: no more.",
    )

    class Meta(BulkStoreModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["store", "way_in", "dedupe_key"], condition=Q(dedupe_key__isnull=False), name="arrival_once"
            )
        ]
        indexes = [
            models.Index(fields=["store", "id"], condition=Q(state="waiting"), name="arrival_waiting"),
            models.Index(
                fields=["store", "way_in", "-id"], condition=Q(state__in=("ignored", "poison")), name="arrival_left"
            ),
            models.Index(fields=["store", "settled_at"], name="arrival_by_end"),
            models.Index(fields=["store", "looks_left"], condition=Q(state="poison"), name="arrival_set_aside"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.pk}"


class KeyedRequest(BulkStoreModel):
    """A request of a program that named an Idempotency-Key, and how it was answered: no status while it is at hand."""

    way_in = models.ForeignKey(
        WayIn, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    key_digest = models.CharField(max_length=64, help_text="SHA-256 of the key.")
    request_digest = models.CharField(max_length=64, help_text="SHA-256 of the call and its body.")
    begun_at = models.DateTimeField(db_default=Now(), help_text="By the database's clock.")
    turn = models.PositiveIntegerField(default=1, help_text="Counts those who took the request up.")
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.TextField(blank=True, default="", help_text="The body that it was answered with.")

    class Meta(BulkStoreModel.Meta):
        constraints = [models.UniqueConstraint(fields=["store", "way_in", "key_digest"], name="keyed_request_once")]
        indexes = [models.Index(fields=["store", "begun_at"], name="keyed_request_by_begin")]

    def __str__(self) -> str:
        return f"request {self.pk}"


class ArrivalDay(StoreModel):
    """What became of the records of a way in that came in one day of the store. received = stored + duplicate +
    invalid + ignored + what waits; unmatched are those of the stored ones that belong to no customer yet. Without a way
    in it tells of the events that came in files."""

    way_in = models.ForeignKey(WayIn, on_delete=models.CASCADE, null=True, related_name="+")
    day = models.DateField()
    received = models.BigIntegerField(default=0)
    stored = models.BigIntegerField(default=0)
    duplicate = models.BigIntegerField(default=0)
    invalid = models.BigIntegerField(default=0)
    ignored = models.BigIntegerField(default=0)
    unmatched = models.BigIntegerField(default=0)
    earliest = models.DateTimeField(
        null=True, help_text="When the first of the events happened that came this day and are customers'."
    )

    class Meta(StoreModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["store", "way_in", "day"], name="arrival_day_once"),
            models.UniqueConstraint(
                fields=["store", "day"], condition=Q(way_in__isnull=True), name="arrival_day_of_files_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.way_in or 'Files'} on {self.day}"


class Rejection(BulkStoreModel):
    """A record that was not taken in, and why; without what it said of anybody."""

    way_in = models.ForeignKey(
        WayIn, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    at = models.DateTimeField(default=timezone.now)
    topic = models.CharField(max_length=100)
    position = models.PositiveIntegerField(help_text="Which record of the request, counted from 0.")
    field = models.CharField(max_length=100, blank=True, default="")
    reason = models.CharField(max_length=255)

    class Meta(BulkStoreModel.Meta):
        indexes = [models.Index(fields=["store", "way_in", "-id"], name="rejection_latest")]

    def __str__(self) -> str:
        return self.reason


class Intake(StoreModel):
    """Where the taking in of a store's arrivals stands: its row is held by whoever is at it, so that one is.

    A portion that was begun and is still said to be at hand when nobody holds the row was not survived, or failed.
    """

    store = models.OneToOneField(
        "portal.Store", on_delete=models.CASCADE, primary_key=True, related_name="+", editable=False
    )
    first = models.BigIntegerField(default=0, help_text="The first arrival of the portion at hand.")
    count = models.PositiveIntegerField(default=0, help_text="Arrivals in the portion at hand; 0: none is.")
    begun_at = models.DateTimeField(null=True)
    most = models.PositiveIntegerField(default=0, help_text="Arrivals that the next portion may have; 0: as usual.")
    seen_in = models.BigIntegerField(
        default=0, help_text="The version of the customers up to which events that waited for one have joined."
    )
    said = models.CharField(max_length=200, blank=True, default="", help_text="What went wrong with the last one.")

    def __str__(self) -> str:
        return f"intake of store {self.store_id}"
