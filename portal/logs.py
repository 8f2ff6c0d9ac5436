"""Logs as JSON, one event a line, whatever the message holds; without addresses, keys and rows of the database.

Nobody should pass personal data to a log. This is the net below, for what libraries, drivers and tracebacks say too.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

SECRET_NAMES = re.compile(r"passw|secret|token|cookie|authorization|session|api_?key|credential", re.IGNORECASE)
"""Names whose values no log shows; a lease's token is a number, and numbers are shown."""
ADDRESS = re.compile(r"[^\s\"'<>()\[\]{},;:=/?&|\\@]+(?:@|%40)[^\s\"'<>()\[\]{},;:=/?&|\\@]+")
USER_OF_URL = re.compile(r"(?<=://)[^\s/@]+@")
KEY = re.compile(
    r"\b(?![0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)(?=[\w-]*[0-9])(?=[\w-]*[A-Za-z])[\w-]{32,}"
)
"""Tokens of links, session keys, hashes: long, of letters and digits, and no name of a task."""
ROWS = re.compile(
    r"(?:DETAIL|CONTEXT|LINE \d+|PARAMETERS?|PORTAL): .*?(?=\n(?:[A-Z]{4,}:|Traceback|The above|During)|\Z)", re.DOTALL
)
"""What databases add to an error: the row that failed, the statement with its values."""
QUOTED = re.compile(r"(invalid input [\w ]*: |date/time field value out of range: |violates [\w ]*: )\".*?\"")


def masked(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Processor: the entry without e-mail addresses, keys, and values of rows."""
    return {name: _masked(value, name) for name, value in entry.items()}


def _masked(value: Any, name: str = "") -> Any:
    if isinstance(value, bool | int | float | None):
        return value
    if name and SECRET_NAMES.search(name):
        return "<secret>"
    if isinstance(value, Mapping):
        return {str(key): _masked(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(inner) for inner in value]
    return mask(value if isinstance(value, str) else repr(value))


def mask(text: str) -> str:
    """The text as a log may show it."""
    text = ROWS.sub(lambda found: found[0].partition(":")[0] + ": (left out)", text)
    text = QUOTED.sub(r"\1(left out)", text)
    text = USER_OF_URL.sub("<secret>@", text)
    return KEY.sub("<secret>", ADDRESS.sub("<e-mail>", text))


_shared: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def formatter() -> logging.Formatter:
    structlog.configure(
        processors=[*_shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            masked,
            structlog.processors.JSONRenderer(),
        ],
    )
