from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models
from django.utils import timezone

from portal.access import Permission, Role, may
from portal.tenancy import StoreModel


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").strip().lower())


class User(AbstractUser):
    """A person who signs in, by e-mail; which stores they work in is told by Staff."""

    username = None  # type: ignore[assignment]
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    email = models.EmailField("e-mail", unique=True)
    name = models.CharField(max_length=150, blank=True)
    last_seen_at = models.DateTimeField("last seen", null=True, blank=True, editable=False)

    objects = UserManager()  # type: ignore[misc,assignment]

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ("email",)

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name or self.email


class Staff(StoreModel):
    """A person's place in a store."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=20, choices=Role.choices)
    added_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta(StoreModel.Meta):
        verbose_name_plural = "staff"
        constraints = [models.UniqueConstraint(fields=["store", "user"], name="staff_once_a_store")]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"

    def may(self, permission: Permission) -> bool:
        return may(self.role, permission)

    @classmethod
    def places_of(cls, user: User) -> models.QuerySet[Staff]:
        """Where `user` works: the person's own rows, in whatever stores."""
        return cls.everywhere.filter(user=user).select_related("store").order_by("store__name", "pk")


class Invitation(StoreModel):
    """A single-use link, sent by e-mail, that makes its holder staff; only the link's hash is kept."""

    email = models.EmailField("e-mail")
    role = models.CharField(max_length=20, choices=Role.choices)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta(StoreModel.Meta):
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return self.email

    @staticmethod
    def hash_of(token: str) -> str:
        return hashlib.sha256(token.encode()).hexdigest()

    @classmethod
    def of_token(cls, token: str) -> Invitation | None:
        """The invitation that a link's `token` belongs to, whether it still counts or not: whoever holds the link
        does not have to name the store."""
        return cls.everywhere.select_related("store").filter(token_hash=cls.hash_of(token)).first()

    def is_open(self, now: datetime) -> bool:
        return self.accepted_at is None and now < self.expires_at
