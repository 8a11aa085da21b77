"""Where processors send notifications: signed or refused, kept before they are answered."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

import pytest

from gateway.app import Gateway
from gateway.domain.outcomes import Approved
from gateway.processors.protocol import Finding
from gateway.processors.simulator import SimulatedBank
from gateway.seeding import TEST_MERCHANT_ID
from gateway.settings import Settings
from gateway.storage.pool import Pool
from tests.actors.process import ScriptedBank, signature
from tests.inbound.sending import message, notification
from tests.support import eventually
from tests.web.client import Answer, ApiClient
from tests.web.scripted import use_banks

PATH = "/webhooks/authorize-net"


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> ScriptedBank:
    """Stands where Authorize.Net stands; takes its place before the gateway starts."""
    scripted = ScriptedBank(name="authorizenet")
    use_banks(monkeypatch, SimulatedBank(), scripted)
    return scripted


@pytest.fixture
def sender(bank: ScriptedBank, gateway: Gateway, api: ApiClient) -> ApiClient:
    """Somebody with no credentials at all."""
    del bank, gateway
    return ApiClient(api.session, api.url, key=None, secret=None)


async def send(
    sender: ApiClient, body: bytes, path: str = PATH, headers: Mapping[str, str] | None = None
) -> Answer:
    """A message with its signature, or with other headers."""
    signed = {"X-Signature": signature(body)} if headers is None else headers
    return await sender.call("POST", path, data=body, headers=signed)


async def count(pool: Pool) -> int:
    """How many notifications are kept."""
    kept: int = await pool.fetchval("SELECT count(*) FROM inbound_notifications")
    return kept


@pytest.mark.parametrize("path", [PATH, "/webhooks/processors/authorizenet"])
async def test_a_signed_message_is_kept_and_answered(
    sender: ApiClient, pool: Pool, path: str
) -> None:
    """The bytes as they came; once, however often it is sent."""
    body = message(notification("bank-1"))
    answers = [await send(sender, body, path) for _ in range(3)]

    assert [(200, {"received": True})] * 3 == [(each.status, each.json) for each in answers]
    [row] = await pool.fetch("SELECT * FROM inbound_notifications")
    assert ("authorizenet", "note-1", "bank-1", body) == (
        row["processor"],
        row["notification_id"],
        row["reference"],
        row["body"],
    )


async def test_it_resolves_the_payment_of_a_running_gateway(
    sender: ApiClient, api: ApiClient, bank: ScriptedBank, pool: Pool
) -> None:
    """From the message over the question to the payment, and to the events that tell of it."""
    order = await api.order()
    made = await api.post(
        "/payments", {"order_id": order["id"], "method": "upi", "vpa": "timeout@bank"}
    )
    payment_id = made.json["id"]

    async def unknown() -> bool:
        return (await api.get(f"/payments/{payment_id}")).json["status"] == "unknown"

    await eventually(unknown)
    # The simulated bank sends nothing by itself: the payment is made the other bank's.
    await pool.execute("UPDATE payments SET processor = 'authorizenet' WHERE id = $1", payment_id)
    attempt = await pool.fetchval("SELECT id FROM attempts WHERE payment_id = $1", payment_id)
    bank.findings["bank-1"] = Finding(
        reference="bank-1", attempt=attempt, outcome=Approved(reference="bank-1")
    )

    await send(sender, message(notification("bank-1")))

    async def success() -> bool:
        return (await api.get(f"/payments/{payment_id}")).json["status"] == "success"

    await eventually(success)


@pytest.mark.parametrize(
    "path",
    [
        PATH,
        f"{PATH}/{TEST_MERCHANT_ID}",
        f"{PATH}/{uuid4()}",
        f"{PATH}/nobody",
        "/webhooks/processors/simulator",
        "/webhooks/processors/nobody",
    ],
)
@pytest.mark.parametrize("signed", ["not at all", "wrongly", "for other bytes"])
async def test_who_does_not_sign_learns_nothing(
    sender: ApiClient, pool: Pool, path: str, signed: str
) -> None:
    """The same answer for a wrong signature, an unknown merchant and an unknown processor."""
    body = message(notification("bank-1"))
    headers = {
        "not at all": {},
        "wrongly": {"X-Signature": "0" * 64},
        "for other bytes": {"X-Signature": signature(body + b" ")},
    }
    refused = await send(sender, body, path, headers[signed])

    assert (401, "AUTHENTICATION_ERROR", "The signature is missing or wrong") == (
        refused.status,
        refused.error["code"],
        refused.error["description"],
    )
    assert "WWW-Authenticate" not in refused.headers
    assert 0 == await count(pool)


async def test_the_gateways_key_signs_for_no_merchant(sender: ApiClient, pool: Pool) -> None:
    """A path with a merchant's id is for accounts of that merchant's own."""
    refused = await send(sender, message(notification("bank-1")), f"{PATH}/{TEST_MERCHANT_ID}")
    assert (401, 0) == (refused.status, await count(pool))


async def test_a_body_that_is_too_long_is_refused(
    sender: ApiClient, settings: Settings, pool: Pool
) -> None:
    """Before anybody looks at its signature."""
    body = b"[" + b" " * settings.body_bytes_max + b"]"
    refused = await send(sender, body)

    assert (413, 0) == (refused.status, await count(pool))


@pytest.mark.parametrize(
    "told",
    [
        [notification("bank-1", "x" * 256)],
        [notification("bank\0")],
        [notification("bank-1", kind="two\nlines")],
        [notification("bank-1", f"note-{number}") for number in range(101)],
    ],
)
async def test_what_cannot_be_kept_is_refused(
    sender: ApiClient, pool: Pool, told: list[dict[str, str]]
) -> None:
    """Names that are too long or no plain text, and too many things in one message."""
    refused = await send(sender, message(*told))

    assert (400, "BAD_REQUEST_ERROR") == (refused.status, refused.error["code"])
    assert 0 == await count(pool)


async def test_other_methods_are_refused(sender: ApiClient) -> None:
    """The path is no webhook of a merchant's."""
    refused = await sender.get(PATH)
    assert (405, "POST") == (refused.status, refused.headers["Allow"])
