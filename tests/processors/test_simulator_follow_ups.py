"""The simulated bank's own rules about captures, voids and refunds."""

from __future__ import annotations

import asyncio

import pytest

from gateway.domain.outcomes import Approved, AttemptNotFound, Declined, Outcome
from gateway.processors.protocol import Pool, call, look_up
from gateway.processors.simulator import SimulatedBank
from gateway.processors.simulator_ledger import ledger
from tests.processors.transactions import OpenBank, following, transaction


def reason(outcome: Outcome) -> str | None:
    return outcome.reason if isinstance(outcome, Declined) else None


async def approved(pool: Pool, kind: str) -> int:
    """The sum that the ledger shows for this kind."""
    page = await ledger(pool, limit=10_000)
    return sum(row.amount for row in page.rows if row.kind == kind)


async def test_captures_and_refunds_within_the_amount(bank: SimulatedBank, pool: Pool) -> None:
    """An authorization is captured in parts and refunded in parts, up to the last unit."""
    payment = transaction("authorize")
    await call(bank, payment)
    steps = [
        following(payment, "capture", 30_000),
        following(payment, "capture", 20_000),
        following(payment, "refund", 49_999, refund_id="rfnd_1"),
        following(payment, "refund", 1, refund_id="rfnd_2"),
    ]

    for step in steps:
        assert Approved(reference=step.reference) == await call(bank, step)
        assert Approved(reference=step.reference) == await look_up(bank, step)

    rows = (await ledger(pool, limit=10)).rows

    assert ["authorize", "capture", "capture", "refund", "refund"] == [row.kind for row in rows]
    assert [None, None, None, "rfnd_1", "rfnd_2"] == [row.refund_id for row in rows]


async def test_a_charge_is_refunded_without_capture(bank: SimulatedBank) -> None:
    """A charge is captured as it stands: refunded it can be, captured or voided it cannot."""
    payment = transaction("charge")
    await call(bank, payment)

    assert "exceeds_authorized" == reason(await call(bank, following(payment, "capture", 1)))
    assert "exceeds_authorized" == reason(await call(bank, following(payment, "void", 1)))
    assert None is reason(await call(bank, following(payment, "refund", 50_000)))


@pytest.mark.parametrize(
    ("before", "kind", "amount", "expected"),
    [
        ([], "capture", 50_001, "exceeds_authorized"),
        ([("capture", 50_000)], "capture", 1, "exceeds_authorized"),
        ([("capture", 20_000)], "void", 30_001, "exceeds_authorized"),
        ([("void", 50_000)], "void", 50_000, "exceeds_authorized"),
        ([("void", 50_000)], "capture", 1, "exceeds_authorized"),
        ([], "refund", 1, "exceeds_captured"),
        ([("capture", 20_000)], "refund", 20_001, "exceeds_captured"),
        ([("capture", 20_000), ("refund", 20_000)], "refund", 20_000, "exceeds_captured"),
        ([("capture", 20_000)], "void", 30_000, None),
        ([("capture", 60_000)], "capture", 50_000, None),
    ],
)
async def test_the_bank_refuses_more_than_is_left(
    bank: SimulatedBank, before: list[tuple[str, int]], kind: str, amount: int, expected: str | None
) -> None:
    """Over-captures, over-refunds and voids of what is taken are declined by the bank itself."""
    payment = transaction("authorize")
    await call(bank, payment)
    for earlier, earlier_amount in before:
        await call(bank, following(payment, earlier, earlier_amount))

    step = following(payment, kind, amount)
    outcome = await call(bank, step)

    assert expected == reason(outcome)
    assert outcome == await look_up(bank, step)
    assert outcome == await call(bank, step)


async def test_the_original_must_be_an_approved_payment(bank: SimulatedBank) -> None:
    """Nothing follows a payment that is unknown, was declined, or is in another currency."""
    declined, euro = transaction(vpa="failure@bank"), transaction(currency="EUR")
    for payment in (declined, euro):
        await call(bank, payment)

    steps = {
        "original_not_found": following(transaction(), "refund", 1),
        "original_not_approved": following(declined, "refund", 1),
        "currency_mismatch": following(euro, "refund", 1),
    }

    assert list(steps) == [reason(await call(bank, step)) for step in steps.values()]
    assert "original_not_found" == reason(await call(bank, transaction("capture")))


@pytest.mark.parametrize(
    ("kind", "amount", "wins"), [("capture", 20_000, 2), ("refund", 15_000, 3)]
)
async def test_concurrent_follow_ups_never_exceed(
    open_bank: OpenBank, pool: Pool, kind: str, amount: int, wins: int
) -> None:
    """Sixty at once, through three banks in small groups, take what is there and no more."""
    banks = [await open_bank({"group_max": 4}) for _ in range(3)]
    payment = transaction("charge" if kind == "refund" else "authorize")
    await call(banks[0], payment)

    steps = [following(payment, kind, amount) for _ in range(60)]
    outcomes = await asyncio.gather(*(call(banks[n % 3], step) for n, step in enumerate(steps)))

    assert wins == sum(isinstance(outcome, Approved) for outcome in outcomes)
    assert wins * amount == await approved(pool, kind)


async def test_one_reference_follows_once(open_bank: OpenBank, pool: Pool) -> None:
    """200 concurrent partial refunds under one reference, through two banks, are one refund."""
    banks = [await open_bank({"group_max": 16}) for _ in range(2)]
    payment = transaction("charge")
    await call(banks[0], payment)
    refund = following(payment, "refund", 100, refund_id="rfnd_1")

    outcomes = await asyncio.gather(*(call(banks[n % 2], refund) for n in range(200)))

    assert {Approved(reference=refund.reference)} == set(outcomes)
    assert 100 == await approved(pool, "refund")


async def test_groups_over_the_same_payments_do_not_deadlock(
    open_bank: OpenBank, pool: Pool
) -> None:
    """Two banks that touch the same payments in opposite order both finish."""
    banks = [await open_bank() for _ in range(2)]
    payments = [transaction("charge", amount=1000) for _ in range(100)]
    await asyncio.gather(*(call(banks[0], payment) for payment in payments))

    rounds = []
    for bank, ordered in zip(banks, (payments, payments[::-1]), strict=True):
        rounds += [call(bank, following(payment, "refund", 500)) for payment in ordered]
    outcomes = await asyncio.gather(*rounds)

    assert {Approved} == {type(outcome) for outcome in outcomes}
    assert 100_000 == await approved(pool, "refund")


async def test_only_payments_and_refunds_take_time(open_bank: OpenBank) -> None:
    """Capture and void answer at once; a refund waits its delay."""
    quick = await open_bank()
    slow = await open_bank(test_processing_delay=60_000, simulator_timeout_seconds=0.5)
    payment = transaction("authorize")
    await call(quick, payment)

    assert None is reason(await call(slow, following(payment, "capture", 1)))
    assert None is reason(await call(slow, following(payment, "void", 1)))

    refund = following(payment, "refund", 1)
    pending = asyncio.ensure_future(call(slow, refund))

    assert AttemptNotFound() == await look_up(slow, refund)

    pending.cancel()


async def test_the_test_setting_is_about_payments(open_bank: OpenBank) -> None:
    """With TEST_PAYMENT_SUCCESS=false what was paid before can still be captured and refunded."""
    bank = await open_bank()
    payment = transaction("authorize")
    await call(bank, payment)
    failing = await open_bank(test_payment_success=False)

    assert None is reason(await call(failing, following(payment, "capture", 100)))
    assert None is reason(await call(failing, following(payment, "refund", 100)))
