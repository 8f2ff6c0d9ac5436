"""Every field of every model has said what it holds of people."""

from __future__ import annotations

import pytest

from customers.privacy import registry


def test_every_field_is_spoken_for() -> None:
    assert registry.gaps() == []


def test_a_field_that_is_forgotten_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    known = dict(registry.fields_of("customers.Customer"))
    del known["phone"]
    monkeypatch.setitem(registry._fields, "customers.customer", known | {"shoe_size": registry.Holds.BY_ID})
    wrong = ["phone: say what it holds", "shoe_size does not exist"]
    assert registry.gaps() == [f"customers.customer.{words}" for words in wrong]


def test_personal_data_without_a_place_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    left = [place for place in registry.places() if "segments.Membership" not in place.covers]
    monkeypatch.setattr(registry, "_places", left)
    told = registry.gaps()
    assert "segments.membership holds personal data, and no place covers it" in told
    assert "segments.exclusion holds personal data, and no place covers it" in told


def test_nothing_is_said_twice() -> None:
    with pytest.raises(ValueError, match="spoken for twice"):
        registry.classify("portal.Heartbeat", staff="queue")
