from __future__ import annotations

import codecs
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import add_never_cache_headers

from portal import errors, incoming

FORM_ROOM = 1024 * 1024
"""Bytes that a form may hold beside its file."""


class FaultsMiddleware:
    """Refuses what cannot be read before anything reads it, and gives every refusal a page of ours."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if _length(request) > settings.UPLOAD_MAX_BYTES + FORM_ROOM:
            return errors.too_large(request)
        if not _is_utf8(request):
            return errors.unreadable(request)
        page: HttpResponseBase = errors.with_a_page(request, self.get_response(request))
        incoming.let_go_of_unfinished(request)
        return page


def _length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _is_utf8(request: HttpRequest) -> bool:
    """Whether what was sent is in the one encoding that our forms use; Python knows some that are not even text."""
    named = (request.content_params or {}).get("charset", "utf-8")
    try:
        return codecs.lookup(named).name in {"utf-8", "ascii"}
    except (LookupError, ValueError):
        return False


class CookielessMiddleware:
    """At addresses for programs (settings.COOKIELESS) nobody is signed in, whatever cookies come along."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(settings.COOKIELESS):
            request.META.pop("HTTP_COOKIE", None)
            request.COOKIES.clear()
        return self.get_response(request)


class PrivatePagesMiddleware:
    """Pages of signed-in people are theirs: no cache on the way, and none in the browser, keeps them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.has_header("Cache-Control"):
            return response
        user = getattr(request, "user", None)
        if user is not None and user.is_authenticated:
            add_never_cache_headers(response)
        return response
