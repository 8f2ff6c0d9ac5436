"""The admin of the installation itself: whether its queues are heard, and whether anything may go out."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from portal import hold
from portal.admin_base import ReadOnlyAdmin
from portal.models import Heartbeat, Hold


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ("queue", "at")


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    """Times in which nothing goes out; whoever may change them lets things go out again."""

    list_display = ("since", "reason", "released_at", "released_by")
    list_select_related = ("released_by",)
    actions = ("release",)

    def has_manage_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return user.has_perm("portal.change_hold")

    @admin.action(description="Let things go out again", permissions=["manage"])
    def release(self, request: Any, queryset: QuerySet[Hold]) -> None:
        try:
            ended = hold.release(request.user)
        except hold.StillAsked as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return
        self.message_user(request, "Things go out again." if ended else "Nothing was held.", messages.SUCCESS)
