"""Which word of a source holds: the newest, and of two equally new ones that which was received later. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from customers.commerce.records import Outcome


class _Said(Protocol):
    @property
    def external_id(self) -> str: ...

    @property
    def told_at(self) -> datetime: ...


S = TypeVar("S", bound=_Said)


@dataclass(frozen=True, slots=True)
class Known:
    """A row that is there: `content` is what its source said of it, comparable with what it says now."""

    pk: int
    told_at: datetime
    changed_at: datetime
    content: tuple[Any, ...]


@dataclass(slots=True)
class Settled(Generic[S]):
    """What is to be written: rows to insert, and to write over by primary key, of which `retold` stay as they are but
    for the time of the word; and what became of each word, in the order of the words."""

    outcomes: list[Outcome] = field(default_factory=list)
    new: list[S] = field(default_factory=list)
    changed: dict[int, S] = field(default_factory=dict)
    retold: dict[int, S] = field(default_factory=dict)


@dataclass(slots=True)
class _State(Generic[S]):
    told_at: datetime
    content: tuple[Any, ...]
    holds: S | None = None


def settle(
    said: Iterable[S],
    known: Mapping[str, Known],
    content_of: Callable[[S], tuple[Any, ...]],
    *,
    refused: Callable[[S], bool] = lambda _: False,
    complete: Callable[[S, tuple[Any, ...] | None], S] = lambda word, _: word,
) -> Settled[S]:
    """Go through the words in the order in which they were received; `refused` ones are told as gone, and `complete`
    may fill what a word is silent on from what held before it, None where nothing did."""
    states: dict[str, _State[S]] = {key: _State(row.told_at, row.content) for key, row in known.items()}
    settled: Settled[S] = Settled()
    for word in said:
        if refused(word):
            settled.outcomes.append(Outcome.GONE)
            continue
        state = states.get(word.external_id)
        whole = complete(word, state.content if state else None)
        content = content_of(whole)
        settled.outcomes.append(_outcome(word, content, state))
        if state is None:
            states[word.external_id] = _State(word.told_at, content, whole)
        elif settled.outcomes[-1] != Outcome.OLDER:
            state.told_at, state.content, state.holds = word.told_at, content, whole
    _sort_out(settled, states, known)
    return settled


def _outcome(word: _Said, content: tuple[Any, ...], state: _State[Any] | None) -> Outcome:
    if state is None:
        return Outcome.CREATED
    if word.told_at < state.told_at:
        return Outcome.OLDER
    return Outcome.UNCHANGED if content == state.content else Outcome.UPDATED


def _sort_out(settled: Settled[S], states: Mapping[str, _State[S]], known: Mapping[str, Known]) -> None:
    for key, state in states.items():
        row = known.get(key)
        if state.holds is None:
            continue
        if row is None:
            settled.new.append(state.holds)
        elif state.content != row.content:
            settled.changed[row.pk] = state.holds
        elif state.told_at != row.told_at:
            settled.retold[row.pk] = state.holds
