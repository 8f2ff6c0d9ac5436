"""Every row belongs to a store, and naming the store is the only way to the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

from django.db import models

if TYPE_CHECKING:
    from portal.models import Store


class StoreRequired(RuntimeError):
    """Rows were asked for without saying of which store."""


class StoreQuerySet(models.QuerySet[Any]):
    def for_store(self, store: Store) -> Self:
        """The rows of `store`; raises StoreRequired when there is no saved store."""
        if store is None or store.pk is None:
            raise StoreRequired(f"{self.model.__name__} was read for no store.")
        return self.filter(store_id=store.pk)


class StoreManager(models.Manager.from_queryset(StoreQuerySet)):  # type: ignore[misc]
    """The manager named `objects`: it answers to `for_store` and to nothing else."""

    def for_store(self, store: Store) -> StoreQuerySet:
        return StoreQuerySet(self.model, using=self._db).for_store(store)

    def create_for(self, store: Store, **fields: Any) -> Any:
        """Create and return a row of `store`."""
        return self.for_store(store).create(store_id=store.pk, **fields)

    def get_queryset(self) -> NoReturn:
        raise StoreRequired(f"Read {self.model.__name__} with {self.model.__name__}.objects.for_store(store).")


class StoreModel(models.Model):
    """A row of one store.

    `objects` is closed: it wants a store. `everywhere` reads across stores, for the admin, sweepers, commands and
    tests alone; it is also what Django itself uses behind foreign keys, which the parent row has scoped already.
    """

    store = models.ForeignKey("portal.Store", on_delete=models.PROTECT, related_name="+", editable=False)

    objects: ClassVar[StoreManager] = StoreManager()
    everywhere: ClassVar[models.Manager[Any]] = models.Manager.from_queryset(StoreQuerySet)()

    class Meta:
        abstract = True
        default_manager_name = "everywhere"


class BulkStoreModel(StoreModel):
    """A row of a table that grows into the millions.

    No foreign key in the database: checking two of them takes several times as long as writing the row. The doors
    that write these rows keep them whole, and the invariants tell if one did not. Every index starts with the store.
    """

    store = models.ForeignKey(
        "portal.Store", on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+", editable=False
    )

    class Meta(StoreModel.Meta):
        abstract = True
