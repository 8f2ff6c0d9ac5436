"""Groups of customers, and what fills them."""

from segments.models.external import Connection, ExternalGroup, ExternalLink, ExternalMember, Sync
from segments.models.groups import Exclusion, Membership, MembershipChange, Segment, SegmentDay, Source, name_key
from segments.models.uploads import Upload, UploadRow, UploadVerdict

__all__ = [
    "Connection", "Exclusion", "ExternalGroup", "ExternalLink", "ExternalMember", "Membership", "MembershipChange",
    "Segment", "SegmentDay", "Source", "Sync", "Upload", "UploadRow", "UploadVerdict", "name_key",
]  # fmt: skip
