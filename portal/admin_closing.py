"""Closing a store in the admin: its name is typed first, as an owner has to."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render

from portal.actions import Refusal
from portal.actions.store import close_store
from portal.models import Store


def close(page: admin.ModelAdmin[Store], request: Any, stores: QuerySet[Store]) -> HttpResponse:
    """The page that asks for the name, or with the name the closing."""
    chosen = list(stores[:2])
    if len(chosen) != 1:
        page.message_user(request, "Choose one store; each is closed by itself.", messages.ERROR)
        return redirect(request.get_full_path())
    error = ""
    if "confirm" in request.POST:
        try:
            close_store(chosen[0], typed=request.POST["confirm"], actor=request.user)
        except Refusal as refusal:
            error = str(refusal)
        else:
            page.message_user(request, f"“{chosen[0]}” is closed, and is being erased.", messages.SUCCESS)
            return redirect(request.get_full_path())
    context = {**admin.site.each_context(request), "title": "Close store", "store": chosen[0], "error": error}
    return render(request, "admin/close_store.html", context)
