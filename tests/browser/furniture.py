"""What the addresses of pages name: rows that the demo holds, and some that are made for the purpose."""

from __future__ import annotations

import re
from typing import Any

import requests
from django.contrib import admin

from tests.browser.portal import STORE, Portal
from tests.browser.steps import connect, customers, followed, new_list, new_segment, synced

UPLOADS = {
    "finished": "finished_at IS NOT NULL AND undone_at IS NULL",
    "undone": "undone_at IS NOT NULL",
    "refused": "refusal != ''",
    "stopped": "confirmed_at IS NOT NULL AND finished_at IS NULL",
}
IMPORTS = {"finished": "finished_at IS NOT NULL", "stopped": UPLOADS["stopped"]}
"""Stage of a file that the demo holds → how its row is told."""

CUSTOMER_FILES = {
    "ready": ("shopify-customers.csv", b""),
    "unmapped": ("kundenliste.csv", b"Kunde;Anschrift\nmaria@example.net;Ahornweg 3\nlee@example.net;Birkenallee 12\n"),
    "refused": (
        "never-ends.csv",
        b'email,first_name,last_name\nmaria@example.net,"Maria,Lopez\nlee@example.net,Lee,\n',
    ),
}
"""Stage → a sample, or a name and what is in the file."""


ORDERS = (
    b"Order,E-mail,Placed,Total,Product,Quantity,Price\n"
    b"A-1,nobody@example.net,2026-03-09,12.00,Guji,1,12.00\nA-2,,2026-03-09,,Guji,1,12.00\n"
)

ACCOUNTS = {
    "shopify": {"account": "juniper-in-the-browser", "secret": "signs-what-shopify-sends"},
    "recharge": {"token": "opens-what-recharge-has"},
}
"""Provider → what the form of its account is told: one has all that webhooks need, of the other something is amiss."""


def furnish(portal: Portal) -> dict[str, Any]:
    """Find or make what the addresses name; key → what stands in the address."""
    found: dict[str, Any] = {"store": STORE, "word": "no-such-word", "app": "portal"}
    found |= outside(portal)
    found |= rows_of_admin(portal)
    found |= segments(portal)
    found |= imports(portal)
    found |= people(portal)
    found |= sources(portal)
    return found


def rows_of_admin(portal: Portal) -> dict[str, Any]:
    """For each model of the admin one of its rows; a number of no row where there is none."""
    rows = {}
    for model in admin.site._registry:
        key = f"{model._meta.app_label}_{model._meta.model_name}"
        rows[key] = portal.value(f"SELECT max({model._meta.pk.column}) FROM {model._meta.db_table}") or 1
    return rows


def outside(portal: Portal) -> dict[str, Any]:
    """Segments that follow lists at Klaviyo: one in sync, one whose last sync waits, one whose list is gone."""
    people = customers(portal, 130)
    _, fine_name = new_list(portal, *people[:20], "nobody@elsewhere.example", ("no-email", None))
    shrinks, held_name = new_list(portal, *people)
    gone, gone_name = new_list(portal, *people[:3])
    connect(portal)
    made: dict[str, Any] = {"source": "klaviyo"}
    for key, name in (("linked", fine_name), ("held_in", held_name), ("gone_in", gone_name)):
        made[key] = followed(portal, name)
        made[f"{key}_sync"] = synced(portal, made[key])
    made["group"] = portal.value("SELECT id FROM segments_externalgroup WHERE name = %s", fine_name)
    shrinks.keep(5)
    portal.klaviyo.delete(gone.group_id)
    for key in ("held_in", "gone_in"):
        page = portal.path(f"segments/{made[key]}/")
        portal.owner.press(page, f"{page}syncs/new/")
        made[f"{key}_sync"] = synced(portal, made[key])
    return made


def segments(portal: Portal) -> dict[str, Any]:
    """Segments with and without members, and uploads at every stage."""
    made: dict[str, Any] = {"segment": portal.value("SELECT id FROM segments_segment ORDER BY member_count DESC")}
    made["empty"] = new_segment(portal, called="Nobody here yet")[0]
    for stage, condition in UPLOADS.items():
        made[f"upload_{stage}"] = portal.value(f"SELECT max(id) FROM segments_upload WHERE {condition}")
        of_upload = "SELECT segment_id FROM segments_upload WHERE id = %s"
        made[f"{stage}_in"] = portal.value(of_upload, made[f"upload_{stage}"])
    made["upload_ready"] = upload(portal, f"segments/{made['segment']}/imports/new/", "market-stall.csv")
    portal.settled("SELECT checked_at FROM segments_upload WHERE id = %s", made["upload_ready"])
    made["run"] = portal.value("SELECT id FROM portal_job WHERE state = 'succeeded' ORDER BY id DESC")
    made["run_failed"] = portal.value("SELECT id FROM portal_job WHERE state = 'failed'")
    return made


def upload(portal: Portal, rest: str, name: str, content: bytes = b"") -> int:
    """Upload one of the samples, or `content`; the number in the address of the page that follows."""
    sent = (name, content or portal.sample(name).read_bytes())
    answer = portal.owner.post(portal.path(rest), {}, file=sent)
    found = re.search(r"/imports/(\d+)/", answer.url)
    assert found, f"{name} was refused: {answer.url}"
    return int(found.group(1))


def imports(portal: Portal) -> dict[str, Any]:
    """A customer, and files of customers at every stage."""
    made: dict[str, Any] = {"customer": portal.value("SELECT customer_id FROM segments_membership ORDER BY id DESC")}
    for stage, condition in IMPORTS.items():
        made[f"import_{stage}"] = portal.value(f"SELECT max(id) FROM customers_customerimport WHERE {condition}")
    for stage, (name, content) in CUSTOMER_FILES.items():
        made[f"import_{stage}"] = upload(portal, "customers/import/", name, content)
    made["import_orders"] = upload(portal, "customers/import/orders/", "orders.csv", ORDERS)
    made["product"] = portal.value("SELECT id FROM customers_product ORDER BY buyers DESC")
    page, who = portal.path("customers/privacy/"), "forgotten@example.net"
    erased = portal.owner.press(page, f"{page}erase/", email=who, confirm=who)
    made["erasure"] = int(erased.url.rstrip("/").rpartition("/")[2])
    for stage, column in (("ready", "checked_at"), ("refused", "refusal")):
        portal.settled(f"SELECT {column} FROM customers_customerimport WHERE id = %s", made[f"import_{stage}"])
    return made


def sources(portal: Portal) -> dict[str, Any]:
    """A source from which something came, one from which nothing has yet, and the accounts at providers."""
    made, page = {}, portal.path("customers/data-sources/")
    for stage, label in (("way_in", "Web shop"), ("way_in_new", "App")):
        shown = portal.owner.press(page, f"{page}new/", kind="segment", label=label)
        made[stage] = portal.value("SELECT max(id) FROM customers_wayin")
        if stage == "way_in":
            key = re.search(r'id="write-key">([^<]+)<', shown.text)
            assert key, shown.text
            said = {
                "writeKey": key[1],
                "batch": [{"type": "track", "event": "Tapped", "userId": "u"}, {"type": "track"}],
            }
            assert requests.post(f"{portal.base}/v1/batch", json=said, timeout=30).ok
    portal.settled("SELECT last_at FROM customers_wayin WHERE id = %s", made["way_in"])
    for kind, given in ACCOUNTS.items():
        answer = portal.owner.post(f"{page}connect/{kind}/", {"label": f"Shop at {kind}", **given})
        found = re.search(r"/data-sources/(\d+)/$", answer.url)
        assert found, f"{kind} was not connected: {answer.url}"
        made[kind] = int(found[1])
    return made


def people(portal: Portal) -> dict[str, Any]:
    """A colleague, an open invitation, and a link to reset a password."""
    staff = portal.path("settings/staff/")
    made: dict[str, Any] = {
        "viewer": portal.value("SELECT id FROM portal_user WHERE email = 'viewer@demo.example'"),
        "colleague": portal.value("SELECT max(id) FROM portal_staff WHERE role = 'viewer'"),
    }
    token = portal.owner.token(staff)
    said = portal.owner.session.post(
        f"{portal.base}{staff}invite/",
        {"email": "barista@demo.example", "role": "viewer", "csrfmiddlewaretoken": token},
        timeout=30,
    ).text
    link = re.search(r'id="invitation-link">[^<]*/invitations/([\w-]+)/', said)
    assert link, said
    made["token"] = link.group(1)
    portal.installation.browser().post("/accounts/password/reset/", {"email": "manager@demo.example"})
    made["reset_uid"], made["reset_key"] = portal.mail(r"/accounts/password/reset/key/(\w+)-([\w-]+)/")
    return made
