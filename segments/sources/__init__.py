"""Where lists and segments can be imported from: one module and one line here for each source."""

from __future__ import annotations

from segments.sources.base import Source
from segments.sources.klaviyo import Klaviyo
from segments.sources.shopify import Shopify

_ALL: tuple[type[Source], ...] = (Klaviyo, Shopify)
SOURCES: dict[str, type[Source]] = {source.key: source for source in _ALL}

__all__ = ["SOURCES", "Source", "kind_label", "label_of", "source_of"]


def source_of(key: str) -> type[Source]:
    """The source of this key. Raises KeyError."""
    return SOURCES[key]


def label_of(key: str) -> str:
    """What staff call the source of this key, as `Klaviyo`; also when this version does not know it."""
    known = SOURCES.get(key)
    return known.label if known else key


def kind_label(source: str, kind: str) -> str:
    """What staff call such a group, as `Klaviyo list`; also when this version does not know it."""
    known = SOURCES.get(source)
    return known.kinds.get(kind, kind) if known else kind
