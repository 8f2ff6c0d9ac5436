"""What Shopify and Recharge say of a person, an order or a subscription, in the shape in which each says it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

Body = dict[str, Any]
EASTERN = ZoneInfo("America/New_York")


def instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def eastern(at: datetime) -> str:
    """As Recharge writes times of customers: its own clock, without saying so."""
    return at.astimezone(EASTERN).replace(tzinfo=None).isoformat(timespec="seconds")


def shopify_customer(number: int, email: str | None, at: datetime, **more: Any) -> Body:
    return {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/Customer/{number}",
        "email": email,
        "first_name": "Ada",
        "last_name": "Maple",
        "phone": None,
        "state": "enabled",
        "tags": "",
        "created_at": instant(at),
        "updated_at": instant(at),
        "email_marketing_consent": {"state": "subscribed", "opt_in_level": "single_opt_in"},
        "addresses": [],
        **more,
    }


def shopify_line(product: int | None = 7, title: str = "Coffee", price: str = "24.00", **more: Any) -> Body:
    return {
        "id": 1_000 + (product or 0),
        "product_id": product,
        "variant_id": None,
        "title": title,
        "variant_title": "250 g",
        "sku": "C-250",
        "quantity": 1,
        "price": price,
        "total_discount": "0.00",
        "discount_allocations": [],
        "properties": [],
        **more,
    }


def shopify_order(number: int, customer: Body | None, at: datetime, total: str = "24.00", **more: Any) -> Body:
    return {
        "id": number,
        "name": f"#{number}",
        "order_number": number,
        "email": customer["email"] if customer else None,
        "contact_email": None,
        "created_at": instant(at),
        "processed_at": instant(at),
        "updated_at": instant(at),
        "cancelled_at": None,
        "currency": "EUR",
        "presentment_currency": "EUR",
        "financial_status": "paid",
        "fulfillment_status": None,
        "test": False,
        "tags": "",
        "source_name": "web",
        "landing_site": "/?utm_source=google&utm_medium=cpc",
        "referring_site": "https://www.google.com/",
        "order_status_url": "https://shop.example/1/orders/abc/authenticate",
        "total_line_items_price": total,
        "subtotal_price": total,
        "total_discounts": "0.00",
        "total_tax": "0.00",
        "total_price": total,
        "discount_codes": [],
        "note_attributes": [],
        "refunds": [],
        "line_items": [shopify_line(price=total)],
        "customer": customer,
        **more,
    }


def shopify_refund(amount: str) -> Body:
    return {"id": 5, "transactions": [{"kind": "refund", "status": "success", "amount": amount}]}


def recharge_customer(number: int, email: str, at: datetime, **more: Any) -> Body:
    return {
        "id": number,
        "email": email,
        "first_name": "Ada",
        "last_name": "Maple",
        "phone": None,
        "hash": f"hash{number}",
        "external_customer_id": {"ecommerce": str(9_000 + number)},
        "created_at": eastern(at),
        "updated_at": eastern(at),
        "first_charge_processed_at": eastern(at),
        "subscriptions_active_count": 1,
        "subscriptions_total_count": 1,
        "subscription_related_charge_streak": 1,
        "has_valid_payment_method": True,
        "analytics_data": {"utm_params": []},
        **more,
    }


def recharge_subscription(number: int, customer: int, at: datetime, **more: Any) -> Body:
    return {
        "id": number,
        "address_id": 77,
        "customer_id": customer,
        "status": "active",
        "price": "20.00",
        "quantity": 1,
        "product_title": "Coffee",
        "variant_title": "250 g",
        "external_product_id": {"ecommerce": "7"},
        "external_variant_id": {"ecommerce": "8"},
        "properties": [],
        "order_interval_unit": "week",
        "order_interval_frequency": "2",
        "charge_interval_frequency": "2",
        "next_charge_scheduled_at": "2026-12-24",
        "cancelled_at": None,
        "cancellation_reason": None,
        "cancellation_reason_comments": None,
        "presentment_currency": "EUR",
        "is_prepaid": False,
        "analytics_data": {"utm_params": []},
        "created_at": instant(at),
        "updated_at": instant(at),
        **more,
    }


def recharge_line(product: int = 7, title: str = "Coffee", price: str = "20.00", **more: Any) -> Body:
    return {
        "purchase_item_id": 501,
        "purchase_item_type": "subscription",
        "external_product_id": {"ecommerce": str(product)},
        "external_variant_id": {"ecommerce": "8"},
        "title": title,
        "variant_title": "250 g",
        "sku": "C-250",
        "quantity": 1,
        "original_price": price,
        "unit_price": price,
        "total_price": price,
        "properties": [],
        "offer_attributes": None,
        **more,
    }


def recharge_order(number: int, customer: Body, at: datetime, shopify_id: int | None = None, **more: Any) -> Body:
    return {
        "id": number,
        "address_id": 77,
        "type": "recurring",
        "status": "success",
        "charge": {"id": 60_000 + number, "status": "success"},
        "customer": {name: customer[name] for name in ("id", "email", "external_customer_id", "hash")},
        "is_prepaid": False,
        "scheduled_at": eastern(at),
        "processed_at": eastern(at),
        "currency": "EUR",
        "subtotal_price": "20.00",
        "total_line_items_price": "20.00",
        "total_discounts": "0.00",
        "total_refunds": None,
        "total_price": "20.00",
        "discounts": [],
        "line_items": [recharge_line()],
        "external_order_id": {"ecommerce": str(shopify_id) if shopify_id else None},
        "external_order_number": {"ecommerce": f"#{shopify_id}" if shopify_id else None},
        "created_at": eastern(at),
        "updated_at": eastern(at),
        **more,
    }


def recharge_charge(number: int, customer: Body, at: datetime, **more: Any) -> Body:
    return {
        "id": number,
        "address_id": 77,
        "type": "recurring",
        "status": "success",
        "scheduled_at": at.date().isoformat(),
        "processed_at": eastern(at),
        "charge_attempts": 1,
        "error": None,
        "error_type": None,
        "currency": "EUR",
        "subtotal_price": "20.00",
        "total_price": "20.00",
        "total_discounts": "0.00",
        "total_refunds": None,
        "customer": {name: customer[name] for name in ("id", "email", "external_customer_id", "hash")},
        "line_items": [recharge_line()],
        "discounts": [],
        "orders_count": 1,
        "external_order_id": {"ecommerce": None},
        "analytics_data": {"utm_params": []},
        "created_at": eastern(at),
        "updated_at": eastern(at),
        **more,
    }
