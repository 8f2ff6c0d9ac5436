"""Lists and segments that live elsewhere: the accounts they are read from, what they are called there, which of our
segments follow them, each time that they were read, and who was on them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from portal.tenancy import BulkStoreModel, StoreModel
from segments.models.groups import Segment

NAME_LENGTH = 255


class ConnectionState(models.TextChoices):
    CONNECTED = "connected", "Connected"
    REFUSED = "refused", "Needs attention"
    DISCONNECTED = "disconnected", "Disconnected"


class Connection(StoreModel):
    """A store's account at a source. Kept when disconnected, without its credentials: links name it."""

    State = ConnectionState

    source = models.CharField(max_length=20, help_text="The key of the source in segments.sources.")
    account_id = models.CharField(max_length=100)
    account_name = models.CharField(max_length=NAME_LENGTH)
    credentials = models.TextField(blank=True, editable=False, help_text="Sealed; see portal.vault.")
    state = models.CharField(max_length=20, choices=ConnectionState.choices, default=ConnectionState.CONNECTED)
    state_at = models.DateTimeField(default=timezone.now)
    said = models.CharField(max_length=500, blank=True, help_text="Why it needs attention, in words for staff.")
    warning = models.CharField(max_length=500, blank=True, help_text="What the source warns of.")
    checked_at = models.DateTimeField(default=timezone.now, help_text="When the credentials were tried last.")
    connected_by = models.ForeignKey("portal.User", on_delete=models.SET_NULL, null=True, related_name="+")
    connected_at = models.DateTimeField(default=timezone.now)
    indexed_at = models.DateTimeField(null=True, help_text="When the names of its groups were read completely.")

    class Meta(StoreModel.Meta):
        constraints = [models.UniqueConstraint(fields=["store", "source"], name="connection_once_a_source")]

    def __str__(self) -> str:
        return f"{self.account_name} at {self.source}"

    @property
    def is_connected(self) -> bool:
        return self.state == ConnectionState.CONNECTED

    @property
    def budget_key(self) -> str:
        """What its calls are counted under: an account's limits hold for all stores and workers together."""
        return f"{self.source}:{self.account_id}"


class ExternalGroup(BulkStoreModel):
    """A list or segment at a source, as the index of names knows it: sources cannot be searched by name."""

    connection = models.ForeignKey(
        Connection, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    kind = models.CharField(max_length=20, help_text="One of the source's kinds, such as list or segment.")
    group_id = models.CharField(max_length=100)
    name = models.CharField(max_length=NAME_LENGTH)
    name_is_cut = models.BooleanField(default=False)
    name_key = models.CharField(max_length=3 * NAME_LENGTH, help_text="What words are looked for in.")
    updated_at = models.DateTimeField(null=True, help_text="As the source says.")
    seen_in = models.BigIntegerField(help_text="The job that read it last.")

    class Meta(BulkStoreModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["store", "connection", "kind", "group_id"], name="group_once_a_connection")
        ]
        indexes = [models.Index(fields=["store", "connection", "kind", "name_key"], name="group_by_name")]

    def __str__(self) -> str:
        return self.name


class LinkState(models.TextChoices):
    ACTIVE = "active", "In sync"
    MISSING = "missing", "Gone at the source"


class ExternalLink(StoreModel):
    """A segment follows a list or segment at a source. `synced` is the last reading that was complete and applied: its
    ExternalMembers are kept, so that customers who come later join by them."""

    State = LinkState

    segment = models.ForeignKey(Segment, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20)
    group_id = models.CharField(max_length=100)
    name = models.CharField(max_length=NAME_LENGTH, help_text="What it is called at the source.")
    state = models.CharField(max_length=20, choices=LinkState.choices, default=LinkState.ACTIVE)
    missing_since = models.DateTimeField(null=True)
    daily = models.BooleanField(null=True, help_text="Whether it is synced daily; unknown: by the date of its making.")
    next_sync_at = models.DateTimeField(null=True)
    last_due_at = models.DateTimeField(null=True, help_text="The instant that the last daily sync was due at.")
    last_due_on = models.DateField(null=True, help_text="The store's day that the last daily sync was for.")
    synced = models.ForeignKey(
        "segments.Sync", on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    seen_in = models.BigIntegerField(default=0, help_text="The version of the customers up to which they have joined.")
    brake_percent = models.PositiveSmallIntegerField(default=settings.BRAKE_PERCENT)
    brake_people = models.PositiveIntegerField(default=settings.BRAKE_PEOPLE)
    created_by = models.ForeignKey("portal.User", on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(StoreModel.Meta):
        constraints = [models.UniqueConstraint(fields=["store", "segment"], name="link_once_a_segment")]
        indexes = [models.Index(fields=["next_sync_at"], name="link_by_next_sync")]

    def __str__(self) -> str:
        return f"{self.name} → segment {self.segment_id}"

    @property
    def is_synced_daily(self) -> bool:
        """Links that are older than the daily sync are synced by hand, until an owner turns it on."""
        return self.daily if self.daily is not None else self.created_at >= settings.DAILY_SYNC_SINCE


class SyncCause(models.TextChoices):
    FIRST = "first", "Import"
    BY_HAND = "by_hand", "By hand"
    DAILY = "daily", "Daily"


class SyncOutcome(models.TextChoices):
    """How a reading ended; '' while it lasts, and for one whose job says why it ended."""

    ACCEPTED = "accepted", "Being applied"
    APPLIED = "applied", "In sync"
    HELD = "held", "Waits for a decision"
    DISCARDED = "discarded", "Discarded"


class Sync(StoreModel):
    """One reading of a list or segment at its source, and what came of it. Kept when the link is gone, as history."""

    Cause = SyncCause
    Outcome = SyncOutcome

    segment = models.ForeignKey(
        Segment, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    link = models.ForeignKey(
        ExternalLink, on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    source = models.CharField(max_length=20)
    kind = models.CharField(max_length=20)
    group_name = models.CharField(max_length=NAME_LENGTH)
    cause = models.CharField(max_length=20, choices=SyncCause.choices)
    day = models.DateField(null=True, help_text="The store's day that a daily one is for.")
    asked_by = models.ForeignKey("portal.User", on_delete=models.SET_NULL, null=True, related_name="+")
    outcome = models.CharField(max_length=20, choices=SyncOutcome.choices, blank=True)
    counts = models.JSONField(default=dict, help_text="What was read, and what came of it → how many.")
    problems = models.JSONField(default=list, help_text="The first profiles that could not be read: id, reason.")
    read_at = models.DateTimeField(null=True, help_text="When the last page had come.")
    decided_by = models.ForeignKey("portal.User", on_delete=models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta(StoreModel.Meta):
        indexes = [models.Index(fields=["store", "segment", "-id"], name="sync_latest")]
        constraints = [models.UniqueConstraint(fields=["store", "link", "day"], name="sync_once_a_day")]

    def __str__(self) -> str:
        return f"{self.get_cause_display()} of {self.group_name}"

    def get_absolute_url(self) -> str:
        return reverse("segments:sync", args=(self.store.slug, self.segment_id, self.pk))


class Trouble(models.TextChoices):
    """Why a profile at a source cannot be matched with a customer by its address."""

    NONE = "", "None"
    NO_EMAIL = "no-email", "No e-mail"
    INVALID = "invalid", "Not an e-mail address"
    ERASED = "erased", "Erased person"


class ExternalMember(BulkStoreModel):
    """A profile that a reading found. Of the source it keeps the id and what customers are recognised by, no more."""

    sync = models.ForeignKey(Sync, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    profile_id = models.CharField(max_length=100)
    email_key = models.CharField(max_length=254, blank=True)
    trouble = models.CharField(max_length=10, choices=Trouble.choices, blank=True)

    class Meta(BulkStoreModel.Meta):
        constraints = [models.UniqueConstraint(fields=["store", "sync", "profile_id"], name="profile_once_a_sync")]
        indexes = [
            models.Index(fields=["store", "email_key", "sync"], name="profiles_by_address"),
        ]

    def __str__(self) -> str:
        return f"profile {self.profile_id} in sync {self.sync_id}"
