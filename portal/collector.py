"""The garbage collector in programs that live long."""

from __future__ import annotations

import gc


def settle() -> None:
    """Have the collector leave alone whatever there is by now, the program itself: it would look through all of it
    again and again, which takes a third of the time of reading a file, and makes a page wait now and then."""
    gc.collect()
    gc.freeze()
