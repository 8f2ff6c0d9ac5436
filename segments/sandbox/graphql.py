"""As much of GraphQL as a query or mutation with variables needs: reading it, checking it, picking what it asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(
    r'(?P<skip>[\s,]+|#[^\n]*)|(?P<word>\$?[A-Za-z_]\w*)|(?P<number>-?\d+)|(?P<text>"(?:[^"\\\n]|\\.)*")|(?P<sign>[{}()\[\]:!=])'
)
_WORDS = {"true": True, "false": False, "null": None}
OPERATIONS = {"query": "QueryRoot", "mutation": "Mutation"}
Schema = Mapping[str, Mapping[str, str | None]]
"""Type → field → the type of what it holds; None for a plain value."""


class BadQuery(Exception):
    """A query that is refused; the message is for who wrote it."""


@dataclass
class Selection:
    """A field that is asked for, what it was given, and which of its own fields are asked for."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    fields: list[Selection] = field(default_factory=list)


@dataclass(frozen=True)
class Document:
    """What is asked for at the top, of which type."""

    root: str
    selections: list[Selection]


class _Reader:
    """Reads a document from its tokens."""

    def __init__(self, text: str, variables: Mapping[str, Any]) -> None:
        self._tokens = list(_tokens(text))
        self._place = 0
        self._variables = variables
        self._declared: dict[str, bool] = {}

    def document(self) -> Document:
        kind = self._peek() if self._peek() in OPERATIONS else "query"
        if self._next() in OPERATIONS:
            if self._peek() not in {"{", "("}:
                self._next()
            self._variable_definitions()
        else:
            self._place -= 1
        selections = self._selections()
        if self._peek():
            raise BadQuery("Expected one query, and nothing after it.")
        return Document(OPERATIONS[kind], selections)

    def _peek(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._place += 1
        return token

    def _expect(self, token: str) -> None:
        if (found := self._next()) != token:
            raise BadQuery(f"Expected {token!r}, found {found or 'the end'!r}.")

    def _variable_definitions(self) -> None:
        if self._peek() != "(":
            return
        self._next()
        while self._peek() != ")":
            name = self._next()
            self._expect(":")
            self._next()
            self._declared[name] = needed = self._peek() == "!"
            if needed:
                self._next()
            if needed and self._variables.get(name[1:]) is None:
                raise BadQuery(f"Variable {name} was provided invalid value")
        self._next()
        if foreign := {f"${name}" for name in self._variables} - set(self._declared):
            raise BadQuery(f"Variables that the query does not declare: {', '.join(sorted(foreign))}")

    def _selections(self) -> list[Selection]:
        self._expect("{")
        found = []
        while self._peek() != "}":
            if not re.fullmatch(r"[A-Za-z_]\w*", name := self._next()):
                raise BadQuery(f"Expected a field, found {name or 'the end'!r}.")
            selection = Selection(name)
            if self._peek() == "(":
                selection.arguments = self._arguments()
            if self._peek() == "{":
                selection.fields = self._selections()
            found.append(selection)
        self._next()
        return found

    def _arguments(self) -> dict[str, Any]:
        self._expect("(")
        found = {}
        while self._peek() != ")":
            name = self._next()
            self._expect(":")
            found[name] = self._value(self._next())
        self._next()
        return found

    def _value(self, token: str) -> Any:
        if token.startswith("$"):
            if token not in self._declared:
                raise BadQuery(f"Variable {token} is used and not declared.")
            return self._variables.get(token[1:])
        if token in _WORDS:
            return _WORDS[token]
        return json.loads(token) if re.match(r'["\d-]', token) else token


def _tokens(text: str) -> Iterator[str]:
    place = 0
    while place < len(text):
        if (found := _TOKEN.match(text, place)) is None:
            raise BadQuery(f"Unexpected {text[place]!r}.")
        place = found.end()
        if found.lastgroup != "skip":
            yield found.group()


def read(text: str, variables: Mapping[str, Any]) -> Document:
    """What a query or mutation asks for. Raises BadQuery; aliases and fragments are not for here."""
    return _Reader(text, variables).document()


def check(selections: list[Selection], of: str, schema: Schema) -> None:
    """Hold what is asked of type `of` to the schema; raises BadQuery."""
    for one in selections:
        if one.name not in schema[of]:
            raise BadQuery(f"Field '{one.name}' doesn't exist on type '{of}'")
        held = schema[of][one.name]
        if held is None and one.fields:
            raise BadQuery(f"Selections can't be made on scalars (field '{one.name}' of '{of}')")
        if held is not None:
            if not one.fields:
                raise BadQuery(f"Field must have selections (field '{one.name}' returns {held})")
            check(one.fields, held, schema)


def pick(value: Any, selections: list[Selection]) -> Any:
    """Of `value`, what is asked for."""
    if isinstance(value, list):
        return [pick(one, selections) for one in value]
    if value is None or not selections:
        return value
    return {one.name: pick(value[one.name], one.fields) for one in selections}
