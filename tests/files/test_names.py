"""The name that a browser gives with a file: kept to be shown, and used for nothing else."""

from __future__ import annotations

import re
from itertools import cycle

import pytest

from portal.models.sheet import FOLDER
from tests.corpus.cases import ADA
from tests.files.conftest import Doors, stored_files

pytestmark = pytest.mark.django_db

BOUNDARY = "xxBOUNDARYxx"
TABLE = f"email\r\n{ADA}\r\n".encode()

# As it stands in the header, and as it is shown; '' when the form says that the file cannot be taken.
NAMES: dict[str, tuple[str | bytes, str]] = {
    "path": ('filename="../../etc/people.csv"', "people.csv"),
    "windows-path": ('filename="C:\\\\Users\\\\ann\\\\people.csv"', "people.csv"),
    "path-in-the-other-spelling": ("filename*=UTF-8''..%2F..%2Fpeople.csv", "people.csv"),
    "spelling-of-rfc-5987": ("filename*=UTF-8''Kund%C3%A9n%20%E2%82%AC.csv", "Kundén €.csv"),
    "emoji": ('filename="👩‍👩‍👧 people.csv"', "👩👩👧 people.csv"),
    "turned-around": ('filename="people\u202evsc.exe.csv"', "peoplevsc.exe.csv"),
    "turned-around-by-isolates": ('filename="\u2067people\u2069.csv"', "people.csv"),
    "zero-width": ('filename="peo\u200bple.csv"', "people.csv"),
    "nul": ("filename*=UTF-8''peo%00ple.csv", "people.csv"),
    "line-break": ("filename*=UTF-8''peo%0D%0ASet-Cookie%3A%20x%3D1.csv", "peoSet-Cookie: x=1.csv"),
    "escape-sequence": ("filename*=UTF-8''%1B%5B31mred.csv", "[31mred.csv"),
    "quote": ("filename*=UTF-8''a%22b%27c.csv", "a\"b'c.csv"),
    "markup": ("filename*=UTF-8''%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E.csv", "<img src=x onerror=alert(1)>.csv"),
    "template": ('filename="{{ 7|add:7 }}{% load x %}.csv"', "{{ 7|add:7 }}{% load x %}.csv"),
    "formula": ('filename="=1+1.csv"', "=1+1.csv"),
    "300-letters": (f'filename="{"n" * 300}.csv"', "n" * 251 + ".csv"),
    "200-emoji": (f'filename="{"😀" * 200}.csv"', "😀" * 200 + ".csv"),
    "no-utf-8": (b'filename="peopl\xe9.csv"', ""),
    "dots": ('filename="..csv"', "..csv"),
    "decomposed": ('filename="Kunde\u0301n.csv"', "Kunde\u0301n.csv"),
    "encoded-twice": ('filename="%252e%252e%252fpeople.csv"', "%252e%252e%252fpeople.csv"),
    "two-endings": ('filename="people.exe.csv"', "people.exe.csv"),
    "hidden": ('filename=".htaccess.csv"', ".htaccess.csv"),
    "device": ('filename="nul.csv"', "nul.csv"),
    "nothing": ('filename=""', ""),
    "only-a-path": ('filename="../../"', ""),
    "ending-behind-a-nul": ("filename*=UTF-8''people.csv%00.exe", ""),
    "ending-behind-a-turn": ('filename="people.csv\u202e.exe"', ""),
}


def body(disposition: str | bytes) -> bytes:
    said = disposition.encode() if isinstance(disposition, str) else disposition
    start = f"--{BOUNDARY}\r\n".encode()
    head = b'Content-Disposition: form-data; name="file"; ' + said + b"\r\nContent-Type: text/html\r\n\r\n"
    return start + head + TABLE + f"\r\n--{BOUNDARY}--\r\n".encode()


@pytest.mark.parametrize(("name", "door"), list(zip(NAMES, cycle(["segment", "customers"]), strict=False)))
def test_a_file_name_is_shown_and_never_used(doors: Doors, name: str, door: str) -> None:
    disposition, shown = NAMES[name]
    way, before = doors[door], stored_files()
    content_type = f"multipart/form-data; boundary={BOUNDARY}"
    answer = way.client.post(way.sending, body(disposition), content_type=content_type)
    if not shown:
        assert answer.status_code == 422
        assert stored_files() == before
        return
    assert answer.status_code == 302, answer.context["form"].errors
    upload = way.check()
    assert upload.filename == shown
    assert re.fullmatch(rf"{FOLDER}/[0-9a-f]{{32}}\.csv", upload.file.name)
    page = way.page(upload)
    assert "<img src=x" not in page
    assert "\u202e" not in page
    assert "{{ 7|add:7 }}" in page or name != "template"
    report = way.client.get(f"{way.pages}{upload.pk}/report/")
    assert set(report.headers) >= {"Content-Disposition", "X-Content-Type-Options"}
    told = report["Content-Disposition"]
    assert told.isascii()
    assert told.isprintable()
    assert re.fullmatch(r'attachment; filename(="[^"/\\]{1,140}"|\*=utf-8\'\'[A-Za-z0-9%._~()!*-]+)', told)
    assert "Set-Cookie" not in report.headers
    assert not report.cookies


def test_a_name_longer_than_a_header_may_be_is_a_bad_request(doors: Doors) -> None:
    way = doors["segment"]
    content = body(f'filename="{"😀" * 300}.csv"')
    answer = way.client.post(way.sending, content, content_type=f"multipart/form-data; boundary={BOUNDARY}")
    assert answer.status_code == 400
    assert not way.model.everywhere.exists()
