"""The names of events that mean something to the portal, however a source spells them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

IDENTIFY, ALIAS, GROUP = "$identify", "$alias", "$group"
"""What sources say of people rather than what people did; such names begin with a dollar sign."""
PAGE, SCREEN = "Page Viewed", "Screen Viewed"
LOGIN = "Logged In"
FEATURE = "Feature Used"
EMAIL_OPENED, EMAIL_CLICKED = "Email Opened", "Email Clicked"
SKIPPED, UNSKIPPED = "Subscription Skipped", "Subscription Unskipped"
PAUSED, SWAPPED = "Subscription Paused", "Subscription Swapped"
CANCELLED, ACTIVATED = "Subscription Cancelled", "Subscription Activated"
OF_SUBSCRIPTIONS = (SKIPPED, UNSKIPPED, PAUSED, SWAPPED, CANCELLED, ACTIVATED)

CAMPAIGN, REFERRER, ADDRESS = "$campaign", "$referrer", "$url"
"""Properties that are kept of where an event happened: utm parameters (an object), the site before, the page."""

SESSION_GAP_SECONDS = 30 * 60
"""Where no session is told, a pause of so long begins a new one."""

LOGINS = frozenset({"Logged In", "Log In", "Login", "Signed In", "Sign In", "User Logged In", "User Signed In"})

_MEANT = {
    **dict.fromkeys(LOGINS, LOGIN),
    "Feature Used": FEATURE,
    "Used Feature": FEATURE,
    "Email Opened": EMAIL_OPENED,
    "Opened Email": EMAIL_OPENED,
    "Email Clicked": EMAIL_CLICKED,
    "Clicked Email": EMAIL_CLICKED,
    "Email Link Clicked": EMAIL_CLICKED,
    **{name: name for name in OF_SUBSCRIPTIONS},
}
_BY_KEY = {name.casefold().replace(" ", ""): meant for name, meant in _MEANT.items()}


def settled(name: str) -> str:
    """The name under which the portal keeps an event that its source calls `name`: one of those above whatever its
    case, spaces, hyphens or underscores, and any other as it is."""
    return _BY_KEY.get(name.casefold().replace("_", "").replace("-", "").replace(" ", ""), name)


def is_doing(name: str) -> bool:
    """Whether somebody did something, rather than a source saying who somebody is."""
    return not name.startswith("$")


def feature_of(name: str, properties: Mapping[str, Any]) -> str:
    """The feature that was used, by whatever event that was told; empty where none was."""
    said = properties.get("feature") or (properties.get("name") if name == FEATURE else "")
    return said if isinstance(said, str) else ""
