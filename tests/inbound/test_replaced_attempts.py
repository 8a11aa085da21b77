"""Approvals of attempts that newer ones have replaced, told by a notification: on real stores."""

from __future__ import annotations

import asyncio

from gateway.domain.outcomes import Approved, FailedSurely, Outcome
from gateway.storage.books import BEGINNING, check_payments, check_transactions
from tests.actors.process import ActorProcess
from tests.inbound.sending import Sender, notification
from tests.support import eventually

_OPERATIONS = """
SELECT kind, purpose, state, reverses FROM operations WHERE payment_id = $1 ORDER BY created_at
"""
_FAILED = "SELECT id FROM attempts WHERE payment_id = $1 AND state = 'failed'"


async def test_what_surely_failed_and_was_done_all_the_same_is_given_back(
    process: ActorProcess, sender: Sender
) -> None:
    """The shopper was charged twice by a bank that denied it: the first one is refunded under its
    own reference, the payment is what it was, and the books say so.
    """
    pool = process.tree.pool
    process.bank.answers.append(FailedSurely(reason="connection_refused"))
    payment_id = await process.pay(await process.make_order())
    first: str = await eventually(lambda: pool.fetchval(_FAILED, payment_id))
    process.clock.advance(2)
    await process.until(payment_id, "success")
    before = await pool.fetchrow("SELECT * FROM payments WHERE id = $1", payment_id)
    # What is told is true of an order that has to be read anew, too.
    await process.tree.orders.stop()
    await process.tree.orders.start()

    for number in range(2):
        sender.finds("bank-late", first, Approved(reference="bank-late"))
        await sender.send(notification("bank-late", f"note-{number}"))
        await sender.until("done", f"note-{number}")
    reversed_ = "SELECT count(*) FROM operations WHERE purpose = 'reversal' AND state = 'done'"
    await eventually(lambda: pool.fetchval(reversed_))

    rows = [tuple(row) for row in await pool.fetch(_OPERATIONS, payment_id)]
    assert [("charge", "payment", "done", None), ("refund", "reversal", "done", first)] == rows
    verb, given_back = process.bank.asked[-1]
    assert ("refund", "bank-late", 50_000) == (verb, given_back.original, given_back.amount)
    assert before == await pool.fetchrow("SELECT * FROM payments WHERE id = $1", payment_id)
    audits = await pool.fetch("SELECT action FROM audit_logs WHERE subject_id = $1", payment_id)
    assert ["late_approval"] == [row["action"] for row in audits]
    async with pool.acquire() as connection:
        payments = await check_payments(connection, "", 100, 10)
        booked = await check_transactions(connection, BEGINNING, 100, 10)
    assert ([], []) == (list(payments.texts), list(booked.texts))
    assert 3 == booked.count


async def test_it_is_given_back_while_the_newer_one_is_under_way(
    process: ActorProcess, sender: Sender
) -> None:
    """An authorization: its void is not the payment's, and keeps nothing from beginning."""
    pool = process.tree.pool
    process.bank.answers.append(FailedSurely(reason="connection_refused"))
    payment_id = await process.pay(await process.make_order(capture="manual"))
    first: str = await eventually(lambda: pool.fetchval(_FAILED, payment_id))
    answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    process.bank.answers.append(answer)
    process.clock.advance(2)
    await eventually(lambda: len(process.bank.asked) == 2)

    sender.finds("bank-late", first, Approved(reference="bank-late"))
    await sender.send(notification("bank-late"))
    await eventually(lambda: "void" in process.bank.verbs)
    answer.set_result(Approved(reference="bank-2"))
    await process.until(payment_id, "success")

    assert "bank-late" == process.bank.asked[-1][1].original
    found = await pool.fetchrow("SELECT * FROM payments WHERE id = $1", payment_id)
    assert ("bank-2", 50_000, 0) == (
        found["processor_reference"],
        found["amount_authorized"],
        found["amount_released"],
    )
