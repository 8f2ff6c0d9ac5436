"""Every address of the installation."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.models import Group
from django.urls import include, path

from portal import dashboard, health

# Roles are the portal's own, and an address stands with its person: these have no pages of their own.
admin.site.unregister([Group, EmailAddress, Authenticator])

handler400 = "portal.errors.bad_request"
handler500 = "portal.errors.server_error"

urlpatterns = [
    path("", dashboard.choose_store, name="choose_store"),
    path("healthz", health.healthz, name="healthz"),
    path("accounts/", include("portal.account_urls")),
    path("admin/", admin.site.urls),
    path("", include("portal.public_urls")),
    path("", include("customers.public_urls")),
    path("s/<slug:store_slug>/", dashboard.home, name="home"),
    path("s/<slug:store_slug>/", include("portal.store_urls")),
    path("s/<slug:store_slug>/customers/", include("customers.urls")),
    path("s/<slug:store_slug>/", include("segments.urls")),
]
