"""Texts by chance, of letters that have made trouble somewhere."""

from __future__ import annotations

from random import Random

SIGNS = (
    "abcXYZ019 .,;:-_+@=<>\"'|\t()[]{}/\\#%&!?*^~`$\u00e9\u00fc\u00df\u0130\u0131\u03c3\u0430\u4f8b\ud83d\ude00"
    "\u200b\u202e\ufeff\u0301\uff20\uff1d\u3002\u00a0\u2028\x85\x07\ufffd\u0660\u0308"
).encode("utf-16", "surrogatepass").decode("utf-16")  # fmt: skip


def text(rng: Random, most: int = 12) -> str:
    return "".join(rng.choice(SIGNS) for _ in range(rng.randint(0, most)))


def bent(rng: Random, given: str) -> str:
    """The text with a few of its letters changed, taken out or doubled."""
    letters = list(given)
    for _ in range(rng.randint(0, 3)):
        place = rng.randint(0, len(letters))
        letters[place : place + rng.randint(0, 2)] = text(rng, 2)
    return "".join(letters)
