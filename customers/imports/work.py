"""The work on a customer file: the check that says what would happen, and the import that does it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import (
    Case,
    Count,
    F,
    JSONField,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from customers.imports.layouts import Layout
from customers.imports.rows import COLUMNS, RowReader
from customers.models import Consent, Customer, CustomerImport, CustomerImportRow, ImportVerdict
from customers.privacy.identity import EMAIL, RECHARGE, SHOPIFY, erased_among
from customers.register import customers_version, lock_customers
from portal import audit, crash, sets
from portal.jobs import Step, register
from portal.models import Job
from portal.sheets import ApplySheet, CheckSheet, Entry, SheetWork

CHECK, IMPORT = "customers.check_import", "customers.import"

STAYS_UNSUBSCRIBED = "Stays unsubscribed, though the file says subscribed."
CONSENT_KEPT = "The marketing consent stays as it is; the file says otherwise."
NOTES = {"stays_unsubscribed": STAYS_UNSUBSCRIBED, "consent_kept": CONSENT_KEPT}
"""What is said about rows beside their verdict, by the name under which they are counted."""

TO_WRITE = (ImportVerdict.CREATED, ImportVerdict.UPDATED)
_WRITTEN = (
    "store", "email", "email_key", "first_name", "last_name", "phone", "signed_up_at", "acquisition_channel", "tags",
    "attributes", "shopify_id", "recharge_id", "klaviyo_id", "marketing_consent", "last_import", "created_at",
    "changed_at", "changed_in",
)  # fmt: skip
_TEXTS = ("first_name", "last_name", "phone", "acquisition_channel", "shopify_id", "recharge_id")


_CONSENT = COLUMNS.index("marketing_consent")
_IDS = {name: COLUMNS.index(name) for name in (SHOPIFY, RECHARGE)}


def _note_on_consent(now: str, said: str) -> str:
    """What to say of a row whose consent differs from its customer's, when consent is not to be changed."""
    if not said or said == now:
        return ""
    return STAYS_UNSUBSCRIBED if (now, said) == (Consent.UNSUBSCRIBED, Consent.SUBSCRIBED) else CONSENT_KEPT


def _known_as(entry: Entry) -> set[tuple[str, str]]:
    return {(EMAIL, entry.email_key), *((name, entry.values[index]) for name, index in _IDS.items())}


class _CustomerSheet(SheetWork):
    """What checking and importing share."""

    upload_model = CustomerImport
    row_model = CustomerImportRow
    columns = COLUMNS
    judged_by = 3

    def customers(self) -> QuerySet[Customer]:
        return Customer.objects.for_store(self.store)

    def count_verdicts(self) -> dict[str, int]:
        noted = {name: Count("pk", filter=Q(reason=note)) for name, note in NOTES.items()}
        return super().count_verdicts() | self.rows.aggregate(**noted)

    def world(self) -> list[int]:
        return [self._customers_version(), int(self.upload.change_consent)]

    def _customers_version(self) -> int:
        return customers_version(self.store)

    def judge(self, entries: Sequence[Entry]) -> None:
        people = self.customers().filter(email_key__among=[entry.email_key for entry in entries])
        here = {key: (pk, consent) for key, pk, consent in people.values_list("email_key", "pk", "marketing_consent")}
        for entry in entries:
            entry.customer_id, consent = here.get(entry.email_key, (None, ""))
            entry.verdict = ImportVerdict.CREATED if entry.customer_id is None else ImportVerdict.UPDATED
            if entry.customer_id is not None and not self.upload.change_consent:
                entry.reason = _note_on_consent(consent, entry.values[_CONSENT])

    def erased(self, entries: Sequence[Entry]) -> list[Entry]:
        known_as = {EMAIL: [entry.email_key for entry in entries]}
        known_as |= {name: [entry.values[index] for entry in entries] for name, index in _IDS.items()}
        erased = erased_among(self.store, known_as)
        return [entry for entry in entries if erased and not erased.isdisjoint(_known_as(entry))]


@register(CHECK, queue="interactive")
class CheckImport(_CustomerSheet, CheckSheet):
    def __init__(self, job: Job) -> None:
        super().__init__(job)
        layout = Layout.of(self.upload.source, self.upload.mapping)
        self._reader = RowReader(layout, self.store.zone, timezone.now())

    def values(self, cells: Sequence[str]) -> tuple[Sequence[Any], str]:
        return self._reader.read(cells)


@register(IMPORT, queue="bulk")
class ApplyImport(_CustomerSheet, ApplySheet):
    written = (Customer,)

    def step(self) -> Step:
        # Whoever adds or changes a customer of the store waits here, so that new and known are told apart exactly.
        self._version = lock_customers(self.store)
        return super().step()

    def _customers_version(self) -> int:
        return self._version - 1  # it went up with our own holding them

    def world_after(self, before: list[int]) -> list[int]:
        return [self._version, *before[1:]]

    def apply(self, window: QuerySet[Any]) -> None:
        now = timezone.now()
        rows = window.filter(verdict__in=TO_WRITE)
        sets.upsert_from(
            Customer,
            _WRITTEN,
            self._as_customers(rows, now),
            key=("store", "email_key"),
            update=(*_TEXTS, "signed_up_at", "tags", *(("marketing_consent",) if self.upload.change_consent else ())),
            merge=("attributes",),
            touch=("last_import", "changed_at", "changed_in"),
            silent_as={"signed_up_at": "changed_at"},
        )
        crash.point("import.customers written")
        self._tell_unchanged(rows, now)

    def _as_customers(self, rows: QuerySet[Any], now: datetime) -> QuerySet[Any]:
        # Columns that may not be NULL: where the file is silent, a new customer gets these, and one who is here keeps
        # what there is (an empty list, and the moment of this step, overwrite nothing).
        given = {
            "signed_up": Coalesce("signed_up_at", Value(now)),
            "labels": Coalesce("tags", Value([], JSONField())),
            "known_attributes": Coalesce("attributes", Value({}, JSONField())),
            "consent": Case(
                When(customer_id=None, marketing_consent="", then=Value(Consent.UNKNOWN)),
                default=F("marketing_consent"),
            ),
        }
        return rows.annotate(**given).values_list(
            Value(self.store.pk),
            F("email"),
            F("email_key"),
            F("first_name"),
            F("last_name"),
            F("phone"),
            F("signed_up"),
            F("acquisition_channel"),
            F("labels"),
            F("known_attributes"),
            F("shopify_id"),
            F("recharge_id"),
            Value(""),
            F("consent"),
            Value(self.upload.pk),
            Value(now),
            Value(now),
            Value(self._version),
        )

    def _tell_unchanged(self, rows: QuerySet[Any], now: datetime) -> None:
        known = set(rows.filter(customer_id__isnull=False).values_list("customer_id", flat=True))
        written = self.customers().filter(changed_at=now, last_import=self.upload.pk)
        if known and (unchanged := known.difference(written.values_list("pk", flat=True))):
            rows.filter(customer_id__among=unchanged).update(verdict=ImportVerdict.UNCHANGED)

    def finish(self, counts: dict[str, int]) -> None:
        audit.record(
            self.store,
            "imported",
            self.upload,
            actor=self.job.created_by,
            changes={name: [None, count] for name, count in counts.items() if count},
        )
