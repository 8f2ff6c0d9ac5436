"""What all forms share."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from portal import history
from portal.emails import InvalidEmail, display_email, email_key


class StoreForm(forms.Form):
    """A form of one store; it validates, actions write."""

    def __init__(self, *args: Any, store: Any, **kwargs: Any) -> None:
        self.store = store
        super().__init__(*args, **kwargs)


class EditForm(StoreForm):
    """A form of what others may change while it is open: it remembers what it showed, its `initial`, so that people who
    edit at the same time do not undo each other's changes; see portal.actions.edits."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.show_hidden_initial = True

    def as_seen(self) -> SafeString:
        """Hidden inputs that say what the page showed when it was opened."""
        return format_html_join("", "{}", ((self[name].as_hidden(only_initial=True),) for name in self.fields))

    def seen(self) -> dict[str, Any]:
        """Field → the value that the page showed when it was opened."""
        return {name: self._seen(name, field) for name, field in self.fields.items()}

    def _seen(self, name: str, field: forms.Field) -> Any:
        try:
            return field.clean(self.data[self.add_initial_prefix(name)])
        except (KeyError, ValidationError):
            return self.initial[name]

    def show_clashes(self, current: dict[str, Any], editor: str) -> None:
        """Tell of fields that the editor has changed to `current` since; saving again is meant."""
        standing = {self.add_initial_prefix(name): str(value) for name, value in current.items()}
        self.data = {**self.data.dict(), **standing}  # type: ignore[attr-defined]
        for name, value in current.items():
            said = history.value_words(name, value)
            self.add_error(name, f"{editor} has made this {said} meanwhile. Save again to have it your way.")


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
