"""Bringing a file of customers through the pages."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from customers.models import Customer, CustomerImport
from portal import jobs
from portal.models import Job, Store, User
from tests.conftest import make_customer
from tests.customers.conftest import PAGES, Importer, body, people, table, told
from tests.customers.test_layouts import RECHARGE_NOW, SHOPIFY_BEFORE, SHOPIFY_NOW

pytestmark = pytest.mark.django_db

SHOPIFY_LINES = """\
'7705,Ann,Lee,Ann@x.example,yes,,Main St 1,,Spokane,WA,US,'099,'+1 509,'+1 510,no,30.51,1,"likes
two lines",no,"coffee, ground"
'7706,,,,no,,,,,,,,,,no,0.00,0,,no,
"""


def test_a_shopify_export_goes_straight_to_its_check(importer: Importer, store: Store) -> None:
    upload = importer.check("\ufeff" + ",".join(SHOPIFY_NOW) + "\n" + SHOPIFY_LINES, "customers_export.csv")
    assert (upload.source, told(upload)) == ("shopify", {"created": 1, "invalid": 1})
    page = body(importer.client.get(upload.get_absolute_url()))
    assert "A Shopify customer export" in page
    assert "Attribute “City”" in page
    importer.start(upload)
    ann = people(store)["ann@x.example"]
    assert (ann.shopify_id, ann.phone, ann.marketing_consent) == ("7705", "+1 510", "subscribed")
    assert ann.tags == ["coffee", "ground"]
    assert ann.attributes["City"] == "Spokane"
    assert ann.attributes["Zip"] == "099"
    assert ann.attributes["Note"] == "likes\ntwo lines"


def test_shopifys_older_header_is_known_too(importer: Importer, store: Store) -> None:
    line = "Ann,Lee,ann@x.example,no,,,,Bonn,,,,,,,,,,,,\n"
    upload = importer.bring(",".join(SHOPIFY_BEFORE) + "\n" + line)
    assert (upload.source, told(upload)) == ("shopify", {"created": 1})
    assert people(store)["ann@x.example"].marketing_consent == "unsubscribed"


def test_a_recharge_export_goes_straight_to_its_check(importer: Importer, store: Store) -> None:
    line = "94343310,abc123,ann@x.example,Ann,Lee,+1,2022-03-09T02:36:35,2022-03-10T00:00:00,7537,2,false\n"
    upload = importer.bring(",".join(RECHARGE_NOW) + "\n" + line)
    assert (upload.source, told(upload)) == ("recharge", {"created": 1})
    ann = people(store)["ann@x.example"]
    assert (ann.recharge_id, ann.shopify_id) == ("94343310", "7537")
    assert ann.signed_up_at.astimezone(store.zone).isoformat() == "2022-03-09T02:36:35-05:00"
    assert ann.attributes == {"subscriptions_active_count": "2", "has_payment_method_in_dunning": "false"}
    assert "abc123" not in str(ann.__dict__)


OTHER = "Kontakt;Mail;Name;Since;Größe\nX1;ann@x.example;Ann Müller;03/04/2024;L\nX2;bob@x.example;Bob;04/13/2024;\n"


def columns_of(upload: CustomerImport, *choices: str) -> dict[str, str]:
    return {f"column_{index}": choice for index, choice in enumerate(choices)}


def test_any_other_file_asks_what_its_columns_are(importer: Importer, store: Store) -> None:
    upload = importer.upload(OTHER.encode("cp1252"))
    response = importer.client.get(upload.get_absolute_url())
    assert (response.status_code, Job.everywhere.count()) == (302, 0)
    page = body(importer.client.get(response["Location"]))
    assert "Windows-1252, semicolons" in page
    assert "The text encoding is a guess" in page
    assert "Ann Müller" in page
    assert page.count("<select") == 5 + 2
    choices = columns_of(upload, "", "email", "full_name", "signed_up_month_first", "attribute")
    assert importer.client.post(response["Location"], choices).status_code == 302
    importer.run_jobs()
    upload.refresh_from_db()
    importer.start(upload)
    assert told(upload) == {"created": 2}
    ann = people(store)["ann@x.example"]
    assert (ann.first_name, ann.last_name, ann.attributes) == ("Ann", "Müller", {"Größe": "L"})
    assert (ann.signed_up_at.month, ann.signed_up_at.day) == (3, 4)


@pytest.mark.parametrize(
    ("choices", "complaint"),
    [
        (("attribute", "", "full_name", "", ""), "Choose the column of the e-mail addresses"),
        (("phone", "email", "phone", "", ""), "Two columns are read as “Phone”"),
        (("signed_up_at", "email", "", "signed_up_day_first", ""), "Two columns are read as “Signed up”"),
        (("nonsense", "email", "", "", ""), "nonsense"),
    ],
)
def test_columns_that_make_no_sense_are_refused(importer: Importer, choices: tuple[str, ...], complaint: str) -> None:
    upload = importer.upload(OTHER)
    response = importer.client.post(f"{PAGES}imports/{upload.pk}/columns/", columns_of(upload, *choices))
    assert response.status_code == 422
    assert complaint in body(response)
    assert Job.everywhere.count() == 0


def test_a_guessed_encoding_can_be_changed_and_the_file_is_read_anew(importer: Importer, store: Store) -> None:
    upload = importer.check("Email,Last name\nann@x.example,Łucja\n".encode("utf-16-le"), "people.txt")
    assert told(upload) == {"created": 1}
    importer.client.post(f"{PAGES}imports/{upload.pk}/read-as/", {"encoding": "utf-16-le", "delimiter": "comma"})
    importer.run_jobs()
    upload.refresh_from_db()
    assert (told(upload), upload.row_count) == ({"created": 1}, 1)
    importer.start(upload)
    assert people(store)["ann@x.example"].last_name == "Łucja"


def test_a_reading_that_does_not_work_is_refused_and_the_old_one_stays(importer: Importer) -> None:
    upload = importer.check("Email,Téléphone\nann@x.example,1\n".encode("cp1252"))
    before = CustomerImport.everywhere.values().get()
    response = importer.client.post(f"{PAGES}imports/{upload.pk}/read-as/", {"encoding": "utf-8", "delimiter": "comma"})
    assert response.status_code == 422
    assert "Read like this the file cannot be used." in body(response)
    assert CustomerImport.everywhere.values().get() == before


def test_a_reading_that_fails_inside_can_be_taken_back(importer: Importer, store: Store) -> None:
    text = "Email,Last name\n" + "".join(f"p{n}@x.example,Lee\n" for n in range(3_000)) + "ann@x.example,Müller\n"
    upload = importer.check(text.encode("cp1252"))
    read_as = f"{PAGES}imports/{upload.pk}/read-as/"
    importer.client.post(read_as, {"encoding": "utf-8", "delimiter": "comma"})
    importer.run_jobs()
    assert "Line 3002 is not UTF-8" in body(importer.client.get(upload.get_absolute_url()))
    importer.client.post(read_as, {"encoding": "cp1252", "delimiter": "comma"})
    importer.run_jobs()
    upload.refresh_from_db()
    importer.start(upload)
    assert people(store)["ann@x.example"].last_name == "Müller"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("people.csv", b"", "The file is empty."),
        ("people.pdf", b"%PDF", "Upload a .csv, .tsv, .txt or .xlsx file."),
        ("people.xls", b"x", "Upload a .csv, .tsv, .txt or .xlsx file."),
        ("people.csv", b"Email,email \na@b.example,x\n", "is there twice"),
        ("people.csv", b"PK\x03\x04broken", "workbook"),
    ],
)
def test_what_is_no_table_is_refused_at_the_door(client: Client, name: str, content: bytes, words: str) -> None:
    response = client.post(f"{PAGES}import/", {"file": SimpleUploadedFile(name, content)})
    assert response.status_code == 422
    assert words in body(response)
    assert not CustomerImport.everywhere.exists()


def test_no_file_is_said_so(client: Client) -> None:
    assert "Choose a file first." in body(client.post(f"{PAGES}import/", {}))


def test_a_file_that_breaks_inside_is_refused_whole(importer: Importer, store: Store) -> None:
    upload = importer.check('Email,Last name\nann@x.example,Lee\nbob@x.example,"open\n')
    assert upload.refusal == "The quote opened in line 3 never closes."
    page = body(importer.client.get(upload.get_absolute_url()))
    assert upload.refusal in page
    importer.start(upload)
    assert not people(store)
    assert upload.confirmed_at is None


def test_a_file_without_rows_has_nothing_to_import(importer: Importer) -> None:
    upload = importer.check("Email,Last name\n")
    assert "There are no rows in this file" in body(importer.client.get(upload.get_absolute_url()))
    importer.start(upload)
    assert upload.confirmed_at is None


def test_a_file_without_a_valid_row_has_nothing_to_import(importer: Importer) -> None:
    for content, offers in (("email\nnobody\n", False), ("email\nnobody\na@x.example\n", True)):
        upload = importer.check(content)
        page = body(importer.client.get(upload.get_absolute_url()))
        assert (f"{PAGES}imports/{upload.pk}/start/" in page) == offers
        assert ("Upload another file" in page, "Nothing to import" in page) == (not offers, not offers)


def test_a_workbook_is_imported_too(importer: Importer, store: Store) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(["Email", "Phone", "Signed up"])
    sheet.append(["ann@x.example", 491551234567, date(2024, 7, 9)])
    file = io.BytesIO()
    book.save(file)
    upload = importer.bring(file.getvalue(), "people.xlsx")
    assert told(upload) == {"created": 1}
    ann = people(store)["ann@x.example"]
    assert ann.phone == "491551234567"
    assert ann.signed_up_at.astimezone(store.zone).isoformat() == "2024-07-09T00:00:00-04:00"


def test_the_check_shows_the_first_rows_and_the_switch_only_where_it_matters(importer: Importer, store: Store) -> None:
    make_customer(store, "here@x.example", marketing_consent="unsubscribed")
    plain = importer.check("Email,First name\nann@x.example,Ann\n")
    page = body(importer.client.get(plain.get_absolute_url()))
    assert "ann@x.example" in page
    assert "change_consent" not in page
    loud = importer.check("Email,Marketing consent\nhere@x.example,yes\nnot one,yes\n", "loud.csv")
    page = body(importer.client.get(loud.get_absolute_url()))
    assert "Kept unsubscribed" in page
    assert 'name="change_consent"' in page
    assert "Not an e-mail address: a space inside." in page


def test_the_report_tells_of_every_row(importer: Importer, store: Store) -> None:
    make_customer(store, "here@x.example", first_name="Ann")
    text = "Email,First name\nnew@x.example,A\nhere@x.example,Ann\nhere@x.example,=Anne\nbad,x\n"
    upload = importer.check(text)
    report = f"{PAGES}imports/{upload.pk}/report/"
    before = table(body(importer.client.get(report)))
    assert before[0] == ["Line", "E-mail", "Result", "Reason"]
    assert [row[2] for row in before[1:]] == [
        "New customer", "Again later in the file", "Customer here already", "Invalid",
    ]  # fmt: skip
    importer.start(upload)
    after = table(body(importer.client.get(report)))
    assert [row[2] for row in after[1:]] == ["New customer", "Again later in the file", "Customer updated", "Invalid"]
    assert after[4] == ["5", "bad", "Invalid", "Not an e-mail address: no @."]
    assert table(body(importer.client.get(f"{report}?result=invalid")))[1:] == [after[4]]
    assert "See the customers" in body(importer.client.get(upload.get_absolute_url()))


def test_an_import_is_started_once(importer: Importer) -> None:
    upload = importer.check("Email\nann@x.example\n")
    for _ in range(2):
        importer.client.post(f"{PAGES}imports/{upload.pk}/start/")
    assert Job.everywhere.filter(kind="customers.import").count() == 1
    importer.run_jobs()
    importer.start(upload)
    assert Job.everywhere.filter(kind="customers.import").count() == 1
    response = importer.client.post(f"{PAGES}imports/{upload.pk}/columns/", {"column_0": "email"}, follow=True)
    assert "imported already" in body(response)


def test_imports_so_far_are_listed_with_their_state(importer: Importer, django_assert_num_queries: Any) -> None:
    importer.bring("Email\nann@x.example\n", "first.csv")
    with django_assert_num_queries(QUERIES_OF_IMPORTS):
        body(importer.client.get(f"{PAGES}imports/"))
    importer.check("Email\nbob@x.example\n", "second.csv")
    importer.upload("Email\nbob@x.example\n", "third.csv")
    with django_assert_num_queries(QUERIES_OF_IMPORTS):
        page = body(importer.client.get(f"{PAGES}imports/"))
    assert page.index("third.csv") < page.index("second.csv") < page.index("first.csv")
    assert "Checking" in page
    assert "Ready to import" in page
    assert "Imported" in page


QUERIES_OF_IMPORTS = 7


def test_viewers_look_and_change_nothing(
    importer: Importer, viewer: User, client_of: Callable[..., Client], stranger: User
) -> None:
    upload = importer.check("Email\nann@x.example\n")
    page = f"{PAGES}imports/{upload.pk}/"
    looks = client_of(viewer)
    shown = looks.get(page)
    assert shown.status_code == 200
    assert "start/" not in body(shown)
    for forbidden in ("start/", "columns/", "read-as/"):
        assert looks.post(page + forbidden).status_code == 403
    assert looks.get(page + "report/").status_code == 403
    assert looks.get(f"{PAGES}import/").status_code == 403
    theirs = client_of(stranger)
    assert theirs.get(f"/s/willow/customers/imports/{upload.pk}/").status_code == 404
    assert theirs.get(page).status_code == 404


def test_a_cancelled_check_can_go_on(importer: Importer, store: Store) -> None:
    upload = importer.upload("Email\nann@x.example\n")
    job = Job.everywhere.get()
    jobs.cancel(job)
    assert "The check was not finished" in body(importer.client.get(upload.get_absolute_url()))
    importer.client.post(f"/s/maple/runs/{job.pk}/retry/")
    importer.run_jobs()
    upload.refresh_from_db()
    assert told(importer.start(upload)) == {"created": 1}
    assert Customer.objects.for_store(store).count() == 1
