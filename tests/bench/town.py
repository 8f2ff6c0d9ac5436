"""The stores that are measured: three of growing size, among a hundred others with segments of their own."""

from __future__ import annotations

import psycopg

from tests.processes.installation import Installation

PASSWORD = "a-long-test-password"
OWNER = "owner@bench.example"
OTHERS = 100
SEGMENTS = 1_000
COLUMNS = (
    "store_id, email, email_key, first_name, last_name, phone, signed_up_at, acquisition_channel, tags, attributes, "
    "shopify_id, recharge_id, klaviyo_id, marketing_consent, created_at, changed_at"
)

_STORES = """
from portal.models import Staff, Store, User
owner = User.objects.create_user({owner!r}, {password!r})
answer = {{}}
for slug, limit in {slugs!r}.items():
    store = Store.objects.create(slug=slug, name=slug.title(), plan="pro", upload_limit=limit)
    Staff.objects.create_for(store, user=owner, role="owner")
    answer[slug] = store.pk
"""


def slug_of(size: int) -> str:
    return f"of-{size}"


def address(prefix: str, number: int) -> str:
    return f"{prefix}{number}@bench.example"


def build(installation: Installation, sizes: list[int]) -> dict[str, int]:
    """Fill the empty database; slug → id of each store."""
    slugs = {slug_of(size): 5_000_000 for size in sizes} | {f"other-{n}": 8_900 for n in range(OTHERS)}
    stores: dict[str, int] = installation.ask(_STORES.format(owner=OWNER, password=PASSWORD, slugs=slugs))
    with psycopg.connect(installation.database_url, autocommit=True) as connection:
        for n in range(OTHERS):
            _fill(connection, stores[f"other-{n}"], 500)
            _segments(connection, stores[f"other-{n}"], 20, members=100)
        for size in sizes:
            _fill(connection, stores[slug_of(size)], size)
            _segments(connection, stores[slug_of(size)], SEGMENTS, members=10)
        # Their first night is not now: the metrics of a million would be reckoned while something else is measured.
        connection.execute(
            "INSERT INTO customers_metricsstate "
            "(store_id, seen_in, next_full_at, time_zone, currency, cuts, fit, coverage) "
            "SELECT id, 0, now() + interval '1 day', time_zone, currency, '{}', '{}', '{}' FROM portal_store"
        )
        connection.execute("VACUUM ANALYZE")
    return stores


def _fill(connection: psycopg.Connection, store: int, size: int) -> None:
    connection.execute(f"INSERT INTO customers_customer ({COLUMNS}) {customers_select()}", [store, size - 1])


def customers_select() -> str:
    """Customers that look like people: a thousand first names, some thousand last ones, a signing up every minute."""
    return (
        "SELECT %s, 'p' || n || '@bench.example', 'p' || n || '@bench.example', 'First' || n %% 997, "
        "'Last' || n %% 4999 || ' Group' || n %% 10, '+1 555 ' || lpad(n::text, 7, '0'), "
        "now() - n * interval '1 minute', (ARRAY['organic', 'paid', 'referral'])[1 + n %% 3], '[\"coffee\"]', '{}', "
        "'', '', '', 'unknown', now(), now() FROM generate_series(0, %s) n"
    )


def _segments(connection: psycopg.Connection, store: int, count: int, *, members: int) -> None:
    """Segments with members, and a month of days, as the portal would have left them."""
    connection.execute(
        "INSERT INTO segments_segment (store_id, name, name_key, description, member_count, sources, version, "
        "created_at, updated_at) SELECT %s, 'Segment ' || n, 'segment ' || n, '', %s, 1, 1, "
        "now() - interval '40 days', now() FROM generate_series(1, %s) n",
        [store, members, count],
    )
    connection.execute(
        "INSERT INTO segments_membership (store_id, segment_id, customer_id, sources, added_at, entered_in, name, "
        "phone) SELECT segment.store_id, segment.id, customer.id, 1, now() - interval '9 days', 1, '', '' "
        "FROM segments_segment segment CROSS JOIN "
        "(SELECT id FROM customers_customer WHERE store_id = %s ORDER BY id LIMIT %s) customer WHERE store_id = %s",
        [store, members, store],
    )
    connection.execute(
        "INSERT INTO segments_membershipchange (store_id, segment_id, customer_id, kind, source, at) "
        "SELECT store_id, segment_id, customer_id, 1, 1, added_at FROM segments_membership WHERE store_id = %s",
        [store],
    )
    connection.execute(
        'INSERT INTO segments_segmentday (store_id, segment_id, day, size, entered, "left") '
        "SELECT store_id, id, current_date - day, %s, CASE WHEN day = 30 THEN %s ELSE 0 END, 0 "
        "FROM segments_segment, generate_series(0, 30) day WHERE store_id = %s",
        [members, members, store],
    )
