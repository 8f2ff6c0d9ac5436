from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.db import models
from django.utils import timezone

from portal.tenancy import StoreManager, StoreModel, StoreQuerySet


class RowsAreKept(RuntimeError):
    """Something tried to change or delete rows that are only ever added."""


class AppendOnlyQuerySet(StoreQuerySet):
    def update(self, **kwargs: Any) -> NoReturn:
        raise RowsAreKept(f"{self.model.__name__} rows are never changed.")

    def delete(self) -> NoReturn:
        raise RowsAreKept(f"{self.model.__name__} rows are never deleted.")


class AppendOnlyManager(StoreManager):
    def for_store(self, store: Any) -> AppendOnlyQuerySet:
        return AppendOnlyQuerySet(self.model, using=self._db).for_store(store)


class AuditEntry(StoreModel):
    """Who did what to which object, when, and what changed.

    Holds no personal data of customers, so that it can outlive them: a customer is named by id, a change to one by
    its field names. Kept for as long as the store: the model, its managers and triggers in the database refuse changes.
    """

    at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(
        "portal.User", on_delete=models.DO_NOTHING, null=True, db_constraint=False, related_name="+"
    )
    actor_label = models.CharField(max_length=255, help_text="The person as signed in then, or the part of the system.")
    verb = models.CharField(max_length=50)
    object_type = models.CharField(max_length=50)
    object_id = models.BigIntegerField(null=True)
    object_label = models.CharField(max_length=255, blank=True)
    changes = models.JSONField(default=dict)

    objects: ClassVar[AppendOnlyManager] = AppendOnlyManager()
    everywhere: ClassVar[models.Manager[Any]] = models.Manager.from_queryset(AppendOnlyQuerySet)()

    class Meta(StoreModel.Meta):
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["store", "-at", "-id"], name="audit_latest"),
            models.Index(fields=["store", "object_type", "object_id", "-at"], name="audit_of_object"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_label} {self.verb} {self.object_type} {self.object_label}".strip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise RowsAreKept("Audit entries are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise RowsAreKept("Audit entries are never deleted.")
