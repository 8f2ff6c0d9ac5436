"""What is held on one person: found, taken out as a file, taken away for good."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from customers import queries
from customers.forms import PersonForm
from customers.models import Customer, Erasure
from customers.privacy import erase, export, identity
from customers.privacy.person import Person
from customers.tables import ErasureTable
from customers.views.customers import the_customer
from portal.access import Permission
from portal.actions import Refusal
from portal.emails import email_key
from portal.exporting import download_headers
from portal.paging import paginate
from portal.queries import latest_job
from portal.store_views import StoreRequest, store_view

FORM, POST = ("GET", "HEAD", "POST"), ("POST",)


@store_view(Permission.EXPORT_PERSON, methods=FORM)
def overview(request: StoreRequest) -> HttpResponse:
    """Who was erased; and, for an address that is sent, what is held on it. Not by GET: addresses would be written
    into histories and logs."""
    form = PersonForm(request.POST if request.method == "POST" else None, store=request.store)
    page = paginate(queries.erasures(request.store), request.GET, sorts={"asked": "pk"}, default="-asked")
    context: dict[str, Any] = {"form": form, "page": page, "table": ErasureTable(page, store=request.store)}
    if form.is_valid():
        context |= _held_on(request, form.cleaned_data["email"])
    return render(request, "customers/privacy.html", context, status=422 if form.errors else 200)


def _held_on(request: StoreRequest, address: str) -> dict[str, Any]:
    customer = queries.find_by_email(request.store, address)
    person = Person.of(customer) if customer else Person.at(request.store, address)
    held = [(name, count) for name, count in export.counts(person).items() if count]
    formerly = [] if customer else queries.who_had(request.store, address)
    erased = identity.erasures_of(request.store, email_key(address))
    return {"address": address, "customer": customer, "held": held, "formerly": formerly, "erased": erased}


@store_view(Permission.EXPORT_PERSON, methods=POST)
def export_customer(request: StoreRequest, pk: int) -> HttpResponseBase:
    customer = the_customer(request, pk)
    return _download(request, Person.of(customer), customer)


@store_view(Permission.EXPORT_PERSON, methods=POST)
def export_address(request: StoreRequest) -> HttpResponseBase:
    """What is held on an address, whether it is a customer's or not."""
    form = PersonForm(request.POST, store=request.store)
    if not form.is_valid():
        messages.error(request, "Say whose data it is about.")
        return redirect("customers:privacy", request.store.slug)
    customer = queries.find_by_email(request.store, form.cleaned_data["email"])
    person = Person.of(customer) if customer else Person.at(request.store, form.cleaned_data["email"])
    return _download(request, person, customer)


def _download(request: StoreRequest, person: Person, customer: Customer | None) -> HttpResponseBase:
    export.note(person, customer, actor=request.user)
    response = StreamingHttpResponse(export.stream(person), content_type="application/json; charset=utf-8")
    # Without the address: the name of a file is seen by more people than what is in it.
    name = f"customer {customer.pk}" if customer else "person"
    download_headers(response, f"{request.store.name} {name} {timezone.localdate():%Y-%m-%d}", ".json")
    return response


@store_view(Permission.ERASE_PERSON, methods=FORM)
def erase_customer(request: StoreRequest, pk: int) -> HttpResponse:
    customer = the_customer(request, pk)
    error = ""
    if request.method == "POST":
        try:
            return _begun(request, erase.erase_customer(customer, typed=_typed(request), actor=request.user))
        except Refusal as refusal:
            error = str(refusal)
    context = {"customer": customer, "address": customer.email, "action": request.path, "error": error}
    context |= {"held": export.counts(Person.of(customer)), "cancel_url": customer.get_absolute_url()}
    return render(request, "customers/erase.html", context, status=422 if error else 200)


@store_view(Permission.ERASE_PERSON, methods=POST)
def erase_address(request: StoreRequest) -> HttpResponse:
    """Erase whoever has an address that is no customer's: explained first, done once the address was typed."""
    form = PersonForm(request.POST, store=request.store)
    if not form.is_valid():
        messages.error(request, "Say who is to be erased.")
        return redirect("customers:privacy", request.store.slug)
    address, error = form.cleaned_data["email"], ""
    customer = queries.find_by_email(request.store, address)
    if customer is not None:
        return redirect("customers:erase_customer", request.store.slug, customer.pk)
    if "confirm" in request.POST:
        try:
            typed = _typed(request)
            return _begun(request, erase.erase_address(request.store, address, typed=typed, actor=request.user))
        except Refusal as refusal:
            error = str(refusal)
    context = {"address": address, "action": request.path, "error": error, "customer": None}
    context |= {
        "held": export.counts(Person.at(request.store, address)),
        "cancel_url": reverse("customers:privacy", args=(request.store.slug,)),
    }
    return render(request, "customers/erase.html", context, status=422 if error else 200)


def _typed(request: StoreRequest) -> str:
    return request.POST.get("confirm", "").strip()


def _begun(request: StoreRequest, erasure: Erasure) -> HttpResponse:
    messages.success(request, "The person is gone from the list; the rest is being erased in the background.")
    return redirect(erasure)


@store_view(Permission.EXPORT_PERSON)
def erasure(request: StoreRequest, erasure_id: int) -> HttpResponse:
    """How far it is, and when it is done what went: the proof."""
    found: Erasure = get_object_or_404(queries.erasures(request.store), pk=erasure_id)
    found.store = request.store
    context = {"erasure": found, "job": latest_job(found), "counts": list(found.counts.items())}
    return render(request, "customers/erasure.html", context)
