"""Recharge's REST interface, version 2021-11: its lists page by page, and the webhooks that it keeps for us.

Facts: developer.rechargepayments.com, 2021-11. Pages hold up to 250; a cursor is sent with nothing but the limit. A
bucket of 40 calls a token drains by 2 a second; a call too many is answered with 429.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from portal.outbound import CursorExpired, Garbled, Pace, Rejected, Session, raise_for, send

VERSION = "2021-11"
PAGE = 250
PACE = Pace(per_second=2, per_minute=120)
CURSOR_MOST = 4_000
NOT_PROMISED = "Recharge's answer is not what its interface promises."


class RechargeApi:
    """The interface of one account, opened by an access token."""

    def __init__(self, token: str) -> None:
        self._headers = {"X-Recharge-Access-Token": token.strip(), "X-Recharge-Version": VERSION}
        self._session = Session()

    def close(self) -> None:
        self._session.close()

    def page(self, name: str, query: Mapping[str, str], cursor: str | None) -> tuple[list[Any], str | None]:
        """The rows of a page of `name` (customers, orders…), and where the next begins; None after the last one.
        Raises the errors of `portal.outbound`, CursorExpired among them."""
        asked = {"limit": str(PAGE)} | ({"cursor": cursor} if cursor is not None else dict(query))
        try:
            said = self._ask("GET", name, params=asked)
        except Rejected as error:
            if cursor is not None and error.reply.status in (400, 422):
                raise CursorExpired from error
            raise
        rows, following = said.get(name), said.get("next_cursor")
        if not isinstance(rows, list):
            raise Garbled(NOT_PROMISED)
        if following is not None and not (isinstance(following, str) and 0 < len(following) <= CURSOR_MOST):
            raise Garbled("Recharge's answer does not say where there is more.")
        return rows, following

    def webhooks(self) -> list[tuple[str, str]]:
        """Topic and address of each webhook that Recharge keeps."""
        rows = self._ask("GET", "webhooks").get("webhooks")
        if not isinstance(rows, list):
            raise Garbled(NOT_PROMISED)
        return [(str(row.get("topic")), str(row.get("address"))) for row in rows if isinstance(row, dict)]

    def add_webhook(self, topic: str, address: str) -> None:
        """Have this topic sent there, with the customer whom it is about where Recharge can add that."""
        asked: dict[str, Any] = {"topic": topic, "address": address, "version": VERSION}
        if not topic.startswith("customer/"):
            asked["included_objects"] = ["customer"]
        self._ask("POST", "webhooks", json=asked)

    def _ask(self, method: str, name: str, **said: Any) -> dict[str, Any]:
        reply = send(
            method,
            f"{settings.RECHARGE_API_URL}/{name}",
            headers=self._headers,
            # The environment named the address, so this machine is as good as any.
            trusted=True,
            session=self._session,
            service="Recharge",
            **said,
        )
        raise_for(reply, "Recharge")
        found = reply.json()
        if not isinstance(found, dict):
            raise Garbled(NOT_PROMISED)
        return found
