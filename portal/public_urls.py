"""Addresses outside any store."""

from __future__ import annotations

from django.urls import path

from portal.views import invitations

urlpatterns = [
    path("invitations/<str:token>/", invitations.invitation, name="invitation"),
    path("invitations/<str:token>/join/", invitations.join_store, name="join_store"),
    path("invitations/<str:token>/account/", invitations.make_account, name="make_account"),
]
