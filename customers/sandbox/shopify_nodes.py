"""What Shopify's webhooks say of a customer or an order, in the shape in which its GraphQL interface says the same."""

from __future__ import annotations

from typing import Any

from customers.sandbox.bodies import Body

SCHEMA: dict[str, dict[str, str | None]] = {
    "CustomerConnection": {"pageInfo": "PageInfo", "nodes": "Customer"},
    "Customer": {
        **dict.fromkeys(("id", "firstName", "lastName", "tags", "createdAt", "updatedAt")),
        "defaultEmailAddress": "CustomerEmailAddress",
        "defaultPhoneNumber": "CustomerPhoneNumber",
    },
    "CustomerPhoneNumber": {"phoneNumber": None},
    "OrderConnection": {"pageInfo": "PageInfo", "nodes": "Order"},
    "Order": {
        **dict.fromkeys(
            (
                "id", "name", "email", "test", "tags", "sourceName", "createdAt", "processedAt", "updatedAt",
                "cancelledAt", "currencyCode", "displayFinancialStatus", "discountCodes",
            )
        ),
        **dict.fromkeys(
            ("subtotalLineItemsPriceSet", "totalDiscountsSet", "totalPriceSet", "totalRefundedSet"), "MoneyBag"
        ),
        "customAttributes": "Attribute",
        "customer": "Customer",
        "customerJourneySummary": "CustomerJourneySummary",
        "lineItems": "LineItemConnection",
    },
    "CustomerJourneySummary": {"firstVisit": "CustomerVisit"},
    "Attribute": {"key": None, "value": None},
    "CustomerVisit": {"landingPage": None, "referrerUrl": None},
    "MoneyBag": {"shopMoney": "MoneyV2"},
    "MoneyV2": {"amount": None, "currencyCode": None},
    "LineItemConnection": {"pageInfo": "PageInfo", "nodes": "LineItem"},
    "LineItem": {
        **dict.fromkeys(("id", "title", "quantity")),
        **dict.fromkeys(("originalUnitPriceSet", "totalDiscountSet"), "MoneyBag"),
        "product": "Product",
        "sellingPlan": "LineItemSellingPlan",
    },
    "Product": dict.fromkeys(("id", "title", "productType")),
    "LineItemSellingPlan": {"name": None},
}  # fmt: skip
ARGUMENTS = {
    "customers": {"first", "after", "query", "sortKey"},
    "orders": {"first", "after", "query", "sortKey"},
    "order": {"id"},
}


def customer_node(said: Body) -> dict[str, Any]:
    consent = (said.get("email_marketing_consent") or {}).get("state", "not_subscribed")
    email = said.get("email")
    return {
        "id": f"gid://shopify/Customer/{said['id']}",
        "firstName": said.get("first_name"),
        "lastName": said.get("last_name"),
        "tags": [tag.strip() for tag in said.get("tags", "").split(",") if tag.strip()],
        "createdAt": said["created_at"],
        "updatedAt": said["updated_at"],
        "defaultEmailAddress": {"emailAddress": email, "marketingState": consent.upper()} if email else None,
        "defaultPhoneNumber": {"phoneNumber": said["phone"]} if said.get("phone") else None,
    }


def order_node(said: Body) -> dict[str, Any]:
    currency = said["currency"]
    refunded = sum(float(one["amount"]) for refund in said.get("refunds", ()) for one in refund.get("transactions", ()))
    return {
        "id": f"gid://shopify/Order/{said['id']}",
        "name": said["name"],
        "email": said.get("email"),
        "test": bool(said.get("test")),
        "tags": [tag.strip() for tag in said.get("tags", "").split(",") if tag.strip()],
        "sourceName": said.get("source_name"),
        "createdAt": said["created_at"],
        "processedAt": said["processed_at"],
        "updatedAt": said["updated_at"],
        "cancelledAt": said.get("cancelled_at"),
        "currencyCode": currency,
        "displayFinancialStatus": (said.get("financial_status") or "pending").upper(),
        "discountCodes": [one["code"] for one in said.get("discount_codes", ())],
        "subtotalLineItemsPriceSet": _money(said["total_line_items_price"], currency),
        "totalDiscountsSet": _money(said["total_discounts"], currency),
        "totalPriceSet": _money(said["total_price"], currency),
        "totalRefundedSet": _money(f"{refunded:.2f}", currency),
        "customAttributes": [{"key": one["name"], "value": one["value"]} for one in said.get("note_attributes", ())],
        "customer": customer_node(said["customer"]) if said.get("customer") else None,
        "customerJourneySummary": {
            "firstVisit": {"landingPage": said.get("landing_site"), "referrerUrl": said.get("referring_site")}
        },
        "lineItems": lines_page(said, 0, 20),
    }


def lines_page(said: Body, start: int, count: int) -> dict[str, Any]:
    lines = said["line_items"]
    end = start + count
    info = {
        "hasNextPage": len(lines) > end, "hasPreviousPage": start > 0, "startCursor": str(start), "endCursor": str(end)
    }  # fmt: skip
    return {"nodes": [_line_node(line, said["currency"]) for line in lines[start:end]], "pageInfo": info}


def _line_node(said: Body, currency: str) -> dict[str, Any]:
    product = said.get("product_id")
    discount = sum(float(one["amount"]) for one in said.get("discount_allocations", ()))
    plan = said.get("selling_plan_allocation")
    return {
        "id": f"gid://shopify/LineItem/{said['id']}",
        "title": said["title"],
        "quantity": said["quantity"],
        "originalUnitPriceSet": _money(said["price"], currency),
        "totalDiscountSet": _money(f"{discount:.2f}", currency),
        "product": _product(said) if product else None,
        "sellingPlan": {"name": "Every 2 weeks"} if plan else None,
    }  # fmt: skip


def _product(said: Body) -> dict[str, Any]:
    name = f"gid://shopify/Product/{said['product_id']}"
    return {"id": name, "title": said["title"], "productType": said.get("product_type", "")}


def _money(amount: str, currency: str) -> dict[str, Any]:
    return {"shopMoney": {"amount": amount, "currencyCode": currency}}
