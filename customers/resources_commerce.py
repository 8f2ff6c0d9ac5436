"""Orders and subscriptions as rows of a file in the Django admin: exported, and imported through the door that all who
tell of them go through."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone
from import_export import fields, resources

from customers import queries
from customers.commerce.records import LineSaid, OrderSaid, SubscriptionSaid, Unkeepable
from customers.commerce.writing import write_orders, write_subscriptions
from customers.imports.bought import NOBODY
from customers.imports.figures import read_amount, read_choice, read_count
from customers.imports.values import BadValue, read_moment, read_text
from customers.models import IntervalUnit, Order, OrderKind, OrderLine, OrderStatus, Subscription, SubscriptionStatus
from customers.models.commerce import ID_LENGTH, TITLE_LENGTH
from customers.resources import ReadWidget, write_moment
from portal import audit
from portal.exporting import neutralise
from portal.models import Store

SOURCES = {name: name for name in ("shopify", "recharge", "file", "demo")}


def _now(label: str, *, ahead: bool = False) -> Callable[[str], datetime | None]:
    def read(cell: str) -> datetime | None:
        return read_moment(timezone.get_current_timezone(), timezone.now(), label=label, ahead=ahead)(cell)

    return read


def _day(label: str) -> Callable[[str], date | None]:
    def read(cell: str) -> date | None:
        at = _now(label, ahead=True)(cell)
        return at.date() if at else None

    return read


def _text(name: str, label: str, most: int = 255) -> fields.Field:
    return fields.Field(attribute=name, column_name=label, widget=ReadWidget(read_text(label, most)))


def _word(name: str, label: str, choices: Any) -> fields.Field:
    return fields.Field(attribute=name, column_name=label, widget=ReadWidget(read_choice(label, choices)))


def _amount(name: str, label: str) -> fields.Field:
    def read(cell: str) -> Decimal:
        return Decimal(read_amount(label)(cell) or 0)

    return fields.Field(attribute=name, column_name=label, widget=ReadWidget(read))


def _count(name: str, label: str) -> fields.Field:
    def read(cell: str) -> int:
        found = read_count(label)(cell)
        return 1 if found is None else found

    return fields.Field(attribute=name, column_name=label, widget=ReadWidget(read))


def _moment(name: str, label: str) -> fields.Field:
    return fields.Field(attribute=name, column_name=label, widget=ReadWidget(_now(label), write_moment))


def read_lines(cell: str) -> tuple[LineSaid, ...]:
    """The lines of an order out of JSON. Raises BadValue."""
    try:
        said = json.loads(cell) if cell else []
        return tuple(
            LineSaid(
                title=line["title"],
                product=line.get("product"),
                quantity=line.get("quantity", 1),
                price=Decimal(line["price"]),
                discount=Decimal(line.get("discount", "0")),
                is_subscription=bool(line.get("is_subscription")),
            )
            for line in said
        )
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        raise BadValue("Lines: this is no list of lines, each with its title and price.") from error


class ToldResource(resources.ModelResource):
    """Rows that a source tells of: imported into `store`, a row at a time, as words of that source."""

    source = _word("source", "Source", SOURCES)
    customer = fields.Field(attribute="customer__email", column_name="E-mail", readonly=True)
    told_at = _moment("told_at", "Changed at the source")

    class Meta:
        skip_unchanged = False
        use_transactions = True
        clean_model_instances = False

    def __init__(self, store: Store | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.store = store

    def write(self, instance: Any) -> None:
        """Write the row through the door. Raises Unkeepable."""
        raise NotImplementedError

    def get_instance(self, instance_loader: Any, row: Any) -> Any:
        key = self.fields["external_id"].clean(row)
        source = (self.fields["source"].clean(row) if "Source" in row else "") or "file"
        found = self._meta.model.objects.for_store(self.store).filter(source=source, external_id=key)
        return found.first() if self.store else None

    def init_instance(self, row: Any = None) -> Any:
        return self._meta.model(store=self.store, source="file", told_at=timezone.now())

    def import_field(self, field: Any, instance: Any, row: Any, is_m2m: bool = False, **kwargs: Any) -> None:
        said = str(row.get(field.column_name) or "").strip()
        if said and not field.readonly:
            super().import_field(field, instance, row, is_m2m, **kwargs)

    def after_init_instance(self, instance: Any, new: bool, row: Any, **kwargs: Any) -> None:
        if self.store is None:
            raise ValidationError("Choose a store.")
        if not str(row.get("Changed at the source") or "").strip():
            instance.told_at = timezone.now()
        customer = queries.find_by_email(self.store, str(row.get("E-mail") or ""))
        if customer is None:
            raise ValidationError(NOBODY)
        instance.customer = customer

    def do_instance_save(self, instance: Any, is_create: bool) -> None:
        try:
            self.write(instance)
        except Unkeepable as error:
            raise ValidationError(str(error)) from error
        written = self._meta.model.objects.for_store(instance.store).filter(
            source=instance.source, external_id=instance.external_id
        )
        instance.pk = written.values_list("pk", flat=True).first()

    def after_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        audit.record(instance.store, "imported", instance, actor=kwargs.get("user"))

    def export_field(self, field: Any, instance: Any, **kwargs: Any) -> str:
        return neutralise(super().export_field(field, instance, **kwargs))


class OrderResource(ToldResource):
    external_id = _text("external_id", "Order", ID_LENGTH)
    number = _text("number", "Order number", ID_LENGTH)
    kind = _word("kind", "Kind", {kind.value: kind.value for kind in OrderKind})
    status = _word("status", "Status", {status.value: status.value for status in OrderStatus})
    placed_at = _moment("placed_at", "Placed")
    currency = _text("currency", "Currency", 3)
    subtotal = _amount("subtotal", "Subtotal")
    discount = _amount("discount", "Discount")
    total = _amount("total", "Total")
    refunded = _amount("refunded", "Refunded")
    discount_codes = _text("discount_codes", "Discount codes")
    channel = _text("channel", "Channel", 50)
    lines = fields.Field(column_name="Lines")

    class Meta(ToldResource.Meta):
        model = Order
        fields = (
            "source", "external_id", "number", "customer", "kind", "status", "placed_at", "currency", "subtotal",
            "discount", "total", "refunded", "discount_codes", "channel", "told_at", "lines",
        )  # fmt: skip
        export_order = fields

    def before_export(self, queryset: QuerySet[Any], **kwargs: Any) -> None:
        self._lines: dict[int, list[dict[str, Any]]] = {}
        orders = queryset.order_by().values("pk")
        for store in Store.objects.filter(pk__in=queryset.order_by().values("store")):
            lines = OrderLine.objects.for_store(store).filter(order__in=orders).select_related("product")
            for line in lines.order_by("order", "position").iterator(chunk_size=2_000):
                self._lines.setdefault(line.order_id, []).append(_line_of(line))

    def dehydrate_lines(self, order: Order) -> str:
        return json.dumps(getattr(self, "_lines", {}).get(order.pk, []), ensure_ascii=False)

    def import_instance(self, instance: Order, row: Any, **kwargs: Any) -> None:
        super().import_instance(instance, row, **kwargs)
        cell = str(row.get("Lines") or "").strip()
        try:
            said = read_lines(cell.removeprefix("'")) if cell else None
        except BadValue as error:
            raise ValidationError({"lines": str(error)}) from error
        if said is None and instance.pk:
            mine = OrderLine.objects.for_store(instance.store).filter(order=instance.pk).select_related("product")
            said = tuple(LineSaid(**_kept(line)) for line in mine.order_by("position"))
        instance.lines_said = said or ()  # type: ignore[attr-defined]

    def write(self, instance: Order) -> None:
        names = (
            "external_id", "number", "kind", "status", "currency", "subtotal", "discount", "total", "refunded",
            "discount_codes", "channel", "told_at",
        )  # fmt: skip
        said = {name: getattr(instance, name) for name in names}
        for name in ("subtotal", "total"):
            said[name] = Decimal(0) if said[name] is None else said[name]
        if instance.placed_at is None:
            raise Unkeepable("Placed", "This is empty.")
        lines = instance.lines_said  # type: ignore[attr-defined]
        order = OrderSaid(customer_id=instance.customer_id, placed_at=instance.placed_at, lines=lines, **said)
        write_orders(instance.store, instance.source, [order])


def _kept(line: OrderLine) -> dict[str, Any]:
    return {
        "title": line.title,
        "product": line.product.external_id if line.product else None,
        "quantity": line.quantity,
        "price": line.price,
        "discount": line.discount,
        "is_subscription": line.is_subscription,
    }


def _line_of(line: OrderLine) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in _kept(line).items()}


class SubscriptionResource(ToldResource):
    external_id = _text("external_id", "Subscription", ID_LENGTH)
    title = _text("title", "Product", TITLE_LENGTH)
    product = _text("product__external_id", "Product id", ID_LENGTH)
    status = _word("status", "Status", {status.value: status.value for status in SubscriptionStatus})
    quantity = _count("quantity", "Quantity")
    price = _amount("price", "Price")
    currency = _text("currency", "Currency", 3)
    interval_count = _count("interval_count", "Every")
    interval_unit = _word("interval_unit", "Unit", {unit.value: unit.value for unit in IntervalUnit})
    started_at = _moment("started_at", "Started")
    cancelled_at = _moment("cancelled_at", "Cancelled")
    cancellation_reason = _text("cancellation_reason", "Reason")
    next_charge_on = fields.Field(
        attribute="next_charge_on",
        column_name="Next charge",
        widget=ReadWidget(_day("Next charge"), date.isoformat),
    )

    class Meta(ToldResource.Meta):
        model = Subscription
        fields = (
            "source", "external_id", "customer", "title", "product", "status", "quantity", "price", "currency",
            "interval_count", "interval_unit", "started_at", "cancelled_at", "cancellation_reason", "next_charge_on",
            "told_at",
        )  # fmt: skip
        export_order = fields

    def import_field(self, field: Any, instance: Any, row: Any, is_m2m: bool = False, **kwargs: Any) -> None:
        if field.column_name == "Product id":
            instance.product_said = field.clean(row) or None
            return
        super().import_field(field, instance, row, is_m2m, **kwargs)

    def write(self, instance: Subscription) -> None:
        names = (
            "external_id", "customer_id", "title", "status", "quantity", "currency", "interval_count",
            "interval_unit", "cancelled_at", "cancellation_reason", "next_charge_on", "told_at",
        )  # fmt: skip
        if instance.started_at is None:
            raise Unkeepable("Started", "This is empty.")
        product = getattr(instance, "product_said", None) or (
            instance.product.external_id if instance.product else None
        )
        said = {name: getattr(instance, name) for name in names}
        price = Decimal(0) if instance.price is None else instance.price
        row = SubscriptionSaid(started_at=instance.started_at, price=price, product=product, **said)
        write_subscriptions(instance.store, instance.source, [row])
