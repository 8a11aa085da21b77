"""Whoever wants to go on with a payment of unknown outcome has it cleared up first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.domain.outcomes import Approved, Declined, Outcome, Unknown
from gateway.settings import Settings
from gateway.storage.pool import Pool
from tests.actors.process import ScriptedBank
from tests.support import eventually
from tests.web.client import ApiClient
from tests.web.scripted import use_banks

LOST = Unknown(reason="timeout")
DONE = Approved(reference="bank-1")


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> ScriptedBank:
    scripted = ScriptedBank()
    use_banks(monkeypatch, scripted)
    return scripted


@pytest.fixture
async def gateway(settings: Settings, bank: ScriptedBank) -> AsyncIterator[Gateway]:
    """Waits long enough for an answer, and no test waits for as long."""
    del bank
    running = Gateway(settings.model_copy(update={"unknown_wait_seconds": 20.0}))
    await running.start()
    yield running
    await running.stop()


async def authorized(api: ApiClient) -> str:
    """A payment that can be captured."""
    order = await api.order(capture="manual")
    payment = await api.payment(order["id"])
    assert "success" == (await api.settled(payment["id"]))["status"]
    payment_id: str = payment["id"]
    return payment_id


async def until_unknown(pool: Pool, payment_id: str) -> None:
    """Wait until an operation of the payment has an unknown outcome."""
    unknown = "SELECT count(*) FROM operations WHERE payment_id = $1 AND state = 'unknown'"
    await eventually(lambda: pool.fetchval(unknown, payment_id))


async def lost(api: ApiClient, bank: ScriptedBank, pool: Pool, payment_id: str, path: str) -> None:
    """An operation of the payment whose outcome nobody knows."""
    bank.answers.append(LOST)
    answer = await api.post(f"/payments/{payment_id}/{path}", {}, headers={"Prefer": "wait=0"})
    assert answer.status in (202, 504), answer.body
    await until_unknown(pool, payment_id)


@pytest.mark.parametrize(
    ("outcome", "status", "told"),
    [(DONE, 400, "Payment already captured"), (Declined(reason="too_late"), 200, None)],
)
async def test_a_second_capture_is_decided_by_what_became_of_the_first(
    api: ApiClient, bank: ScriptedBank, pool: Pool, outcome: Outcome, status: int, told: str | None
) -> None:
    """The processor is asked at once, and nothing is sent before it has answered."""
    payment_id = await authorized(api)
    await lost(api, bank, pool, payment_id, "capture")
    bank.lookups.append(outcome)

    second = await api.post(f"/payments/{payment_id}/capture", {})

    assert status == second.status, second.body
    if told is None:
        assert ["authorize", "capture", "lookup", "capture"] == bank.verbs
    else:
        assert told == second.error["description"]
        assert ["authorize", "capture", "lookup"] == bank.verbs


@pytest.mark.parametrize("path", ["capture", "cancel"])
async def test_what_stays_unknown_stays_in_the_way(
    api: ApiClient, bank: ScriptedBank, pool: Pool, path: str
) -> None:
    """409, and the payment is neither captured nor voided on a guess."""
    payment_id = await authorized(api)
    await lost(api, bank, pool, payment_id, "capture")
    bank.lookups.append(LOST)

    refused = await api.post(f"/payments/{payment_id}/{path}", {}, headers={"Prefer": "wait=1"})

    assert (409, "Another operation is in progress") == (
        refused.status,
        refused.error["description"],
    )
    assert ["authorize", "capture", "lookup"] == bank.verbs


async def test_a_refund_is_decided_by_what_became_of_the_capture(
    api: ApiClient, bank: ScriptedBank, pool: Pool
) -> None:
    """What is captured goes back through the processor, what is not would only be released."""
    payment_id = await authorized(api)
    await lost(api, bank, pool, payment_id, "capture")
    bank.lookups.append(DONE)

    assert 201 == (await api.post(f"/payments/{payment_id}/refunds", {})).status
    await eventually(lambda: "refund" in bank.verbs)
    assert ["authorize", "capture", "lookup", "refund"] == bank.verbs


async def test_who_does_not_want_to_wait_does_not(
    api: ApiClient, bank: ScriptedBank, pool: Pool
) -> None:
    """`Prefer: wait=0` is refused at once; the processor is asked all the same."""
    payment_id = await authorized(api)
    await lost(api, bank, pool, payment_id, "cancel")
    bank.lookups.append(DONE)

    refused = await api.post(f"/payments/{payment_id}/cancel", {}, headers={"Prefer": "wait=0"})

    assert 409 == refused.status
    assert "cancelled" == (await _until_not(api, payment_id, "success"))["status"]


@pytest.mark.parametrize(
    ("outcome", "status", "told"),
    [(Declined(reason="no_funds"), 201, None), (DONE, 400, "Order already paid")],
)
async def test_another_payment_waits_for_the_first(
    api: ApiClient, bank: ScriptedBank, outcome: Outcome, status: int, told: str | None
) -> None:
    """A shopper who tries again after a timeout is not charged twice, and not sent away."""
    order = await api.order()
    bank.answers.append(LOST)
    first = await api.payment(order["id"])
    await _until_not(api, first["id"], "pending", "processing")
    bank.lookups.append(outcome)

    body = {"order_id": order["id"], "method": "upi", "vpa": "success@bank"}
    second = await api.post("/payments", body)

    assert status == second.status, second.body
    assert "lookup" == bank.verbs[1]
    if told is not None:
        assert told == second.error["description"]


async def test_a_refund_has_an_unknown_one_asked_for(
    api: ApiClient, bank: ScriptedBank, pool: Pool
) -> None:
    """Refunds run side by side, their money is set aside: the second need not wait."""
    order = await api.order(capture="automatic")
    payment = await api.payment(order["id"])
    await api.settled(payment["id"])
    bank.answers.append(LOST)
    await api.post(f"/payments/{payment['id']}/refunds", {"amount": 10_000})
    await until_unknown(pool, payment["id"])
    bank.lookups.append(DONE)

    second = await api.post(f"/payments/{payment['id']}/refunds", {"amount": 20_000})
    assert 201 == second.status

    async def both() -> bool:
        shown = (await api.get(f"/payments/{payment['id']}")).json
        refunded: bool = shown["amount_refunded"] == 30_000
        return refunded

    await eventually(both)
    assert ["charge", "lookup", "refund", "refund"] == sorted(bank.verbs)


async def test_other_refusals_do_not_wait(api: ApiClient, bank: ScriptedBank) -> None:
    """Where nothing is unknown nobody is asked."""
    payment_id = await authorized(api)
    assert 200 == (await api.post(f"/payments/{payment_id}/capture", {})).status

    assert 400 == (await api.post(f"/payments/{payment_id}/capture", {})).status
    assert "lookup" not in bank.verbs


async def _until_not(api: ApiClient, payment_id: str, *statuses: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        payment: dict[str, Any] = (await api.get(f"/payments/{payment_id}")).json
        return None if payment["status"] in statuses else payment

    return await eventually(look)
