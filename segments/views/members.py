"""The people in a segment: add one, remove one or many, take them out as a file."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from customers import queries as customers
from portal.access import Feature, Permission
from portal.exporting import TooManyRows, csv_response, xlsx_response
from portal.store_views import StoreRequest, store_view
from portal.templatetags.ui import counted
from segments import actions, queries
from segments.forms import AddCustomerForm
from segments.membership import SegmentGone
from segments.models import Segment
from segments.resources import MEMBER_HEADERS, member_rows
from segments.views.segments import FORM, the_segment

SELECTED_AT_MOST = 1_000
LARGEST_ID = 2**63 - 1
DELETED = "The segment was deleted meanwhile; nothing was changed."


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS, methods=FORM)
def add_customer(request: StoreRequest, segment_id: int) -> HttpResponse:
    segment = the_segment(request, segment_id)
    form = AddCustomerForm(request.POST if request.method == "POST" else None, store=request.store)
    if form.is_valid() and _add(request, segment, form):
        return redirect(segment)
    context = {"segment": segment, "form": form}
    return render(request, "segments/add_customer.html", context, status=422 if form.errors else 200)


def _add(request: StoreRequest, segment: Segment, form: AddCustomerForm) -> bool:
    email = form.cleaned_data["email"]
    customer = customers.find_by_email(request.store, email)
    if customer is None:
        form.add_error("email", f"{request.store} has no customer with the e-mail address {email}. Nobody was added.")
        return False
    try:
        is_new = actions.add_customer(segment, customer, actor=request.user)
    except SegmentGone:
        messages.error(request, DELETED)
        return True
    if is_new:
        messages.success(request, f"{customer.email} is added to “{segment}”.")
    else:
        messages.info(request, f"{customer.email} is in “{segment}” already. Nothing was changed.")
    return True


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS)
def suggest(request: StoreRequest, segment_id: int) -> HttpResponse:
    """Customers whom a person may mean while typing, as list items."""
    segment = the_segment(request, segment_id)
    typed = request.GET.get("q", "").strip()
    found = customers.suggest(request.store, typed)
    inside = queries.who_is_in(segment, [customer.pk for customer in found])
    suggestions = [
        {
            "value": customer.email,
            "text": customer.email,
            "note": " · ".join(
                filter(None, (customer.name, "in the segment already" if customer.pk in inside else ""))
            ),
        }
        for customer in found
    ]
    return render(request, "components/suggestions.html", {"suggestions": suggestions, "q": typed})


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS, methods=("POST",))
def remove_customer(request: StoreRequest, segment_id: int, customer_id: int) -> HttpResponse:
    return _remove(request, the_segment(request, segment_id), [min(customer_id, LARGEST_ID)])


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS, methods=("POST",))
def remove_selected(request: StoreRequest, segment_id: int) -> HttpResponse:
    segment = the_segment(request, segment_id)
    chosen = [int(pk) for pk in request.POST.getlist("ids") if pk.isdecimal() and len(pk) < 19]
    if not chosen:
        messages.info(request, "Nobody was chosen.")
        return redirect(_back(request, segment))
    return _remove(request, segment, chosen[:SELECTED_AT_MOST])


def _remove(request: StoreRequest, segment: Segment, customer_ids: list[int]) -> HttpResponse:
    try:
        removed = actions.remove_customers(segment, customer_ids, actor=request.user)
    except SegmentGone:
        messages.error(request, DELETED)
        return redirect("segments:list", request.store.slug)
    if len(removed) == 1:
        messages.success(request, f"{removed[0].email} is removed from “{segment}”, and stays out until added by hand.")
    elif removed:
        people = counted(len(removed), "customer")
        messages.success(request, f"{people} are removed from “{segment}”, and stay out until added by hand.")
    else:
        messages.info(request, f"Not in “{segment}” any more. Nothing was changed.")
    return redirect(_back(request, segment))


@store_view(Permission.EDIT_SEGMENTS, feature=Feature.SEGMENTS, methods=FORM)
def remove_matching(request: StoreRequest, segment_id: int) -> HttpResponse:
    """Remove all whom a search finds, after saying how many they are."""
    segment = the_segment(request, segment_id)
    asked = request.POST if request.method == "POST" else request.GET
    words = asked.get("q", "").replace("\x00", "").strip()
    count = queries.count_matching(segment, words) if words else segment.member_count
    if request.method != "POST":
        return render(request, "segments/remove_matching.html", {"segment": segment, "q": words, "count": count})
    try:
        actions.remove_matching(segment, words=words, count=count, actor=request.user)
    except SegmentGone:
        messages.error(request, DELETED)
        return redirect("segments:list", request.store.slug)
    messages.success(request, f"{counted(count, 'customer')} are being removed from “{segment}”.")
    return redirect(segment)


@store_view(Permission.EXPORT, feature=Feature.SEGMENTS, methods=("POST",))
def export(request: StoreRequest, segment_id: int) -> HttpResponseBase:
    """The members as a file that can be imported again."""
    segment = the_segment(request, segment_id)
    kind = "xlsx" if request.POST.get("kind") == "xlsx" else "csv"
    answer = xlsx_response if kind == "xlsx" else csv_response
    filename = f"{segment.name} {timezone.localdate():%Y-%m-%d}"
    try:
        response = answer(filename, MEMBER_HEADERS, member_rows(segment, request.store.zone))
    except TooManyRows as error:
        messages.error(request, str(error))
        return redirect(segment)
    actions.note_export(segment, kind=kind, actor=request.user)
    return response


def _back(request: StoreRequest, segment: Segment) -> str:
    """The place in the segment's list that the person came from."""
    came_from, here = request.headers.get("Referer", ""), segment.get_absolute_url()
    if url_has_allowed_host_and_scheme(came_from, {request.get_host()}, require_https=request.is_secure()):
        parts = urlsplit(came_from)
        if parts.path == here and parts.query:
            return f"{here}?{parts.query}"
    return here
