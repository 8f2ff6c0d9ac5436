"""Noticing that the database is not the one that this host last saw: it was restored from a backup.

Each host (each data directory) counts on in a row of its own, and keeps the same count in a file. The row is written
first. So a row that is behind its file, or is not there, has lost what it knew: the database went back. Hosts that
share a database have a row each and hear nothing of each other's files; one that has no file yet begins with a row.
"""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import structlog
from django.conf import settings
from django.db import transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Min
from django.db.models.functions import Now

from portal import crash
from portal.models import Epoch

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Mark:
    """What the file says: which host this is, and how far it had counted at `at` (ISO, by the database's clock)."""

    host: str
    count: int
    at: str


def went_back() -> datetime | None:
    """Up to when the database had known what it does not know now; None while it has forgotten nothing."""
    mark = _read()  # before the row, which others may bring forward meanwhile
    if mark is None or Epoch.objects.filter(host=mark.host, count__gte=mark.count).exists():
        return None
    seen = datetime.fromisoformat(mark.at)
    return None if _is_newer(seen) else seen


def count_on() -> None:
    """Count one further, in the row and then in the file; from wherever the two are. Raises OSError."""
    with transaction.atomic():
        mark = _read() or Mark(uuid.uuid4().hex, 0, "")
        row = Epoch.objects.select_for_update().filter(host=mark.host).first()
        count = max(mark.count, row.count if row else 0) + 1
        Epoch.objects.update_or_create(host=mark.host, defaults={"count": count, "at": Now()})
        at: datetime = Epoch.objects.values_list("at", flat=True).get(host=mark.host)
    crash.point("epoch.counted")
    _write(Mark(mark.host, count, at.isoformat()))


def _is_newer(seen: datetime) -> bool:
    """Whether the database was made after `seen`: one that never knew anything, and not one that has gone back."""
    made: datetime | None = MigrationRecorder.Migration.objects.aggregate(made=Min("applied"))["made"]
    return made is not None and made > seen


def _file() -> Path:
    return Path(settings.DATA_DIR) / "epoch.json"


def _read() -> Mark | None:
    try:
        return Mark(**json.loads(_file().read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        log.warning("epoch_unreadable", error=type(error).__name__)
        return None


def _write(mark: Mark) -> None:
    """Whole or not at all, and kept through a power cut."""
    place = _file()
    with tempfile.NamedTemporaryFile("w", dir=place.parent, prefix=".epoch-", delete=False) as fresh:
        try:
            json.dump(asdict(mark), fresh)
            fresh.flush()
            os.fsync(fresh.fileno())
            Path(fresh.name).replace(place)
        except BaseException:
            with suppress(OSError):
                Path(fresh.name).unlink()
            raise
