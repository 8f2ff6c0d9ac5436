"""Settings ▸ Staff: who works in the store, and who is invited."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from portal import mail, queries, second_factor, throttle
from portal.access import Permission, Role
from portal.actions import Refusal, invitations
from portal.actions import staff as actions
from portal.actions.invitations import LinkClosed
from portal.forms import InviteForm, RoleForm
from portal.models import Invitation, Staff
from portal.store_views import StoreRequest, store_view

TOO_MANY_LETTERS = f"Your store has sent {throttle.INVITATIONS.most} invitations within an hour. Try again later."
NOT_PENDING = "This invitation was accepted or revoked meanwhile."


@store_view(Permission.MANAGE_STAFF)
def staff(request: StoreRequest) -> HttpResponse:
    return _page(request, InviteForm(store=request.store))


def _page(request: StoreRequest, form: InviteForm, status: int = 200) -> HttpResponse:
    people = list(queries.staff_of(request.store))
    context: dict[str, Any] = {
        "form": form,
        "people": people,
        "with_two_steps": second_factor.ids_with([person.user_id for person in people]),
        "invitations": queries.pending_invitations(request.store),
        "roles": Role.choices,
        "now": timezone.now(),
    }
    return render(request, "portal/staff.html", context, status=status)


@store_view(Permission.MANAGE_STAFF, methods=("POST",))
@sensitive_variables("token")
def invite_staff(request: StoreRequest) -> HttpResponse:
    form = InviteForm(request.POST, store=request.store)
    if not form.is_valid():
        return _page(request, form, status=422)
    if not _may_write(request):
        form.add_error(None, TOO_MANY_LETTERS)
        return _page(request, form, status=422)
    email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
    try:
        invitation, token = invitations.invite(request.store, email=email, role=role, actor=request.user)
    except Refusal as refusal:
        form.add_error("email", str(refusal))
        return _page(request, form, status=422)
    return _show_link(request, invitation, token)


@store_view(Permission.MANAGE_STAFF, methods=("POST",))
@sensitive_variables("token")
def renew_invitation(request: StoreRequest, pk: int) -> HttpResponse:
    invitation = _invitation(request, pk)
    if not _may_write(request):
        return _refuse(request, TOO_MANY_LETTERS)
    try:
        token = invitations.renew(invitation, actor=request.user)
    except LinkClosed:
        return _refuse(request, NOT_PENDING)
    return _show_link(request, invitation, token)


def _may_write(request: StoreRequest) -> bool:
    return throttle.take(throttle.Purpose.LETTER, throttle.INVITATIONS, f"store {request.store.pk}")


@sensitive_variables("token")
def _show_link(request: StoreRequest, invitation: Invitation, token: str) -> HttpResponse:
    """Send the link, and show it this once: an answer to the POST itself, so that it is kept in no address."""
    delivery = mail.send_invitation(invitation, token, actor=request.user)
    context = {"invitation": invitation, "link": mail.invitation_link(token), "delivery": delivery.value}
    return render(request, "portal/invitation_made.html", context)


@store_view(Permission.MANAGE_STAFF, methods=("POST",))
def revoke_invitation(request: StoreRequest, pk: int) -> HttpResponse:
    invitation = _invitation(request, pk)
    try:
        invitations.revoke(invitation, actor=request.user)
    except LinkClosed:
        return _refuse(request, NOT_PENDING)
    messages.success(request, f"The invitation of {invitation.email} is revoked; its link works no more.")
    return redirect("portal:staff", request.store.slug)


@store_view(Permission.MANAGE_STAFF, methods=("POST",))
def change_role(request: StoreRequest, pk: int) -> HttpResponse:
    person = _person(request, pk)
    form = RoleForm(request.POST, store=request.store)
    if not form.is_valid():
        return _refuse(request, "There is no such role.")
    role = Role(form.cleaned_data["role"])
    try:
        is_changed = actions.change_role(person, role, actor=request.user)
    except Refusal as refusal:
        return _refuse(request, str(refusal))
    messages.success(request, f"{person.user} is {role.label.lower()} {'now' if is_changed else 'already'}.")
    return _after_change(request, person)


@store_view(Permission.MANAGE_STAFF, methods=("POST",))
def end_staff_sessions(request: StoreRequest, pk: int) -> HttpResponse:
    person = _person(request, pk)
    if person.user_id == request.user.pk:
        return redirect("account_sessions")
    try:
        count = actions.end_sessions(person, actor=request.user)
    except Refusal as refusal:
        return _refuse(request, str(refusal))
    said = "is signed out everywhere" if count else "was signed in nowhere"
    messages.success(request, f"{person.user} {said}.")
    return redirect("portal:staff", request.store.slug)


@store_view(Permission.MANAGE_STAFF, methods=("GET", "HEAD", "POST"))
def remove_staff(request: StoreRequest, pk: int) -> HttpResponse:
    person = _person(request, pk)
    if request.method != "POST":
        return render(request, "portal/remove_staff.html", {"person": person})
    try:
        actions.remove(person, actor=request.user)
    except Refusal as refusal:
        return _refuse(request, str(refusal))
    messages.success(request, f"{person.user} does not work in {request.store} any more.")
    return _after_change(request, person)


def _refuse(request: StoreRequest, why: str) -> HttpResponse:
    messages.error(request, why)
    return redirect("portal:staff", request.store.slug)


def _after_change(request: StoreRequest, person: Staff) -> HttpResponse:
    """Back to the staff, or, for somebody who has given up the right to see it, to the start."""
    if person.user_id == request.user.pk:
        return redirect("choose_store")
    return redirect("portal:staff", request.store.slug)


def _person(request: StoreRequest, pk: int) -> Staff:
    return get_object_or_404(queries.staff_of(request.store), pk=pk)


def _invitation(request: StoreRequest, pk: int) -> Invitation:
    invitation: Invitation = get_object_or_404(queries.pending_invitations(request.store), pk=pk)
    return invitation
