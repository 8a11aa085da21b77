"""Merchants' own accounts at Authorize.Net: checked with it, and each with books of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from gateway.settings import Settings
from gateway.storage.pool import Pool
from tests.sandbox.server import RunningSandbox, running_sandbox
from tests.support import StoresForTests, eventually
from tests.web.client import ApiClient


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    """A simulated Authorize.Net."""
    async with running_sandbox() as running:
        yield running


@pytest.fixture
def settings(
    sandbox: RunningSandbox,
    stores: StoresForTests,
    database_url: str,
    redis_url: str,
    redis_prefix: str,
) -> Settings:
    """Authorize.Net is there, and the gateway has no account at it."""
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
        authorizenet_timeout_seconds=5,
    )


def body(sandbox: RunningSandbox, **changes: str) -> dict[str, Any]:
    """An account with the sandbox's credentials."""
    credentials = {
        "api_login_id": sandbox.login_id,
        "transaction_key": sandbox.transaction_key,
        "signature_key": sandbox.signature_key,
    }
    return {"processor": "authorizenet", "credentials": credentials | changes}


async def test_authorizenet_decides_about_credentials(
    api: ApiClient, sandbox: RunningSandbox, pool: Pool
) -> None:
    """Good ones are stored; a wrong key is refused with its words; a dead server stops nobody."""
    wrong = await api.post("/processor-accounts", body(sandbox, transaction_key="0" * 16))
    assert (400, "credentials") == (wrong.status, wrong.error["field"])
    assert "E00007" in wrong.error["description"]
    assert 0 == await pool.fetchval("SELECT count(*) FROM processor_accounts")
    await sandbox.control.refuse()
    made = (await api.post("/processor-accounts", body(sandbox))).json
    await sandbox.control.accept()
    checked = (await api.post(f"/processor-accounts/{made['id']}/check")).json

    assert ("unchecked", "accepted") == (made["check"]["result"], checked["check"]["result"])
    assert f"••••{sandbox.login_id[-4:]}" == made["credentials"]["api_login_id"]
    assert {"••••"} == {made["credentials"][name] for name in ("transaction_key", "signature_key")}
    sent = [request["operation"] for request in await sandbox.control.requests()]
    assert {"authenticateTestRequest"} == set(sent)


CARD = {"number": "4111111111111111", "expiry_month": 12, "expiry_year": 2039, "cvv": "123"}
SECOND = {"login_id": "secondshop", "transaction_key": "K" * 16, "signature_key": "AB" * 64}


async def test_each_payment_stays_in_the_books_it_began_in(
    api: ApiClient, sandbox: RunningSandbox
) -> None:
    """Paid with one account, captured and refunded there after another one is in use."""
    await sandbox.control.add_account(**SECOND)
    second = body(
        sandbox,
        api_login_id=SECOND["login_id"],
        transaction_key=SECOND["transaction_key"],
        signature_key=SECOND["signature_key"],
    )
    await api.post("/processor-accounts", body(sandbox))
    rule = {"name": "Dollars", "currencies": ["USD"], "processors": ["authorizenet"]}
    assert 201 == (await api.post("/routing-rules", rule)).status

    async def authorized() -> dict[str, Any]:
        order = await api.order(amount=1_000, currency="USD")
        return await api.authorized(order_id=order["id"], method="card", card=CARD)

    first = await authorized()
    other = (await api.post("/processor-accounts", {**second, "active": False})).json
    switched = await api.call("PATCH", f"/processor-accounts/{other['id']}", {"active": True})
    assert 200 == switched.status, switched.body
    later = await authorized()
    for payment in (first, later):
        captured = await api.post(f"/payments/{payment['id']}/capture")
        assert (200, True) == (captured.status, captured.json["captured"])
    refund = (await api.post(f"/payments/{first['id']}/refunds")).json

    async def processed() -> bool:
        return (await api.get(f"/refunds/{refund['id']}")).json["status"] == "processed"

    await eventually(processed)
    books = [
        [(each["id"], each["status"]) for each in await sandbox.control.transactions(account=login)]
        for login in (sandbox.login_id, SECOND["login_id"])
    ]
    assert "authorizenet" == first["processor"] == later["processor"]
    assert [(first["processor_reference"], "voided")] == books[0]
    assert [(later["processor_reference"], "capturedPendingSettlement")] == books[1]


async def test_unreadable_credentials_send_a_payment_on(
    api: ApiClient, sandbox: RunningSandbox, pool: Pool
) -> None:
    """Nothing is sent with them; the next processor of the rule gets the payment, under its own."""
    account = (await api.post("/processor-accounts", body(sandbox))).json
    rule = {"name": "Dollars", "processors": ["authorizenet", "simulator"]}
    assert 201 == (await api.post("/routing-rules", rule)).status
    await pool.execute("UPDATE processor_accounts SET credentials_sealed = '\\x00'")
    order = await api.order(amount=1_000, currency="USD")
    card = {**CARD, "number": "4242424242424242"}
    payment = await api.authorized(order_id=order["id"], method="card", card=card)
    attempts = await pool.fetch("SELECT * FROM attempts ORDER BY number")

    assert "simulator" == payment["processor"]
    assert [] == await sandbox.control.transactions()
    assert [
        ("authorizenet", UUID(account["id"]), "failed", "AccountUnreadable"),
        ("simulator", None, "approved", None),
    ] == [
        (each["processor"], each["processor_account_id"], each["state"], each["reason"])
        for each in attempts
    ]
    stored = await pool.fetchval("SELECT processor_account_id FROM payments")
    assert stored is None
