"""What can be asked of Shopify's stand-in: its types, and what its fields at the top are given."""

from __future__ import annotations

from customers.sandbox.shopify_nodes import ARGUMENTS as OF_SELLING
from customers.sandbox.shopify_nodes import SCHEMA as SELLING
from segments.sandbox import hooks

ARGUMENTS: dict[str, set[str]] = {
    "shop": set[str](),
    "segment": {"id"},
    "segments": {"first", "after", "query"},
    "customerSegmentMembers": {"segmentId", "first", "after"},
    **OF_SELLING,
    **hooks.ARGUMENTS,
}
SCHEMA: dict[str, dict[str, str | None]] = {
    "QueryRoot": {
        "shop": "Shop",
        "segment": "Segment",
        "segments": "SegmentConnection",
        "customerSegmentMembers": "CustomerSegmentMemberConnection",
        "customers": "CustomerConnection",
        "orders": "OrderConnection",
        "order": "Order",
        "webhookSubscriptions": "WebhookSubscriptionConnection",
    },
    **SELLING,
    **hooks.SCHEMA,
    "Shop": {"id": None, "name": None, "myshopifyDomain": None, "email": None},
    "Segment": {"id": None, "name": None, "query": None, "creationDate": None, "lastEditDate": None},
    "SegmentConnection": {"pageInfo": "PageInfo", "edges": "SegmentEdge", "nodes": "Segment"},
    "SegmentEdge": {"cursor": None, "node": "Segment"},
    "CustomerSegmentMemberConnection": {
        "pageInfo": "PageInfo",
        "edges": "CustomerSegmentMemberEdge",
        "totalCount": None,
    },
    "CustomerSegmentMemberEdge": {"cursor": None, "node": "CustomerSegmentMember"},
    "CustomerSegmentMember": {"id": None, "displayName": None, "defaultEmailAddress": "CustomerEmailAddress"},
    "CustomerEmailAddress": {"emailAddress": None, "marketingState": None},
    "PageInfo": dict.fromkeys(("hasNextPage", "hasPreviousPage", "startCursor", "endCursor")),
}
