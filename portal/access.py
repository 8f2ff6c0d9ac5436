"""What each role may do, and what each plan holds: the one table that views, templates, API and tests read."""

from __future__ import annotations

from enum import StrEnum

from django.db import models


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    MANAGER = "manager", "Manager"
    VIEWER = "viewer", "Viewer"


class Permission(StrEnum):
    VIEW = "view"
    """Read customers, segments and background runs."""
    EDIT_CUSTOMERS = "edit_customers"
    """Add, change and import customers."""
    EDIT_SEGMENTS = "edit_segments"
    """Create, fill, rename and delete segments."""
    EXPORT = "export"
    """Take personal data out as a file."""
    EXPORT_PERSON = "export_person"
    """Look up and take out all that is held on one person."""
    ERASE_PERSON = "erase_person"
    """Take all that is held on a person away for good."""
    MANAGE_RUNS = "manage_runs"
    """Cancel background runs, and try failed ones again."""
    VIEW_AUDIT = "view_audit"
    MANAGE_STORE = "manage_store"
    """Name, time zone, currency, upload limit, plan and feature switches."""
    MANAGE_STAFF = "manage_staff"
    MANAGE_CONNECTIONS = "manage_connections"
    """Connect accounts at other systems, and say what is synced by itself."""


_VIEWER = frozenset({Permission.VIEW})
_MANAGER = _VIEWER | {
    Permission.EDIT_CUSTOMERS,
    Permission.EDIT_SEGMENTS,
    Permission.EXPORT,
    Permission.EXPORT_PERSON,
    Permission.MANAGE_RUNS,
    Permission.VIEW_AUDIT,
}
_OWNER = _MANAGER | {
    Permission.ERASE_PERSON,
    Permission.MANAGE_STORE,
    Permission.MANAGE_STAFF,
    Permission.MANAGE_CONNECTIONS,
}

ROLE_MAY: dict[str, frozenset[Permission]] = {Role.VIEWER: _VIEWER, Role.MANAGER: _MANAGER, Role.OWNER: _OWNER}


class Plan(models.TextChoices):
    STANDARD = "standard", "Standard"
    PRO = "pro", "Pro"
    CUSTOM = "custom", "Custom"


class Feature(StrEnum):
    SEGMENTS = "segments"


PLAN_HOLDS: dict[str, frozenset[Feature]] = {
    Plan.STANDARD: frozenset(),
    Plan.PRO: frozenset({Feature.SEGMENTS}),
    Plan.CUSTOM: frozenset({Feature.SEGMENTS}),
}


def may(role: str, permission: Permission) -> bool:
    """Whether `role` may do `permission`; an unknown role may nothing."""
    return permission in ROLE_MAY.get(role, frozenset())


def holds(plan: str, feature: Feature) -> bool:
    """Whether `plan` holds `feature`; an unknown plan holds nothing."""
    return feature in PLAN_HOLDS.get(plan, frozenset())
