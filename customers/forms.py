"""Forms of customers and of the files that they come from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html

from customers.imports.kinds import FileKind, kind_of
from customers.imports.layouts import OTHER, Layout, attribute_name, field_of
from customers.imports.values import BadValue, clean, read_tags
from customers.models import Consent, Customer, CustomerImport
from portal.forms_base import CustomerEmailField, StoreForm
from portal.sheet_pages import SheetForm
from portal.sheets import WAS_ERASED

IGNORE, ATTRIBUTE = "", "attribute"
EDITED = (
    "email",
    "first_name",
    "last_name",
    "phone",
    "marketing_consent",
    "signed_up_at",
    "acquisition_channel",
    "tags",
)


class CleanField(forms.CharField):
    """Text without control characters, in one Unicode form."""

    def to_python(self, value: Any) -> str:
        return clean(super().to_python(value) or "")


class CustomerForm(StoreForm):
    """What staff say about a customer; without `customer`, a new one."""

    email = CustomerEmailField()
    first_name = CleanField(max_length=150, required=False)
    last_name = CleanField(max_length=150, required=False)
    phone = CleanField(max_length=50, required=False)
    marketing_consent = forms.ChoiceField(choices=Consent.choices, initial=Consent.UNKNOWN)
    signed_up_at = forms.DateTimeField(
        label="Signed up",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"),
    )
    acquisition_channel = CleanField(max_length=50, required=False, help_text="By what they found the store.")
    tags = CleanField(required=False, max_length=5_000, help_text="Set apart by commas.")
    seen_at = forms.CharField(widget=forms.HiddenInput, required=False)
    came_back = forms.BooleanField(
        required=False,
        label="They asked to come back",
        help_text="Their new consent is yours to keep. From then on imports know them again.",
    )
    asks_consent = False
    """Whether the address belongs to somebody who was erased, so that `came_back` is to be shown."""

    def __init__(self, *args: Any, customer: Customer | None = None, **kwargs: Any) -> None:
        self.customer = customer
        initial: dict[str, Any] = {"signed_up_at": timezone.now()}
        if customer is not None:
            initial = {name: getattr(customer, name) for name in EDITED}
            initial |= {"tags": ", ".join(customer.tags), "seen_at": customer.changed_at.isoformat()}
        super().__init__(*args, initial=initial, **kwargs)

    def clean_tags(self) -> list[str]:
        try:
            return read_tags(self.cleaned_data["tags"]) or []
        except BadValue as error:
            raise ValidationError(str(error)) from error

    def clean_signed_up_at(self) -> datetime:
        at: datetime = self.cleaned_data["signed_up_at"]
        if at.year < 1970 or at > timezone.now() + timedelta(days=1):
            raise ValidationError("Choose a day since 1970 that is not to come.")
        return at

    def clean_seen_at(self) -> datetime | None:
        """When the customer that the form was opened with had last changed; None when it does not say."""
        try:
            return datetime.fromisoformat(self.cleaned_data["seen_at"])
        except ValueError:
            return None

    @property
    def edits(self) -> dict[str, Any]:
        """What the person changed in the form, and when the customer that was seen had last changed."""
        changed = {name: self.cleaned_data[name] for name in EDITED if name in self.changed_data}
        return {"seen_at": self.cleaned_data["seen_at"], **changed}

    @property
    def fields_of_customer(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in EDITED}

    def refuse_taken(self, other: Customer) -> None:
        """Say that the address is `other`'s, and where that customer is."""
        link = format_html('<a href="{}">{}</a>', other.get_absolute_url(), other.email)
        self.add_error("email", ValidationError(format_html("A customer has this address already: {}", link)))

    def refuse_erased(self) -> None:
        """Say that the person was erased; a new customer may be added when they asked to come back."""
        self.asks_consent = self.customer is None
        self.add_error("email", WAS_ERASED)

    def refuse_changed(self, customer: Customer, editor: str) -> None:
        """Say that `customer` is another by now than the one that the form was opened with, and how; and take that as
        seen: saving once more replaces it knowingly."""
        words = f"{editor} changed this customer meanwhile, so nothing was saved. Save again to replace that."
        self.add_error(None, words)
        for name in EDITED:
            now, mine = getattr(customer, name), self.cleaned_data.get(name)
            if name in self.cleaned_data and now != mine:
                self.add_error(name, f"By now: {_shown(name, now)}")
        self.data = {**dict(self.data.items()), "seen_at": customer.changed_at.isoformat()}


def _shown(name: str, value: Any) -> str:
    if name == "marketing_consent":
        return Consent(value).label
    if isinstance(value, datetime):
        return date_format(timezone.localtime(value), "j M Y, H:i")
    return (", ".join(value) if isinstance(value, list) else str(value)) or "nothing"


class UploadForm(SheetForm):
    def __init__(self, *args: Any, kind: FileKind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].help_text = kind.hint


class ColumnsForm(StoreForm):
    """What each column of a file is read as: a field, an attribute, or nothing."""

    def __init__(self, *args: Any, kind: FileKind, headers: Sequence[str], layout: Layout, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind, self.headers = kind, headers
        read_as: dict[int, str] = dict.fromkeys(layout.attributes.values(), ATTRIBUTE)
        read_as |= {index: name for name, index in layout.fields.items()}
        choices = [(IGNORE, "Ignore"), *kind.readings.items()]
        choices += [(ATTRIBUTE, f"Keep as {kind.rest.lower()}")] if kind.rest else []
        for index, header in enumerate(headers):
            own = [choice for choice in choices if header or choice[0] != ATTRIBUTE]
            self.fields[f"column_{index}"] = forms.ChoiceField(
                label=header or f"Column {index + 1}", choices=own, required=False, initial=read_as.get(index, IGNORE)
            )

    @classmethod
    def of(cls, upload: CustomerImport, data: Any = None) -> ColumnsForm:
        """The form for the file, which stands at what its columns are read as now."""
        layout = Layout.of(upload.source, upload.mapping)
        return cls(data, store=upload.store, kind=kind_of(upload), headers=upload.headers, layout=layout)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        chosen = [field_of(name) for name in values.values() if name in self.kind.readings]
        if missing := self.kind.missing(chosen):
            raise ValidationError(missing)
        for name in sorted({name for name in chosen if chosen.count(name) > 1}):
            raise ValidationError(f"Two columns are read as “{self.kind.fields[name]}”. Choose one of them.")
        return values

    @property
    def layout(self) -> Layout:
        """What was chosen."""
        chosen = {index: self.cleaned_data[f"column_{index}"] for index in range(len(self.headers))}
        fields = {name: index for index, name in chosen.items() if name in self.kind.readings}
        attributes = {attribute_name(self.headers[index]): index for index, name in chosen.items() if name == ATTRIBUTE}
        return Layout(OTHER, fields, attributes)


class ImportForm(StoreForm):
    change_consent = forms.BooleanField(
        required=False,
        label="Also change the marketing consent of customers who are here already",
        help_text="Off, everyone keeps the consent they have; those who unsubscribed stay unsubscribed.",
    )


class PersonForm(StoreForm):
    """An address that somebody asks about."""

    email = CustomerEmailField()
