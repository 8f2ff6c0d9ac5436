"""Files on their way in: kept beside where they will be stored, and gone again whatever interrupts them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http import HttpRequest


class IncomingFileHandler(TemporaryFileUploadHandler):
    """Django's handler, which leaves a half-written file to the garbage collector, removes it at once here."""

    is_complete = False

    def file_complete(self, file_size: int) -> UploadedFile | None:
        file = super().file_complete(file_size)
        self.is_complete = True
        return file

    def let_go(self) -> None:
        """Remove the file if it has not come to its end."""
        if not self.is_complete:
            self.upload_interrupted()


def let_go_of_unfinished(request: HttpRequest) -> None:
    """Remove what a broken-off request has left on the disk."""
    for handler in getattr(request, "_upload_handlers", ()):
        if isinstance(handler, IncomingFileHandler):
            handler.let_go()


class WholeBodies:
    """WSGI: a body that ends before its announced length is an error, and no shorter body.

    Without it a form whose sender went away half-way is taken for a whole one with a shorter last field.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or "0"
        if length.isdigit() and int(length):
            environ["wsgi.input"] = _Body(environ["wsgi.input"], int(length))
        return self.application(environ, start_response)


class _Body:
    """A stream of a known length, read as Django reads: by sizes that are given."""

    def __init__(self, stream: Any, length: int) -> None:
        self._stream, self._left = stream, length

    def read(self, size: int) -> bytes:
        data: bytes = self._stream.read(size)
        return self._counted(data, is_short=len(data) < min(size, self._left))

    def readline(self, size: int) -> bytes:
        data: bytes = self._stream.readline(size)
        return self._counted(data, is_short=not data and self._left > 0 and size > 0)

    def _counted(self, data: bytes, *, is_short: bool) -> bytes:
        self._left -= len(data)
        if is_short:
            raise ConnectionResetError("The connection was closed before the whole body had come.")
        return data
