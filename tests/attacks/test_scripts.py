"""Markup in every text that people and files can bring: it is shown, and never becomes part of a page."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from portal.models import AuditEntry, Job, Store, User
from portal.models.job import JobState
from segments import actions
from segments.models import Segment, Upload
from tests.attacks.pages import Read, path_of, read
from tests.conftest import make_customer, make_user
from tests.test_access_matrix import body
from tests.test_architecture import ROOT

pytestmark = [pytest.mark.django_db, pytest.mark.once]  # markup is escaped by the templates

MARK = "xq7"
"""Stands wherever a payload would make something: in the names of elements and attributes, and in scripts."""

PAYLOADS = (
    '<xq7 id=xq7>', '<script>xq7=1</script>', '<ScRiPt src=//xq7.example>', '<img src=xq7 onerror=xq7=1>',
    '"><img src=x onerror=xq7()>', "'><svg onload=xq7()>", '" xq7="1', "' xq7='1", '` xq7=`1', ' xq7=1 ',
    '" onmouseover="xq7()', "' onfocus='xq7()' autofocus='", '"/><xq7/>', '</textarea><xq7>', '</title><xq7>',
    '</script><script>xq7=1</script>', '</style><style>xq7{}</style>', '</option></select><xq7>', '</td><xq7>',
    '<!--<xq7>-->', '--><xq7><!--', ']]><xq7>', '<![CDATA[<xq7>]]>', '<?xq7 ?>', '<a href="javascript:xq7()">x</a>',
    'javascript:xq7()', 'JaVaScRiPt:xq7()', 'data:text/html,<script>xq7=1</script>', '//xq7.example/', '\\x3cxq7\\x3e',
    '\\u003cxq7\\u003e', '&lt;xq7&gt;', '&#60;xq7&#62;', '&#x3c;xq7 onerror=1&#x3e;', '＜xq7＞', '<\x0bxq7>',
    '<xq7\t/onload=1>',
    '{{ xq7 }}{% xq7 %}', '${xq7}', '<base href=//xq7.example>', '<meta http-equiv=refresh content="0;xq7">',
    '<iframe srcdoc="<xq7>">', '<form action=//xq7.example><button>', '<link rel=stylesheet href=//xq7.example>',
    '<math><mi//xlink:href="data:x,<xq7>">', '<details open ontoggle=xq7()>', '"style="background:url(//xq7.example)',
)  # fmt: skip
FIRST = PAYLOADS[::8]


def wrong_in(page: Read) -> list[str]:
    """What the payloads have become, that is more than text."""
    found = []
    for tag, given in page.tags:
        if MARK in tag or tag in ("iframe", "base", "object", "embed", "math") or any(MARK in name for name in given):
            found.append(f"<{tag} {given}>")
        acts = [name for name in given if name.startswith("on") or name in ("style", "srcdoc", "http-equiv")]
        leads = [
            name for name in ("href", "src", "action", "formaction", "hx-get", "hx-post") if MARK in given.get(name, "")
        ]
        # In a query they may stand, encoded: a search is a link too.
        leads = [
            name for name in leads if "?" not in given[name].partition(MARK)[0] or ":" in given[name].partition("?")[0]
        ]
        found += [f"<{tag} {name}={given[name]!r}>" for name in acts + leads]
    found += [script for given, script in page.scripts if MARK in script and given.get("type") != "application/json"]
    found += [script for _, script in page.scripts if "<" in script]
    return found + [comment for comment in page.comments if MARK in comment]


def crawl(client: Client, start: str, most: int) -> dict[str, list[str]]:
    """Follow every link from `start`; address → what is wrong there, where something is."""
    seen, waiting, wrong = {start}, [start], {}
    while waiting and len(seen) < most:
        url = waiting.pop(0)
        answer = client.get(url)
        assert answer.status_code < 500, url
        text = body(answer)
        if not answer.get("Content-Type", "").startswith("text/html"):
            assert (
                "attachment" in answer.get("Content-Disposition", "") or answer.status_code != 200 or "/jsi18n/" in url
            )
            continue
        page = read(text, url)
        if found := wrong_in(page):
            wrong[url] = found
        for address in sorted(page.links):
            path = path_of(address)
            shape = re.sub(r"\d+", "1", path or "")
            # One page of a list by each order is enough, but every object is looked at.
            is_new = path not in seen and (path or "").startswith(start.rstrip("/")) and "logout" not in shape
            if path and is_new and not ("?" in path and sum(re.sub(r"\d+", "1", other) == shape for other in seen) > 2):
                seen.add(path)
                waiting.append(path)
    assert len(seen) > 25
    return wrong


@pytest.fixture
def littered(store: Store, owner: User) -> Segment:
    """Every text of a store that its people, its customers and its files can bring."""
    for at, text in enumerate(PAYLOADS):
        make_customer(
            store, f"c{at}@maple.example", first_name=text, last_name=text, phone=text[:50], tags=[text],
            acquisition_channel=text[:50], attributes={text: text}, shopify_id=text[:50],
        )  # fmt: skip
        AuditEntry.objects.create_for(
            store, actor_label=text, verb=text[:30], object_label=text, changes={text: [text, text]}
        )
    for text in PAYLOADS[::4]:
        actions.create_segment(store, name=f"{text} segment", actor=owner)
        run = {"queue": "bulk", "label": text, "phase": text[:100], "kind": text[:50]}
        Job.objects.create_for(store, state=JobState.FAILED, error=text, result={text: text}, **run)
    for segment in Segment.everywhere.all():
        Segment.everywhere.filter(pk=segment.pk).update(description=segment.name)
    make_user("staff@maple.example", viewer=store)
    User.objects.filter(email="staff@maple.example").update(name=PAYLOADS[4])
    Store.objects.filter(pk=store.pk).update(name=PAYLOADS[3])
    store.refresh_from_db()
    return actions.create_segment(store, name=PAYLOADS[4], actor=owner)


def send_files(client: Client, segment: Segment, run_jobs: Callable[[], Any]) -> None:
    """Files whose names, headers and cells are payloads, by both ways in; checked, and one of each imported."""
    header = ",".join(["email", *(f'"{text.replace(chr(34), chr(34) * 2)}"' for text in PAYLOADS[:12])])
    quoted = ['"' + text.replace('"', '""') + '"' for text in PAYLOADS]
    rows = [f"c{at}@maple.example,{','.join([cell] * 12)}" for at, cell in enumerate(quoted)]
    rows += [f"{cell},{','.join([cell] * 12)}" for cell in quoted]
    content = "\n".join([header, *rows]).encode()
    slug = segment.store.slug
    for name in ("<img src=x onerror=xq7()>.csv", '"><xq7>.csv'):
        client.post(f"/s/{slug}/segments/{segment.pk}/imports/new/", {"file": SimpleUploadedFile(name, content)})
        client.post(f"/s/{slug}/customers/import/", {"file": SimpleUploadedFile(name, content)})
        run_jobs()
    upload = Upload.everywhere.latest("pk")
    client.post(reverse("segments:upload_import", args=(slug, segment.pk, upload.pk)))
    run_jobs()


def by_forms(client: Client, store: Store) -> list[str]:
    """What the answers to forms full of payloads make of them, where they refuse."""
    wrong = []
    for path in ("customers/new/", "segments/new/", "settings/store/", "settings/staff/"):
        for text in FIRST:
            page = read(body(client.get(f"/s/{store.slug}/{path}")), f"/s/{store.slug}/{path}")
            for form in [form for form in page.forms if form.method == "post" and path_of(form.action)]:
                data = {name: text for name in form.data() if name != "csrfmiddlewaretoken"}
                answer = client.post(path_of(form.action) or "", data)
                wrong += wrong_in(read(body(answer), path))
    return wrong


def test_nothing_written_becomes_part_of_a_page(
    store: Store, owner: User, littered: Segment, client_of: Callable[..., Client], run_jobs: Callable[[], Any]
) -> None:
    client = client_of(owner)
    send_files(client, littered, run_jobs)
    assert crawl(client, f"/s/{store.slug}/", 120) == {}
    pages = ("customers/", "segments/", "runs/", "audit/", f"segments/{littered.pk}/", "segments/new/how/")
    for at, text in enumerate(PAYLOADS):
        for path in pages if text in FIRST else pages[at % 6 : at % 6 + 1]:
            query = dict.fromkeys(("q", "name", "tag", "channel", "days"), text)
            answer = client.get(f"/s/{store.slug}/{path}", query)
            assert wrong_in(read(body(answer), path)) == [], (path, text)
    assert by_forms(client, store) == []


def test_nothing_written_becomes_part_of_the_admin(littered: Segment, client: Client) -> None:
    admin = User.objects.create_superuser("admin@elsewhere.example", "x", name=PAYLOADS[4])
    client.force_login(admin)
    assert crawl(client, "/admin/", 120) == {}


@pytest.mark.teeth
@pytest.mark.xfail(raises=AssertionError, reason="Without escaping, payloads become elements.")
def test_without_escaping_it_would(
    store: Store, owner: User, littered: Segment, client_of: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.template import base

    monkeypatch.setattr(base, "conditional_escape", str)
    client = client_of(owner)
    answer = client.get(f"/s/{store.slug}/customers/")
    assert wrong_in(read(body(answer), "/")) == []


SOURCES = [
    path
    for folder, kind in (
        ("portal", "py"),
        ("customers", "py"),
        ("segments", "py"),
        ("templates", "html"),
        ("static/js", "js"),
    )
    for path in (ROOT / folder).rglob(f"*.{kind}")
]
UNSAFE = re.compile(
    r"mark_safe|SafeString\(|SafeText\(|\|\s*safe(?:seq)?\b|autoescape off|html_safe|__html__|"
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|createContextualFragment|srcdoc"
)


MAKES_HTML = {ROOT / "portal" / "markup.py", ROOT / "portal" / "table_cells.py"}
"""The rows of tables are put together here, of parts that are escaped one by one."""


def test_nobody_goes_past_the_escaping() -> None:
    assert len(SOURCES) > 200
    # How htmx puts a fragment of ours into its place is named by the property that it sets.
    assert set(SOURCES) >= MAKES_HTML
    assert not [
        f"{path.relative_to(ROOT)}: {UNSAFE.findall(text)}"
        for path in SOURCES
        if path not in MAKES_HTML and UNSAFE.search(text := re.sub(r'hx-swap="[^"]*"', "", path.read_text()))
    ]
