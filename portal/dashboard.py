"""The pages that look at everything: the choice of a store, and a store's home."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from portal.access import Permission
from portal.models import Staff
from portal.store_views import StoreRequest, store_view


@login_required
def choose_store(request: HttpRequest) -> HttpResponse:
    """Someone with one store lands in it; someone with several chooses."""
    mine = Staff.everywhere.select_related("store").filter(user=request.user)
    places = list(mine.order_by("store__name", "pk"))
    if len(places) == 1:
        return redirect("home", places[0].store.slug)
    return render(request, "choose_store.html", {"places": places})


@store_view(Permission.VIEW)
def home(request: StoreRequest) -> HttpResponse:
    return render(request, "home.html", {})
