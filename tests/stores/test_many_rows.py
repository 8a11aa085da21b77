"""Rows that travel as JSON arrive as they were sent, and are looked up in indexes."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.ids import new_id
from gateway.seeding import TEST_MERCHANT_ID
from gateway.storage.many_rows import encode_rows, rows_source
from gateway.storage.rows import ORDERS

COLUMNS = [
    ("id", "uuid"),
    ("amount", "bigint"),
    ("count", "smallint"),
    ("note", "text"),
    ("body", "bytea"),
    ("created_at", "timestamptz"),
]
UUID_SENT = UUID("550e8400-e29b-41d4-a716-446655440000")
TIME = datetime(2026, 11, 25, 23, 59, 59, 999_999, tzinfo=UTC)
TEXTS = ["", 'a"b\\c\n\t/', "₹500 — हिन्दी 😀", "null", "\\u0000", "{1,2}", "x" * 20_000]


async def test_values_arrive_as_they_were_sent(pool):
    """Every type that a row has, the ends of its range, and texts that look like syntax."""
    rows = [(UUID_SENT, 2**63 - 1, -(2**15), text, text.encode(), TIME) for text in TEXTS] + [
        (None,) * len(COLUMNS)
    ]

    found = await pool.fetch(rows_source(COLUMNS), encode_rows(rows))

    assert rows == [tuple(row) for row in found]


async def test_ids_that_were_read_can_be_written(pool):
    """asyncpg reads an id as a class of its own."""
    read = await pool.fetchval("SELECT $1::uuid", UUID_SENT)
    assert type(read) is not UUID

    assert UUID_SENT == await pool.fetchval(rows_source([("id", "uuid")]), encode_rows([(read,)]))


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(-(2**63), 2**63 - 1))
def test_a_row_is_one_json_array(text, number):
    """Whatever stands in it."""
    [row] = encode_rows([(text, number)])

    assert row.startswith("[")
    assert row.endswith(f",{number}]")


@pytest.mark.parametrize("value", ["\ud800", 2**64, b"\xff", object()])
def test_what_cannot_be_written_is_refused_as_asyncpg_does(value):
    """The journal then finds out whose row it is, and only that unit fails."""
    with pytest.raises(asyncpg.InterfaceError):
        encode_rows([(value,)])


async def test_changed_rows_are_looked_up_in_the_index(pool):
    """Once and for all: the plan is kept while the table grows."""
    await pool.execute(
        "INSERT INTO merchants (id, name, email, api_version, created_at, updated_at)"
        " VALUES ($1, 'Shop', 'shop@example.com', '2026-11-01', $2, $2)",
        TEST_MERCHANT_ID,
        TIME,
    )
    await pool.execute(
        "INSERT INTO orders (id, merchant_id, mode, amount, currency, status, capture, version,"
        " last_unit_id, created_at, updated_at)"
        " SELECT 'order_' || n, $1, 'test', 100, 'INR', 'created', 'manual', 1, $1, $2, $2"
        " FROM generate_series(1, 10000) AS n",
        TEST_MERCHANT_ID,
        TIME,
    )
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE change AS {ORDERS.update()}")
        changed = [(new_id("order"), 0, "{}", "paid", 1, 2, UUID_SENT, TIME)]
        [argument] = encode_rows(changed)
        plan = await connection.fetch(f"EXPLAIN EXECUTE change(ARRAY['{argument}'::jsonb])")

    assert any("Index Scan using orders_pkey" in row[0] for row in plan), plan
