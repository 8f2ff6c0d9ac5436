"""How the tests of the stand-ins ask: each reply is held against Klaviyo's own description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from segments.sandbox.klaviyo import KlaviyoSandbox
from tests.segments.klaviyo_contract import complaints

JSON_API = "application/vnd.api+json"


class Caller:
    """Calls a stand-in as a client with a key would."""

    def __init__(self, klaviyo: KlaviyoSandbox, key: str = "pk_test") -> None:
        self.klaviyo = klaviyo
        self.session = requests.Session()
        self.session.trust_env = False
        self.headers: dict[str, str | None] = {"Authorization": f"Klaviyo-API-Key {key}", "revision": "2026-07-15"}

    def get(
        self, target: str, headers: dict[str, str | None] | None = None, *, checked: bool = True, timeout: float = 10
    ) -> Any:
        """The reply at a path, or at a URL of a link; `headers` over the usual ones, None for one less."""
        url = target if target.startswith("http") else self.klaviyo.url + target
        sent = self.headers | (headers or {})
        reply = self.session.get(
            url, headers={name: value for name, value in sent.items() if value is not None}, timeout=timeout
        )
        if checked:
            assert reply.headers["Content-Type"] == JSON_API
            path = url.removeprefix(self.klaviyo.url).partition("?")[0]
            assert not complaints(path, reply.status_code, reply.json(), sparse="fields[" in url)
            if reply.status_code >= 400:
                assert {error["status"] for error in reply.json()["errors"]} == {reply.status_code}
        return reply

    def walk(self, target: str, **options: Any) -> Iterator[dict[str, Any]]:
        """The documents of all pages from `target` on."""
        following: str | None = target
        while following is not None:
            reply = self.get(following, **options)
            assert reply.status_code == 200, reply.text
            document = reply.json()
            yield document
            following = document["links"]["next"]

    def ids(self, target: str, **options: Any) -> list[str]:
        return [row["id"] for document in self.walk(target, **options) for row in document["data"]]

    def control(self, method: str, path: str, told: Any = None, **headers: str) -> Any:
        """What the stand-in's own address says."""
        return self.session.request(method, self.klaviyo.url + path, json=told, headers=headers, timeout=10)


@pytest.fixture
def klaviyo() -> Iterator[KlaviyoSandbox]:
    with KlaviyoSandbox(limits=False) as sandbox:
        sandbox.account(name="Maple Coffee")
        yield sandbox


@pytest.fixture
def caller(klaviyo: KlaviyoSandbox) -> Iterator[Caller]:
    one = Caller(klaviyo)
    yield one
    one.session.close()
