"""Notifications from the simulated Authorize.Net, over HTTP, through to the payment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.seeding import TEST_MERCHANT_ID
from gateway.settings import Settings
from gateway.storage.pool import Pool
from tests.sandbox.sending import CARD, notify, pay_by_card, route_cards
from tests.sandbox.server import RunningSandbox, running_sandbox
from tests.support import StoresForTests, eventually
from tests.web.client import ApiClient

PATH = "/api/v1/webhooks/authorize-net"


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    """A simulated Authorize.Net."""
    async with running_sandbox(duplicate_window_seconds=0) as running:
        yield running


@pytest.fixture
def settings(
    sandbox: RunningSandbox,
    stores: StoresForTests,
    database_url: str,
    redis_url: str,
    redis_prefix: str,
) -> Settings:
    """The gateway has an account at Authorize.Net."""
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        port=0,
        test_mode=True,
        test_processing_delay=0,
        host="127.0.0.1",
        redis_prefix=redis_prefix,
        encryption_key=stores.encryption_key,
        test_controls=True,
        authorizenet_url=sandbox.api_url,
        authorizenet_api_login_id=sandbox.login_id,
        authorizenet_transaction_key=sandbox.transaction_key,
        authorizenet_signature_key=sandbox.signature_key,
        authorizenet_timeout_seconds=10,
    )


@pytest.fixture
async def shop(api: ApiClient, gateway: Gateway, sandbox: RunningSandbox) -> ApiClient:
    """The test merchant, whose cards go to Authorize.Net, which tells the gateway of everything."""
    await route_cards(api)
    await notify(sandbox, f"http://127.0.0.1:{gateway.port}{PATH}")
    return api


async def in_state(api: ApiClient, payment_id: str, *statuses: str) -> dict[str, Any]:
    """The payment once it is in one of these."""

    async def look() -> dict[str, Any] | None:
        payment: dict[str, Any] = (await api.get(f"/payments/{payment_id}")).json
        return payment if payment["status"] in statuses else None

    return await eventually(look)


async def handled(pool: Pool, kind: str) -> dict[str, Any]:
    """The notification of this kind once it was handled."""

    async def look() -> dict[str, Any] | None:
        row = await pool.fetchrow(
            "SELECT * FROM inbound_notifications WHERE kind = $1 AND state <> 'pending'",
            f"net.authorize.payment.{kind}.created",
        )
        return None if row is None else dict(row)

    return await eventually(look)


@pytest.mark.parametrize("capture", ["automatic", "manual"])
async def test_what_was_not_answered_is_told(
    shop: ApiClient, sandbox: RunningSandbox, pool: Pool, capture: str
) -> None:
    """The answer to a charge or an authorization got lost: its notification says what became of it,
    and the clock need not come to the first question."""
    await sandbox.control.webhooks(held=True)
    await sandbox.control.arm("dropped", operation="createTransactionRequest")
    payment = await pay_by_card(shop, capture=capture)
    await in_state(shop, payment["id"], "unknown")

    assert 1 == await sandbox.control.release_webhooks()
    paid = await in_state(shop, payment["id"], "success")

    row = await handled(pool, "authcapture" if capture == "automatic" else "authorization")
    [booked] = await sandbox.control.transactions()
    assert ("done", payment["id"], booked["id"]) == (
        row["state"],
        row["payment_id"],
        row["reference"],
    )
    assert (booked["id"], capture == "automatic") == (
        paid["processor_reference"],
        paid["captured"],
    )


async def test_news_before_the_answer_is_one_outcome(
    shop: ApiClient, sandbox: RunningSandbox, pool: Pool
) -> None:
    """The notification is sent before the transaction's reply: one charge, told once."""
    await sandbox.control.webhooks(before_answer=True, copies=3)
    payment = await pay_by_card(shop)
    await in_state(shop, payment["id"], "success")
    await handled(pool, "authcapture")

    events = await pool.fetch("SELECT type FROM events WHERE payment_id = $1", payment["id"])
    assert 1 == [each["type"] for each in events].count("payment.captured")
    assert 1 == len(await sandbox.control.transactions())
    assert 1 == await pool.fetchval("SELECT count(*) FROM inbound_notifications")


@pytest.mark.parametrize("held", [False, True])
async def test_a_card_is_saved_although_news_come_first(
    shop: ApiClient, sandbox: RunningSandbox, held: bool
) -> None:
    """Before the answer, or of a payment that was held: the approval alone keeps no card."""
    customer = (await shop.post("/customers", {"email": "asha@example.com"})).json["id"]
    await sandbox.control.webhooks(before_answer=True)
    if held:
        await sandbox.control.arm_reason("252")
    order = await shop.order(currency="USD", amount=1_050, customer_id=customer)
    payment = await shop.payment(order["id"], method="card", card=CARD, save=True)
    if held:
        await in_state(shop, payment["id"], "unknown")
        [booked] = await sandbox.control.transactions()
        review = {"action": "approve", "refTransId": booked["id"]}
        await sandbox.ask("updateHeldTransactionRequest", heldTransactionRequest=review)
    paid = await in_state(shop, payment["id"], "success")

    saved = (await shop.get(f"/customers/{customer}/tokens")).json["data"]
    assert [paid["token_id"]] == [each["id"] for each in saved]


@pytest.mark.parametrize(("path", "kind"), [("capture", "priorAuthCapture"), ("cancel", "void")])
async def test_what_follows_is_told_under_the_same_id(
    shop: ApiClient, sandbox: RunningSandbox, pool: Pool, path: str, kind: str
) -> None:
    """Captures and voids have no id of their own: their notification has them looked up."""
    payment = await pay_by_card(shop, capture="manual")
    await in_state(shop, payment["id"], "success")
    await handled(pool, "authorization")
    await sandbox.control.webhooks(held=True)
    await sandbox.control.arm("dropped", operation="createTransactionRequest")
    answer = await shop.post(f"/payments/{payment['id']}/{path}", {}, headers={"Prefer": "wait=0"})
    assert answer.status in (202, 504), answer.body
    unknown = "SELECT count(*) FROM operations WHERE state = 'unknown'"
    await eventually(lambda: pool.fetchval(unknown))

    await sandbox.control.release_webhooks()
    await handled(pool, kind)

    done = "SELECT count(*) FROM operations WHERE purpose <> 'payment' AND state = 'done'"
    await eventually(lambda: pool.fetchval(done))
    assert 1 == len(await sandbox.control.transactions())


async def test_a_transaction_of_somebody_elses_is_kept(
    shop: ApiClient, sandbox: RunningSandbox, pool: Pool
) -> None:
    """The account is used elsewhere, too: it is ignored, and there for whoever looks."""
    card = {"cardNumber": "4111111111111111", "expirationDate": "2035-12"}
    await sandbox.transact("authCaptureTransaction", amount="5.00", payment={"creditCard": card})
    row = await handled(pool, "authcapture")

    assert ("ignored", "transaction_is_not_ours", None) == (
        row["state"],
        row["reason"],
        row["payment_id"],
    )


async def test_a_merchants_own_account_has_a_path_of_its_own(
    shop: ApiClient, gateway: Gateway, sandbox: RunningSandbox, pool: Pool
) -> None:
    """Signed with the merchant's key, about the merchant's payments."""
    credentials = {
        "api_login_id": "merchant",
        "transaction_key": "merchantkey12345",
        "signature_key": "AB" * 64,
    }
    await sandbox.control.add_account("merchant", "merchantkey12345", "AB" * 64)
    account = {"processor": "authorizenet", "credentials": credentials}
    assert 201 == (await shop.post("/processor-accounts", account)).status
    own = RunningSandbox(
        url=sandbox.url,
        login_id="merchant",
        transaction_key="merchantkey12345",
        signature_key="AB" * 64,
        control=sandbox.control,
        session=sandbox.session,
    )
    await notify(own, f"http://127.0.0.1:{gateway.port}{PATH}/{TEST_MERCHANT_ID}")
    await sandbox.control.webhooks(held=True)
    await sandbox.control.arm("dropped", operation="createTransactionRequest")
    payment = await pay_by_card(shop)
    await in_state(shop, payment["id"], "unknown")

    assert 1 == await sandbox.control.release_webhooks()
    await in_state(shop, payment["id"], "success")
    row = await handled(pool, "authcapture")

    assert (TEST_MERCHANT_ID, "test") == (row["merchant_id"], row["mode"])
    assert row["account_id"] is not None
