"""Every kind of background work on lists elsewhere, for workers to know."""

from __future__ import annotations

from segments.external.applying import ApplySync
from segments.external.connections import CheckConnection
from segments.external.groups import IndexGroups
from segments.external.reading import ReadGroup
from segments.external.unlinking import Unlink

__all__ = ["ApplySync", "CheckConnection", "IndexGroups", "ReadGroup", "Unlink"]
