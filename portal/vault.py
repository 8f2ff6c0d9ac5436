"""Secrets at rest: text is sealed before it is written to the database, and opened when it is used.

The keys are COTERIE_ENCRYPTION_KEYS: the first one seals, all of them open. The secret key of the installation opens
too, and seals where no other key was given. `manage.py reseal_secrets` seals all of it anew after a change of keys.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

LEAST_KEY_LENGTH = 32

Reseal = Callable[[str], str]
Holder = Callable[[Reseal], int]
_holders: dict[str, Holder] = {}


class Unreadable(ValueError):
    """None of the keys opens it: it was sealed with a key that is gone, or it was changed."""


def seal(text: str) -> str:
    """`text`, encrypted and signed, as ASCII; another one each time."""
    return _box(_keys()).encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """The text that was sealed. Raises Unreadable."""
    try:
        return _box(_keys()).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable("A stored secret cannot be opened: is its key among COTERIE_ENCRYPTION_KEYS?") from error


def reseal(sealed: str) -> str:
    """The same text, sealed with the first key. Raises Unreadable."""
    return seal(unseal(sealed))


def register(name: str, holder: Holder) -> None:
    """Tell of a place that keeps sealed text. `holder` is given `reseal`, writes all of its rows anew with it, and
    returns how many they were."""
    _holders[name] = holder


def reseal_all() -> dict[str, int]:
    """Seal everything anew; name of the place → rows. Raises Unreadable at the first that cannot be opened."""
    return {name: holder(reseal) for name, holder in _holders.items()}


def _keys() -> tuple[str, ...]:
    return (*settings.ENCRYPTION_KEYS, settings.SECRET_KEY)


@cache
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str) -> bytes:
    """A Fernet key from text of any length; its own for this purpose, whatever else the text is used for."""
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"coterie vault 1").derive(key.encode())
    return base64.urlsafe_b64encode(derived)
