"""`manage.py recharge_sandbox`: a stand-in for Recharge on this machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from customers.sandbox.bodies import recharge_customer, recharge_order, recharge_subscription
from customers.sandbox.recharge import RechargeSandbox
from portal.demo_outside import RECHARGE_SECRET, RECHARGE_TOKEN
from segments.sandbox.running import SandboxCommand
from segments.sandbox.shopfront import furnish_recharge

_FIRST_OF_CROWD = 1_000_000


class Command(SandboxCommand[RechargeSandbox]):
    help = "Serves a strict stand-in for Recharge on 127.0.0.1, with subscribers of the demo's shop, until Ctrl-C."
    port = 8087
    variable = "RECHARGE_API_URL"
    typed = f"API token  {RECHARGE_TOKEN}   client secret  {RECHARGE_SECRET}"
    crowd_is = "so many made-up subscribers besides"

    def make(self, port: int, limits: bool, crowd: int) -> RechargeSandbox:
        recharge = RechargeSandbox(port=port, limits=limits, token=RECHARGE_TOKEN, secret=RECHARGE_SECRET)
        now = datetime.now(UTC).replace(microsecond=0)
        furnish_recharge(recharge, now)
        for number in range(_FIRST_OF_CROWD, _FIRST_OF_CROWD + crowd):
            _add(recharge, number, now)
        return recharge

    def serves(self, sandbox: RechargeSandbox) -> str:
        return ", ".join(f"{len(rows):,} {name}" for name, rows in sandbox.rows.items())


def _add(recharge: RechargeSandbox, number: int, now: datetime) -> None:
    """A subscriber with a subscription and a few orders."""
    since = now - timedelta(days=20 + number % 700, minutes=number % 1_440)
    buyer = recharge_customer(number, f"subscriber{number}@shop.example", since)
    recharge.put("customers", buyer)
    recharge.put("subscriptions", recharge_subscription(number, number, since))
    for turn in range(1 + number % 4):
        if (at := since + timedelta(days=14 * turn)) < now:
            recharge.put("orders", recharge_order(4 * number + turn, buyer, at))
