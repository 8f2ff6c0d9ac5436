"""What the staff of the larger shop did besides its segments: inviting each other, settings, a customer's new phone."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from customers.actions import label_of
from customers.models import Customer
from portal.access import Role
from portal.models import Invitation
from segments.demo.shops import OPENED_DAYS_AGO, Shop, Team
from segments.demo.trail import Trail
from segments.models import Segment

EDITS = 34
_EDITED = (["phone"], ["phone"], ["first_name", "last_name"], ["tags"], ["email"])


@dataclass(frozen=True)
class Office:
    """Notes in `trail` what happened up to `now`; writes the invitations, and when customers were edited."""

    shop: Shop
    team: Team
    now: datetime
    rng: Random
    trail: Trail

    def run(self) -> None:
        opened, team = self.now - timedelta(days=OPENED_DAYS_AGO), self.team
        for user, role, at in (
            (team.manager, Role.MANAGER, opened + timedelta(hours=3)),
            (team.viewer, Role.VIEWER, self.now - timedelta(days=118, hours=4)),
        ):
            joined_at = at + timedelta(minutes=53)
            invitation = self._invite(user.email, role, at, accepted_at=joined_at)
            self.trail.note(joined_at, user, "accepted", invitation, changes={"role": [None, role]})
        self._invite("roaster@demo.example", Role.VIEWER, self.now - timedelta(days=2, hours=3), accepted_at=None)
        self._change_settings()
        self._drop_segment()
        self._edit_customers()

    def _invite(self, email: str, role: Role, at: datetime, *, accepted_at: datetime | None) -> Invitation:
        invitation: Invitation = Invitation.objects.create_for(
            self.shop.store,
            email=email,
            role=role,
            # A hash of nothing: there is no link that opens these.
            token_hash=secrets.token_hex(32),
            invited_by=self.team.owner,
            created_at=at,
            expires_at=at + timedelta(days=7),
            accepted_at=accepted_at,
        )
        self.trail.note(at, self.team.owner, "invited", invitation, changes={"role": [None, role]})
        return invitation

    def _change_settings(self) -> None:
        store = self.shop.store
        for days_ago, changes in (
            (OPENED_DAYS_AGO - 1, {"time_zone": ["UTC", store.time_zone]}),
            (388, {"plan": ["standard", store.plan]}),
            (261, {"upload_limit": [8_900, 20_000]}),
            (260, {"upload_limit": [20_000, 8_900]}),
            (97, {"name": ["Juniper Coffee", store.name]}),
        ):
            at = self.now - timedelta(days=days_ago, hours=2)
            self.trail.note(at, self.team.owner, "changed", store, changes=dict(changes))

    def _drop_segment(self) -> None:
        """A segment that was made and deleted again; its trail is all that is left."""
        segment, by = Segment(store=self.shop.store, name="Summer tumbler"), self.team.manager
        self.trail.note(self.now - timedelta(days=151, hours=5), by, "created", segment)
        changes = {"members": [112, None]}
        self.trail.note(self.now - timedelta(days=60, hours=6), by, "deleted", segment, changes=changes)

    def _edit_customers(self) -> None:
        """What was edited is not told, as the trail holds nothing personal; the rows show when."""
        for pk in self.rng.sample(self.shop.ids[:3_000], EDITS):
            at = self.now - timedelta(minutes=self.rng.randrange(60 * 20, 60 * 24 * 180))
            customer = Customer.objects.for_store(self.shop.store).get(pk=pk)
            customer.changed_at = at
            customer.save(update_fields=["changed_at"])
            changes = {name: [None, None] for name in self.rng.choice(_EDITED)}
            self.trail.note(at, self.team.manager, "changed", customer, label=label_of(customer), changes=changes)
