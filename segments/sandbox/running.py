"""The management commands that run a stand-in by hand."""

from __future__ import annotations

import threading
from argparse import ArgumentParser
from typing import Any, ClassVar, Generic, TypeVar

from django.core.management.base import BaseCommand, CommandError

from customers.sandbox.recharge import RechargeSandbox
from portal import processes
from segments.sandbox.base import Sandbox

S = TypeVar("S", bound=Sandbox | RechargeSandbox)


def groups_of(sandbox: Sandbox) -> str:
    return f"{sum(len(account.groups) for account in sandbox.accounts)} groups"


class SandboxCommand(BaseCommand, Generic[S]):
    """Serves a stand-in until Ctrl-C."""

    requires_system_checks: list[str] = []
    port: ClassVar[int]
    variable: ClassVar[str]
    """The environment's name for where the service is."""

    typed: ClassVar[str]
    """What a person types to connect."""

    crowd_is: ClassVar[str] = "a group of so many made-up people besides"

    def make(self, port: int, limits: bool, crowd: int) -> S:
        """The stand-in with the demo's account, and a crowd of so many made-up people, if any."""
        raise NotImplementedError

    def serves(self, sandbox: S) -> str:
        """What it has, in words."""
        raise NotImplementedError

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=self.port, help="0 takes a free one")
        parser.add_argument("--crowd", type=int, default=0, help=self.crowd_is)
        parser.add_argument("--no-limits", action="store_true", help="as many calls a second as one likes")

    def handle(self, *args: Any, port: int, crowd: int, no_limits: bool, **options: Any) -> None:
        sandbox = self.make(port, not no_limits, crowd)
        ending = threading.Event()
        try:
            sandbox.start()
        except OSError as error:
            raise CommandError(f"Port {port} cannot be had: {error.strerror}. --port 0 takes a free one.") from error
        with processes.stop_signals(ending.set):
            self.stdout.write(
                f"Serving {self.serves(sandbox)}.\n\n  {self.variable}={sandbox.url}\n  {self.typed}\n\n"
                f"What can be made to go wrong: {sandbox.url}/_sandbox/\n"
            )
            self.stdout.flush()
            ending.wait()
        sandbox.stop()
