"""How passwords are kept, and how long they may be."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.exceptions import ValidationError


class Argon2idHasher(Argon2PasswordHasher):
    """Argon2id as OWASP advises it for servers: 19 MB and two rounds in one lane. Django's own 100 MB a try would let
    a flood of sign-ins take the machine's memory."""

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1


class MaximumLengthValidator:
    """Refuses passwords above `max_length` characters, in words."""

    def __init__(self, max_length: int) -> None:
        self.max_length = max_length

    def validate(self, password: str, user: Any = None) -> None:
        if len(password) > self.max_length:
            raise ValidationError(f"This password is too long. Use at most {self.max_length} characters.")

    def get_help_text(self) -> str:
        return f"Your password can have at most {self.max_length} characters."
