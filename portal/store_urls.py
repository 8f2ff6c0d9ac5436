from __future__ import annotations

from django.urls import path

from portal.views import audit, runs, staff, store_settings

app_name = "portal"

urlpatterns = [
    path("runs/", runs.runs, name="runs"),
    path("runs/<int:pk>/", runs.run, name="run"),
    path("runs/<int:pk>/progress/", runs.run_progress, name="run_progress"),
    path("runs/<int:pk>/cancel/", runs.cancel_run, name="cancel_run"),
    path("runs/<int:pk>/retry/", runs.retry_run, name="retry_run"),
    path("audit/", audit.audit, name="audit"),
    path("settings/store/", store_settings.store_settings, name="store_settings"),
    path("settings/store/close/", store_settings.close, name="close_store"),
    path("settings/staff/", staff.staff, name="staff"),
    path("settings/staff/invite/", staff.invite_staff, name="invite_staff"),
    path("settings/staff/<int:pk>/role/", staff.change_role, name="change_role"),
    path("settings/staff/<int:pk>/remove/", staff.remove_staff, name="remove_staff"),
    path("settings/staff/<int:pk>/end-sessions/", staff.end_staff_sessions, name="end_staff_sessions"),
    path("settings/staff/invitations/<int:pk>/renew/", staff.renew_invitation, name="renew_invitation"),
    path("settings/staff/invitations/<int:pk>/revoke/", staff.revoke_invitation, name="revoke_invitation"),
]
