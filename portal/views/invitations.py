"""What a person who was invited sees; the link is the key, whoever is signed in."""

from __future__ import annotations

from functools import wraps
from typing import Any, Protocol

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from portal import devices, security_log
from portal.actions import Refusal
from portal.actions import invitations as actions
from portal.actions.invitations import LinkClosed
from portal.forms import NewAccountForm
from portal.models import Invitation, SecurityKind, User

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


class InvitationView(Protocol):
    def __call__(self, request: HttpRequest, invitation: Invitation) -> HttpResponse: ...


def of_link(view: InvitationView) -> Any:
    """Decorator: the view gets the open invitation of the link; for links that open nothing there is one plain page."""

    @never_cache
    @wraps(view)
    def opened(request: HttpRequest, token: str) -> HttpResponse:
        found = Invitation.of_token(token)
        if found is None:
            return _closed(request, status=404)
        if not found.is_open(timezone.now()):
            return _closed(request, status=410)
        with timezone.override(found.store.zone):
            try:
                return view(request, found)
            except LinkClosed:
                return _closed(request, status=410)

    return opened


def _closed(request: HttpRequest, status: int) -> HttpResponse:
    return render(request, "portal/invitation_closed.html", status=status)


@require_safe
@of_link
def invitation(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    return _page(request, invitation, NewAccountForm(invitation=invitation))


def _page(request: HttpRequest, invitation: Invitation, form: NewAccountForm, status: int = 200) -> HttpResponse:
    match: Any = request.resolver_match
    token = match.kwargs["token"]
    context = {"invitation": invitation, "form": form, "token": token, "situation": _situation(request, invitation)}
    return render(request, "portal/invitation.html", context, status=status)


def _situation(request: HttpRequest, invitation: Invitation) -> str:
    """How the person who opened the link stands to the one who is invited."""
    if isinstance(request.user, User):
        return "join" if _is_invited(request.user, invitation) else "other_account"
    return "new" if actions.account_of(invitation) is None else "sign_in"


def _is_invited(user: User, invitation: Invitation) -> bool:
    return user.email.lower() == invitation.email.lower()


@require_POST
@of_link
def join_store(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    if not isinstance(request.user, User) or not _is_invited(request.user, invitation):
        return _page(request, invitation, NewAccountForm(invitation=invitation), status=403)
    if actions.accept(invitation, user=request.user):
        messages.success(request, f"Welcome to {invitation.store}.")
    else:
        messages.info(request, f"You work in {invitation.store} already; your role stays as it was.")
    return redirect("home", invitation.store.slug)


@sensitive_post_parameters("password")
@require_POST
@of_link
def make_account(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    form = NewAccountForm(request.POST, invitation=invitation)
    if _situation(request, invitation) != "new":
        return _page(request, invitation, form, status=403)
    if not form.is_valid():
        return _page(request, invitation, form, status=422)
    try:
        user = actions.accept_as_new(invitation, **form.cleaned_data)
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return _page(request, invitation, form, status=409)
    login(request, user, backend=BACKEND)
    devices.remember(request, user)
    security_log.record(request, user, SecurityKind.SIGNED_IN)
    messages.success(request, f"Welcome to {invitation.store}.")
    return redirect("home", invitation.store.slug)
