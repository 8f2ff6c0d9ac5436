"""What all forms share."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from portal.emails import InvalidEmail, display_email, email_key


class StoreForm(forms.Form):
    """A form of one store; it validates, actions write."""

    def __init__(self, *args: Any, store: Any, **kwargs: Any) -> None:
        self.store = store
        super().__init__(*args, **kwargs)


class CustomerEmailField(forms.CharField):
    """An e-mail address as customers have them: cleaned to what is shown, refused with the reason."""

    widget = forms.EmailInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"label": "E-mail", "max_length": 320, **kwargs})

    def to_python(self, value: Any) -> str:
        text: str = super().to_python(value) or ""
        if not text:
            return text
        try:
            email_key(text)
        except InvalidEmail as error:
            raise ValidationError(f"This is not an e-mail address: {error.reason}.") from error
        return display_email(text)
