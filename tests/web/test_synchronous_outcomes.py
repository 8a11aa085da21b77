"""The synchronous operations at banks that fail, hang and take two steps, as a test decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from gateway.app import Gateway
from gateway.domain.outcomes import (
    Approved,
    Declined,
    FailedSurely,
    Outcome,
    ProcessorTraits,
    Unknown,
)
from gateway.settings import Settings
from gateway.storage.pool import Pool
from tests.actors.process import ScriptedBank
from tests.support import eventually
from tests.web.client import Answer, ApiClient
from tests.web.scripted import use_banks

BODY = {"amount": 50_000, "method": "upi", "vpa": "success@bank"}
NOW = {"Prefer": "wait=0"}
DECLINE = Declined(description="The bank is closed", reason="bank_closed")


@pytest.fixture
def bank() -> ScriptedBank:
    """Stands in the simulated bank's place."""
    return ScriptedBank()


@pytest.fixture
async def gateway(
    settings: Settings, bank: ScriptedBank, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    """A gateway whose only processor is the scripted bank."""
    use_banks(monkeypatch, bank)
    running = Gateway(settings)
    await running.start()
    yield running
    await running.stop()


def hanging(bank: ScriptedBank) -> asyncio.Future[Outcome]:
    """The bank's next answer, which comes when the test says so."""
    answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    bank.answers.append(answer)
    return answer


async def outcome(api: ApiClient, path: str, body: Any, key: str) -> Answer:
    """The final answer, kept and given again."""
    final = await api.post(path, body, key=key)
    again = await api.post(path, body, key=key)
    assert (final.status, final.body) == (again.status, again.body)
    assert "true" == again.headers["Idempotent-Replayed"]
    return final


async def test_surely_not_attempted(api: ApiClient, gateway: Gateway, bank: ScriptedBank) -> None:
    """502 when every try has surely failed: nothing was charged, and that is final."""
    bank.answers.extend([FailedSurely(reason="refused")] * 4)
    posted = asyncio.create_task(api.post("/payments/purchase", BODY, key="f"))
    for tries in range(1, 5):

        async def tried(tries: int = tries) -> bool:
            gateway.clock.advance(1)
            return len(bank.asked) >= tries

        await eventually(tried)
    answer = await posted

    assert (502, "GATEWAY_ERROR", "processor_unreachable") == (
        answer.status,
        answer.error["code"],
        answer.error["reason"],
    )
    assert "gateway" == answer.error["source"]
    payment_id = answer.error["metadata"]["payment_id"]
    assert "failed" == (await api.get(f"/payments/{payment_id}")).json["status"]
    assert answer.body == (await outcome(api, "/payments/purchase", BODY, "f")).body
    assert ["charge"] * 4 == bank.verbs


@pytest.mark.parametrize("found", ["approved", "declined"])
async def test_an_unknown_outcome(
    api: ApiClient, gateway: Gateway, bank: ScriptedBank, found: str
) -> None:
    """504 while nobody knows, and it is not kept; the repeat gets what was found out."""
    bank.answers.append(Unknown(reason="timeout"))
    bank.lookups.append(Approved(reference="bank-1") if found == "approved" else DECLINE)
    first = await api.post("/payments/purchase", BODY, key="u", headers={"Prefer": "wait=1"})
    payment_id = first.error["metadata"]["payment_id"]
    assert (504, "GATEWAY_ERROR", "outcome_unknown") == (
        first.status,
        first.error["code"],
        first.error["reason"],
    )
    assert "unknown" == (await api.get(f"/payments/{payment_id}")).json["status"]
    gateway.clock.advance(11)
    final = await outcome(api, "/payments/purchase", BODY, "u")

    assert ["charge", "lookup"] == bank.verbs
    if found == "approved":
        assert (200, payment_id, True) == (final.status, final.json["id"], final.json["captured"])
    else:
        assert (402, "bank_closed", payment_id) == (
            final.status,
            final.error["reason"],
            final.error["metadata"]["payment_id"],
        )


async def test_a_bank_that_hangs(api: ApiClient, bank: ScriptedBank) -> None:
    """Each operation: 202 as it stands when the wait is over, the outcome for the repeat."""
    answer = hanging(bank)
    first = await api.post("/payments/authorize", BODY, key="1", headers=NOW)
    repeat = asyncio.create_task(outcome(api, "/payments/authorize", BODY, "1"))
    answer.set_result(Approved(reference="bank-1"))
    payment_id = first.json["id"]
    assert (202, "0") == (first.status, first.headers["Preference-Applied"].removeprefix("wait="))
    assert ("success", payment_id) == ((await repeat).json["status"], (await repeat).json["id"])

    for path, more, shown in (
        ("capture", {"amount": 30_000}, "success"),
        ("refund", {"amount": 10_000}, "processed"),
    ):
        body, answer = {"payment_id": payment_id, **more}, hanging(bank)
        first = await api.post(f"/payments/{path}", body, key=path, headers=NOW)
        answer.set_result(Approved(reference="bank-2"))
        final = await outcome(api, f"/payments/{path}", body, path)
        assert (202, 200) == (first.status, final.status), final.body
        assert first.json["id"] == final.json["id"]
        assert shown == final.json["status"]
    assert ["authorize", "capture", "refund"] == bank.verbs


@pytest.mark.parametrize(
    ("path", "more"), [("capture", {}), ("cancel", {}), ("refund", {"amount": 100})]
)
async def test_what_follows_is_declined(
    api: ApiClient, bank: ScriptedBank, path: str, more: dict[str, Any]
) -> None:
    """402 with the bank's reason and what it is about; the payment stays as it was."""
    made = await api.post(f"/payments/{'purchase' if path == 'refund' else 'authorize'}", BODY)
    bank.answers.append(DECLINE)
    body = {"payment_id": made.json["id"], **more}
    declined = await outcome(api, f"/payments/{path}", body, "d")

    assert (402, "PAYMENT_FAILED", "bank_closed", "The bank is closed") == (
        declined.status,
        declined.error["code"],
        declined.error["reason"],
        declined.error["description"],
    )
    metadata = declined.error["metadata"]
    assert made.json["id"] == metadata["payment_id"]
    if path == "refund":
        refund = (await api.get(f"/refunds/{metadata['refund_id']}")).json
        assert "failed" == refund["status"]
    after = (await api.get(f"/payments/{made.json['id']}")).json
    assert (0, made.json["status"]) == (after["amount_refunded"], after["status"])


class TestTwoSteps:
    """A bank that authorizes and captures in two calls: a purchase is both."""

    @pytest.fixture
    def bank(self) -> ScriptedBank:
        bank = ScriptedBank()
        bank.traits = ProcessorTraits(name="simulator", timeout_seconds=5, single_step=False)
        return bank

    async def test_done(self, api: ApiClient, bank: ScriptedBank) -> None:
        """200 when it is captured, not when it is authorized."""
        bank.answers.append(Approved(reference="bank-1"))
        capture = hanging(bank)
        first = await api.post("/payments/purchase", BODY, key="t", headers={"Prefer": "wait=1"})
        between = await api.post("/payments/purchase", BODY, key="t", headers=NOW)
        capture.set_result(Approved(reference="bank-2"))
        final = await outcome(api, "/payments/purchase", BODY, "t")

        assert [202, 202, 200] == [answer.status for answer in (first, between, final)]
        assert (False, True) == (first.json["captured"], final.json["captured"])
        assert ["authorize", "capture"] == bank.verbs

    async def test_the_second_is_declined(self, api: ApiClient, bank: ScriptedBank) -> None:
        """402; the authorization stays, to be captured or cancelled."""
        bank.answers.extend([Approved(reference="bank-1"), DECLINE])
        declined = await outcome(api, "/payments/purchase", BODY, "t")
        payment_id = declined.error["metadata"]["payment_id"]
        cancelled = await api.post("/payments/cancel", {"payment_id": payment_id})

        assert (402, "bank_closed") == (declined.status, declined.error["reason"])
        assert (200, "cancelled") == (cancelled.status, cancelled.json["status"])

    async def test_an_authorization_is_one_step(self, api: ApiClient, bank: ScriptedBank) -> None:
        """It is done when it is authorized."""
        assert 200 == (await outcome(api, "/payments/authorize", BODY, "a")).status
        assert ["authorize"] == bank.verbs


class TestNonces:
    """A card that the merchant's page has given to the bank is charged by its nonce."""

    @pytest.fixture
    def bank(self) -> ScriptedBank:
        bank = ScriptedBank()
        bank.traits = ProcessorTraits(name="simulator", timeout_seconds=5, accepts_nonces=True)
        return bank

    async def test_a_purchase(self, api: ApiClient, bank: ScriptedBank, pool: Pool) -> None:
        """The bank gets the nonce once; another nonce is another request."""
        nonce = {"descriptor": "COMMON.ACCEPT.INAPP.PAYMENT", "value": "nonce-1"}
        body = {"amount": 700, "method": "card", "card": {"nonce": nonce}}
        made = await outcome(api, "/payments/purchase", body, "n")
        other = {**body, "card": {"nonce": {**nonce, "value": "nonce-2"}}}
        refused = await api.post("/payments/purchase", other, key="n")

        assert (200, True) == (made.status, made.json["captured"])
        [(_, transaction)] = bank.asked
        assert transaction.nonce is not None
        assert "nonce-1" == transaction.nonce.value
        assert 422 == refused.status
        kept = await pool.fetch("SELECT * FROM idempotency_keys")
        assert "nonce-1" not in repr([dict(row) for row in kept])


async def test_the_request_is_named_to_the_bank(
    api: ApiClient, bank: ScriptedBank, gateway: Gateway, pool: Pool
) -> None:
    """Calls of the bank, events and the log's lines about jobs name the request they came of.

    The outcome is found out long after it was answered.
    """
    structlog.reset_defaults()
    bank.answers.append(Unknown(reason="timeout"))
    bank.lookups.append(DECLINE)
    headers = {"X-Request-Id": "buy-1", "Prefer": "wait=0"}
    answer = await api.post("/payments/purchase", BODY, headers=headers)
    payment_id = answer.json["id"] if answer.status == 202 else None
    payment_id = payment_id or answer.error["metadata"]["payment_id"]

    async def unknown() -> bool:
        return (await api.get(f"/payments/{payment_id}")).json["status"] == "unknown"

    await eventually(unknown)

    async def told() -> bool:
        return any(line.get("outcome") == "Declined" for line in lines)

    with capture_logs() as lines:
        gateway.clock.advance(11)
        await eventually(told)
    assert "failed" == (await api.get(f"/payments/{payment_id}")).json["status"]
    assert "buy-1" in {line["request_id"] for line in lines if line.get("outcome") == "Declined"}
    assert [("charge", "buy-1"), ("lookup", "buy-1")] == [
        (verb, transaction.correlation_id) for verb, transaction in bank.asked
    ]
    events = await pool.fetch(
        "SELECT type, request_id FROM events WHERE payment_id = $1", payment_id
    )
    assert {
        ("payment.created", "buy-1"),
        ("payment.pending", "buy-1"),
        ("payment.unknown", "buy-1"),
        ("payment.failed", "buy-1"),
    } == {tuple(event) for event in events}
