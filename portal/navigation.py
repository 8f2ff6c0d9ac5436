"""What the shell around every page shows: where one can go, and whether the machinery works."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from portal import hold
from portal.access import Permission
from portal.models import Job, Staff, Store
from portal.models.job import JobState


@dataclass
class Item:
    label: str
    url: str
    icon: str
    active: bool = False
    children: list[Item] = field(default_factory=list)


@dataclass(frozen=True)
class _Place:
    label: str
    view: str
    icon: str
    permission: Permission = Permission.VIEW
    children: tuple[_Place, ...] = ()


PLACES = (
    _Place("Home", "home", "home"),
    _Place(
        "Customers",
        "",
        "users",
        children=(
            _Place("All customers", "customers:list", "users"),
            _Place("Segments", "segments:list", "chart-pie"),
            _Place("Products", "customers:products", "package"),
            _Place("Data audit", "customers:audit_data", "clipboard-check"),
            _Place("Privacy", "customers:privacy", "shield-lock", Permission.EXPORT_PERSON),
        ),
    ),
    _Place("Runs", "portal:runs", "activity"),
    _Place("Audit", "portal:audit", "history", Permission.VIEW_AUDIT),
    _Place(
        "Settings",
        "",
        "settings",
        children=(
            _Place("Store", "portal:store_settings", "building-store", Permission.MANAGE_STORE),
            _Place("Metrics", "customers:metrics_settings", "chart-bar", Permission.MANAGE_STORE),
            _Place("Staff", "portal:staff", "user-cog", Permission.MANAGE_STAFF),
            _Place("Data sources", "customers:ways_in", "database-import", Permission.MANAGE_CONNECTIONS),
            _Place("Connections", "segments:connections", "plug-connected", Permission.MANAGE_CONNECTIONS),
        ),
    ),
)


def _item(place: _Place, staff: Staff, path: str) -> Item | None:
    if place.children:
        children = [item for child in place.children if (item := _item(child, staff, path))]
        if not children:
            return None
        return Item(place.label, children[0].url, place.icon, any(child.active for child in children), children)
    if not staff.may(place.permission):
        return None
    return Item(place.label, reverse(place.view, args=(staff.store.slug,)), place.icon)


def navigation(staff: Staff, path: str) -> list[Item]:
    """The places that `staff` may go to; the one that holds `path` is active."""
    items = [item for place in PLACES if (item := _item(place, staff, path))]
    leaves = [leaf for item in items for leaf in (item.children or [item])]
    here = max((leaf for leaf in leaves if path.startswith(leaf.url)), key=lambda leaf: len(leaf.url), default=None)
    for item in items:
        item.active = item is here or here in item.children
        for child in item.children:
            child.active = child is here
    return items


def work_is_delayed(store: Store) -> bool:
    """Whether something of the store's has waited a minute for a worker."""
    waiting = Job.objects.for_store(store).filter(state=JobState.QUEUED)
    return waiting.filter(due_at__lt=timezone.now() - timedelta(seconds=60)).exists()


def shell(request: Any) -> dict[str, Any]:
    """Context processor: the shell's part of every page under a store's slug. Tables ask for it once more than the
    page does, so it is kept with the request."""
    if not hasattr(request, "shell"):
        request.shell = _shell(getattr(request, "staff", None), request.path)
    return request.shell


def _shell(staff: Staff | None, path: str) -> dict[str, Any]:
    context: dict[str, Any] = {"demo": settings.DEMO, "version": settings.VERSION}
    if staff is None:
        return context
    return context | {
        "store": staff.store,
        "may": {permission.value: staff.may(permission) for permission in Permission},
        "navigation": navigation(staff, path),
        "stores_url": reverse("choose_store") if getattr(staff, "works_elsewhere", False) else None,
        "hold": hold.current() if getattr(staff, "is_on_hold", False) else None,
        "worker_warning": SimpleLazyObject(lambda: work_is_delayed(staff.store)),
    }
