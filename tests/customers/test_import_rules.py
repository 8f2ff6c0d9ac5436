"""What an import does to customers, and what it leaves alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from customers.imports.work import CHECK, IMPORT
from customers.models import Customer, CustomerImportRow
from customers.register import lock_customers
from portal import jobs
from portal.models import AuditEntry, Job, Store
from tests.conftest import make_customer
from tests.customers.conftest import PAGES, Importer, body, people, rows, told

pytestmark = pytest.mark.django_db

HEAD = "Email,First name,Last name,Phone,Signed up,Acquisition channel,Tags,Marketing consent,Attributes\n"


def test_who_is_new_is_made_with_all_that_the_file_says(importer: Importer, store: Store) -> None:
    line = 'Ann@X.example,Ann,Lee,+1 555,2024-07-09,organic,"vip, tea",yes,"{""City"": ""Köln""}"\n'
    upload = importer.bring(HEAD + line + "bob@x.example,,,,,,,,\n")
    assert told(upload) == {"created": 2}
    ann, bob = people(store)["ann@x.example"], people(store)["bob@x.example"]
    assert (ann.email, ann.name, ann.phone, ann.acquisition_channel) == (
        "Ann@X.example",
        "Ann Lee",
        "+1 555",
        "organic",
    )
    assert (ann.tags, ann.attributes, ann.marketing_consent) == (["vip", "tea"], {"City": "Köln"}, "subscribed")
    assert ann.signed_up_at == datetime(2024, 7, 9, 4, tzinfo=UTC)
    assert ann.last_import == bob.last_import == upload
    assert (bob.marketing_consent, bob.tags, bob.attributes, bob.signed_up_at) == ("unknown", [], {}, bob.created_at)


def test_empty_cells_overwrite_nothing_and_full_ones_do(importer: Importer, store: Store) -> None:
    before = make_customer(
        store, "ann@x.example", first_name="Ann", last_name="Lee", phone="+1", tags=["vip"], acquisition_channel="ads",
        attributes={"City": "Bonn", "Size": "M"}, signed_up_at=datetime(2020, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    upload = importer.bring(HEAD + 'ANN@x.example,,Li,,,,,,"{""City"": ""Köln""}"\n')
    assert told(upload) == {"updated": 1}
    ann = people(store)["ann@x.example"]
    assert (ann.email, ann.first_name, ann.last_name, ann.phone) == ("ann@x.example", "Ann", "Li", "+1")
    assert (ann.tags, ann.acquisition_channel, ann.signed_up_at) == (["vip"], "ads", before.signed_up_at)
    assert ann.attributes == {"City": "Köln", "Size": "M"}
    assert ann.last_import == upload
    assert ann.changed_at > before.changed_at
    assert ann.created_at == before.created_at


def test_a_file_that_says_nothing_new_changes_nothing(importer: Importer, store: Store) -> None:
    text = HEAD + 'zoë@x.example,Zoë,Lee,,2024-07-09,,"ä, b",yes,"{""City"": ""Köln"", ""n"": 1}"\n'
    importer.bring(text)
    before = list(Customer.everywhere.order_by("pk").values())
    again = importer.bring(text, "again.csv")
    assert told(again) == {"unchanged": 1}
    assert list(Customer.everywhere.order_by("pk").values()) == before


@pytest.mark.parametrize(
    "other", [" ann@X.EXAMPLE ", "Ann Lee <ann@x.example>", "mailto:ANN@x.example", '"ann@x.example\u200b"']
)
def test_a_person_in_another_spelling_is_the_same_and_the_last_row_counts(
    importer: Importer, store: Store, other: str
) -> None:
    upload = importer.bring(f"{HEAD}ann@x.example,First,,+1,,,,,\n{other},Last,,,,,,,\n")
    assert told(upload) == {"created": 1, "repeated": 1}
    assert rows(upload)[2] == ("repeated", "The same person comes again in a later line; the last one counts.")
    ann = people(store)["ann@x.example"]
    assert (ann.first_name, ann.phone) == ("Last", "")


def test_unicode_forms_do_not_make_two_people(importer: Importer, store: Store) -> None:
    make_customer(store, "zo\u00eb@x.example")
    upload = importer.bring(f"{HEAD}zoe\u0308@x.example,Zoe\u0308,,,,,,,\n")
    assert told(upload) == {"updated": 1}
    assert people(store)["zo\u00eb@x.example"].first_name == "Zo\u00eb"


def test_of_a_repeated_person_an_invalid_last_row_does_not_count(importer: Importer, store: Store) -> None:
    upload = importer.bring(f"{HEAD}ann@x.example,Good,,,,,,,\nann@x.example,Bad,,,someday,,,,\n")
    assert told(upload) == {"created": 1, "invalid": 1}
    assert people(store)["ann@x.example"].first_name == "Good"


@pytest.fixture
def consents(store: Store) -> None:
    for consent in ("unknown", "subscribed", "unsubscribed"):
        make_customer(store, f"{consent}@x.example", marketing_consent=consent)


CONSENTS = """Email,First name,Marketing consent
unknown@x.example,A,yes
subscribed@x.example,A,no
unsubscribed@x.example,A,yes
"""


def consent_now(store: Store) -> dict[str, str]:
    return {key.split("@")[0]: customer.marketing_consent for key, customer in people(store).items()}


def test_consent_of_who_is_here_never_changes_unasked(importer: Importer, store: Store, consents: None) -> None:
    upload = importer.check(CONSENTS)
    assert told(upload) == {"updated": 3, "stays_unsubscribed": 1, "consent_kept": 2}
    importer.start(upload)
    assert told(upload) == {"updated": 3, "stays_unsubscribed": 1, "consent_kept": 2}
    assert consent_now(store) == {"unknown": "unknown", "subscribed": "subscribed", "unsubscribed": "unsubscribed"}
    assert rows(upload)[4] == ("updated", "Stays unsubscribed, though the file says subscribed.")


def test_the_switch_lets_the_file_change_consent(importer: Importer, store: Store, consents: None) -> None:
    upload = importer.bring(CONSENTS + "new@x.example,A,no\n", change_consent="on")
    assert told(upload) == {"updated": 3, "created": 1}
    now = {"unknown": "subscribed", "subscribed": "unsubscribed", "unsubscribed": "subscribed", "new": "unsubscribed"}
    assert consent_now(store) == now


def test_the_switch_does_not_make_a_silent_file_speak(importer: Importer, store: Store, consents: None) -> None:
    importer.bring("Email,First name,Marketing consent\nsubscribed@x.example,A,\n", change_consent="on")
    assert consent_now(store)["subscribed"] == "subscribed"


def test_what_cannot_be_used_is_told_with_its_line_and_reason(importer: Importer, store: Store) -> None:
    upload = importer.bring(
        f"{HEAD}no-at-sign,A,,,,,,,\n,A,,,,,,,\nlong@x.example,{'x' * 151},,,,,,,\nwhen@x.example,,,,03/04/2024,,,,\n"
        "may@x.example,,,,,,,perhaps,\nwide@x.example,,,,,,,,,,more\nbad@x.example,,,,,,,,{\n"
    )
    assert told(upload) == {"invalid": 7}
    assert {line: reason for line, (_, reason) in rows(upload).items()} == {
        2: "Not an e-mail address: no @.",
        3: "No e-mail address.",
        4: "First name has 151 characters; at most 150 fit.",
        5: "Signed up: “03/04/2024” may begin with the day or the month: say which for this column.",
        6: "Marketing consent: “perhaps” is neither yes nor no.",
        7: "The row has 11 values for 9 columns.",
        8: "Attributes: this is not JSON.",
    }
    assert not people(store)


def test_customers_of_another_store_are_not_touched(importer: Importer, store: Store, other_store: Store) -> None:
    theirs = make_customer(other_store, "ann@x.example", first_name="Theirs")
    upload = importer.bring(f"{HEAD}ann@x.example,Ours,,,,,,,\n")
    assert told(upload) == {"created": 1}
    theirs.refresh_from_db()
    assert theirs.first_name == "Theirs"
    assert people(store)["ann@x.example"].first_name == "Ours"


def test_who_came_or_went_since_the_check_is_told_by_the_import(importer: Importer, store: Store) -> None:
    make_customer(store, "gone@x.example")
    upload = importer.check(f"{HEAD}gone@x.example,A,,,,,,,\ncame@x.example,A,,,,,,,\n")
    assert told(upload) == {"created": 1, "updated": 1}
    lock_customers(store)
    Customer.objects.for_store(store).delete()
    make_customer(store, "came@x.example", first_name="A")
    importer.start(upload)
    assert told(upload) == {"created": 1, "unchanged": 1}
    assert rows(upload) == {2: ("created", ""), 3: ("unchanged", "")}


def test_the_audit_trail_tells_of_the_import_and_of_no_person(importer: Importer, store: Store) -> None:
    importer.bring(f"{HEAD}ann@x.example,Ann,,,,,,,\n", change_consent="on")
    entries = AuditEntry.objects.for_store(store).order_by("pk")
    assert [(entry.verb, entry.object_label, entry.actor_label) for entry in entries] == [
        ("confirmed", "people.csv", "manager@maple.example"),
        ("imported", "people.csv", "manager@maple.example"),
    ]
    assert "ann" not in str(list(entries.values_list("changes")))
    assert entries[1].changes == {"created": [None, 1]}


def test_an_old_check_that_is_tried_again_touches_nothing(importer: Importer) -> None:
    upload = importer.bring("email,first_name\nann@x.example,Ann\nbob@x.example,Bob\n")
    old = Job.everywhere.get(kind=CHECK)
    Job.everywhere.filter(pk=old.pk).update(state=Job.State.FAILED, cursor={})
    jobs.retry(old)
    importer.run_jobs()
    old.refresh_from_db()
    assert (old.state, "Something else was begun" in old.error) == (Job.State.FAILED, True)
    upload.refresh_from_db()
    assert upload.counts["created"] == 2
    assert CustomerImportRow.everywhere.filter(upload=upload).count() == 2


def test_a_second_click_on_import_begins_nothing(importer: Importer) -> None:
    upload = importer.check("email\nann@x.example\n")
    page = f"{PAGES}imports/{upload.pk}/start/"
    importer.client.post(page)
    answer = importer.client.post(page, follow=True)
    assert "not ready" not in body(answer)
    importer.run_jobs()
    importer.client.post(page)
    assert Job.everywhere.filter(kind=IMPORT).count() == 1
