"""A file on its way into a segment, up to its check: what is refused, how it is read, what is found."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.storage import default_storage
from django.test import Client

from portal.models import Store, User
from portal.sheets import LATER_ROW_COUNTS, REPORT_HEADERS
from segments import actions
from segments.models import Upload, UploadRow
from tests import corpus
from tests.conftest import make_customer
from tests.segments.conftest import Desk, csv_of, download, emails_in, make_customers, put_in

pytestmark = pytest.mark.django_db

OPEN_QUOTE = b'email,name\r\nada@x.example,Ada\r\nb@x.example,"Bob\r\n' + b"c@x.example,C\r\n" * 9


def stored_files() -> list[str]:
    return default_storage.listdir("sheets")[1] if default_storage.exists("sheets") else []


@pytest.fixture(autouse=True)
def _no_files_left() -> None:
    for name in stored_files():
        default_storage.delete(f"sheets/{name}")


def test_what_shows_while_reading_is_refused_whole(desk: Desk) -> None:
    upload = desk.check(OPEN_QUOTE)
    assert "quote" in upload.refusal
    assert "line 3" in upload.refusal
    page = desk.page(upload)
    assert "This file was not imported" in page
    assert "Check again" in page
    assert not UploadRow.everywhere.exists()
    answer = desk.confirm(upload)
    assert answer.status_code == 302
    assert upload.confirmed_at is None


def test_without_a_file(desk: Desk) -> None:
    answer = desk.client.post(desk.url("upload", desk.segment.pk))
    assert answer.status_code == 422
    assert "Choose a file first." in answer.content.decode()


def test_too_large(desk: Desk, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 1024 * 1024
    answer = desk.send(b"email\r\n" + b"x" * 1024 * 1024)
    assert "The file is larger than 1 MB." in answer.content.decode()


def test_many_columns_are_listed_in_part(desk: Desk) -> None:
    answer = desk.send(",".join(f"column {n}" for n in range(50)).encode())
    assert "“column 19” and 30 more. Name the one that holds the addresses" in answer.content.decode()


@pytest.mark.parametrize("dialect", sorted(corpus.dialects()))
def test_every_dialect_gives_the_same_people(desk: Desk, store: Store, dialect: str) -> None:
    for email, _, _ in corpus.PEOPLE:
        make_customer(store, email)
    name = "people.xlsx" if "xlsx" in dialect else "people.csv"
    upload = desk.check(corpus.dialects()[dialect], name)
    assert upload.counts == {"matched": 3}, desk.page(upload)
    said = UploadRow.everywhere.filter(upload=upload).order_by("line").values_list("email", "name", "phone")
    assert [list(row) for row in said] == [
        [email, " ".join(name.split()), phone] for email, name, phone in corpus.PEOPLE
    ]


@pytest.mark.parametrize(
    "header", ["email", "E-Mail", "Email Address", "customer_email", " EMAIL ", "Shopper Email", "E-Mail-Adresse"]
)
def test_the_email_column_has_many_names(desk: Desk, store: Store, header: str) -> None:
    make_customer(store, "ada@x.example")
    upload = desk.check(csv_of([("1", "ada@x.example")], header=("Nr", header)))
    assert upload.counts == {"matched": 1}


def test_first_and_last_name_make_a_name(desk: Desk, store: Store) -> None:
    make_customer(store, "ada@x.example")
    header = ("Last Name", "Phone", "First Name", "Email")
    desk.check(csv_of([("Byron", "1", "Ada", "ada@x.example")], header=header))
    assert UploadRow.everywhere.get().name == "Ada Byron"


@pytest.fixture
def mixed(desk: Desk, store: Store, owner: User) -> bytes:
    """A file with something of everything."""
    people = make_customers(store, 6)
    put_in(desk.segment, people[:3])
    actions.remove_customers(desk.segment, [people[2].pk], actor=owner)
    rows = [
        ("p00000@x.example", "Inside", ""),
        ("p00001@x.example", "", ""),
        ("p00002@x.example", "Removed", ""),
        ("P00003@X.example ", "First mention", ""),
        ("nobody@x.example", "", ""),
        ("p00004@x.example", "New", "1"),
        ("not an address", "", ""),
        ("", "Without", ""),
        ("p00003@x.example", "Second mention", ""),
        ("p00005@x.example", "Long", "5" * 51),
        ("p00005@x.example", "L" * 256, ""),
    ]
    return csv_of(rows) + b"p00005@x.example,one,two,three,four\r\n"


def test_the_check_accounts_for_every_row(desk: Desk, mixed: bytes) -> None:
    upload = desk.check(mixed)
    assert upload.counts == {"already": 2, "kept_out": 1, "matched": 2, "unmatched": 1, "repeated": 1, "invalid": 5}
    assert sum(upload.counts.values()) == upload.row_count == 12
    assert emails_in(desk.segment) == {"p00000@x.example", "p00001@x.example"}
    again = LATER_ROW_COUNTS
    [headers, *rows] = desk.report(upload)
    assert headers == list(REPORT_HEADERS)
    assert rows == [
        ["2", "p00000@x.example", "Already in the segment", "In the segment already."],
        ["3", "p00001@x.example", "Already in the segment", "In the segment already."],
        ["4", "p00002@x.example", "Removed by hand before", "Removed from this segment by hand before."],
        ["5", "P00003@X.example", "Again later in the file", again],
        ["6", "nobody@x.example", "No customer with this e-mail", "No customer of the store has this e-mail address."],
        ["7", "p00004@x.example", "Matched", ""],
        ["8", "not an address", "Invalid", "Not an e-mail address: a space inside."],
        ["9", "", "Invalid", "No e-mail address."],
        ["10", "p00003@x.example", "Matched", ""],
        ["11", "p00005@x.example", "Invalid", "The phone number is longer than 50 characters."],
        ["12", "p00005@x.example", "Invalid", "The name is longer than 255 characters."],
        ["13", "p00005@x.example", "Invalid", "The row has 5 values for 3 columns."],
    ]  # fmt: skip


def test_the_check_page_shows_counts_and_first_rows(desk: Desk, mixed: bytes) -> None:
    page = desk.page(desk.check(mixed))
    for words in (
        "Matched",
        "Without a customer",
        "Already in the segment",
        "Removed by hand before",
        "Invalid",
        "12 rows in the file",
    ):
        assert words in page
    assert "nobody@x.example" in page
    assert "not an address" in page
    assert "UTF-8, commas" in page
    assert "Also add those who were removed from this segment by hand before" in page
    assert ">Import<" in page.replace("</svg>", ">")


def test_without_removed_people_there_is_no_switch(desk: Desk, store: Store) -> None:
    make_customer(store, "ada@x.example")
    assert "include_removed" not in desk.page(desk.check(csv_of([("ada@x.example", "", "")])))


def test_of_many_rows_the_first_five_are_shown(desk: Desk) -> None:
    page = desk.page(desk.check(csv_of([(f"n{n}@x.example", "", "") for n in range(9)])))
    assert "First 5 rows" in page
    assert "?result=unmatched" in page


def test_a_report_of_one_result(desk: Desk, mixed: bytes) -> None:
    upload = desk.check(mixed)
    assert [row[0] for row in desk.report(upload, "?result=invalid")[1:]] == ["8", "9", "11", "12", "13"]
    assert len(desk.report(upload, "?result=nonsense")) == 13


def test_headers_alone_are_nobody(desk: Desk) -> None:
    upload = desk.check(b"email,name\r\n")
    assert "0 people found" in desk.page(upload)
    answer = desk.post("upload_import", upload, follow=True)
    assert "There is nobody in this file." in answer.content.decode()


def test_without_a_valid_address_there_is_nobody_to_import(desk: Desk) -> None:
    for content, offers in ((b"email\r\nnobody\r\n", False), (b"email\r\nnobody\r\na@x.example\r\n", True)):
        page = desk.page(desk.check(content))
        assert (">Import</button>" in page) == offers
        assert ("Upload another file" in page, "Nothing to import" in page) == (not offers, not offers)


def test_a_hostile_file_name_is_shown_and_never_used(desk: Desk) -> None:
    upload = desk.check(csv_of([("a@x.example", "", "")]), '<img src=x onerror="1">.csv')
    assert "<img src=x" not in desk.page(upload)
    assert "&lt;img src=x" in desk.page(upload)
    assert re.fullmatch(r"sheets/[0-9a-f]{32}\.csv", str(upload.file.name))


LIMITED = "The file has 4 rows, and this store takes at most 3 customers in one upload."


def test_a_longer_file_is_refused_whole(desk: Desk, store: Store, owner: User) -> None:
    Store.objects.filter(pk=store.pk).update(upload_limit=3)
    upload = desk.check(csv_of([(f"n{n}@x.example", "", "") for n in range(4)]))
    assert upload.refusal.startswith(LIMITED)
    assert "ask an owner to raise the upload limit in Settings ▸ Store, to at most 5,000,000" in upload.refusal
    assert 'href="/s/maple/settings/store/"' in desk.page(upload)
    assert not UploadRow.everywhere.exists()
    Store.objects.filter(pk=store.pk).update(upload_limit=4)
    desk.post("upload_check", upload)
    desk.run_jobs()
    upload.refresh_from_db()
    assert (upload.refusal, upload.counts) == ("", {"unmatched": 4})


def test_as_many_as_the_limit_are_taken(desk: Desk, store: Store) -> None:
    Store.objects.filter(pk=store.pk).update(upload_limit=3)
    assert desk.check(csv_of([(f"n{n}@x.example", "", "") for n in range(3)])).counts == {"unmatched": 3}


def test_a_limit_lowered_meanwhile_holds(desk: Desk, store: Store) -> None:
    upload = desk.check(csv_of([(f"n{n}@x.example", "", "") for n in range(4)]))
    Store.objects.filter(pk=store.pk).update(upload_limit=3)
    assert LIMITED in desk.post("upload_import", upload, follow=True).content.decode()
    upload.refresh_from_db()
    assert upload.confirmed_at is None


def test_the_limit_is_8900_unless_it_is_raised(store: Store) -> None:
    assert (store.upload_limit, django_settings.UPLOAD_LIMIT_MOST) == (8_900, 5_000_000)


def test_a_guess_is_shown_and_can_be_changed(desk: Desk, store: Store) -> None:
    make_customer(store, "ada@x.example")
    upload = desk.check("email|name\r\nada@x.example|Jürgen\r\n".encode("cp1252"))
    page = desk.page(upload)
    assert "The text encoding is a guess" in page
    assert "Windows-1252, vertical bars" in page
    assert "Jürgen" in page
    answer = desk.post("upload_read_as", upload, {"encoding": "utf-8", "delimiter": "bar"})
    assert answer.status_code == 422
    assert "Read like this the file cannot be used." in answer.content.decode()
    answer = desk.post("upload_read_as", upload, {"encoding": "cp1252", "delimiter": "comma"})
    assert "There is no e-mail column" in answer.content.decode()
    upload.refresh_from_db()
    assert upload.counts == {"matched": 1}


def test_reading_otherwise_checks_anew(desk: Desk, store: Store) -> None:
    make_customer(store, "ada@x.example")
    upload = desk.check(b"email,name\r\nada@x.example,Ada;Byron\r\n")
    UploadRow.everywhere.update(name="of the first check")
    desk.post("upload_read_as", upload, {"encoding": "cp1252", "delimiter": "comma"})
    upload.refresh_from_db()
    assert upload.checked_at is None
    desk.run_jobs()
    upload.refresh_from_db()
    assert (upload.format["encoding"], upload.counts) == ("cp1252", {"matched": 1})
    assert UploadRow.everywhere.get().name == "Ada;Byron"


@pytest.mark.parametrize(
    "choice", [{}, {"encoding": "latin", "delimiter": "comma"}, {"encoding": "utf-8", "delimiter": "x"}]
)
def test_only_known_ways_to_read_are_taken(desk: Desk, choice: dict[str, str]) -> None:
    upload = desk.check(csv_of([("a@x.example", "", "")]))
    assert desk.post("upload_read_as", upload, choice).status_code == 422


def test_the_same_form_twice_is_one_upload(desk: Desk) -> None:
    content = csv_of([("a@x.example", "", "")])
    first = desk.send(content)
    before = stored_files()
    assert desk.send(content)["Location"] == first["Location"]
    desk.run_jobs()
    assert desk.send(content)["Location"] == first["Location"]
    assert Upload.everywhere.count() == 1
    assert stored_files() == before
    assert desk.send(content, "other.csv")["Location"] != first["Location"]


def test_a_file_that_was_changed_on_disk_is_refused(desk: Desk) -> None:
    desk.send(csv_of([("a@x.example", "", "")]))
    with default_storage.open(str(desk.latest().file.name), "wb") as file:
        file.write(b"email\r\nmallory@x.example\r\n")
    desk.run_jobs()
    assert desk.latest().refusal == "The file was changed after it was uploaded. Upload it again."


def test_the_page_of_a_file_that_is_gone_still_opens(desk: Desk) -> None:
    upload = desk.check(csv_of([("a@x.example", "", "")]))
    default_storage.delete(str(upload.file.name))
    assert "What the check found" in desk.page(upload)


def test_the_template_can_be_filled_in_and_uploaded(desk: Desk, store: Store) -> None:
    make_customer(store, "ada@x.example")
    content = download(desk.client.get("/s/maple/segments/template/"))
    assert content.decode("utf-8-sig").strip() == "email,name,phone"
    assert desk.check(content + b"ada@x.example,Ada,1\r\n", "segment-template.csv").counts == {"matched": 1}


def test_a_viewer_looks_and_changes_nothing(
    desk: Desk, mixed: bytes, viewer: User, client_of: Callable[[User], Client]
) -> None:
    upload = desk.check(mixed)
    looking = Desk(client_of(viewer), desk.segment, desk.run_jobs)
    page = looking.page(upload)
    assert "Matched" in page
    for absent in ("Download report", "Read it like this", "upload_import", "/report/"):
        assert absent not in page
    assert looking.send(mixed).status_code == 403
    for name in ("upload_import", "upload_check", "upload_read_as", "upload_undo"):
        assert looking.post(name, upload).status_code == 403
    assert looking.client.get(looking.url("upload_report", desk.segment.pk, upload.pk)).status_code == 403


def test_uploads_of_others_are_not_there(
    desk: Desk, mixed: bytes, store: Store, owner: User, other_store: Store, stranger: User
) -> None:
    upload = desk.check(mixed)
    other = actions.create_segment(store, name="Other", actor=owner)
    theirs = actions.create_segment(other_store, name="Theirs", actor=stranger)
    for segment in (other, theirs):
        assert desk.client.get(desk.url("upload_detail", segment.pk, upload.pk)).status_code == 404
