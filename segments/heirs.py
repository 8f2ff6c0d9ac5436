"""Who speaks for members when an upload is taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet


class Heirs:
    """The rows of other uploads that speak for members when an upload is taken back.

    `holds`: customer → the latest row; `said`: column → customer → the latest row that says something there, and what.
    `since` is customer → when the membership began: an upload that had finished before then speaks for an earlier one.
    """

    def __init__(self, rows: QuerySet[Any], since: dict[int, datetime]) -> None:
        self.holds: dict[int, int] = {}
        self.said: dict[str, dict[int, tuple[int, str]]] = {"name": {}, "phone": {}}
        found = rows.order_by("upload_id").values_list("pk", "customer_id", "name", "phone", "upload__finished_at")
        for pk, customer, name, phone, finished_at in found.iterator():
            if customer not in since or (finished_at and finished_at < since[customer]):
                continue
            self.holds[customer] = pk
            if name:
                self.said["name"][customer] = pk, name
            if phone:
                self.said["phone"][customer] = pk, phone
