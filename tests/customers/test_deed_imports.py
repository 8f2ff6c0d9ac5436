"""Files of subscriptions and of events: recognised, checked, imported, accounted for."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from customers.imports.events import read_properties
from customers.imports.figures import read_amount
from customers.imports.values import BadValue
from customers.models import Customer, Event, Subscription, TouchedCustomer
from portal.models import Store
from tests.conftest import make_customer
from tests.customers.conftest import PAGES, Importer, body, rows, told

pytestmark = pytest.mark.django_db

RECHARGE = (
    "id,customer_id,email,product_title,external_product_id,status,quantity,price,presentment_currency,"
    "order_interval_frequency,order_interval_unit,charge_interval_frequency,created_at,cancelled_at,"
    "cancellation_reason,next_charge_scheduled_at,updated_at\n"
)
EVENTS = "E-mail,Event,Time,Properties\n"


@pytest.fixture
def ann(store: Store) -> Customer:
    return make_customer(store, "ann@x.example", recharge_id="900")


class TestSubscriptions:
    @pytest.fixture
    def importer(self, importer: Importer, ann: Customer) -> Importer:
        return importer.of("subscriptions")

    def test_rechargess_names_are_recognised(self, importer: Importer, store: Store, ann: Customer) -> None:
        line = "51,900,,Guji,7001,active,2,12.50,USD,2,week,2,2026-01-05T10:00:00,,,2026-12-01,2026-02-01T00:00:00\n"
        upload = importer.bring(RECHARGE + line)
        assert (upload.source, told(upload)) == ("recharge", {"created": 1})
        row = Subscription.objects.for_store(store).get()
        assert (row.source, row.external_id, row.customer_id, row.title) == ("recharge", "51", ann.pk, "Guji")
        assert (row.interval_count, row.interval_unit, row.quantity, row.price) == (2, "week", 2, Decimal("12.5"))
        assert (row.status, row.next_charge_on) == ("active", date(2026, 12, 1))
        assert row.product.external_id == "7001"
        assert TouchedCustomer.objects.for_store(store).filter(customer=ann).exists()

    @pytest.mark.parametrize(
        ("every", "unit", "meant"),
        [
            ("2 weeks", "", (2, "week")), ("Every 3 months", "", (3, "month")), ("monthly", "", (1, "month")),
            ("2", "week", (2, "week")), ("2-week", "weeks", (2, "week")), ("", "", (1, "month")),
        ],
    )  # fmt: skip
    def test_number_and_unit_may_stand_in_one_column(
        self, importer: Importer, store: Store, ann: Customer, every: str, unit: str, meant: tuple[int, str]
    ) -> None:
        file = f"E-mail,Subscription,Every,Unit,Started\nann@x.example,s1,{every},{unit},2026-01-05\n"
        assert told(importer.bring(file)) == {"created": 1}
        row = Subscription.objects.for_store(store).get()
        assert (row.interval_count, row.interval_unit) == meant

    @pytest.mark.parametrize(("every", "unit"), [("2 weeks", "month"), ("2 moons", ""), ("often", ""), ("0 weeks", "")])
    def test_an_interval_that_is_none_is_told(self, importer: Importer, ann: Customer, every: str, unit: str) -> None:
        file = f"E-mail,Subscription,Every,Unit,Started\nann@x.example,s1,{every},{unit},2026-01-05\n"
        upload = importer.bring(file)
        assert told(upload) == {"invalid": 1}
        assert "Every" in rows(upload)[2][1]

    def test_older_newer_and_the_same(self, importer: Importer, store: Store) -> None:
        first = "51,900,,Guji,7001,active,1,12,USD,1,month,1,2026-01-05T10:00:00,,,,2026-02-01T00:00:00\n"
        over = (
            "51,900,,Guji,7001,cancelled,1,12,USD,1,month,1,2026-01-05T10:00:00,2026-03-01T00:00:00,Moved,,"
            "2026-03-01T00:00:00\n"
        )
        assert told(importer.bring(RECHARGE + first)) == {"created": 1}
        assert told(importer.bring(RECHARGE + first)) == {"unchanged": 1}
        assert told(importer.bring(RECHARGE + over)) == {"updated": 1}
        assert told(importer.bring(RECHARGE + first)) == {"older": 1}
        row = Subscription.objects.for_store(store).get()
        assert (row.status, row.cancellation_reason) == ("cancelled", "Moved")

    def test_rows_that_cannot_be_used_say_why(self, importer: Importer, store: Store) -> None:
        head = "Subscription,E-mail,Product,Price,Every,Unit,Started,Status\n"
        content = (
            head
            + "1,ann@x.example,Guji,12,0,month,2026-01-05,active\n"
            + "2,ann@x.example,Guji,12,1,fortnight,2026-01-05,active\n"
            + "3,ann@x.example,Guji,12,1,month,,active\n"
            + ",ann@x.example,Guji,12,1,month,2026-01-05,active\n"
            + "5,,Guji,12,1,month,2026-01-05,active\n"
            + "6,ann@x.example,Guji,12,1,month,2026-01-05,dormant\n"
            + "7,ann@x.example,Guji,12,1,month,2026-01-05,active\n"
            + "7,ann@x.example,Guji,14,1,month,2026-01-05,active\n"
        )
        upload = importer.bring(content)
        assert told(upload) == {"created": 1, "invalid": 6, "repeated": 1}
        reasons = [reason for verdict, reason in rows(upload).values() if verdict == "invalid"]
        assert [reason.split(":")[0] for reason in reasons] == [
            "Every", "Unit", "Started", "Subscription", "It does not say whose it is", "Status",
        ]  # fmt: skip
        assert Subscription.objects.for_store(store).get().price == Decimal(14)


class TestEvents:
    @pytest.fixture
    def importer(self, importer: Importer, ann: Customer) -> Importer:
        return importer.of("events")

    def test_what_happened_is_stored_once(self, importer: Importer, store: Store, ann: Customer) -> None:
        content = (
            EVENTS
            + 'ann@x.example,Logged In,2026-03-09T10:00:00Z,"{""app"": ""ios"", ""n"": 2}"\n'
            + "eve@x.example,Logged In,2026-03-09T10:00:00Z,\n"
            + "ann@x.example,Logged In,2026-03-09T10:00:00Z,\n"
            + "ann@x.example,Logged In,2026-03-09T10:00:00Z,\n"
            + "ann@x.example,,2026-03-09T10:00:00Z,\n"
            + "ann@x.example,Logged In,yesterday,\n"
            + "ann@x.example,Logged In,2026-03-09,[1]\n"
        )
        upload = importer.bring(content)
        assert told(upload) == {"created": 2, "unmatched": 1, "repeated": 1, "invalid": 3}
        first = Event.objects.for_store(store).order_by("pk")[0]
        assert (first.name, first.customer_id, first.properties) == ("Logged In", ann.pk, {"app": "ios", "n": 2})
        assert first.occurred_at == datetime(2026, 3, 9, 10, tzinfo=UTC)
        again = importer.bring(content, "again.csv")
        assert told(again) == {"unchanged": 3, "repeated": 1, "invalid": 3}
        assert Event.objects.for_store(store).count() == 3
        assert TouchedCustomer.objects.for_store(store).count() == 1

    def test_an_event_with_an_id_is_known_by_it(self, importer: Importer, store: Store) -> None:
        head = "E-mail,Event,Time,Event id\n"
        assert told(importer.bring(head + "ann@x.example,A,2026-03-09,m1\n")) == {"created": 1}
        assert told(importer.bring(head + "ann@x.example,B,2026-03-10,m1\n")) == {"unchanged": 1}
        assert Event.objects.for_store(store).get().name == "A"

    def test_columns_are_kept_as_properties(self, importer: Importer, store: Store) -> None:
        upload = importer.upload("email,event,timestamp,plan,device\nann@x.example,Opened,2026-03-09,pro,\n")
        page = body(importer.client.get(f"{PAGES}imports/{upload.pk}/columns/"))
        assert "Keep as property" in page
        choices = ("email", "name", "occurred_at", "attribute", "attribute")
        importer.client.post(
            f"{PAGES}imports/{upload.pk}/columns/", {f"column_{index}": name for index, name in enumerate(choices)}
        )
        importer.run_jobs()
        assert told(importer.start(upload)) == {"created": 1}
        assert Event.objects.for_store(store).get().properties == {"plan": "pro"}


@pytest.mark.parametrize("cell", ['{"a": 1e999}', '{"a": NaN}', '{"a": "\\u0000"}', '{"a": "\\ud800"}', "[1]", "{"])
def test_properties_that_no_database_takes_are_refused(cell: str) -> None:
    with pytest.raises(BadValue, match="Properties"):
        read_properties(cell)


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("12", "12"), ("12.50", "12.50"), ("12,5", "12.5"), ("1.234,50 €", "1234.50"), ("$1,234.50", "1234.50"),
        ("USD 3", "3"), ("1 234,56", "1234.56"), ("1'234.56", "1234.56"), ("1,234,567", "1234567"), (".5", ".5"),
        ("-", ""), ("", ""), ("n/a", ""),
    ],
)  # fmt: skip
def test_amounts_are_read_as_people_write_them(cell: str, amount: str) -> None:
    assert read_amount("Total")(cell) == amount


@pytest.mark.parametrize("cell", ["1,234", "12..5", "1,2,3", "-5", "1e9", "٣", "=1+1", "12,34,56.7", "abc", "9" * 60])
def test_what_is_no_amount_is_refused(cell: str) -> None:
    with pytest.raises(BadValue, match="Total"):
        read_amount("Total")(cell)
