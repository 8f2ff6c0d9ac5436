"""Events by HTTP: batches of a hundred at a steady pace for two minutes, three in ten messages sent twice, and then
three times as many."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from tests.bench.figures import Figure, Report
from tests.processes.installation import Installation

PEOPLE = 10_000
PER_SECOND = 5_500
SECONDS, FLOOD_SECONDS = 120, 30
BATCH, AGAIN = 100, 23
"""Of a hundred messages 23 were sent before: of those that are sent, three in ten are sent twice."""
CONNECTIONS, FLOOD_CONNECTIONS = 16, 64
LEAST_PER_SECOND, P99_MOST = 5_000, 500

_STORE = """
from customers.ingest import keys
from customers.models import WayInKind
from portal.models import Staff, Store, User
store = Store.objects.create(slug="ingest", name="Ingest", plan="pro")
owner = User.objects.create_user("ingest@bench.example", "a-long-test-password")
Staff.objects.create_for(store, user=owner, role="owner")
answer = [store.pk, keys.create(store, WayInKind.SEGMENT, "Load", actor=owner)[1]]
"""
_PEOPLE = (
    "INSERT INTO customers_customer (store_id, email, email_key, first_name, last_name, phone, signed_up_at, "
    "acquisition_channel, tags, attributes, shopify_id, recharge_id, klaviyo_id, marketing_consent, created_at, "
    "changed_at) SELECT %s, 'p' || n || '@bench.example', 'p' || n || '@bench.example', '', '', '', now(), '', '[]', "
    "'{}', '', '', '', 'unknown', now(), now() FROM generate_series(1, %s) n"
)
_CALL = (
    '{"type":"%s","messageId":"%d","userId":"user-%d","timestamp":"%s","event":"%s","properties":{"product":"Espresso '
    'Roast","size":"1 kg","price":24.5,"currency":"EUR","quantity":2,"subscription":true},"traits":{"email":'
    '"p%d@bench.example"},"context":{"library":{"name":"bench","version":"1"},"page":{"url":"https://shop.example/"}}}'
)
_NAMES = ("Logged In", "Product Viewed", "Product Added", "Feature Used", "Email Opened", "Checkout Started")


@dataclass
class Load:
    """What was sent at a pace, and what was answered. Its messages are numbered from `first`, as no other's are."""

    first: int
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    sent: int = 0
    acknowledged: int = 0
    tried: set[int] = field(default_factory=set)
    messages: set[int] = field(default_factory=set)
    """Those that were acknowledged."""
    retry_after: int = 0


def batch(rng: Random, first: int, fresh: range) -> tuple[bytes, list[int]]:
    """A request with these messages, and some from before, none of them below `first`; what they are numbered."""
    before = fresh.start
    earlier = range(max(before - 50_000, first), before)
    numbers = [*fresh, *(rng.choice(earlier) for _ in range(AGAIN if earlier else 0))]
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    calls = []
    for number in numbers:
        kind = "identify" if number % 100 == 0 else "track"
        person = number * 7919 % PEOPLE + 1
        calls.append(_CALL % (kind, number, person, now, _NAMES[number % len(_NAMES)], person))
    return f'{{"sentAt":"{now}","batch":[{",".join(calls)}]}}'.encode(), numbers


class Sender:
    """Sends from many connections, each request when it is due, whether or not those before it were answered."""

    def __init__(self, installation: Installation, key: str) -> None:
        import base64

        self.port, self.next = installation.port, 0
        self.headers = {
            "Content-Type": "application/json",
            "Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode(),
        }

    def send(self, per_second: float, seconds: float, connections: int = CONNECTIONS) -> Load:
        load, turn, began = Load(self.next), threading.Lock(), time.monotonic()
        requests, sent = int(per_second * seconds / BATCH), iter(range(int(per_second * seconds / BATCH)))
        first = self.next
        each = BATCH - AGAIN
        self.next += requests * each

        def work() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            rng = Random(first)
            while True:
                with turn:
                    number = next(sent, None)
                if number is None:
                    return
                due = began + number * BATCH / per_second
                body, numbers = batch(rng, first, range(first + number * each, first + (number + 1) * each))
                time.sleep(max(0.0, due - time.monotonic()))
                connection.request("POST", "/segment/v1/batch", body, self.headers)
                answer = connection.getresponse()
                said = answer.read()
                with turn:
                    load.seconds.append(time.monotonic() - due)
                    load.statuses[answer.status] += 1
                    load.sent += len(numbers)
                    load.tried |= set(numbers)
                    if answer.status == 200:
                        if json.loads(said) != {"success": True}:
                            raise RuntimeError(said[:500])
                        load.acknowledged += len(numbers)
                        load.messages |= set(numbers)
                    elif answer.getheader("Retry-After"):
                        load.retry_after += 1

        threads = [threading.Thread(target=work) for _ in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return load


def ingest(installation: Installation, report: Report, *, seconds: float = SECONDS) -> None:
    """Measure; the installation is empty, and nothing runs in it."""
    store, key = installation.ask(_STORE)
    for statement, given in ((_PEOPLE, (store, PEOPLE)), ("ANALYZE customers_customer", ())):
        with installation.rows(statement, *given):
            pass
    installation.start("web", "web", "--workers", "2", "--threads", "8", COTERIE_ROLE="web")
    installation.start("worker", COTERIE_ROLE="worker")
    installation.start("beat")
    installation.wait(lambda: installation.browser().get("/accounts/login/").ok, seconds=90, what="the web")
    sender = Sender(installation, key)
    warmed = sender.send(PER_SECOND, 5)
    _drained(installation)
    began = time.monotonic()
    load = sender.send(PER_SECOND, seconds)
    took, taken_in = time.monotonic() - began, _received(installation)
    waited = _drained(installation)
    _tell(report, load, took, waited, taken_in)
    _account(installation, report, load, others=warmed)
    flood = sender.send(3 * PER_SECOND, min(FLOOD_SECONDS, seconds), FLOOD_CONNECTIONS)
    _drained(installation)
    _tell_flood(report, flood)
    _account(installation, report, flood, others=warmed, before=load)


def _add(report: Report, name: str, value: float, unit: str, *, most: float | None = None, least: bool = False) -> None:
    report.add(Figure(name, PEOPLE, value, unit, most=most, at_least=least))


def _tell(report: Report, load: Load, took: float, waited: float, taken_in: int) -> None:
    told = sorted(load.seconds)
    _add(report, "Events by HTTP, acknowledged", load.acknowledged / took, "/s", most=LEAST_PER_SECOND, least=True)
    _add(report, "… stored and counted, duplicates too", load.acknowledged / (took + waited), "/s",
         most=LEAST_PER_SECOND, least=True)  # fmt: skip
    _add(report, "… answer, p50", 1000 * told[len(told) // 2], "ms")
    _add(report, "… answer, p99", 1000 * told[int(len(told) * 0.99)], "ms", most=P99_MOST)
    _add(report, "… behind at the end, to be taken in", waited, "s")
    _add(report, "… taken in since the beginning when the last was sent", taken_in, "")
    _add(report, "… answers other than 200", sum(load.statuses.values()) - load.statuses[200], "", most=0)


def _tell_flood(report: Report, load: Load) -> None:
    told = sorted(load.seconds)
    _add(report, "Three times as many: answers with 200", load.statuses[200], "")
    _add(report, "… with 429 or 503", load.statuses[429] + load.statuses[503], "")
    others = sum(load.statuses.values()) - load.statuses[200] - load.statuses[429] - load.statuses[503]
    _add(report, "… with anything else", others, "", most=0)
    _add(report, "… that say when to come again", load.retry_after, "")
    _add(report, "… answer, p99 of that", 1000 * told[int(len(told) * 0.99)], "ms")


def _drained(installation: Installation) -> float:
    """Wait until nothing waits; for how many seconds."""
    began = time.monotonic()
    query = "SELECT count(*) FROM customers_arrival WHERE state = 'waiting'"

    def is_empty() -> bool:
        with installation.rows(query) as rows:
            return bool(rows[0][0] == 0)

    installation.wait(is_empty, seconds=600, what="everything to be taken in")
    return time.monotonic() - began


def _received(installation: Installation) -> int:
    with installation.rows("SELECT coalesce(sum(received), 0) FROM customers_arrivalday") as rows:
        return int(rows[0][0])


def _account(
    installation: Installation, report: Report, load: Load, *, others: Load, before: Load | None = None
) -> None:
    """Hold every message that was acknowledged against the table, by its id; to the last one. `others` and `before`
    were sent earlier, under other ids."""

    def tell(name: str, value: float, most: float | None = None) -> None:
        _add(report, name + (", of three times as many" if before else ""), value, "", most=most)

    with installation.rows("SELECT message_key, count(*) FROM customers_event GROUP BY message_key") as rows:
        kept = dict(rows)
    kept_of_load = {number: kept.pop(key) for number, key in _keys(load.tried).items() if key in kept}
    earlier = others.tried | (before.tried if before else set())
    strangers = set(kept) - set(_keys(earlier).values())
    tell("… sent", load.sent)
    tell("… acknowledged", load.acknowledged)
    tell("… repeats among them", load.acknowledged - len(load.messages))
    tell("… different messages acknowledged", len(load.messages))
    tell("… stored of these", len(load.messages & set(kept_of_load)))
    tell("… lost: acknowledged and not in the table", len(load.messages - set(kept_of_load)), most=0)
    tell("… doubled: in the table more than once", sum(n > 1 for n in kept_of_load.values()), most=0)
    tell("… stored, though the answer was no", len(set(kept_of_load) - load.messages), most=0)
    tell("… in the table, and never sent", len(strangers), most=0)
    with installation.rows(_BOOKS) as rows:
        received, stored, duplicate, others_of_day = map(int, rows[0])
    loads = [load, others, *([before] if before else [])]
    repeats = sum(one.acknowledged - len(one.messages) for one in loads)
    tell("… in the books otherwise than in the table", abs(stored - len(kept) - len(kept_of_load)), most=0)
    tell("… in the books otherwise than sent twice", abs(duplicate - repeats), most=0)
    tell("… in the books unaccounted for", abs(received - stored - duplicate - others_of_day), most=0)


_BOOKS = "SELECT sum(received), sum(stored), sum(duplicate), sum(invalid + ignored) FROM customers_arrivalday"


def _keys(messages: set[int]) -> dict[int, str]:
    """Number of a message → its key in the table."""
    from hashlib import blake2b

    return {number: blake2b(f"message\n{number}".encode(), digest_size=16).hexdigest() for number in messages}
