"""The admin of stores and people, of background work and of the audit trail."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from portal import (
    admin_closing,
    admin_installation,  # noqa: F401  (registers its own)
    audit,
    queries,
    second_factor,
    security_log,
    sessions,
)
from portal.access import Role
from portal.actions import Refusal, runs
from portal.actions import staff as staff_actions
from portal.admin_base import InStoreForm, NamedValuesFilter, ReadOnlyAdmin, StoreModelAdmin
from portal.models import (
    AuditEntry,
    Invitation,
    Job,
    SecurityEvent,
    SecurityKind,
    Staff,
    Store,
    User,
)

admin.site.site_header = admin.site.site_title = "Coterie"
admin.site.index_title = "Administration"


def _admits(request: HttpRequest) -> bool:
    """Whether the admin lets the person in; with two-step sign-in, where the installation asks for it."""
    user: Any = request.user
    return bool(user.is_active and user.is_staff and not second_factor.admin_asks(user))


def _sign_in(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
    user: Any = request.user
    if user.is_authenticated and user.is_staff and not _admits(request):
        return second_factor.lead_to_it(request)
    return _portal_sign_in(request, extra_context)


# One sign-in page for all, with its limits on guessing and its second step.
_portal_sign_in = secure_admin_login(admin.site.login)
admin.site.login = _sign_in  # type: ignore[method-assign]
admin.site.has_permission = _admits  # type: ignore[method-assign]


class PersonCreationForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email", "name")

    def clean_email(self) -> str:
        return self.cleaned_data["email"].strip().lower()


class PersonChangeForm(UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"

    def clean_email(self) -> str:
        return self.cleaned_data["email"].strip().lower()


@admin.register(User)
class PersonAdmin(UserAdmin):
    """People are never deleted, because the audit trail names them: take away "active" instead."""

    form = PersonChangeForm
    add_form = PersonCreationForm
    ordering = ("email",)
    list_display = ("email", "name", "is_active", "is_staff", "is_superuser", "last_login", "last_seen_at")
    actions = ("turn_off_two_steps", "sign_out")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("email", "name")
    readonly_fields = ("last_login", "last_seen_at", "date_joined")
    # Two lists side by side name their parts in a way that is not read out.
    filter_horizontal = ()
    date_hierarchy = "date_joined"
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        ("Person", {"fields": ("name",)}),
        ("Administration", {"fields": ("is_active", "is_staff", "is_superuser", "user_permissions")}),
        ("Dates", {"fields": ("last_login", "last_seen_at", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "usable_password", "password1", "password2")}),)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: Any, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and "email" in form.changed_data:
            # allauth keeps addresses beside the person's own, and would go on to let people in by the earlier one.
            EmailAddress.objects.filter(user_id=obj.pk).delete()
        if not obj.is_active:
            sessions.end_all(obj)

    @admin.action(description="Turn off two-step sign-in (lost phone)", permissions=["change"])
    def turn_off_two_steps(self, request: Any, queryset: QuerySet[User]) -> None:
        """The person's identity is for the admin to make sure of; a letter tells them."""
        count = 0
        for user in queryset:
            if second_factor.remove(user):
                sessions.end_all(user)
                note = f"By an administrator, {request.user.email}"
                security_log.record(None, user, SecurityKind.SECOND_STEP_REMOVED, note)
                get_adapter(request).send_notification_mail("mfa/email/totp_deactivated", user)
                count += 1
        self.message_user(request, f"Two-step sign-in turned off: {count:,}.", messages.SUCCESS)

    @admin.action(description="Sign out everywhere", permissions=["change"])
    def sign_out(self, request: Any, queryset: QuerySet[User]) -> None:
        count = sum(sessions.end_all(user) for user in queryset)
        self.message_user(request, f"Sessions ended: {count:,}.", messages.SUCCESS)


@admin.register(SecurityEvent)
class SecurityEventAdmin(ReadOnlyAdmin):
    """What happened to people's accounts; without a person, at an address that has no account."""

    list_display = ("at", "user", "kind", "ip", "browser", "note")
    list_filter = ("kind",)
    list_select_related = ("user",)
    search_fields = ("user__email", "user__name", "ip")
    date_hierarchy = "at"


@admin.register(Store)
class StoreAdmin(admin.ModelAdmin):
    """A store's address stays as it is, because links point to it; changes are audited like the owner's."""

    list_display = ("name", "slug", "plan", "time_zone", "currency", "upload_limit", "created_at", "closed_at")
    list_filter = ("plan", "subscription_experiences", "rewards")
    search_fields = ("name", "slug")
    date_hierarchy = "created_at"
    readonly_fields = ("created_at",)
    prepopulated_fields = {"slug": ("name",)}
    actions = ("close",)

    @admin.action(description="Close for good (one store)", permissions=["change"])
    def close(self, request: Any, queryset: QuerySet[Store]) -> Any:
        """Asks for the store's name first, on a page of its own."""
        return admin_closing.close(self, request, queryset)

    def get_readonly_fields(self, request: HttpRequest, obj: Store | None = None) -> Any:
        return self.readonly_fields if obj is None else ("slug", *self.readonly_fields)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Store | None = None) -> Any:
        return self.prepopulated_fields if obj is None else {}

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: Any, obj: Store, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        before = {name: form.initial.get(name) for name in form.changed_data}
        changes = audit.difference(before, {name: getattr(obj, name) for name in form.changed_data}) if change else {}
        if changes or not change:
            audit.record(obj, "changed" if change else "created", obj, actor=request.user, changes=changes)


class StaffForm(InStoreForm):
    class Meta:
        model = Staff
        fields = ("user", "role")

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        store, user = values.get("in_store"), values.get("user")
        if store and user and Staff.objects.for_store(store).filter(user=user).exists():
            raise ValidationError("This person works in the store already.")
        return values


class RoleForm(forms.ModelForm):
    class Meta:
        model = Staff
        fields = ("role",)

    def clean_role(self) -> str:
        role: str = self.cleaned_data["role"]
        if role != Role.OWNER and queries.is_last_owner(self.instance):
            raise ValidationError(staff_actions.LAST_OWNER)
        return role


@admin.register(Staff)
class StaffAdmin(StoreModelAdmin):
    """A person's place stays theirs and in its store; roles change by the same rules as in the portal."""

    list_display = ("user", "store", "role", "added_at")
    list_filter = ("store", "role")
    list_select_related = ("store", "user")
    search_fields = ("user__email", "user__name", "store__name")
    raw_id_fields = ("user",)
    date_hierarchy = "added_at"

    def get_form(self, request: HttpRequest, obj: Staff | None = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs["form"] = RoleForm if obj else StaffForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Staff | None = None) -> Any:
        return ("store", "user", "role", "added_at") if obj else ("in_store", "user", "role")

    def get_readonly_fields(self, request: HttpRequest, obj: Staff | None = None) -> Any:
        return ("store", "user", "added_at") if obj else ()

    def get_actions(self, request: HttpRequest) -> Any:
        return {}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and queries.is_last_owner(obj))

    def save_model(self, request: Any, obj: Staff, form: Any, change: bool) -> None:
        if not change:
            super().save_model(request, obj, form, change)
            changes = {"role": [None, obj.role]}
            audit.record(obj.store, "added", obj, actor=request.user, label=obj.user.email, changes=changes)
            return
        try:
            staff_actions.change_role(obj, Role(obj.role), actor=request.user)
        except Refusal as refusal:
            self.message_user(request, str(refusal), messages.ERROR)

    def delete_model(self, request: Any, obj: Staff) -> None:
        try:
            staff_actions.remove(obj, actor=request.user)
        except Refusal as refusal:
            self.message_user(request, str(refusal), messages.ERROR)


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin, StoreModelAdmin):
    list_display = ("email", "store", "role", "invited_by", "created_at", "expires_at", "accepted_at")
    list_filter = ("store", "role", ("accepted_at", admin.EmptyFieldListFilter))
    list_select_related = ("store", "invited_by")
    search_fields = ("email",)
    date_hierarchy = "created_at"
    exclude = ("token_hash",)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin, StoreModelAdmin):
    list_display = ("at", "actor_label", "verb", "object_type", "object_label", "store")
    list_filter = ("store", ("object_type", NamedValuesFilter), "verb")
    search_fields = ("actor_label", "object_label", "verb")
    date_hierarchy = "at"


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin, StoreModelAdmin):
    list_display = ("label", "store", "kind", "state", "done", "total", "attempts", "created_by", "created_at")
    list_filter = ("store", "state", "kind", "queue")
    list_select_related = ("store", "created_by")
    search_fields = ("label", "kind", "error")
    date_hierarchy = "created_at"
    actions = ("cancel_runs", "retry_runs")

    def has_manage_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return user.has_perm("portal.change_job")

    @admin.action(description="Cancel", permissions=["manage"])
    def cancel_runs(self, request: Any, queryset: QuerySet[Job]) -> None:
        count = sum(runs.cancel(job, actor=request.user) for job in queryset)
        self.message_user(request, f"Runs cancelled: {count:,}.", messages.SUCCESS)

    @admin.action(description="Try again", permissions=["manage"])
    def retry_runs(self, request: Any, queryset: QuerySet[Job]) -> None:
        count = sum(runs.retry(job, actor=request.user) for job in queryset)
        self.message_user(request, f"Runs queued again: {count:,}.", messages.SUCCESS)
