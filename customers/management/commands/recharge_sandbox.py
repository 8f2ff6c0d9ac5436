"""`manage.py recharge_sandbox`: a stand-in for Recharge on this machine."""

from __future__ import annotations

import threading
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from customers.sandbox.bodies import recharge_customer, recharge_order, recharge_subscription
from customers.sandbox.recharge import SECRET, TOKEN, RechargeSandbox
from portal import processes


class Command(BaseCommand):
    help = "Serves a strict stand-in for Recharge on 127.0.0.1, with made-up subscribers, until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8087, help="0 takes a free one")
        parser.add_argument("--people", type=int, default=500, help="so many subscribers")
        parser.add_argument("--no-limits", action="store_true", help="as many calls a second as one likes")

    def handle(self, *args: Any, port: int, people: int, no_limits: bool, **options: Any) -> None:
        sandbox = furnished(RechargeSandbox(port=port, limits=not no_limits), people)
        ending = threading.Event()
        try:
            sandbox.start()
        except OSError as error:
            raise CommandError(f"Port {port} cannot be had: {error.strerror}. --port 0 takes a free one.") from error
        with processes.stop_signals(ending.set):
            self.stdout.write(
                f"Serving {people} subscribers.\n\n  RECHARGE_API_URL={sandbox.url}\n"
                f"  API token  {TOKEN}   client secret  {SECRET}\n"
            )
            self.stdout.flush()
            ending.wait()
        sandbox.stop()


def furnished(sandbox: RechargeSandbox, people: int) -> RechargeSandbox:
    """The stand-in with so many subscribers, each with a subscription and a few orders."""
    now = datetime.now(UTC).replace(microsecond=0)
    for number in range(1, people + 1):
        since = now - timedelta(days=20 + number % 700, minutes=number)
        buyer = recharge_customer(number, f"subscriber{number}@shop.example", since)
        sandbox.put("customers", buyer)
        sandbox.put("subscriptions", recharge_subscription(10_000 + number, number, since))
        for turn in range(1 + number % 4):
            at = since + timedelta(days=14 * turn)
            if at < now:
                sandbox.put("orders", recharge_order(20_000 + 4 * number + turn, buyer, at))
    return sandbox
