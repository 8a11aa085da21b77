"""The lists of the dashboard: search, filters, pages that stay where they are, totals."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.domain.typed_amounts import typed_amount
from gateway.storage.reads_dashboard import (
    ORDER_LIST,
    PAYMENT_LIST,
    REFUND_LIST,
    Found,
    ListLimits,
    RowList,
    Total,
    count_rows,
    find_rows,
    load_list,
)
from gateway.storage.reads_dashboard_cursors import Cursor
from gateway.storage.reads_dashboard_query import Filters, searching
from gateway.storage.reads_dashboard_terms import recognise
from tests.reads.books import START, Books, minutes

NONE = Filters()
INJECTIONS = [
    "' OR 1=1 --",
    "'; DROP TABLE payments; --",
    "%",
    "_",
    "\\",
    "$1",
    "pay_' OR ''='",
    "a@b'; SELECT pg_sleep(10); --",
    "{}",
    "\u202e\ufeff😀",
]


async def page(
    books: Books,
    filters: Filters = NONE,
    cursor: Cursor | None = None,
    *,
    rows: RowList = PAYMENT_LIST,
    **limits: int,
) -> Found:
    async with searching(books.pool) as connection:
        return await find_rows(
            connection, rows, books.scope, filters, cursor=cursor, limits=ListLimits(**limits)
        )


async def total(
    books: Books, filters: Filters = NONE, *, rows: RowList = PAYMENT_LIST, **limits: int
) -> Total:
    async with searching(books.pool) as connection:
        return await count_rows(connection, rows, books.scope, filters, limits=ListLimits(**limits))


def ids(found: Found) -> list[str]:
    return [row.id for row in found.rows]


async def search(books: Books, text: str, rows: RowList = PAYMENT_LIST) -> list[str]:
    """What the search finds, which must be what it counts, over the newest rows and by index."""
    filters = Filters(term=recognise(text))
    found = ids(await page(books, filters, rows=rows))
    assert Total(count=len(found)) == await total(books, filters, rows=rows)
    if found:
        narrow = await page(books, filters, rows=rows, page=len(found))
        assert found == ids(narrow)
    return found


async def test_finds_a_payment_by_anything_a_merchant_knows(books: Books) -> None:
    """Its id, order, refund, receipt, the payer's e-mail in any case, the card's end, amount."""
    for number in range(5):
        await books.payment(minutes(number), amount=10_000 + number, receipt=f"other-{number}")
    wanted = await books.payment(
        minutes(9),
        method="card",
        card_last4="4242",
        payer_email="Asha@Example.com",
        amount=123_456,
        receipt="Invoice #7",
    )
    refund = await books.refund(wanted)
    order = await books.pool.fetchval("SELECT order_id FROM payments WHERE id = $1", wanted)

    for text in (
        wanted,
        order,
        refund,
        "Invoice #7",
        " Invoice #7 ",
        "asha@example.COM",
        "4242",
        "1234.56",
        "₹1,234.56",
        "INR 1,234.56",
        "1234.56 inr",
    ):
        assert [wanted] == await search(books, text), text
    for text in ("invoice #7", "asha@example", "4243", "1234.57", "$1234.56", "1234.5", "x"):
        assert [] == await search(books, text), text


async def test_reads_an_amount_with_each_currencys_digits(books: Books) -> None:
    """`500` is 500.00 rupees, 500 yen and 500.000 dinars; a currency narrows it down."""
    rupees = await books.payment(minutes(1), amount=50_000, currency="INR")
    yen = await books.payment(minutes(2), amount=500, currency="JPY")
    dinars = await books.payment(minutes(3), amount=500_000, currency="KWD")
    await books.payment(minutes(4), amount=500, currency="INR")
    await books.payment(minutes(5), amount=500_000, currency="INR")

    assert [dinars, yen, rupees] == await search(books, "500")
    assert [yen] == await search(books, "¥500")
    assert [dinars] == await search(books, "KWD 500")


async def test_searches_beyond_the_newest_rows(books: Books) -> None:
    """What is rare is found by the index, also in rows that no autovacuum has summarised."""
    oldest = await books.payment(START, payer_email="old@example.com")
    await books.pool.execute("SELECT brin_summarize_new_values('payments_search')")
    newest = await books.payment(minutes(1), payer_email="old@example.com")

    assert [newest, oldest] == await search(books, "OLD@example.com")


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("rows", [PAYMENT_LIST, ORDER_LIST, REFUND_LIST])
async def test_what_is_typed_is_never_a_statement(books: Books, text: str, rows: RowList) -> None:
    """Quotes, wildcards and placeholders match nothing but a receipt that is written so."""
    await books.payment()
    assert [] == await search(books, text, rows)

    payment = await books.payment(minutes(1), receipt=text)
    order = await books.pool.fetchval("SELECT order_id FROM payments WHERE id = $1", payment)
    refund = await books.refund(payment)
    expected = {"payments": payment, "orders": order, "refunds": refund}[rows.table]
    assert [expected] == await search(books, text, rows)


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * 256])
def test_what_cannot_be_stored_is_not_searched_for(text: str) -> None:
    """A text that Postgres would refuse, or that is longer than anything stored."""
    with pytest.raises(ValueError, match="character"):
        recognise(text)


async def test_finds_orders_and_refunds(books: Books) -> None:
    """Orders by id, payment, receipt and amount; refunds by id, payment, order, receipt, amount."""
    await books.refund(await books.payment(minutes(5), amount=777, receipt="another"), amount=7)
    payment = await books.payment(receipt="R-1", amount=99_900)
    order = await books.pool.fetchval("SELECT order_id FROM payments WHERE id = $1", payment)
    refund = await books.refund(payment, amount=1_250)

    for text in (order, payment, refund, "R-1", "999", "₹999.00"):
        assert [order] == await search(books, text, ORDER_LIST), text
    for text in (refund, payment, order, "R-1", "12.5"):
        assert [refund] == await search(books, text, REFUND_LIST), text


async def test_filters_narrow_the_list(books: Books) -> None:
    """Status, method, currency, time and amount, alone and together."""
    failed = await books.payment(minutes(1), status="failed", method="card", amount=100)
    dollars = await books.payment(minutes(2), currency="USD", amount=20_000)
    wallet = await books.payment(minutes(3), method="wallet", amount=30_000)

    def amounts(low: str | None, high: str | None) -> Filters:
        return Filters(
            amount_from=typed_amount(low) if low else None,
            amount_to=typed_amount(high) if high else None,
        )

    for expected, filters in (
        ([wallet, dollars, failed], NONE),
        ([failed], Filters(status="failed")),
        ([wallet], Filters(method="wallet")),
        ([dollars], Filters(currency="USD")),
        ([wallet, dollars], Filters(since=minutes(2))),
        ([dollars, failed], Filters(until=minutes(3))),
        ([dollars], Filters(since=minutes(2), until=minutes(3))),
        ([wallet, dollars], amounts("200", None)),
        ([failed], amounts(None, "199.99")),
        ([dollars], amounts("200", "200")),
        ([dollars], amounts("$1", None)),
        ([], Filters(status="failed", method="wallet")),
    ):
        assert expected == ids(await page(books, filters)), filters
        assert Total(count=len(expected)) == await total(books, filters), filters


async def test_pages_go_both_ways(books: Books) -> None:
    """Older and newer pages hold every row once, also where times are the same."""
    made = [await books.payment(minutes(number // 4)) for number in range(10)]
    rows = await books.pool.fetch("SELECT id FROM payments ORDER BY created_at DESC, id DESC")
    everything = [row["id"] for row in rows]
    assert set(made) == set(everything)

    first = await page(books, page=4)
    second = await page(books, cursor=first.older, page=4)
    third = await page(books, cursor=second.older, page=4)
    assert everything == ids(first) + ids(second) + ids(third)
    assert first.newer is None
    assert third.older is None

    back = await page(books, cursor=third.newer, page=4)
    assert ids(second) == ids(back)
    top = await page(books, cursor=back.newer, page=4)
    assert ids(first) == ids(top)
    assert top.newer is None


async def test_pages_stay_while_rows_arrive(books: Books) -> None:
    """New payments before a page move nothing on it and repeat nothing on the next one."""
    for number in range(6):
        await books.payment(minutes(number))
    first = await page(books, page=3)
    for number in range(6, 11):
        await books.payment(minutes(number))

    second = await page(books, cursor=first.older, page=3)
    assert not set(ids(first)) & set(ids(second))
    assert 6 == len({*ids(first), *ids(second)})
    again = await page(books, cursor=second.newer, page=3)
    assert ids(first) == ids(again)
    assert again.newer is not None


async def test_a_page_after_the_end_leads_back(books: Books) -> None:
    """A cursor behind the last row gives an empty page with a way back."""
    await books.payment()
    end = Cursor(created_at=START - timedelta(days=1), id="pay_aaaaaaaaaaaaaaaa")

    found = await page(books, cursor=end)

    assert [] == ids(found)
    assert found.newer is not None
    assert found.older is None


async def test_looks_through_a_limited_number_of_rows(books: Books) -> None:
    """What is rare stops the look at the limit, says where, and goes on from there."""
    rare = await books.payment(START, status="processing")
    for number in range(1, 8):
        await books.payment(minutes(number))
    filters = Filters(status="processing")

    first = await page(books, filters, scan_max=5)
    assert [] == ids(first)
    assert first.further is not None
    second = await page(books, filters, first.further, scan_max=5)
    assert [rare] == ids(second)
    assert second.further is None
    assert Total(count=0, exact=False) == await total(books, filters, scan_max=5)
    assert Total(count=1) == await total(books, filters, scan_max=8)


@pytest.mark.parametrize("status", sorted(PAYMENT_LIST.indexed_statuses))
async def test_finds_what_an_index_knows_however_far_away(books: Books, status: str) -> None:
    """Of a status with an index no other rows are looked through; the total is exact."""
    rare = await books.payment(START, status=status)
    for number in range(1, 8):
        await books.payment(minutes(number))
    filters = Filters(status=status)

    found = await page(books, filters, scan_max=2)
    assert [rare] == ids(found)
    assert found.further is None
    assert Total(count=1) == await total(books, filters, scan_max=2)
    async with searching(books.pool) as connection:
        query = PAYMENT_LIST.query(books.scope, filters)
        plan = await connection.fetch(
            f"EXPLAIN SELECT id FROM payments WHERE {' AND '.join(query.window)} "
            "AND merchant_id = $1 AND mode = $2 ORDER BY created_at DESC, id DESC",
            *query.arguments,
        )
    assert "payments_unsuccessful" in str(plan)


async def test_counts_exactly_up_to_a_limit(books: Books) -> None:
    """Beyond it the total is the limit and more."""
    for number in range(4):
        await books.payment(minutes(number))

    assert Total(count=4) == await total(books, total_max=4)
    assert Total(count=3, exact=False) == await total(books, total_max=3)
    assert Total(count=3, exact=False) == await total(books, Filters(status="success"), total_max=3)


async def test_a_short_list_is_not_counted_twice(books: Books) -> None:
    """The total of what fits the first page is what is on it; others are counted."""
    for number in range(4):
        await books.payment(minutes(number), status="failed" if number else "success")
    failed, upi, all_seen = Filters(status="failed"), Filters(method="upi"), ListLimits(page=3)
    cases = [
        (failed, None, all_seen, (3, Total(count=3))),
        (NONE, None, all_seen, (3, Total(count=4))),
        (upi, None, ListLimits(page=9, scan_max=2), (2, Total(count=2, exact=False))),
        (NONE, (await page(books, page=3)).older, all_seen, (1, Total(count=4))),
    ]
    for filters, cursor, limits, expected in cases:
        async with searching(books.pool) as connection:
            found, counted = await load_list(
                connection, PAYMENT_LIST, books.scope, filters, cursor=cursor, limits=limits
            )
        assert expected == (len(found.rows), counted)


async def test_nobody_sees_what_is_not_theirs(
    books: Books, other_books: Books, live_books: Books
) -> None:
    """Lists, searches and totals hold one merchant's rows in one mode, whatever is asked."""
    texts = ["same@example.com", "4242", "same receipt", "500"]
    for owner in (books, other_books, live_books):
        payment = await owner.payment(
            payer_email="same@example.com",
            method="card",
            card_last4="4242",
            receipt="same receipt",
        )
        texts += [payment, await owner.refund(payment)]
        texts.append(
            await owner.pool.fetchval("SELECT order_id FROM payments WHERE id = $1", payment)
        )
    for owner in (books, other_books, live_books):
        for rows in (PAYMENT_LIST, ORDER_LIST, REFUND_LIST):
            own = await owner.pool.fetch(
                f"SELECT id FROM {rows.table} WHERE merchant_id = $1 AND mode = $2",
                owner.scope.merchant_id,
                owner.scope.mode,
            )
            mine = {row["id"] for row in own}
            assert mine == set(ids(await page(owner, rows=rows)))
            assert Total(count=1) == await total(owner, rows=rows)
            for text in texts:
                assert mine >= set(await search(owner, text, rows))
            assert mine == set(await search(owner, "same receipt", rows))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "o1-pay_short",
        "o-1-pay_aaaaaaaaaaaaaaaa",
        "o1-pay_aaaaaaaaaaaaaaaa ",
        "o99999999999999999999-pay_aaaaaaaaaaaaaaaa",
        "o99999999999999999-pay_aaaaaaaaaaaaaaaa\n",
        "p1-pay_aaaaaaaaaaaaaaaa",
        "o1-pay_aaaaaaaaaaaaaaa'",
        "o\N{ARABIC-INDIC DIGIT ONE}-pay_aaaaaaaaaaaaaaaa",
    ],
)
def test_a_tampered_cursor_is_none(text: str) -> None:
    """Only what a page itself has written is read as a place."""
    with pytest.raises(ValueError, match="no place"):
        Cursor.parse(text)


def test_a_cursor_survives_its_text() -> None:
    """To the microsecond, in both directions."""
    for newer in (False, True):
        cursor = Cursor(
            created_at=START + timedelta(microseconds=1), id="pay_aaaaaaaaaaaaaaaa", newer=newer
        )
        assert cursor == Cursor.parse(str(cursor))
