"""The work on a customer file: the check that says what would happen, and the import that does it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import (
    Case,
    Count,
    DateTimeField,
    Exists,
    F,
    JSONField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from customers.imports.layouts import Layout
from customers.imports.rows import COLUMNS, RowReader
from customers.models import Consent, Customer, CustomerImport, CustomerImportRow, ImportVerdict
from portal import audit, sets
from portal.jobs import register
from portal.models import Job, Store
from portal.sheets import PENDING, ApplySheet, CheckSheet, SheetWork

CHECK, IMPORT = "customers.check_import", "customers.import"

STAYS_UNSUBSCRIBED = "Stays unsubscribed, though the file says subscribed."
CONSENT_KEPT = "The marketing consent stays as it is; the file says otherwise."
NOTES = {"stays_unsubscribed": STAYS_UNSUBSCRIBED, "consent_kept": CONSENT_KEPT}
"""What is said about rows beside their verdict, by the name under which they are counted."""

TO_WRITE = (ImportVerdict.CREATED, ImportVerdict.UPDATED)
_WRITTEN = (
    "store", "email", "email_key", "first_name", "last_name", "phone", "signed_up_at", "acquisition_channel", "tags",
    "attributes", "shopify_id", "recharge_id", "klaviyo_id", "marketing_consent", "last_import", "created_at",
    "changed_at",
)  # fmt: skip
_TEXTS = ("first_name", "last_name", "phone", "acquisition_channel", "shopify_id", "recharge_id")


class _CustomerSheet(SheetWork):
    """What checking and importing share."""

    upload_model = CustomerImport
    row_model = CustomerImportRow

    def customers(self) -> QuerySet[Customer]:
        return Customer.objects.for_store(self.store)

    def count_verdicts(self) -> dict[str, int]:
        noted = {name: Count("pk", filter=Q(reason=note)) for name, note in NOTES.items()}
        return super().count_verdicts() | self.rows.aggregate(**noted)

    def note_on_consent(self) -> Case:
        """What to say of a row whose consent differs from its customer's, when consent is not to be changed."""
        same_person = self.customers().filter(email_key=OuterRef("email_key"))
        other = same_person.exclude(marketing_consent=OuterRef("marketing_consent"))
        said = ~Q(marketing_consent="")
        return Case(
            When(
                Q(marketing_consent=Consent.SUBSCRIBED)
                & Exists(same_person.filter(marketing_consent=Consent.UNSUBSCRIBED)),
                then=Value(STAYS_UNSUBSCRIBED),
            ),
            When(said & Exists(other), then=Value(CONSENT_KEPT)),
            default=Value(""),
        )


@register(CHECK, queue="interactive")
class CheckImport(_CustomerSheet, CheckSheet):
    columns = COLUMNS

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        layout = Layout.of(self.upload.source, self.upload.mapping)
        self._reader = RowReader(layout, self.store.zone, timezone.now())

    def values(self, cells: Sequence[str]) -> tuple[Sequence[Any], str]:
        return self._reader.read(cells)

    def settle(self, window: QuerySet[Any]) -> None:
        is_here = Exists(self.customers().filter(email_key=OuterRef("email_key")))
        window.filter(verdict=PENDING).update(
            verdict=Case(When(is_here, then=Value(ImportVerdict.UPDATED)), default=Value(ImportVerdict.CREATED)),
            reason=self.note_on_consent(),
        )


@register(IMPORT, queue="bulk")
class ApplyImport(_CustomerSheet, ApplySheet):
    def apply(self, window: QuerySet[Any]) -> None:
        # Whoever adds or changes a customer of the store waits here, so that new and known are told apart exactly.
        list(Store.objects.select_for_update(no_key=True).filter(pk=self.store.pk).values_list("pk"))
        now = timezone.now()
        rows = window.filter(verdict__in=TO_WRITE)
        rows.update(customer_id=self._customer(), reason=self._note())
        sets.upsert_from(
            Customer,
            _WRITTEN,
            self._as_customers(rows, now),
            key=("store", "email_key"),
            update=(*_TEXTS, "signed_up_at", "tags", *(("marketing_consent",) if self.upload.change_consent else ())),
            merge=("attributes",),
            touch=("last_import", "changed_at"),
        )
        self._account(rows, now)

    def _customer(self) -> Subquery:
        return Subquery(self.customers().filter(email_key=OuterRef("email_key")).values("pk")[:1])

    def _note(self) -> Any:
        return Value("") if self.upload.change_consent else self.note_on_consent()

    def _as_customers(self, rows: QuerySet[Any], now: datetime) -> QuerySet[Any]:
        here = self.customers().filter(pk=OuterRef("customer_id"))

        def known(name: str, output: Any) -> Subquery:
            return Subquery(here.values(name)[:1], output_field=output)

        # A value that must not be NULL is taken from the customer where the file is silent, which changes nothing.
        given = {
            "signed_up": Coalesce("signed_up_at", known("signed_up_at", DateTimeField()), Value(now)),
            "labels": Coalesce("tags", known("tags", JSONField()), Value([], JSONField())),
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
        )

    def _account(self, rows: QuerySet[Any], now: datetime) -> None:
        written = self.customers().filter(pk=OuterRef("customer_id"), last_import=self.upload.pk, changed_at=now)
        rows.filter(customer_id__isnull=False).update(
            verdict=Case(
                When(Exists(written), then=Value(ImportVerdict.UPDATED)), default=Value(ImportVerdict.UNCHANGED)
            )
        )
        rows.filter(customer_id__isnull=True).update(customer_id=self._customer(), verdict=ImportVerdict.CREATED)

    def finish(self, counts: dict[str, int]) -> None:
        audit.record(
            self.store,
            "imported",
            self.upload,
            actor=self.job.created_by,
            changes={name: [None, count] for name, count in counts.items() if count},
        )
