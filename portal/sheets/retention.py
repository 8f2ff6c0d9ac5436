"""Uploaded files are kept for a while after their last use, and then deleted; rows and reports stay.

An import, its undo and its report need the rows alone. The file is for reading it once more, and a copy of people's
addresses that nobody asks for any more is only something to lose.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.apps import apps
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from portal import jobs
from portal.models import SheetUpload, Store
from portal.models.sheet import FOLDER

log = structlog.get_logger(__name__)

STRAY_AFTER = timedelta(hours=1)
_PORTION = 500
_TIMES = ("created_at", "checked_at", "confirmed_at", "finished_at", "undone_at")


def forget_files(now: datetime | None = None) -> int:
    """Delete the files of uploads that nothing has happened with for UPLOAD_KEEP_DAYS, and those that no upload names;
    how many were deleted."""
    now = now or timezone.now()
    before = now - timedelta(days=settings.UPLOAD_KEEP_DAYS)
    done = sum(_forget(upload, before) for store in Store.objects.all() for upload in _old(store, before))
    done += sum(map(_delete_stray, _strays(now - STRAY_AFTER)))
    done += _delete_unfinished(now - STRAY_AFTER)
    if done:
        log.info("files_forgotten", files=done)
    return done


def upload_models() -> list[type[SheetUpload]]:
    return [model for model in apps.get_models() if issubclass(model, SheetUpload)]


def _old(store: Store, before: datetime) -> Iterator[SheetUpload]:
    for model in upload_models():
        found = model.objects.for_store(store).filter(created_at__lt=before).exclude(file="")
        last = 0
        while portion := list(found.filter(pk__gt=last).order_by("pk")[:_PORTION]):
            yield from portion
            last = portion[-1].pk


def _forget(upload: SheetUpload, before: datetime) -> bool:
    with transaction.atomic():
        mine = type(upload).objects.for_store(upload.store).select_for_update(no_key=True, of=("self",))
        row = mine.filter(pk=upload.pk).first()
        if row is None or not row.file or not _is_over(row, before):
            return False
        # The file first: when the row is not written after that, the next round finds it, and a file that is not there.
        row.file.delete(save=False)
        row.save(update_fields=["file"])
    return True


def _is_over(upload: SheetUpload, before: datetime) -> bool:
    latest = jobs.of_subject(upload).first()
    if latest is not None and latest.is_active:
        return False
    times = [getattr(upload, name, None) for name in _TIMES]
    return max(at for at in (*times, latest and latest.finished_at) if at) < before


def _strays(before: datetime) -> Iterator[str]:
    """Files that were kept for an upload whose row was never written: the web was killed between the two."""
    if not default_storage.exists(FOLDER):
        return
    known = {
        name
        for store in Store.objects.all()
        for model in upload_models()
        for name in model.objects.for_store(store).exclude(file="").values_list("file", flat=True)
    }
    for name in default_storage.listdir(FOLDER)[1]:
        path = f"{FOLDER}/{name}"
        if path not in known and default_storage.get_modified_time(path) < before:
            yield path


def _delete_unfinished(before: datetime) -> int:
    """Delete what has come of files whose way in was cut short by the end of the web itself; how many."""
    done = 0
    for path in Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir():
        with suppress(FileNotFoundError):  # one that has come to its end just now
            if path.stat().st_mtime < before.timestamp():
                path.unlink()
                done += 1
    return done


def _delete_stray(path: str) -> bool:
    default_storage.delete(path)
    return True
