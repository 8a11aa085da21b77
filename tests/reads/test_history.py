"""All that is known of one payment or order."""

from __future__ import annotations

from uuid import uuid4

from gateway.domain.ids import new_id
from gateway.storage.reads_dashboard_history import load_order_history, load_payment_history
from gateway.storage.reads_dashboard_query import searching
from tests.reads.books import Books, minutes


async def delivery(books: Books, event_id: str, at_minute: float) -> None:
    """A delivery of the event with two posts."""
    endpoint_id = new_id("we")
    await books._insert(
        "webhook_endpoints",
        id=endpoint_id,
        url="https://example.com/",
        secret_sealed=b"",
        created_at=minutes(0),
        updated_at=minutes(0),
    )
    delivery_id = uuid4()
    await books._insert(
        "webhook_logs",
        id=delivery_id,
        event_id=event_id,
        endpoint_id=endpoint_id,
        event="payment.success",
        status="success",
        created_at=minutes(at_minute),
    )
    for number, code in enumerate((500, 200), start=1):
        await books.pool.execute(
            "INSERT INTO webhook_attempts (delivery_id, number, requested_at,"
            " duration_milliseconds, response_code) VALUES ($1, $2, $3, 12, $4)",
            delivery_id,
            number,
            minutes(at_minute + number),
            code,
        )


async def operation(books: Books, payment_id: str, order_id: str, kind: str) -> None:
    """A finished operation with one attempt."""
    operation_id = new_id("op")
    await books.pool.execute(
        "INSERT INTO operations (id, payment_id, order_id, kind, purpose, amount, state,"
        " created_at, updated_at) VALUES ($1, $2, $3, $4, 'payment', 1, 'done', $5, $5)",
        operation_id,
        payment_id,
        order_id,
        kind,
        minutes(1),
    )
    await books.pool.execute(
        "INSERT INTO attempts (id, operation_id, payment_id, order_id, number, state, sent_at,"
        " lease_until) VALUES ($1, $2, $3, $4, 1, 'approved', $5, $5)",
        new_id("att"),
        operation_id,
        payment_id,
        order_id,
        minutes(2),
    )


async def test_a_payments_history_is_whole(books: Books) -> None:
    """Refunds, operations, attempts, events, deliveries and posts of this payment, in order."""
    first = await books.payment(minutes(0), status="failed")
    order_id = await books.pool.fetchval("SELECT order_id FROM payments WHERE id = $1", first)
    wanted = await books.payment(minutes(3), order_id=order_id)
    await books.payment(minutes(4))
    await operation(books, first, order_id, "charge")
    await operation(books, wanted, order_id, "authorize")
    refund = await books.refund(wanted, minutes(5))
    await books.event("order.expired", minutes(6), order_id)
    success = await books.pool.fetchval(
        "SELECT id FROM events WHERE payment_id = $1 AND type = 'payment.success'", wanted
    )
    await delivery(books, success, 3)

    async with searching(books.pool) as connection:
        history = await load_payment_history(connection, books.scope, wanted)
        order = await load_order_history(connection, books.scope, order_id)

    assert history is not None
    assert (wanted, order_id) == (history.payment.id, history.order.id)
    assert [refund] == [each.id for each in history.refunds]
    assert ["authorize"] == [each.kind for each in history.operations]
    assert ["approved"] == [each.state for each in history.attempts]
    assert ["payment.success", "refund.processed", "order.expired"] == [
        each.type for each in history.events
    ]
    assert ["success"] == [each.status for each in history.deliveries]
    assert [500, 200] == [each.response_code for each in history.posts]
    assert order is not None
    assert [first, wanted] == [each.id for each in order.payments]
    assert [refund] == [each.id for each in order.refunds]
    assert 4 == len(order.events)


async def test_a_history_belongs_to_its_merchant_and_mode(
    books: Books, other_books: Books, live_books: Books
) -> None:
    """Nobody else's payment or order is found."""
    payment = await books.payment()
    order = await books.pool.fetchval("SELECT order_id FROM payments WHERE id = $1", payment)

    for owner in (other_books, live_books):
        async with searching(owner.pool) as connection:
            assert await load_payment_history(connection, owner.scope, payment) is None
            assert await load_order_history(connection, owner.scope, order) is None
