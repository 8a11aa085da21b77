"""P6: same key, same answer, byte for byte, however many ask at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest

from gateway.app import Gateway
from gateway.settings import Settings
from gateway.storage.pool import Pool
from tests.web.client import Answer, ApiClient

UPI = {"method": "upi", "vpa": "success@bank"}


def same(first: Answer, again: Answer) -> None:
    """The second is a replay of the first."""
    assert (first.status, first.body) == (again.status, again.body)
    assert "true" == again.headers["Idempotent-Replayed"]


async def test_a_repeat_gets_the_stored_bytes(api: ApiClient) -> None:
    """Status and body again, whatever has become of the payment, and also with a quoted key."""
    order = await api.post("/orders", {"amount": 500, "notes": {"b": 1, "a": 2}}, key="one")
    same(order, await api.post("/orders", {"notes": {"a": 2, "b": 1}, "amount": 500}, key="one"))
    same(order, await api.post("/orders", {"amount": 500, "notes": {"b": 1, "a": 2}}, key='"one"'))
    body = {"order_id": order.json["id"], **UPI}
    first = await api.post("/payments", body, key="two")
    await api.settled(first.json["id"])
    same(first, await api.post("/payments", body, key="two"))
    refunded = await api.post(f"/payments/{first.json['id']}/capture", key="three")
    same(refunded, await api.post(f"/payments/{first.json['id']}/capture", key="three"))

    assert "Idempotent-Replayed" not in order.headers
    assert 1 == (await api.get("/orders")).json["total"]
    assert 1 == (await api.get("/payments")).json["total"]


async def test_another_request_with_the_same_key(api: ApiClient) -> None:
    """Another body, path or method under the key is refused with 422."""
    order = await api.post("/orders", {"amount": 500}, key="k")
    for path, body in (
        ("/orders", {"amount": 501}),
        ("/orders", {"amount": 500, "receipt": "r"}),
        ("/payments", {"order_id": order.json["id"], **UPI}),
        (f"/orders/{order.json['id']}/cancel", None),
        ("/merchants/webhook/regenerate-secret", None),
    ):
        refused = await api.post(path, body, key="k")
        assert (422, "Idempotency-Key") == (refused.status, refused.error["field"])
    assert 1 == (await api.get("/orders")).json["total"]


async def test_twenty_at_once(api: ApiClient, pool: Pool) -> None:
    """Twenty concurrent requests with one key make one order, one payment, one refund."""

    async def twenty(path: str, body: Any, key: str) -> dict[str, Any]:
        answers = await asyncio.gather(*(api.post(path, body, key=key) for _ in range(20)))
        assert 1 == len({(answer.status, answer.body) for answer in answers})
        assert 19 == sum("Idempotent-Replayed" in answer.headers for answer in answers)
        return answers[0].json

    order = await twenty("/orders", {"amount": 500}, "a")
    payment = await twenty("/payments", {"order_id": order["id"], **UPI}, "b")
    await api.settled(payment["id"])
    captured = await twenty(f"/payments/{payment['id']}/capture", {"amount": 300}, "c")
    await twenty(f"/payments/{payment['id']}/refunds", {"amount": 100}, "d")
    secret = await twenty("/merchants/webhook/regenerate-secret", None, "e")

    assert 300 == captured["amount_captured"]
    assert secret["webhook_secret"] == (await api.get("/merchant")).json["webhook_secret"]
    for table in ("orders", "payments", "refunds"):
        assert 1 == await pool.fetchval(f"SELECT count(*) FROM {table}")


@pytest.fixture
async def second(settings: Settings, gateway: Gateway) -> AsyncIterator[ApiClient]:
    """A client of another process of the same gateway."""
    other = Gateway(settings)
    await other.start()
    async with aiohttp.ClientSession() as session:
        yield ApiClient(session, f"http://127.0.0.1:{other.port}")
    await other.stop()


async def test_twins_in_two_processes(api: ApiClient, second: ApiClient) -> None:
    """Both processes give the one answer, whichever of them was first."""
    for number in range(5):
        order = await api.order()
        body = {"order_id": order["id"], **UPI}
        answers = await asyncio.gather(
            *(client.post("/payments", body, key=f"p{number}") for client in (api, second) * 5)
        )
        assert 1 == len({(answer.status, answer.body) for answer in answers})
        assert 201 == answers[0].status
    answers = await asyncio.gather(
        *(
            client.post("/merchants/webhook/regenerate-secret", key="s")
            for client in (api, second) * 5
        )
    )
    assert 1 == len({answer.body for answer in answers})


async def test_refusals_are_not_kept(settings: Settings, session: aiohttp.ClientSession) -> None:
    """What was refused wrote nothing, so the same key may succeed later."""
    gateway = Gateway(settings.model_copy(update={"test_processing_delay": 3_000}))
    await gateway.start()
    try:
        await _check_refusals(ApiClient(session, f"http://127.0.0.1:{gateway.port}"))
    finally:
        await gateway.stop()


async def _check_refusals(api: ApiClient) -> None:
    refused = await api.post("/orders", {"amount": 5}, key="again")
    assert 400 == refused.status
    order = await api.order()
    body = {"order_id": order["id"], **UPI}
    failing = await api.post("/payments", {**body, "vpa": "failure@bank"})
    assert 400 == (await api.post("/payments", body, key="pay")).status
    await api.settled(failing.json["id"])

    assert 201 == (await api.post("/payments", body, key="pay")).status
    assert 201 == (await api.post("/orders", {"amount": 500}, key="again")).status


async def test_what_a_key_may_be(api: ApiClient) -> None:
    """Empty is none; too long, unprintable or doubled is a 400."""
    for empty in ("", '""', "  "):
        made = [await api.post("/orders", {"amount": 500}, key=empty) for _ in range(2)]
        assert made[0].json["id"] != made[1].json["id"]
    for bad in ("x" * 256, "\u00e4", "a\tb"):
        refused = await api.post("/orders", {"amount": 500}, key=bad)
        assert (400, "Idempotency-Key") == (refused.status, refused.error["field"])
    refused = await api.post(
        "/orders",
        {"amount": 500},
        headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "a")],
    )
    assert (400, "Idempotency-Key") == (refused.status, refused.error["field"])
    assert 201 == (await api.post("/orders", {"amount": 500}, key="x" * 255)).status


async def test_the_fingerprint_leaves_out_the_cvv(api: ApiClient, pool: Pool) -> None:
    """A card payment is repeated whatever the CVV says; nothing of the card is in the row."""
    order = await api.order()
    card = {"number": "4242424242424242", "expiry_month": 12, "expiry_year": 2031, "cvv": "123"}
    body = {"order_id": order["id"], "method": "card", "card": card}
    first = await api.post("/payments", body, key="card")
    same(first, await api.post("/payments", {**body, "card": {**card, "cvv": "999"}}, key="card"))
    other = await api.post(
        "/payments", {**body, "card": {**card, "number": "4000000000000002"}}, key="card"
    )
    assert 422 == other.status
    row = await pool.fetchrow("SELECT * FROM idempotency_keys WHERE key = 'card'")
    assert b"4242424242424242" not in repr(dict(row)).encode()


async def test_secrets_are_kept_sealed(api: ApiClient, pool: Pool) -> None:
    """An answer that shows a secret is unreadable in the table, and the same for the repeat."""
    first = await api.post("/merchants/webhook/regenerate-secret", key="secret")
    same(first, await api.post("/merchants/webhook/regenerate-secret", key="secret"))
    row = await pool.fetchrow("SELECT body, sealed FROM idempotency_keys WHERE key = 'secret'")

    assert row["sealed"]
    assert first.json["webhook_secret"].encode() not in row["body"]


async def test_a_key_expires(api: ApiClient, gateway: Gateway) -> None:
    """After a day the key is free again."""
    first = await api.post("/orders", {"amount": 500}, key="day")
    gateway.clock.advance(86_401)
    later = await api.post("/orders", {"amount": 600}, key="day")

    assert 201 == later.status
    assert first.json["id"] != later.json["id"]


async def test_a_void_is_kept(api: ApiClient) -> None:
    """Two cancels with one key are one void."""
    payment = await api.authorized()
    first, again = await asyncio.gather(
        *(api.post(f"/payments/{payment['id']}/cancel", key="void") for _ in range(2))
    )

    assert (200, 200) == (first.status, again.status)
    assert orjson.loads(first.body) == orjson.loads(again.body)
    assert 400 == (await api.post(f"/payments/{payment['id']}/capture", key="late")).status
