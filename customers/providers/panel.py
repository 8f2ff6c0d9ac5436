"""What staff see of an account at a provider: whether webhooks are accepted, what was read, and what is amiss."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from customers.models import WayIn, WayInKind
from customers.providers.accounts import KINDS, credentials_of, webhook_addresses
from customers.providers.hooks_seen import HooksSeen, hooks_of
from customers.providers.walks import TOURS
from portal import jobs
from portal.models import Job
from portal.vault import Unreadable

LATE = timedelta(hours=50)
"""An account that is read each night, and was not for so long, is behind."""


@dataclass(frozen=True)
class Panel:
    """`addresses`: topic and address of each webhook; `hooks` what is known of those at the provider; `warnings`:
    sentences on what is amiss."""

    provider: str
    is_signed: bool
    former_until: datetime | None
    has_token: bool
    addresses: list[tuple[str, str]] = field(default_factory=list)
    hooks: HooksSeen | None = None
    job: Job | None = None
    read: list[tuple[str, int]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def is_account(way_in: WayIn) -> bool:
    return way_in.kind in KINDS


def panel_of(way_in: WayIn) -> Panel | None:
    """None for sources that are no accounts."""
    if not is_account(way_in):
        return None
    provider, now = TOURS[WayInKind(way_in.kind)].label, timezone.now()
    former = way_in.former_secret_until
    given: dict[str, Any] = {
        "is_signed": bool(way_in.secret),
        "former_until": former if former and former > now else None,
    }
    try:
        has_token = bool(credentials_of(way_in).token)
        addresses = webhook_addresses(way_in) if way_in.credentials else []
    except (Unreadable, ValueError):
        said = f"What was stored of {provider} cannot be opened any more. Give its secret and its token anew."
        return Panel(provider, has_token=False, warnings=[said], **given)
    given["job"], given["read"] = _last_reading(way_in)
    given["hooks"] = hooks = hooks_of(way_in, provider, has_token=has_token)
    warnings = [*_warnings(way_in, provider, has_token, now), *hooks.warnings(provider)]
    return Panel(provider, has_token=has_token, addresses=addresses, warnings=warnings, **given)


def _last_reading(way_in: WayIn) -> tuple[Job | None, list[tuple[str, int]]]:
    """The last job of the account, and how many of each it read."""
    job = jobs.of_subject(way_in).first()
    result = job.result if job is not None and job.result else {}
    return job, [(name, count) for name, count in result.get("read", {}).items()]


def _warnings(way_in: WayIn, provider: str, has_token: bool, now: datetime) -> list[str]:
    if way_in.revoked_at is not None:
        return []
    found = []
    if not way_in.secret:
        found.append(f"No signing secret is known, so no webhook of {provider} is accepted.")
    if way_in.reads_history and not has_token:
        found.append(f"History is to be read, but no token is known for {provider}.")
    if way_in.reconciled_to is not None and way_in.reads_history and now - way_in.reconciled_to > LATE:
        found.append(
            f"What {provider} has was not compared for more than two days; webhooks that got lost are missing."
        )
    if not way_in.reads_history:
        found.append("History is not read: what webhooks lose stays missing.")
    return found
