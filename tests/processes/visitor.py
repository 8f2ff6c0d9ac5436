"""Someone at a browser without JavaScript, who visits an installation."""

from __future__ import annotations

import re
from typing import Any

import requests


class Visitor:
    """Follows links, fills in forms; `base` is where the portal is."""

    def __init__(self, base: str) -> None:
        self.base, self.session = base, requests.Session()

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.base + path, timeout=30)

    def post(self, path: str, data: dict[str, Any], **files: Any) -> requests.Response:
        """Post a form with its CSRF token, taken from the page that shows the form."""
        return self.session.post(
            self.base + path,
            data={**data, "csrfmiddlewaretoken": self.token(path)},
            files=files or None,
            headers={"Referer": self.base + path},
            timeout=60,
        )

    def press(self, page: str, action: str, timeout: float = 60, **data: Any) -> requests.Response:
        """Press a button on `page` that posts to `action`; the answer, where it leads."""
        return self.session.post(
            self.base + action,
            data={"csrfmiddlewaretoken": self.token(page), **data},
            headers={"Referer": self.base + page},
            timeout=timeout,
        )

    def token(self, path: str) -> str:
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path).text)
        assert found is not None, f"{path} has no form"
        return found.group(1)

    def sign_in(self, email: str, password: str) -> None:
        answer = self.post("/accounts/login/", {"login": email, "password": password})
        assert answer.ok, answer.text[:500]
        assert "/accounts/login" not in answer.url, "the sign-in was refused"
