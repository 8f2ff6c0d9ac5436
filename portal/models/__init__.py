"""Stores, the people who work in them, what they did, and the work done for them."""

from portal.models.audit import AuditEntry
from portal.models.hold import Epoch, Hold
from portal.models.job import Heartbeat, Job
from portal.models.outbound import CallBudget
from portal.models.people import Invitation, Staff, User
from portal.models.security import OpenSession, SecurityEvent, SecurityKind, TryBudget
from portal.models.sheet import SheetRow, SheetUpload
from portal.models.store import Store

__all__ = [
    "AuditEntry",
    "CallBudget",
    "Epoch",
    "Heartbeat",
    "Hold",
    "Invitation",
    "Job",
    "OpenSession",
    "SecurityEvent",
    "SecurityKind",
    "SheetRow",
    "SheetUpload",
    "Staff",
    "Store",
    "TryBudget",
    "User",
]
