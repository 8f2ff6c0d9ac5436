"""The person's own account: where it is signed in, what happened to it, and why two-step sign-in is asked for."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from portal import second_factor, security_log, sessions
from portal.models import OpenSession, SecurityKind

EVENTS_SHOWN = 100


@require_safe
@login_required
def sessions_page(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    context = {"sessions": sessions.of_user(user), "current_key": request.session.session_key}
    return render(request, "account/sessions.html", context)


@require_POST
@login_required
def end_session(request: HttpRequest, pk: int) -> HttpResponse:
    user: Any = request.user
    session = get_object_or_404(OpenSession, user=user, pk=pk)
    if session.session_key == request.session.session_key:
        logout(request)
        return redirect("account_login")
    sessions.end(session)
    security_log.record(request, user, SecurityKind.SESSIONS_ENDED, session.browser)
    messages.success(request, f"{session.browser} is signed out.")
    return redirect("account_sessions")


@require_POST
@login_required
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    count = sessions.end_all(user, but=request.session.session_key)
    if count:
        security_log.record(request, user, SecurityKind.SESSIONS_ENDED, "All others")
        messages.success(request, "You are signed out everywhere else.")
    else:
        messages.info(request, "You are signed in nowhere else.")
    return redirect("account_sessions")


@require_safe
@login_required
def activity(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    return render(request, "account/activity.html", {"events": security_log.of_user(user, EVENTS_SHOWN)})


@require_safe
@login_required
def second_step_needed(request: HttpRequest) -> HttpResponse:
    """Why the person was led here, and the way to what is missing."""
    user: Any = request.user
    context = {
        "has_it": second_factor.has(user),
        "stores": second_factor.stores_that_ask(user),
        "admin_asks": user.is_staff and second_factor.admin_asks(user),
    }
    return render(request, "account/second_step_needed.html", context)
