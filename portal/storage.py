"""Files on the disk: whole, or not there."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage


class WholeFiles(FileSystemStorage):
    """Leaves nothing behind of a file that could not be written to its end."""

    def _save(self, name: str, content: Any) -> str:
        # Names are random, so nothing of another's stands there.
        fresh = not self.exists(name)
        try:
            return super()._save(name, content)  # type: ignore[misc]
        except BaseException:
            if fresh:
                with suppress(OSError):
                    Path(self.path(name)).unlink()
            raise
