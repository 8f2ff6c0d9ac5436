"""Twins of tests: the same test with a protection taken away, to see that it would notice."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Twin:
    """A test, what is taken away before it is run again, and the arguments that are no fixtures. `sees` is what it
    fails with."""

    test: Callable[..., None]
    take_away: Callable[[Patch], Any]
    given: dict[str, Any] = field(default_factory=dict)
    sees: type[BaseException] | tuple[type[BaseException], ...] = AssertionError

    def told(self, request: pytest.FixtureRequest, patch: Patch) -> None:
        """Run the test without what protects it."""
        names = [name for name in inspect.signature(self.test).parameters if name not in self.given]
        fixtures = {name: request.getfixturevalue(name) for name in names}
        self.take_away(patch)
        self.test(**fixtures, **self.given)


def twins(**known: Twin) -> Any:
    """Parametrizes `twin`, by what is taken away: each must fail."""
    return pytest.mark.parametrize(
        "twin",
        [
            pytest.param(
                twin,
                id=name,
                marks=[pytest.mark.teeth, pytest.mark.xfail(strict=True, raises=twin.sees, reason="it is noticed")],
            )
            for name, twin in known.items()
        ],
    )
