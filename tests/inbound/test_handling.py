"""What becomes of notifications: clarified, told to the order, tried again, given up."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from gateway.domain.outcomes import Approved, Declined, Outcome, RequiresAction, Unknown
from gateway.processors.protocol import Finding
from gateway.seeding import TEST_MERCHANT_ID
from tests.actors.process import ActorProcess, actor_process
from tests.inbound.sending import Sender, notification, own_account
from tests.support import eventually


async def begun(process: ActorProcess, answer: Outcome | asyncio.Future[Outcome]) -> str:
    """A payment whose charge the bank has in hand; its id."""
    process.bank.answers.append(answer)
    payment_id = await process.pay(await process.make_order())
    await process.bank.called.wait()
    return payment_id


async def attempt_of(process: ActorProcess, payment_id: str) -> dict[str, Any]:
    """The payment's last attempt."""
    return dict(
        await process.tree.pool.fetchrow(
            "SELECT * FROM attempts WHERE payment_id = $1 ORDER BY number DESC LIMIT 1", payment_id
        )
    )


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(Approved(reference="bank-1"), "success"), (Declined(reason="no_funds"), "failed")],
)
async def test_an_unknown_outcome_is_resolved(
    process: ActorProcess, sender: Sender, outcome: Outcome, status: str
) -> None:
    """The bank says what became of it before its time to be asked, and nothing is sent again."""
    payment_id = await begun(process, Unknown(reason="timeout"))
    await process.until(payment_id, "unknown")
    attempt = await attempt_of(process, payment_id)
    sender.finds("bank-1", attempt["id"], outcome)

    assert await sender.send(notification("bank-1"))
    row = await sender.until("done")

    assert status == await process.status(payment_id)
    assert (payment_id, attempt["id"], None) == (
        row["payment_id"],
        row["attempt_id"],
        row["reason"],
    )
    assert ["charge"] == process.bank.verbs


async def test_news_before_our_own_answer_is_one_outcome(
    process: ActorProcess, sender: Sender
) -> None:
    """The call is still under way and leased: the approval counts, the answer changes nothing."""
    answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    payment_id = await begun(process, answer)
    attempt = await attempt_of(process, payment_id)
    sender.finds("bank-1", attempt["id"])

    await sender.send(notification("bank-1"))
    await sender.until("done")
    assert "success" == await process.status(payment_id)
    answer.set_result(Approved(reference="bank-1"))
    await eventually(lambda: process.tree.processors.in_flight == 0)

    events = await process.tree.pool.fetch(
        "SELECT type FROM events WHERE payment_id = $1 ORDER BY type", payment_id
    )
    assert [
        "order.paid",
        "payment.captured",
        "payment.created",
        "payment.pending",
        "payment.success",
    ] == [each["type"] for each in events]
    assert "approved" == (await attempt_of(process, payment_id))["state"]
    assert [] == await process.tree.pool.fetch("SELECT FROM audit_logs")


@pytest.mark.parametrize(
    "outcome", [Unknown(reason="held"), RequiresAction(reference="x", next_action="{}")]
)
async def test_what_is_not_final_is_not_told(
    process: ActorProcess, sender: Sender, outcome: Outcome
) -> None:
    """The payment stays unknown and is asked for as before."""
    payment_id = await begun(process, Unknown(reason="timeout"))
    await process.until(payment_id, "unknown")
    attempt = await attempt_of(process, payment_id)
    process.bank.lookups.append(Unknown(reason="held"))
    sender.finds("bank-1", attempt["id"], outcome)

    await sender.send(notification("bank-1"))
    row = await sender.until("done")

    assert ("not_final", "unknown") == (row["reason"], await process.status(payment_id))


async def test_what_shares_its_name_is_asked_for(process: ActorProcess, sender: Sender) -> None:
    """A capture has no name of its own at this bank: its notification has it looked up."""
    order_id = await process.make_order(capture="manual")
    payment_id = await process.pay(order_id)
    await process.until(payment_id, "success")
    authorization = await attempt_of(process, payment_id)
    process.bank.answers.append(Unknown(reason="timeout"))
    await process.capture(order_id, payment_id)
    await eventually(lambda: _state(process, payment_id, "capture", "unknown"))
    process.bank.lookups.append(Approved(reference=authorization["processor_reference"]))
    sender.finds(authorization["processor_reference"], authorization["id"])

    await sender.send(notification(authorization["processor_reference"]))

    await eventually(lambda: _state(process, payment_id, "capture", "done"))
    assert ["authorize", "capture", "lookup"] == process.bank.verbs


async def _state(process: ActorProcess, payment_id: str, kind: str, state: str) -> bool:
    found = await process.tree.pool.fetchval(
        "SELECT state FROM operations WHERE payment_id = $1 AND kind = $2", payment_id, kind
    )
    return found == state


async def test_the_processors_own_reference_is_enough(
    process: ActorProcess, sender: Sender
) -> None:
    """A bank that does not repeat ours is understood by the name it gave before."""
    payment_id = await begun(process, RequiresAction(reference="bank-1", next_action="{}"))
    await process.until(payment_id, "requires_action")
    sender.finds("bank-1", None)

    await sender.send(notification("bank-1"))
    row = await sender.until("done")

    assert "success" == await process.status(payment_id)
    assert (await attempt_of(process, payment_id))["id"] == row["attempt_id"]


@pytest.mark.parametrize(
    ("reference", "finding", "reason"),
    [
        (None, None, "about_no_transaction"),
        ("bank-9", None, "transaction_not_found"),
        (
            "bank-9",
            Finding(
                reference="bank-9", attempt="att_of_somebody_else", outcome=Approved(reference="b")
            ),
            "transaction_is_not_ours",
        ),
    ],
)
async def test_what_is_not_ours_is_kept(
    process: ActorProcess,
    sender: Sender,
    reference: str | None,
    finding: Finding | None,
    reason: str,
) -> None:
    """It is ignored with a reason, not forgotten, and is no dead letter."""
    if finding is not None:
        process.bank.findings["bank-9"] = finding

    await sender.send(notification(reference))
    row = await sender.until("ignored")

    assert reason == row["reason"]
    assert row["finished_at"] is not None
    assert 0 == await process.tree.pool.fetchval("SELECT count(*) FROM dead_letters")


async def test_tried_again_until_it_is_given_up(
    database_url: str, redis_url: str, redis_prefix: str
) -> None:
    """In growing intervals, a bounded number of times; then it is a dead letter, once."""
    async with actor_process(database_url, redis_url, redis_prefix, inbound_tries_max=3) as process:
        sender = Sender(process)
        process.bank.findings["bank-1"] = ConnectionError("of no use to anybody")
        await sender.send(notification("bank-1"))
        await sender.until_tried(1)
        process.clock.advance(61)
        await sender.until_tried(2)
        process.clock.advance(299)
        assert 2 == (await sender.row())["tries"]
        process.clock.advance(2)

        row = await sender.until("failed")

        assert (3, "ConnectionError") == (row["tries"], row["reason"])
        [letter] = await process.tree.pool.fetch("SELECT * FROM dead_letters")
        assert ("notification", str(row["id"]), "ConnectionError") == (
            letter["kind"],
            letter["subject_id"],
            letter["reason"],
        )
        assert 3 == len(process.bank.clarified)


async def test_a_bank_that_hangs_is_waited_for_no_longer_than_its_timeout(
    database_url: str, redis_url: str, redis_prefix: str
) -> None:
    """The rest of the batch is handled, and the hanging one is tried again later."""
    async with actor_process(database_url, redis_url, redis_prefix) as process:
        process.bank.traits = process.bank.traits.__class__(name="simulator", timeout_seconds=0.2)
        sender = Sender(process)
        process.bank.findings["bank-1"] = asyncio.get_running_loop().create_future()

        await sender.send(notification("bank-1"), notification("bank-2", "note-2"))

        assert "TimeoutError" == (await sender.until_tried(1))["reason"]
        assert "transaction_not_found" == (await sender.until("ignored", "note-2"))["reason"]


async def test_what_is_told_twice_is_handled_once(process: ActorProcess, sender: Sender) -> None:
    """By the notification's own id; a second row never comes into being."""
    for _ in range(3):
        assert await sender.send(notification("bank-1"))
    await sender.until("ignored")
    assert await sender.send(notification("bank-1"))

    assert 1 == len(process.bank.clarified)
    assert 1 == await process.tree.pool.fetchval("SELECT count(*) FROM inbound_notifications")


async def test_two_processes_handle_each_once(
    database_url: str, redis_url: str, redis_prefix: str
) -> None:
    """Both take from the same table, and none takes what the other has."""
    async with (
        actor_process(database_url, redis_url, redis_prefix) as one,
        actor_process(database_url, redis_url, redis_prefix) as other,
    ):
        told = [notification(f"bank-{number}", f"note-{number}") for number in range(60)]
        await asyncio.gather(
            *(Sender(one if number % 2 else other).send(each) for number, each in enumerate(told))
        )
        for number in range(60):
            await Sender(one).until("ignored", f"note-{number}")

        asked = [each.reference for each, _ in one.bank.clarified + other.bank.clarified]
        assert sorted(each["reference"] for each in told) == sorted(asked)


async def test_what_a_dead_process_left_is_handled_by_the_next(
    database_url: str, redis_url: str, redis_prefix: str
) -> None:
    """It died between the answer and the work: the row is enough."""
    async with actor_process(database_url, redis_url, redis_prefix, start=False) as dead:
        await Sender(dead).send(notification("bank-1"))
        assert "pending" == (await Sender(dead).row())["state"]
    async with actor_process(database_url, redis_url, redis_prefix) as next_one:
        assert "ignored" == (await Sender(next_one).until("ignored"))["state"]


class TestOwnAccounts:
    """Merchants with accounts of their own at the bank."""

    async def test_the_key_decides_whose_it_is(self, process: ActorProcess, sender: Sender) -> None:
        """The signature names the account, and so the mode; the question goes to that account."""
        await own_account(process)
        live = await own_account(process, "live", "live key")
        believed = await sender.send(
            notification("bank-1"), merchant_id=TEST_MERCHANT_ID, key="live key"
        )
        row = await sender.until("ignored")

        assert believed
        assert (TEST_MERCHANT_ID, "live", live) == (
            row["merchant_id"],
            row["mode"],
            row["account_id"],
        )
        assert {"key": "live key"} == process.bank.clarified[0][1]

    @pytest.mark.parametrize(
        ("merchant_id", "key"),
        [
            (TEST_MERCHANT_ID, "somebody's"),
            (TEST_MERCHANT_ID, "the gateway's"),
            (UUID(int=99), "merchant's"),
            (UUID(int=99), "the gateway's"),
            (None, "merchant's"),
        ],
    )
    async def test_other_keys_are_nobodys(
        self, process: ActorProcess, sender: Sender, merchant_id: UUID | None, key: str
    ) -> None:
        """A merchant's key signs for that merchant alone, and the gateway's for no merchant."""
        await own_account(process)

        assert not await sender.send(notification("bank-1"), merchant_id=merchant_id, key=key)
        assert 0 == await process.tree.pool.fetchval("SELECT count(*) FROM inbound_notifications")

    async def test_it_speaks_of_its_own_payments_only(
        self, process: ActorProcess, sender: Sender
    ) -> None:
        """Who has an account could say anything: of payments through another it is not believed."""
        payment_id = await begun(process, Unknown(reason="timeout"))
        await process.until(payment_id, "unknown")
        await own_account(process)
        sender.finds("bank-1", (await attempt_of(process, payment_id))["id"])

        await sender.send(notification("bank-1"), merchant_id=TEST_MERCHANT_ID, key="merchant's")
        row = await sender.until("ignored")

        assert "transaction_is_not_ours" == row["reason"]
        assert "unknown" == await process.status(payment_id)

    async def test_it_resolves_what_went_through_it(
        self, process: ActorProcess, sender: Sender
    ) -> None:
        """And the gateway's own account does not speak for it."""
        await own_account(process)
        payment_id = await begun(process, Unknown(reason="timeout"))
        await process.until(payment_id, "unknown")
        sender.finds("bank-1", (await attempt_of(process, payment_id))["id"])

        await sender.send(notification("bank-1", "note-2"))
        assert "transaction_is_not_ours" == (await sender.until("ignored", "note-2"))["reason"]
        await sender.send(notification("bank-1"), merchant_id=TEST_MERCHANT_ID, key="merchant's")
        await sender.until("done")

        assert "success" == await process.status(payment_id)

    async def test_an_account_that_is_gone_is_waited_for(
        self, process: ActorProcess, sender: Sender
    ) -> None:
        """Without its credentials nobody can be asked; it is tried again."""
        await own_account(process)
        handler = process.tree.inbound.handlers["simulator"]
        await handler.stop()
        await sender.send(notification("bank-1"), merchant_id=TEST_MERCHANT_ID, key="merchant's")
        await process.tree.pool.execute("DELETE FROM processor_accounts")
        await process.tree.accounts.load()
        await handler.start()

        assert "AccountUnreadable" == (await sender.until_tried(1))["reason"]
