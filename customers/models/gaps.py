"""What is missing while arrivals are set aside."""

from __future__ import annotations

from django.db import models

from customers.models.activity import DIGEST_LENGTH
from customers.models.arrivals import Arrival
from portal.tenancy import BulkStoreModel


class NameSetAside(BulkStoreModel):
    """A name (as a Visitor has it, a digest of kind and value) that stands in an arrival that could not be taken in:
    who has the name misses something for as long. Gone once the arrival waits again, is ignored or forgotten."""

    arrival = models.ForeignKey(
        Arrival, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    digest = models.CharField(max_length=DIGEST_LENGTH)

    class Meta(BulkStoreModel.Meta):
        verbose_name_plural = "names set aside"
        constraints = [models.UniqueConstraint(fields=["store", "arrival", "digest"], name="name_set_aside_once")]
        indexes = [models.Index(fields=["store", "digest"], name="name_set_aside_by_name")]

    def __str__(self) -> str:
        return self.digest
