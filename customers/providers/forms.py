"""Forms of accounts at Shopify and Recharge. What is secret is never shown again, not even after a mistake."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from customers.ingest.forms import RenameForm
from customers.models import WayInKind
from customers.providers import accounts
from portal.actions import Refusal
from portal.forms_base import StoreForm

LONGEST = 500
_TYPABLE = re.compile(r"[\x21-\x7e]+")
_ATTRS = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
_SIGNS_SHOPIFY = (
    "The API secret key of the custom app whose token stands below: it signs the webhooks that are made with that. "
    "Without a token, what Settings ▸ Notifications ▸ Webhooks shows at the bottom. Without it no webhook is accepted."
)
_OPENS_SHOPIFY = (
    "Of a custom app with the scopes read_customers and read_orders. It begins with shpat_. Needed to read history, "
    "and to make the webhooks by itself."
)
_SIGNS_RECHARGE = (
    "In Recharge: Apps ▸ API tokens ▸ the token ▸ client secret. Webhooks are signed with it; without it none is "
    "accepted."
)
_OPENS_RECHARGE = (
    "With read access to customers, subscriptions and orders, and write access to webhooks. Needed to read history, "
    "and to make the webhooks by itself."
)
WORDS: dict[WayInKind, dict[str, tuple[str, str]]] = {
    WayInKind.SHOPIFY: {
        "secret": ("Signing secret", _SIGNS_SHOPIFY),
        "token": ("Admin API access token", _OPENS_SHOPIFY),
    },
    WayInKind.RECHARGE: {
        "secret": ("API client secret", _SIGNS_RECHARGE),
        "token": ("API token", _OPENS_RECHARGE),
    },
}
"""Field → its label, and where what it wants is found."""


class _Secret(forms.CharField):
    def __init__(self, kind: WayInKind, name: str) -> None:
        label, help_text = WORDS[kind][name]
        widget = forms.PasswordInput(attrs=_ATTRS)
        super().__init__(label=label, help_text=help_text, required=False, max_length=LONGEST, widget=widget)

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if text and not _TYPABLE.fullmatch(text):
            raise ValidationError("It holds no space and no letter with an accent. Copy it once more, whole.")
        return text


class AccountForm(StoreForm):
    """The secrets of an account, and whether it is read; what is left empty stays as it is."""

    def __init__(self, *args: Any, kind: WayInKind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        for name in ("secret", "token"):
            self.fields[name] = _Secret(kind, name)
        self.fields["reads_history"] = forms.BooleanField(
            required=False,
            label="Read history",
            help_text="All orders, customers and subscriptions once, and every night what changed: webhooks get lost.",
        )


class ConnectForm(AccountForm):
    """A new account."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        label = deepcopy(RenameForm.base_fields["label"])
        shop = forms.CharField(
            label="Shop address",
            max_length=100,
            help_text="The shop's own address, such as my-shop.myshopify.com.",
            widget=forms.TextInput(attrs=_ATTRS),
        )
        first = {"label": label} | ({"account": shop} if self.kind == WayInKind.SHOPIFY else {})
        self.fields = {**first, **self.fields}
        self.fields["label"].initial = self.kind.label
        self.fields["reads_history"].initial = True

    def clean_account(self) -> str:
        try:
            return accounts.shop_address(self.cleaned_data["account"])
        except Refusal as refusal:
            raise ValidationError(str(refusal)) from refusal

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if not values.get("secret") and not values.get("token"):
            self.add_error("secret", ValidationError("Give the secret, or a token, or both."))
        return values
