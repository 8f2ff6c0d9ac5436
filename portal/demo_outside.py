"""The outside services of the demo: stand-ins on this machine, unless the environment names the ones to use."""

from __future__ import annotations

import socket
import sys
from collections.abc import Collection, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from portal.supervisor import Program

HOST = "127.0.0.1"
KLAVIYO_KEY = "pk_demo_coterie"
SHOPIFY_DOMAIN = "juniper-demo.myshopify.com"
SHOPIFY_TOKEN = "shpat_demo_coterie"  # noqa: S105 - opens the stand-in alone
SHOPIFY_SECRET = "shpss_demo_coterie"  # noqa: S105
RECHARGE_TOKEN, RECHARGE_SECRET = "sk_demo_coterie", "secret_demo_coterie"
_MANAGE = Path(__file__).resolve().parent.parent / "manage.py"
_NEAR = 20
"""So many ports from the usual one on are tried before any other."""


@dataclass(frozen=True)
class Outside:
    """A service: its name, the environment's name for its address, the command that stands in, what to connect with."""

    name: str
    variable: str
    command: str
    typed: str
    port: int
    """Where it stands when that is free."""


SERVICES = (
    Outside("Klaviyo", "KLAVIYO_API_URL", "klaviyo_sandbox", f"private key {KLAVIYO_KEY}", 8085),
    Outside(
        "Shopify", "SHOPIFY_API_URL", "shopify_sandbox", f"shop {SHOPIFY_DOMAIN}, access token {SHOPIFY_TOKEN}", 8086
    ),
    Outside("Recharge", "RECHARGE_API_URL", "recharge_sandbox", f"API token {RECHARGE_TOKEN}", 8087),
)


def stand_in(port: int, environ: MutableMapping[str, str]) -> tuple[list[Program], list[Outside]]:
    """The programs that stand in beside a portal at `port`, told to `environ`; and for which services they do.

    A service whose address `environ` has already is left as it is.
    """
    programs, stood_in, taken = [], [], {port}
    for service in SERVICES:
        if environ.get(service.variable):
            continue
        own = free_port(service.port, taken)
        taken.add(own)
        environ[service.variable] = f"http://{HOST}:{own}"
        command = [sys.executable, str(_MANAGE), service.command, "--port", str(own)]
        programs.append(Program(service.name.lower(), command, needed=False))
        stood_in.append(service)
    return programs, stood_in


def free_port(wanted: int, taken: Collection[int] = ()) -> int:
    """A port that nobody uses, and that is not among `taken`: `wanted`, one of the next, or else any."""
    for port in (*range(wanted, wanted + _NEAR), 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            if (found := int(probe.getsockname()[1])) not in taken:
                return found
    raise OSError("no port is free")
