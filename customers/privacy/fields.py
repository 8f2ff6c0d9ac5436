"""What the fields of customers, of the floor and of the libraries hold of people."""

from __future__ import annotations

from customers.privacy.registry import classify
from customers.privacy.sheets import OF_UPLOADS

classify(
    "customers.Customer",
    nothing="id store last_import changed_at changed_in erased_at",
    by_id=(
        "email email_key first_name last_name phone signed_up_at acquisition_channel tags attributes shopify_id "
        "recharge_id klaviyo_id marketing_consent created_at sort_name search_text"
    ),
)
classify("customers.FormerAddress", nothing="id store", by_id="customer email email_key until")
classify("customers.CustomerImport", **OF_UPLOADS)
classify("customers.CustomerImport", nothing="kind source change_consent")
classify(
    "customers.CustomerImportRow",
    nothing="id store upload line verdict",
    by_key=(
        "email email_key customer_id reason first_name last_name phone signed_up_at acquisition_channel tags "
        "attributes shopify_id recharge_id marketing_consent key said"
    ),
)
classify("customers.CustomerRegister", nothing="store version")
# The proof that somebody was erased: while the work lasts it holds whom to look for, and nothing after that.
classify(
    "customers.Erasure",
    nothing="id store customer_id subject asked_at finished_at lifted_at counts",
    staff="asked_by",
)
classify("customers.ErasedIdentity", nothing="id store erasure kind digest")

classify(
    "portal.AuditEntry",
    nothing="id store at verb object_type object_label changes",
    by_id="object_id",
    staff="actor actor_label",
)
classify(
    "portal.Job",
    nothing=(
        "id store kind version subject_type subject_id queue state needs phase cursor caution done total attempts "
        "lease_token lease_until due_at rung_at cancel_asked_at created_at started_at finished_at"
    ),
    in_text="label payload result error",
    staff="created_by",
)
classify(
    "portal.Store",
    nothing="id slug name plan time_zone currency upload_limit subscription_experiences rewards created_at "
    "requires_second_factor closed_at",
)
classify("portal.CallBudget", nothing="id key at next_at held_until counts")
classify("portal.Epoch", nothing="host count at")
classify("portal.Hold", nothing="id since reason released_at", staff="released_by")
classify("portal.Heartbeat", nothing="queue at")
classify("portal.OpenSession", nothing="id", staff="session_key user browser ip began_at seen_at")
classify("portal.SecurityEvent", nothing="id kind", staff="user at browser ip note")
classify("portal.TryBudget", nothing="id spent until", staff="key")
classify(
    "portal.User",
    nothing="id is_superuser is_staff is_active",
    staff="password last_login date_joined email name last_seen_at",
)
classify("portal.User_groups", nothing="id group", staff="user")
classify("portal.User_user_permissions", nothing="id permission", staff="user")
classify("portal.Staff", nothing="id store", staff="user role added_at")
classify(
    "portal.Invitation",
    nothing="id store role token_hash created_at expires_at accepted_at",
    staff="email invited_by",
)

classify(
    "admin.LogEntry",
    nothing="id content_type action_flag change_message action_time",
    staff="user",
    by_id="object_id object_repr",
)
classify("auth.Permission", nothing="id name content_type codename")
classify("auth.Group", nothing="id name")
classify("auth.Group_permissions", nothing="id group permission")
classify("contenttypes.ContentType", nothing="id app_label model")
# Messages to staff, which name customers, travel in their cookies and not in the session.
classify("sessions.Session", nothing="expire_date", staff="session_key session_data")
classify("mfa.Authenticator", nothing="id type", staff="user data created_at last_used_at")
classify("account.EmailAddress", nothing="id verified primary", staff="user email")
classify("account.EmailConfirmation", nothing="id created sent key", staff="email_address")
