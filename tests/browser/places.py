"""Every page of the portal, by its address: generated from the URLconf, so that a new one cannot be forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse

from tests.browser.portal import STANDARD_STORE, STORE
from tests.test_access_matrix import ALL, Route

FRAGMENTS = {"segments:suggest", "portal:run_progress", "customers:way_in_live"}
"""Parts of pages, which the walk-throughs see in their places."""

FILES = {
    "segments:template",
    "segments:sample",
    "segments:upload_report",
    "segments:sync_unmatched",
    "customers:template",
    "customers:template_orders",
    "customers:template_subscriptions",
    "customers:template_events",
    "customers:import_report",
}
"""Downloads."""

DATA = {"healthz", "ingest_openapi", "admin:autocomplete", "admin:jsi18n"}
"""Answers to programs."""

NO_PAGES = {
    "join_store",  # answer to forms
    "make_account",
    "admin:logout",
    "admin:customers_customer_process_import",
    "admin:customers_order_process_import",
    "admin:customers_subscription_process_import",
    "account_end_session",
    "account_end_other_sessions",
    "mfa_deactivate_totp",  # for those with two-step sign-in: the walk through it looks at these
    "mfa_view_recovery_codes",
    "admin:None",  # ways to other addresses
    "admin:view_on_site",
}
NOBODY = re.compile(r"account_(login|signup|inactive|reset_|confirm_|email_verification)|invitation$")
"""Pages for those who are not signed in."""


@dataclass(frozen=True)
class Place:
    """A page: its route, what its address names (keys of `furnish`), its query, who looks at it, and what answers."""

    route: str
    names: dict[str, str] = field(default_factory=dict)
    query: str = ""
    person: str | None = "owner"
    store: str = STORE
    note: str = ""
    status: int = 200

    def __str__(self) -> str:
        return " ".join(filter(None, (self.route, self.note)))

    @property
    def may_be_closed(self) -> bool:
        """Whether the admin may refuse it: not every row can be added or deleted there."""
        return self.route.startswith("admin:") and self.route.endswith(("_add", "_delete"))

    @property
    def has_themes(self) -> bool:
        """Whether our own script chooses the colours; the admin follows the system by itself."""
        return not self.route.startswith("admin:")

    def url(self, furniture: dict[str, Any]) -> str:
        """The address, with what `furnish` has found or made."""
        named = {name: furniture[value] for name, value in self.names.items()}
        if self.route.startswith("/"):
            return self.route.format(**furniture)
        if self.store and "store_slug" in parameters(self.route):
            named["store_slug"] = self.store
        return reverse(self.route, kwargs=named) + self.query.format(**furniture)


def parameters(name: str) -> tuple[str, ...]:
    return next(route.parameters for route in ALL if route.name == name)


NAMES = {
    "portal:run": {"pk": "run"},
    "portal:remove_staff": {"pk": "colleague"},
    "customers:detail": {"pk": "customer"},
    "customers:timeline": {"pk": "customer"},
    "customers:product": {"product_id": "product"},
    "customers:edit": {"pk": "customer"},
    "customers:erase_customer": {"pk": "customer"},
    "customers:erasure": {"erasure_id": "erasure"},
    "customers:import_detail": {"import_id": "import_ready"},
    "customers:import_columns": {"import_id": "import_unmapped"},
    "customers:change_account": {"way_in_id": "shopify"},
    "customers:*": {"way_in_id": "way_in"},
    "segments:upload_detail": {"segment_id": "segment", "upload_id": "upload_ready"},
    "segments:upload_undo": {"segment_id": "finished_in", "upload_id": "upload_finished"},
    "segments:external_confirm": {"segment_id": "segment"},
    "segments:sync_settings": {"segment_id": "linked"},
    "segments:unlink": {"segment_id": "linked"},
    "segments:syncs": {"segment_id": "held_in"},
    "segments:sync": {"segment_id": "linked", "sync_id": "linked_sync"},
    "segments:sync_approve": {"segment_id": "held_in", "sync_id": "held_in_sync"},
    "segments:connect": {"source": "source"},
    "segments:disconnect": {"source": "source"},
    "segments:*": {"segment_id": "segment"},
    "invitation": {"token": "token"},
    "account_reset_password_from_key": {"uidb36": "reset_uid", "key": "reset_key"},
    "account_confirm_email": {"key": "word"},
    "admin:auth_user_password_change": {"id": "viewer"},
    "admin:app_list": {"app_label": "app"},
}
"""Route, or all of a namespace → parameter of its address → key of `furnish`."""

QUERIES = {"segments:create_how": "?name=Big Tippers", "segments:external_confirm": "?group={group}"}

MORE = (
    Place("segments:detail", {"segment_id": "empty"}, note="empty"),
    Place("segments:detail", {"segment_id": "segment"}, "?q=nobodyatall", note="nobody found"),
    Place("segments:detail", {"segment_id": "segment"}, person="viewer", note="as viewer"),
    Place("segments:list", query="?q=nothinglikethat", note="nothing found"),
    Place("segments:upload_detail", {"segment_id": "finished_in", "upload_id": "upload_finished"}, note="finished"),
    Place("segments:upload_detail", {"segment_id": "refused_in", "upload_id": "upload_refused"}, note="refused"),
    Place("segments:upload_detail", {"segment_id": "undone_in", "upload_id": "upload_undone"}, note="undone"),
    Place("segments:upload_detail", {"segment_id": "stopped_in", "upload_id": "upload_stopped"}, note="stopped"),
    Place("segments:uploads", {"segment_id": "empty"}, note="empty"),
    Place("segments:detail", {"segment_id": "linked"}, note="follows a list"),
    Place("segments:detail", {"segment_id": "held_in"}, note="waits for a decision"),
    Place("segments:detail", {"segment_id": "gone_in"}, note="list is gone"),
    Place("segments:external", {"segment_id": "segment"}, "?type=klaviyo-list", note="choosing"),
    Place("segments:external", {"segment_id": "segment"}, "?type=klaviyo-list&q=nothing", note="nothing found"),
    Place("segments:external", {"segment_id": "linked"}, note="follows a list"),
    Place("segments:sync", {"segment_id": "held_in", "sync_id": "held_in_sync"}, note="held"),
    Place("segments:sync", {"segment_id": "gone_in", "sync_id": "gone_in_sync"}, note="failed"),
    Place("segments:syncs", {"segment_id": "empty"}, note="empty"),
    Place("segments:list", store=STANDARD_STORE, note="not in the plan", status=403),
    Place("home", store=STANDARD_STORE, note="not in the plan"),
    Place("home", person="viewer", note="as viewer"),
    Place("customers:list", query="?q=nobodyatall", note="nobody found"),
    Place("customers:list", query="?consent=subscribed", note="filtered"),
    Place("customers:ways_in", store=STANDARD_STORE, note="empty"),
    Place("customers:way_in", {"way_in_id": "way_in_new"}, note="nothing yet"),
    Place("customers:way_in", {"way_in_id": "shopify"}, note="at Shopify"),
    Place("customers:way_in", {"way_in_id": "recharge"}, note="at Recharge, without a secret"),
    Place("customers:change_account", {"way_in_id": "recharge"}, note="at Recharge"),
    Place("customers:imports", store=STANDARD_STORE, note="empty"),
    Place("customers:timeline", {"pk": "customer"}, "?kind=orders", note="orders alone"),
    Place("customers:products", query="?q=nothinglikethat", note="nothing found"),
    Place("customers:products", query="?category=Tea&sort=-customers", note="filtered"),
    Place("customers:import_detail", {"import_id": "import_orders"}, note="of orders"),
    Place("customers:import_detail", {"import_id": "import_finished"}, note="finished"),
    Place("customers:import_detail", {"import_id": "import_refused"}, note="refused"),
    Place("customers:import_detail", {"import_id": "import_stopped"}, note="stopped"),
    Place("portal:run", {"pk": "run_failed"}, note="failed"),
    Place("choose_store", person="admin", note="without a store"),
    Place("invitation", {"token": "word"}, person=None, note="unknown link", status=404),
    Place("invitation", {"token": "token"}, note="of somebody else"),
    Place("account_reset_password_from_key", {"uidb36": "reset_uid", "key": "word"}, person=None, note="stale link"),
    Place("/no/such/page/", note="404", status=404),
    Place("/no/such/page/", person=None, note="404 signed out", status=404),
    Place("/s/{store}/segments/new/", person="viewer", note="403", status=403),
)


def generated() -> Iterator[Place]:
    """One place for each route that a person can open."""
    for route in ALL:
        methods = getattr(route.view, "methods", ("GET",))
        if "GET" in methods and route.name not in FRAGMENTS | FILES | DATA | NO_PAGES:
            yield _place(route)


def _place(route: Route) -> Place:
    space = route.name.partition(":")[0]
    of_all = NAMES.get(f"{space}:*", {})
    # Addresses that are told by regular expressions do not name their parameters.
    names = NAMES.get(route.name, {name: key for name, key in of_all.items() if name in route.parameters})
    if "object_id" in route.parameters:
        names = {"object_id": route.name.removeprefix("admin:").rpartition("_")[0]}
    person = "admin" if space == "admin" else None if NOBODY.match(route.name) else "owner"
    return Place(route.name, names, QUERIES.get(route.name, ""), person)
