"""A person is put into every field by every way there is, and erased; then everything is searched."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.utils import timezone
from openpyxl import Workbook

from customers.ingest import keys, sweeping
from customers.metrics.recompute import recompute
from customers.models import (
    Arrival,
    Customer,
    CustomerImport,
    CustomerMetrics,
    ErasedIdentity,
    Erasure,
    Event,
    ImportVerdict,
    OrderLine,
    Subscription,
    WayInKind,
)
from portal.models import Job, Store, User
from segments.models import MembershipChange, Segment, Upload
from tests.conftest import make_customer
from tests.customers.conftest import Importer, told
from tests.customers.searching import hits
from tests.segments.conftest import Desk, download
from tests.wholeness import whats_broken

pytestmark = pytest.mark.django_db(transaction=True)

MAIL, FORMER = "zq7mail@zq7dom.example", "zq7former@zq7dom.example"
PHONE = "+1 555 719-2774"
WORDS = ["zq7", "719-2774", "7192774", "1977-07-19", "zörq7née"]
"""What gives the person away, in one of the fields at least."""

HEAD = (
    "Email,First name,Last name,Phone,Signed up,Acquisition channel,Tags,Marketing consent,"
    "Shopify id,Recharge id,Attributes\n"
)
CITY = '"{""City"": ""%s""}"'
LINE = (
    f"{MAIL},Zq7first,Zörq7née,{PHONE},1977-07-19 07:19:19,zq7channel,zq7tag,yes,"
    f"zq7shopify,zq7recharge,{CITY % 'zq7city'}\n"
)
BOB = f"bob@x.example,Bob,Bell,,,,,,,,{CITY % 'Bonn'}\n"


@pytest.fixture(autouse=True)
def _the_data_is_whole() -> Iterator[None]:
    yield
    assert whats_broken() == {}


class Life:
    """What happens in a store, with the person in it; `live` does all of it."""

    def __init__(self, store: Store, owner: User, admin: Client, client: Client, run_jobs: Callable[[], Any]) -> None:
        self.store, self.owner, self.admin, self.client, self.run_jobs = store, owner, admin, client, run_jobs
        self.importer = Importer(client, run_jobs, store)
        self.pages = f"/s/{store.slug}/customers/"

    def live(self) -> Customer:
        make_customer(self.store, "carol@x.example", attributes={"Referred by": f"{MAIL}, in May"}, tags=[MAIL])
        self.bring_files()
        person = Customer.objects.for_store(self.store).get(email_key=MAIL)
        self.change_by_hand(person)
        self.use_the_admin(person)
        self.be_tracked()
        self.fill_segments(person)
        self.leave_files_lying()
        self.look_and_take_out()
        self.measure(person)
        return person

    def measure(self, person: Customer) -> None:
        """The person's channel and reason stand in the metrics too."""
        told = {"source": "shopify", "external_id": "zq7", "told_at": timezone.now(), "started_at": timezone.now()}
        said = {"status": "cancelled", "cancellation_reason": f"Ask {MAIL}", "price": 1, "currency": "USD"}
        Subscription.objects.create_for(self.store, customer=person, title="Tea", **told, **said)
        bob = Customer.objects.for_store(self.store).get(email_key="bob@x.example")
        told |= {"external_id": f"for {MAIL}"}
        Subscription.objects.create_for(self.store, customer=bob, title=f"As {MAIL}", **told, **said)
        Customer.objects.for_store(self.store).filter(pk=bob.pk).update(acquisition_channel=f"by {MAIL}")
        with transaction.atomic():
            recompute(self.store, None, timezone.now())
        assert CustomerMetrics.objects.for_store(self.store).filter(last_cancellation_reason__contains="zq7").exists()

    def bring_files(self) -> None:
        self.importer.bring(HEAD + LINE + BOB + LINE, f"{MAIL}.csv")
        wrong = LINE.replace(PHONE, "5" * 60)
        nameless = f",Zq7first,Zörq7née,{PHONE},,,,,,,\n"
        two = f"{MAIL} or {FORMER},,,,,,,,,,\n"
        self.importer.bring(HEAD + wrong + nameless + two + BOB.replace("Bonn", f"see {MAIL}"), "wrong.csv")
        self.bring_deeds()

    def bring_deeds(self) -> None:
        """Files of what the person, and others, bought and did; each once as it should be, and once not."""
        orders = self.importer.of("orders")
        head = "Order,E-mail,Shopify customer id,Placed,Total,Discount codes,Product,Price\n"
        mine = f"zq7order,{MAIL},,2026-03-09,12,ZQ7CODE,Guji,12\nzq7order,{MAIL},,2026-03-09,,,Tin,3\n"
        orders.bring(head + mine + "B1,bob@x.example,,2026-03-09,12,,Guji,12\n", f"{MAIL} orders.csv")
        orders.bring(head + f"zq7two,,zq7shopify,2026-03-09,12,,Tin,12\nzq7bad,{MAIL},,zq7never,x,,,\n", "ids.csv")
        subscriptions = self.importer.of("subscriptions")
        head = "Subscription,E-mail,Product,Price,Started,Reason\n"
        subscriptions.bring(head + f"zq7sub,{MAIL},Tea,12,2026-03-09,zq7reason\nB2,bob@x.example,Tea,1,2026-01-01,\n")
        subscriptions.check(head + f"zq7sub2,{MAIL},Tea,12,2026-03-09,zq7reason\n", "waits.csv")
        orders.bring(self.of_others(), "others.csv")
        events = self.importer.of("events")
        head = "E-mail,Event,Time,Properties\n"
        note = f'"{{""by"": ""{MAIL}"", ""about"": ""zörq7née""}}"'
        events.bring(head + f"{MAIL},zq7 event,2026-03-09,{note}\nbob@x.example,Wrote,2026-03-09,{note}\n")

    def of_others(self) -> str:
        """Orders of somebody else, whose codes and titles name the person; two titles are the same but for that."""
        head = "Order,E-mail,Placed,Total,Discount codes,Channel,Product,Price\n"
        titles = (f"Tea for {MAIL}", f"Tea for {MAIL.upper()}", f"Call {PHONE}")
        lines = [
            f"B {MAIL} {at},bob@x.example,2026-03-09,12,{MAIL},by {MAIL},{said},3" for at, said in enumerate(titles)
        ]
        return head + "\n".join(lines) + "\n"

    def change_by_hand(self, person: Customer) -> None:
        url = f"{self.pages}{person.pk}/edit/"
        form = self.client.get(url).context["form"]
        filled = {bound.name: bound.value() for bound in form if bound.value() is not None}
        filled["signed_up_at"] = "1977-07-19T07:19:19"
        assert self.client.post(url, filled | {"email": FORMER}).status_code == 302
        self.importer.bring(HEAD + LINE.replace(MAIL, FORMER).replace("yes", "no"), "again.csv")
        form = self.client.get(url).context["form"]
        filled |= {bound.name: bound.value() for bound in form if bound.name == "seen_at"}
        assert self.client.post(url, filled | {"email": MAIL.upper()}).status_code == 302

    def use_the_admin(self, person: Customer) -> None:
        url = f"/admin/customers/customer/{person.pk}/change/"
        form = self.admin.get(url).context["adminform"].form
        filled = {name: value for name, value in form.initial.items() if value not in (None, "")}
        at = form.initial["signed_up_at"]
        filled |= {"signed_up_at_0": f"{at:%Y-%m-%d}", "signed_up_at_1": f"{at:%H:%M:%S}", "klaviyo_id": "zq7klaviyo"}
        filled |= {"tags": '["zq7tag"]', "attributes": '{"City": "zq7city"}'}
        answer = self.admin.post(url, filled)
        assert answer.status_code == 302, answer.context["errors"]
        file = SimpleUploadedFile("zq7.csv", f"Email,Phone\n{MAIL},{PHONE}\ndora@x.example,\n".encode())
        sent = {"in_store": self.store.pk, "format": "0", "resource": "0", "import_file": file}
        preview = self.admin.post("/admin/customers/customer/import/", sent)
        assert self.admin.post("/admin/customers/customer/process_import/", preview.context["confirm_form"].initial)
        file = SimpleUploadedFile("zq7.csv", f"Email,Phone\n{MAIL},zq7phone\n".encode())
        assert self.admin.post("/admin/customers/customer/import/", sent | {"import_file": file}).status_code == 200

    def be_tracked(self) -> None:
        """Events under every name, those of others that name the person, and requests that wait or were set aside."""
        _, key = keys.create(self.store, WayInKind.SEGMENT, "Shop", actor=self.owner)

        def send(*calls: dict[str, Any]) -> None:
            said = {"batch": calls, "writeKey": key, "context": {"note": f"by {MAIL}"}}
            assert Client().post("/v1/batch", said, content_type="application/json").status_code == 200

        me, bob = {"userId": "zq7user", "anonymousId": "zq7anonymous"}, {"userId": "bob"}
        mine = {"type": "identify", "traits": {"email": MAIL, "lastName": "Zörq7née"}, **me}
        tapped = {"type": "track", "event": f"Wrote to {MAIL}", "properties": {"phone": PHONE}}
        send(mine, {**tapped, **me}, {"type": "track", "event": "zq7alone", "anonymousId": "zq7anonymous"})
        send({"type": "track", "event": "Bought", **bob, "properties": {"for": MAIL}}, {**tapped, **bob, "context": {}})
        sweeping.take_in_all()
        send(mine, {"type": "track", "event": "Bob waits", **bob})
        Arrival.objects.for_store(self.store).filter(state="waiting").update(state="poison")
        sweeping.look_through_all()
        send({**tapped, **me, "properties": {"email": MAIL}}, {"type": "track", "event": "Bob", **bob})

    def fill_segments(self, person: Customer) -> None:
        from segments.actions import add_customer, create_segment

        tea = create_segment(self.store, name=f"Friends of {MAIL}", actor=self.owner)
        desk = Desk(self.client, tea, self.run_jobs)
        desk.bring([(MAIL, "Zq7uploaded", PHONE), ("bob@x.example", "", "")], f"for {MAIL}.csv")
        desk.undo(desk.bring([(FORMER, "Zq7again", PHONE), (MAIL, "Zq7third", "719-2774 x")], "undone.csv"))
        desk.check(f"email,name\n{MAIL},Zq7waits\nbob@x.example,\n".encode(), "waits.csv")
        juice = create_segment(self.store, name="Juice", actor=self.owner)
        add_customer(juice, person, actor=self.owner)
        self.client.post(desk.url("remove_matching", juice.pk), {"q": "zörq7née"})
        self.run_jobs()
        self.client.post(desk.url("remove_matching", tea.pk), {"q": "zq7 first"})
        Job.everywhere.filter(state="queued").update(state="cancelled")
        milk = create_segment(self.store, name="Milk", actor=self.owner)
        Segment.objects.for_store(self.store).filter(pk=milk.pk).update(description=f"As {MAIL} asked")
        add_customer(milk, person, actor=self.owner)
        self.desks = [desk, Desk(self.client, juice, self.run_jobs), Desk(self.client, milk, self.run_jobs)]

    def leave_files_lying(self) -> None:
        tea = self.desks[0]
        tea.send(f"{MAIL},Zq7first\nbob@x.example,Bob\n".encode(), "headless.csv")
        tea.check(f"email,name\n{MAIL},{'n' * 300}\nbob@x.example,Bob\n".encode("utf-16"), "wide.csv")
        self.importer.upload(f"Kunde;{MAIL};{PHONE}\nx@x.example;a;b\n", "unmapped.csv")
        self.importer.check(f'email,first_name,last_name,phone\nbob@x.example,Bob,"{MAIL}\n', "unclosed.csv")
        book, made = Workbook(), io.BytesIO()
        people = book.worksheets[0]
        people.append(["email", "first_name", "last_name", "phone"])
        people.append(["bob@x.example", "Bob", "Bell", ""])
        book.create_sheet("Notes").append([f"like {MAIL.upper()}"])
        book.save(made)
        self.importer.bring(made.getvalue(), "book.xlsx")

    def look_and_take_out(self) -> None:
        for query in ("?q=zq7first", "?tag=zq7tag", "?channel=zq7channel"):
            download(self.client.post(f"{self.pages}export/{query}", {"kind": "csv"}))
        for upload in CustomerImport.objects.for_store(self.store):
            download(self.client.get(f"{self.pages}imports/{upload.pk}/report/"))
        upload = Upload.objects.for_store(self.store).first()
        assert upload is not None
        self.desks[0].report(upload)
        for job in Job.objects.for_store(self.store):
            self.client.post(f"/s/{self.store.slug}/runs/{job.pk}/retry/")
            self.client.post(f"/s/{self.store.slug}/runs/{job.pk}/cancel/")
        self.run_jobs()


@pytest.fixture
def life(store: Store, owner: User, run_jobs: Callable[[], Any], client_of: Callable[..., Client]) -> Life:
    admin = client_of(User.objects.create_superuser("admin@coterie.example", "x"))
    return Life(store, owner, admin, client_of(owner), run_jobs)


def erase(life: Life, person: Customer) -> Erasure:
    answer = life.client.post(f"{life.pages}{person.pk}/erase/", {"confirm": MAIL})
    assert answer.status_code == 302, answer.content.decode()[:3000]
    assert life.client.get(person.get_absolute_url()).status_code == 404
    life.run_jobs()
    return Erasure.objects.for_store(life.store).get()


def rows_told(store: Store) -> dict[int, int]:
    """File → how many rows its counts speak of."""
    uploads = CustomerImport.objects.for_store(store)
    return {row.pk: sum(row.counts.get(verdict, 0) for verdict in ImportVerdict.values) for row in uploads}


def test_nothing_of_the_person_is_left(life: Life) -> None:
    person = life.live()
    assert len(hits(WORDS)) > 150, "the person was not everywhere before"
    before = rows_told(life.store)
    erasure = erase(life, person)
    left = hits(WORDS)
    assert not left, "\n".join(left)
    assert erasure.finished_at
    assert not erasure.subject
    assert erasure.customer_id == person.pk
    assert rows_told(life.store) == before


def test_other_people_are_left_as_they_are(life: Life) -> None:
    person = life.live()
    erase(life, person)
    others = Customer.objects.for_store(life.store).filter(erased_at=None).order_by("email_key")
    assert list(others.values_list("email_key", flat=True)) == ["bob@x.example", "carol@x.example", "dora@x.example"]
    bob, carol = others[0], others[1]
    assert (bob.first_name, bob.last_name) == ("Bob", "Bell")
    assert carol.attributes == {"Referred by": "[erased], in May"}
    assert carol.tags == ["[erased]"]
    titles = OrderLine.objects.for_store(life.store).values_list("title", flat=True)
    assert sorted(titles) == ["Call [erased]", "Guji", "Tea for [erased]", "Tea for [erased]"]
    wrote = Event.objects.for_store(life.store).get(name="Wrote")
    assert wrote.properties == {"by": "[erased]", "about": "[erased]"}
    assert CustomerMetrics.objects.for_store(life.store).get(customer=bob).last_cancellation_reason == "Ask [erased]"
    assert MembershipChange.objects.for_store(life.store).filter(customer=person).exists()
    assert set(ErasedIdentity.objects.for_store(life.store).values_list("kind", flat=True)) == {
        "email",
        "shopify_id",
        "recharge_id",
        "klaviyo_id",
        "visitor",
    }


def test_nothing_brings_the_person_back(life: Life) -> None:
    person = life.live()
    erase(life, person)
    for upload in Upload.objects.for_store(life.store):
        for name in ("upload_check", "upload_import", "upload_undo"):
            life.desks[0].post(name, upload)
            life.run_jobs()
    for job in Job.objects.for_store(life.store):
        life.client.post(f"/s/{life.store.slug}/runs/{job.pk}/retry/")
        life.run_jobs()
    left = hits(["zq7"])
    assert not left, "\n".join(left)
    upload = life.importer.bring(HEAD + LINE + LINE.replace(MAIL, FORMER), "new.csv")
    assert told(upload) == {"erased": 2}
    assert not Customer.objects.for_store(life.store).filter(email_key__startswith="zq7").exists()


def test_erasing_twice_changes_nothing(life: Life) -> None:
    person = life.live()
    erasure = erase(life, person)
    assert life.client.post(f"{life.pages}{person.pk}/erase/", {"confirm": MAIL}).status_code == 404
    Job.everywhere.filter(kind="customers.erase").update(state="queued", attempts=0)
    life.run_jobs()
    again = Erasure.objects.for_store(life.store).get()
    assert (again.counts, again.finished_at) == (erasure.counts, erasure.finished_at)
