"""What becomes of a reading that is complete: it is applied, or held until a person has decided."""

from __future__ import annotations

from django.utils import timezone

from customers.register import customers_version
from portal import jobs
from portal.models import User
from segments import dependants
from segments.external.difference import difference, is_held_back
from segments.models import ExternalLink, Sync
from segments.models.external import LinkState, SyncOutcome

APPLY = "segments.apply_sync"


def decide(sync: Sync, link: ExternalLink, said: dict[str, int]) -> str:
    """Have the reading applied, or hold it; which of the two. It takes the place of one that was held before. `said`:
    what was counted while it was read."""
    found = difference(sync)
    sync.read_at = timezone.now()
    # Whoever was to decide on an earlier reading keeps it until there is a later one to look at.
    earlier = Sync.objects.for_store(sync.store).filter(link=link, outcome=SyncOutcome.HELD)
    earlier.update(outcome=SyncOutcome.DISCARDED, decided_at=sync.read_at)
    sync.counts = {**said, "before": found.size, "coming": found.coming, "going": found.going}
    if is_held_back(found, link, listens=bool(dependants.listeners(sync.segment))):
        sync.outcome = SyncOutcome.HELD
        sync.save(update_fields=["read_at", "counts", "outcome"])
    else:
        sync.save(update_fields=["read_at", "counts"])
        accept(sync, link, actor=sync.asked_by)
    return sync.outcome


def accept(sync: Sync, link: ExternalLink, *, actor: User | None) -> None:
    """The reading is what counts from now on; a job makes the segment follow it."""
    sync.outcome = SyncOutcome.ACCEPTED
    sync.save(update_fields=["outcome"])
    link.synced, link.seen_in = sync, customers_version(sync.store)
    link.state, link.missing_since = LinkState.ACTIVE, None
    link.save(update_fields=["synced", "seen_in", "state", "missing_since"])
    label = f"Sync {sync.segment.name} with {sync.group_name}"
    jobs.enqueue(sync.store, APPLY, label=label, subject=sync, actor=actor)
