"""Forms of the store's settings and staff, and of people who are invited."""

from __future__ import annotations

import zoneinfo
from functools import cache
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError

from portal.access import Plan, Role
from portal.currencies import CURRENCIES
from portal.forms_base import EditForm, StoreForm
from portal.models import Invitation, User

REGIONS = ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
NO_ZONES = {"Factory", "localtime", "posixrules"}


@cache
def time_zones() -> list[tuple[str, Any]]:
    """Every time zone as the choices of a select, by region."""
    groups: dict[str, list[tuple[str, str]]] = {region: [] for region in (*REGIONS, "Other")}
    for name in sorted(zoneinfo.available_timezones() - NO_ZONES - {"UTC"}):
        region = name.partition("/")[0]
        groups[region if region in REGIONS else "Other"].append((name, name.replace("_", " ")))
    return [("UTC", "UTC"), *groups.items()]


def currencies() -> list[tuple[str, str]]:
    return [(code, f"{code} – {name}") for code, name in CURRENCIES.items()]


class StoreSettingsForm(EditForm):
    """A store's settings."""

    name = forms.CharField(max_length=120)
    time_zone = forms.ChoiceField(
        choices=time_zones,
        help_text="Days, charts and times of this store are shown in it. When it changes, metrics are made anew.",
    )
    currency = forms.ChoiceField(
        choices=currencies,
        help_text="What the store sells in. When it changes, metrics are made anew by it.",
    )
    upload_limit = forms.IntegerField(
        min_value=1,
        max_value=settings.UPLOAD_LIMIT_MOST,
        help_text=f"How many customers can be uploaded to a segment at one time: {settings.UPLOAD_LIMIT_DEFAULT:,} "
        f"unless you raise it, to at most {settings.UPLOAD_LIMIT_MOST:,}.",
        error_messages={
            "min_value": "Use a number of at least 1.",
            "max_value": f"Use a number of at most {settings.UPLOAD_LIMIT_MOST:,}.",
            "invalid": "Use a whole number, without separators.",
        },
    )
    plan = forms.ChoiceField(
        choices=Plan.choices,
        widget=forms.RadioSelect,
        help_text="Segments are available to stores on the Pro or Custom plan.",
    )
    subscription_experiences = forms.BooleanField(
        label="Subscription Experiences",
        required=False,
        help_text="Use segments to provide Subscription Experiences to specific groups of customers.",
    )
    rewards = forms.BooleanField(
        label="Rewards",
        required=False,
        help_text="Makes the Segment node available for Reward Strategies and Upsell Subscription Experiences.",
    )
    requires_second_factor = forms.BooleanField(
        label="Two-step sign-in for all",
        required=False,
        help_text="Nobody opens this store without it. Staff who do not have it yet are led to set it up.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            self.initial[name] = value = getattr(self.store, name)
            # A value from before the list was what it is now stays possible.
            if name in {"time_zone", "currency"} and not field.valid_value(value):  # type: ignore[attr-defined]
                field.choices = [(value, value), *field.choices]  # type: ignore[attr-defined]


class InviteForm(StoreForm):
    email = forms.EmailField(label="E-mail", max_length=254)
    role = forms.ChoiceField(choices=Role.choices, initial=Role.VIEWER)

    def clean_email(self) -> str:
        return self.cleaned_data["email"].strip().lower()


class RoleForm(StoreForm):
    role = forms.ChoiceField(choices=Role.choices)


class NewAccountForm(forms.Form):
    """The account of somebody who was invited; the e-mail address is the invitation's."""

    name = forms.CharField(label="Your name", max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least ten characters; a few words that only you would put together are best.",
    )

    def __init__(self, *args: Any, invitation: Invitation, **kwargs: Any) -> None:
        self.invitation = invitation
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if "password" in values:
            person = User(email=self.invitation.email, name=values.get("name", ""))
            try:
                password_validation.validate_password(values["password"], person)
            except ValidationError as error:
                self.add_error("password", error)
        return values
