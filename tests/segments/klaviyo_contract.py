"""What Klaviyo's own description says of a reply: read from OpenAPI 3.0 and held against by JSON Schema."""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker, ValidationError

DESCRIPTION = Path(__file__).with_name("klaviyo_openapi.json")
FORMATS = FormatChecker(())


@FORMATS.checks("date-time", ValueError)
def _is_moment(text: object) -> bool:
    return not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None


@FORMATS.checks("uri")
def _is_absolute(text: object) -> bool:
    return not isinstance(text, str) or bool(urlsplit(text).scheme and urlsplit(text).netloc)


@cache
def description() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(DESCRIPTION.read_text())
    # The description says that these are absent at the ends; real replies have them as null.
    for name in ("next", "prev"):
        told["components"]["schemas"]["CollectionLinks"]["properties"][name]["nullable"] = True
    return told


def operation(path: str) -> dict[str, Any] | None:
    """What is described for GET at `path`, which may end in a slash."""
    for known, methods in description()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), path.removesuffix("/")):
            found: dict[str, Any] | None = methods.get("get")
            return found
    return None


def complaints(path: str, status: int, body: Any, *, sparse: bool = False) -> list[str]:
    """What is wrong with a reply, by the description; nothing is the usual answer.

    With `sparse`, when some fields were asked for, the attributes may lack others; not when somebody joined.
    """
    described = operation(path)
    if described is None and status == 200:
        return [f"{path} is not described"]
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
        for error in _validator(path, status).iter_errors(body)
        if not (sparse and _is_left_out(error))
    ]


def _is_left_out(error: ValidationError) -> bool:
    return error.validator == "required" and "attributes" in error.absolute_path and "joined" not in error.message


def _validator(path: str, status: int) -> Draft202012Validator:
    if status >= 400:
        kind = "ClientError" if status < 500 else "ServerError"
        return _compiled(json.dumps(description()["components"]["responses"][kind]))
    described = operation(path)
    assert described is not None
    return _compiled(json.dumps(described["responses"]["200"]))


@cache
def _compiled(response: str) -> Draft202012Validator:
    schema = json.loads(response)["content"]["application/vnd.api+json"]["schema"]
    return Draft202012Validator({**_converted(schema), "components": _components()}, format_checker=FORMATS)


@cache
def _components() -> dict[str, Any]:
    converted: dict[str, Any] = _converted(description()["components"])
    return converted


def _converted(node: Any) -> Any:
    """OpenAPI 3.0's own words in those of JSON Schema: `nullable`, also beside a reference."""
    if isinstance(node, list):
        return [_converted(one) for one in node]
    if not isinstance(node, dict):
        return node
    told = {name: _converted(value) for name, value in node.items() if name not in {"nullable", "example", "default"}}
    if node.get("nullable") is True:
        return {"anyOf": [told, {"type": "null"}]}
    return told
