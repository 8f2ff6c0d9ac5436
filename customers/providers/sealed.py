"""Where the accounts keep what is sealed, for a change of the keys that seal it."""

from __future__ import annotations

from customers.models import WayIn
from portal import vault

_SEALED = ("secret", "former_secret", "credentials")


def reseal(again: vault.Reseal) -> int:
    """Seal the secrets of all accounts anew; how many accounts have any."""
    count = 0
    for way_in in WayIn.everywhere.exclude(credentials="", secret="", former_secret=""):
        for name in _SEALED:
            if value := getattr(way_in, name):
                setattr(way_in, name, again(value))
        way_in.save(update_fields=_SEALED)
        count += 1
    return count


vault.register("accounts of shops", reseal)
