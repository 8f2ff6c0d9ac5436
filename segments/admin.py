"""The admin of segments: names and descriptions can be mended; members and files are looked at.

Who is in a segment is changed in the portal, through the one door that keeps count and history true.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from import_export.admin import ExportMixin
from import_export.forms import ExportForm

from portal import audit
from portal.admin_base import ReadOnlyAdmin, StoreModelAdmin, ToldExportMixin
from segments import queries
from segments.models import (
    Connection,
    Exclusion,
    ExternalGroup,
    ExternalLink,
    ExternalMember,
    Membership,
    MembershipChange,
    Segment,
    SegmentDay,
    Sync,
    Upload,
    UploadRow,
)
from segments.resources import MembershipResource, SegmentResource


class SegmentForm(forms.ModelForm):
    def clean_name(self) -> str:
        """Another segment's name is refused here, where the form can say so."""
        name = str(self.cleaned_data["name"])
        if queries.by_name(self.instance.store, name) not in (None, self.instance):
            raise ValidationError("Another segment of the store has this name.")
        return name


@admin.register(Segment)
class SegmentAdmin(ToldExportMixin, ExportMixin, StoreModelAdmin):
    """Segments are made and deleted in the portal, where members and history go with them."""

    form = SegmentForm
    resource_classes: ClassVar[Any] = [SegmentResource]
    export_form_class = ExportForm
    list_display = ("name", "store", "member_count", "updated_at", "created_at", "deleted_at")
    list_filter = ("store", ("deleted_at", admin.EmptyFieldListFilter))
    search_fields = ("name_key",)
    fields = ("store", "name", "description", "member_count", "created_by", "created_at", "updated_at", "deleted_at")
    readonly_fields = ("store", "member_count", "created_by", "created_at", "updated_at", "deleted_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: Any, obj: Segment, form: Any, change: bool) -> None:
        obj.save(update_fields=["name", "name_key", "description"])
        before = {name: form.initial.get(name) for name in form.changed_data}
        changes = audit.difference(before, {name: getattr(obj, name) for name in form.changed_data})
        if changes:
            audit.record(obj.store, "changed", obj, actor=request.user, changes=changes)


@admin.register(Membership)
class MembershipAdmin(ToldExportMixin, ExportMixin, ReadOnlyAdmin, StoreModelAdmin):
    resource_classes: ClassVar[Any] = [MembershipResource]
    export_form_class = ExportForm
    list_display = ("segment", "customer", "held", "added_at", "added_by", "upload", "store")
    list_select_related = ("store", "segment", "customer", "added_by", "upload")
    search_fields = ("customer__email_key__exact",)
    search_help_text = "A customer's whole e-mail address, in small letters."

    @admin.display(description="Held by")
    def held(self, membership: Membership) -> str:
        return ", ".join(membership.held_by)


@admin.register(Exclusion)
class ExclusionAdmin(ReadOnlyAdmin, StoreModelAdmin):
    list_display = ("segment", "customer", "excluded_at", "excluded_by", "store")
    list_select_related = ("store", "segment", "customer", "excluded_by")
    search_fields = ("customer__email_key__exact",)
    search_help_text = "A customer's whole e-mail address, in small letters."


@admin.register(MembershipChange)
class MembershipChangeAdmin(ReadOnlyAdmin, StoreModelAdmin):
    list_display = ("segment", "customer", "kind", "source", "at", "actor", "upload", "store")
    list_select_related = ("store", "segment", "customer", "actor", "upload")
    list_filter = ("store", "kind", "source")
    search_fields = ("customer__email_key__exact",)
    search_help_text = "A customer's whole e-mail address, in small letters."


@admin.register(SegmentDay)
class SegmentDayAdmin(ReadOnlyAdmin, StoreModelAdmin):
    list_display = ("segment", "day", "size", "entered", "left", "store")
    list_select_related = ("store", "segment")
    search_fields = ("segment__name_key__exact",)
    search_help_text = "A segment's whole name, in small letters."


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin, StoreModelAdmin):
    list_display = ("filename", "segment", "row_count", "created_by", "created_at", "finished_at", "undone_at", "store")
    list_select_related = ("store", "segment", "created_by")
    search_fields = ("filename", "segment__name_key")
    exclude = ("file",)


@admin.register(UploadRow)
class UploadRowAdmin(ReadOnlyAdmin, StoreModelAdmin):
    list_display = ("upload", "line", "email", "verdict", "reason", "store")
    list_select_related = ("store", "upload")
    search_fields = ("upload__filename", "upload__sha256")
    search_help_text = "The name of the file."


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin, StoreModelAdmin):
    """Accounts at other systems; what opens them is shown to nobody."""

    list_display = ("account_name", "source", "state", "checked_at", "connected_by", "connected_at", "store")
    list_select_related = ("store", "connected_by")
    list_filter = ("store", "source", "state")
    search_fields = ("account_name", "account_id")
    exclude = ("credentials",)


@admin.register(ExternalGroup)
class ExternalGroupAdmin(ReadOnlyAdmin, StoreModelAdmin):
    list_display = ("name", "kind", "group_id", "connection", "updated_at", "store")
    list_select_related = ("store", "connection")
    search_fields = ("name_key", "group_id")


@admin.register(ExternalLink)
class ExternalLinkAdmin(ReadOnlyAdmin, StoreModelAdmin):
    list_display = ("name", "segment", "kind", "connection", "state", "daily", "next_sync_at", "created_at", "store")
    list_select_related = ("store", "segment", "connection")
    list_filter = ("store", "state", "daily")
    search_fields = ("name", "group_id", "segment__name_key")


@admin.register(Sync)
class SyncAdmin(ReadOnlyAdmin, StoreModelAdmin):
    list_display = ("group_name", "segment", "cause", "outcome", "asked_by", "created_at", "finished_at", "store")
    list_select_related = ("store", "segment", "asked_by")
    list_filter = ("store", "cause", "outcome")
    search_fields = ("group_name", "segment__name_key")


@admin.register(ExternalMember)
class ExternalMemberAdmin(ReadOnlyAdmin, StoreModelAdmin):
    list_display = ("email_key", "profile_id", "trouble", "sync", "store")
    list_select_related = ("store", "sync")
    search_fields = ("email_key__exact", "profile_id__exact")
    search_help_text = "A whole e-mail address, in small letters, or the whole id of a profile."
