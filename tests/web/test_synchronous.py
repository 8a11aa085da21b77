"""The synchronous operations: one call, and its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.processors.protocol import ProcessorContext
from gateway.processors.simulator import SimulatedBank
from gateway.storage.pool import Pool
from tests.support import eventually
from tests.web.client import Answer, ApiClient
from tests.web.merchants import Administrator

UPI = {"method": "upi", "vpa": "success@bank"}
BODY = {"amount": 50_000, "currency": "INR", **UPI}


def card(number: str) -> dict[str, Any]:
    """The body's part about a card."""
    details = {"number": number, "expiry_month": 12, "expiry_year": 2031, "cvv": "123"}
    return {"method": "card", "card": details}


async def authorized(api: ApiClient, **fields: Any) -> str:
    """The id of a payment that was authorized."""
    answer = await api.post("/payments/authorize", {**BODY, **fields})
    assert 200 == answer.status, answer.body
    return answer.json["id"]


async def test_a_purchase_makes_order_and_payment(api: ApiClient) -> None:
    """200 with the captured payment; its order has what the body says of it, and is paid."""
    customer = (await api.post("/customers", {"email": "asha@example.com"})).json["id"]
    answer = await api.post(
        "/payments/purchase",
        {
            **BODY,
            "receipt": "R-1",
            "notes": {"table": "12"},
            "return_url": "https://shop.example/thanks",
            "customer": {"name": "Asha Rao"},
            "customer_id": customer,
            "capture": "automatic",
        },
        headers={"X-Request-Id": "purchase-1"},
    )
    payment = answer.json
    order = (await api.get(f"/orders/{payment['order_id']}")).json

    assert (200, "purchase-1") == (answer.status, answer.headers["X-Request-Id"])
    assert ("success", True, 50_000) == (
        payment["status"],
        payment["captured"],
        payment["amount_captured"],
    )
    assert ("Asha Rao", customer) == (payment["customer"]["name"], payment["customer_id"])
    assert {"table": "12"} == payment["notes"] == order["notes"]
    assert ("paid", "R-1", 50_000, 1) == (
        order["status"],
        order["receipt"],
        order["amount_paid"],
        order["attempts"],
    )
    assert ("automatic", customer, "https://shop.example/thanks") == (
        order["capture"],
        order["customer_id"],
        order["return_url"],
    )
    assert "Preference-Applied" not in answer.headers


async def test_authorize_capture_and_refund(api: ApiClient) -> None:
    """Each answers 200 with what has become true, capture and refund in parts, too."""
    payment_id = await authorized(api)
    part = await api.post("/payments/capture", {"payment_id": payment_id, "amount": 20_000})
    rest = await api.post("/payments/capture", {"payment_id": payment_id})
    body = {"payment_id": payment_id, "amount": 15_000, "reason": "Returned", "notes": {"a": 1}}
    refund = await api.post("/payments/refund", body)
    again = await api.post("/payments/capture", {"payment_id": payment_id})
    too_much = await api.post("/payments/refund", {"payment_id": payment_id, "amount": 35_001})

    assert [200] * 3 == [answer.status for answer in (part, rest, refund)], refund.body
    assert (20_000, 50_000) == (part.json["amount_captured"], rest.json["amount_captured"])
    assert ("processed", 15_000, "Returned", {"a": 1}) == tuple(
        refund.json[name] for name in ("status", "amount", "reason", "notes")
    )
    assert refund.json["processed_at"] is not None
    assert (400, "Payment already captured") == (again.status, again.error["description"])
    assert (400, "amount") == (too_much.status, too_much.error["field"])
    assert 15_000 == (await api.get(f"/payments/{payment_id}")).json["amount_refunded"]


async def test_cancel_voids(api: ApiClient) -> None:
    """200 with the cancelled payment; what is captured cannot be cancelled."""
    payment_id = await authorized(api)
    voided = await api.post("/payments/cancel", {"payment_id": payment_id})
    captured = (await api.post("/payments/purchase", BODY)).json["id"]
    refused = await api.post("/payments/cancel", {"payment_id": captured})

    assert (200, "cancelled", 50_000) == (
        voided.status,
        voided.json["status"],
        voided.json["amount_released"],
    )
    assert (400, "Payment already captured") == (refused.status, refused.error["description"])


async def test_refunds_of_an_authorization(api: ApiClient) -> None:
    """A part is released, the rest is voided: both answer when it is done."""
    payment_id = await authorized(api)
    body = {"payment_id": payment_id, "amount": 20_000}
    released = await api.post("/payments/refund", body, key="part")
    voided = await api.post("/payments/refund", {"payment_id": payment_id}, key="rest")

    assert (200, "processed") == (released.status, released.json["status"])
    assert (200, "processed", 30_000) == (
        voided.status,
        voided.json["status"],
        voided.json["amount"],
    )
    assert released.body == (await api.post("/payments/refund", body, key="part")).body
    assert "cancelled" == (await api.get(f"/payments/{payment_id}")).json["status"]


async def test_an_order_that_is_there(api: ApiClient) -> None:
    """`order_id` pays that order, whatever it says of capturing; amounts have to agree."""
    order = await api.order(amount=700, capture="manual")
    body = {"order_id": order["id"], **UPI}
    for field, value in (
        ("amount", 701),
        ("currency", "USD"),
        ("receipt", "R"),
        ("return_url", "https://shop.example/"),
    ):
        refused = await api.post("/payments/purchase", {**body, field: value})
        assert (400, field) == (refused.status, refused.error["field"])
    paid = await api.post("/payments/purchase", {**body, "amount": 700, "currency": "INR"})
    second = await api.post("/payments/purchase", body)

    assert (200, True, order["id"]) == (paid.status, paid.json["captured"], paid.json["order_id"])
    assert (400, "Order already paid") == (second.status, second.error["description"])
    assert 1 == (await api.get("/orders")).json["total"]


@pytest.mark.parametrize(
    ("number", "status", "code", "reason"),
    [
        ("4000000000000002", 402, "PAYMENT_FAILED", "card_declined"),
        ("4000000000009995", 402, "PAYMENT_FAILED", "insufficient_funds"),
        ("4000000000000069", 402, "PAYMENT_FAILED", "expired_card"),
        ("4000000000000119", 502, "GATEWAY_ERROR", "processing_error"),
    ],
)
async def test_a_decline(api: ApiClient, number: str, status: int, code: str, reason: str) -> None:
    """402 with the reason in our words and the payment's id; a repeat is told the same."""
    body = {"amount": 700, **card(number)}
    declined = await api.post("/payments/purchase", body, key="d")
    again = await api.post("/payments/purchase", body, key="d")
    payment = (await api.get(f"/payments/{declined.error['metadata']['payment_id']}")).json

    assert (status, code, reason) == (
        declined.status,
        declined.error["code"],
        declined.error["reason"],
    )
    assert ("failed", reason) == (payment["status"], payment["error_reason"])
    assert payment["order_id"] == declined.error["metadata"]["order_id"]
    assert payment["error_description"] == declined.error["description"]
    assert declined.body == again.body
    assert "true" == again.headers["Idempotent-Replayed"]


async def test_a_payment_that_wants_the_shopper(
    api: ApiClient, gateway: Gateway, pool: Pool
) -> None:
    """202 with `next_action` at once; the repeat afterwards gets the outcome, and that is kept."""
    body = {"amount": 700, **card("4000000000003220")}
    async with asyncio.timeout(5):
        first = await api.post("/payments/purchase", body, key="sca")
    assert (202, "requires_action") == (first.status, first.json["status"])
    reference = first.json["next_action"]["url"].partition("reference=")[2]
    bank = SimulatedBank()
    await bank.start(ProcessorContext(clock=gateway.clock, pool=pool))
    await bank.complete_challenge(reference, passed=True)
    await bank.close()
    await api.get(f"//checkout/return?payment_id={first.json['id']}")
    final = await api.post("/payments/purchase", body, key="sca")
    again = await api.post("/payments/purchase", body, key="sca")

    assert (200, True, first.json["id"]) == (final.status, final.json["captured"], final.json["id"])
    assert final.body == again.body
    assert "Idempotent-Replayed" not in first.headers


async def test_a_saved_card(api: ApiClient) -> None:
    """A purchase saves a card, another one charges it."""
    customer = (await api.post("/customers", {})).json["id"]
    saving = {"save": True, "customer_id": customer, **card("4242424242424242")}
    token = (await api.post("/payments/purchase", {"amount": 700, **saving})).json["token_id"]
    body = {"amount": 900, "method": "token", "token_id": token}
    refused = await api.post("/payments/purchase", body)
    paid = await api.post("/payments/purchase", {**body, "customer_id": customer})

    assert (404, "token_id") == (refused.status, refused.error["field"])
    assert (200, 900, token) == (paid.status, paid.json["amount_captured"], paid.json["token_id"])


async def test_what_a_purchase_cannot_be(api: ApiClient, pool: Pool) -> None:
    """Bad input is a 400 that names the field, and nothing is written."""
    for path, wrong in (("purchase", "manual"), ("authorize", "automatic")):
        cases: tuple[tuple[dict[str, Any], str], ...] = (
            ({**UPI}, "amount"),
            ({"amount": 99, **UPI}, "amount"),
            ({"amount": 99, "currency": "JPY", "method": "upi"}, "vpa"),
            ({"amount": 700, "currency": "XXX", **UPI}, "currency"),
            ({"amount": 700.5, **UPI}, "amount"),
            ({"amount": 700}, "method"),
            ({"amount": 700, "method": "upi"}, "vpa"),
            ({"amount": 700, **card("4242424242424241")}, "card.number"),
            ({"amount": 700, **UPI, "capture": wrong}, "capture"),
            ({"amount": 700, **UPI, "idempotency_key": ""}, "idempotency_key"),
            ({"amount": 700, **UPI, "idempotency_key": "\u00e4"}, "idempotency_key"),
            ({"amount": 700, **UPI, "expires_at": 1}, "expires_at"),
            ({"amount": 700, **UPI, "payment_id": "pay_1"}, "payment_id"),
            ({"amount": 700, **UPI, "return_url": "ftp://shop"}, "return_url"),
        )
        for body, field in cases:
            refused = await api.post(f"/payments/{path}", body)
            assert (400, field) == (refused.status, refused.error["field"]), body
    for path in ("capture", "refund", "cancel"):
        refused = await api.post(f"/payments/{path}", {})
        assert (400, "payment_id") == (refused.status, refused.error["field"])
    for path in ("capture", "refund"):
        refused = await api.post(f"/payments/{path}", {"payment_id": "pay_1", "amount": 0})
        assert (400, "amount") == (refused.status, refused.error["field"])
    assert 0 == await pool.fetchval("SELECT count(*) FROM orders")


async def test_what_is_somebody_elses(
    api: ApiClient, administrator: Administrator, client_for: Callable[..., ApiClient]
) -> None:
    """Payments, orders, customers and tokens of others are not found, and stay as they are."""
    payment_id = await authorized(api)
    order_id = (await api.order())["id"]
    customer = (await api.post("/customers", {})).json["id"]
    other = await administrator.key(await administrator.merchant())
    stranger = client_for(other.key, other.secret)
    for path in ("capture", "refund", "cancel"):
        for unknown in (payment_id, "pay_0000000000000000", "x"):
            refused = await stranger.post(f"/payments/{path}", {"payment_id": unknown})
            assert (404, "Payment not found") == (refused.status, refused.error["description"])
    for named in (order_id, "order_0000000000000000", "x"):
        refused = await stranger.post("/payments/purchase", {"order_id": named, **UPI})
        assert (404, "Order not found") == (refused.status, refused.error["description"])
    refused = await stranger.post("/payments/purchase", {**BODY, "customer_id": customer})
    assert 404 == refused.status
    assert "success" == (await api.get(f"/payments/{payment_id}")).json["status"]
    assert 0 == (await stranger.get("/orders")).json["total"]


async def test_what_keys_may_do(
    administrator: Administrator, client_for: Callable[..., ApiClient]
) -> None:
    """A key that may only pay decides about no amount: it pays orders that are there."""
    merchant = await administrator.merchant()

    async def client(*permissions: str) -> ApiClient:
        made = await administrator.key(merchant, role="restricted", permissions=permissions)
        return client_for(made.key, made.secret)

    payer, maker = await client("payments:write"), await client("orders:write")
    order = await maker.order()

    assert 403 == (await payer.post("/payments/purchase", BODY)).status
    assert 403 == (await maker.post("/payments/purchase", BODY)).status
    paid = await payer.post("/payments/purchase", {"order_id": order["id"], **UPI})
    assert 200 == paid.status
    both = await client("payments:write", "orders:write")
    assert 200 == (await both.post("/payments/authorize", BODY)).status
    body = {"payment_id": paid.json["id"]}
    assert 403 == (await both.post("/payments/refund", body)).status
    assert 403 == (await both.post("/payments/capture", body)).status
    assert 403 == (await both.post("/payments/cancel", body)).status
    assert 200 == (await (await client("refunds:write")).post("/payments/refund", body)).status


async def test_wrong_methods(api: ApiClient) -> None:
    """They are no payments called purchase or capture: 405, and what is allowed."""
    for path in ("purchase", "authorize", "capture", "refund", "cancel"):
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            answer = await api.call(method, f"/payments/{path}")
            assert (405, "POST") == (answer.status, answer.headers["Allow"])


class TestKeys:
    """The idempotency key, in the header or in the body."""

    async def test_header_and_body_are_one(self, api: ApiClient) -> None:
        """The same key either way is the same request; two different ones are refused."""
        first = await api.post("/payments/purchase", BODY, key="k")
        body = {**BODY, "idempotency_key": "k"}
        same = [
            await api.post("/payments/purchase", body),
            await api.post("/payments/purchase", body, key="k"),
            await api.post("/payments/purchase", body, key='"k"'),
            await api.post("/payments/purchase", body, key=""),
        ]
        two = await api.post("/payments/purchase", body, key="other")
        changed = await api.post("/payments/purchase", {**body, "amount": 700})
        elsewhere = await api.post("/payments/authorize", body)

        assert {first.body} == {answer.body for answer in same}
        assert all("true" == answer.headers["Idempotent-Replayed"] for answer in same)
        assert (400, "idempotency_key") == (two.status, two.error["field"])
        assert [422, 422] == [changed.status, elsewhere.status]
        assert 1 == (await api.get("/payments")).json["total"]

    async def test_storms(self, api: ApiClient, pool: Pool) -> None:
        """Two hundred at once are one order, one charge and one refund."""

        async def storm(path: str, body: dict[str, Any]) -> Answer:
            answers = await asyncio.gather(
                *(
                    api.post(
                        path,
                        {**body, **({"idempotency_key": "s" + path} if each % 2 else {})},
                        key=None if each % 2 else "s" + path,
                    )
                    for each in range(200)
                )
            )
            assert 1 == len({(answer.status, answer.body) for answer in answers})
            assert 1 >= sum("Idempotent-Replayed" not in answer.headers for answer in answers)
            assert 200 == answers[0].status, answers[0].body
            return answers[0]

        payment = await storm("/payments/purchase", BODY)
        await storm("/payments/refund", {"payment_id": payment.json["id"], "amount": 100})

        kinds = await pool.fetch("SELECT kind FROM simulator_transactions ORDER BY sequence")
        assert ["charge", "refund"] == [row["kind"] for row in kinds]
        for table in ("orders", "payments", "refunds"):
            assert 1 == await pool.fetchval(f"SELECT count(*) FROM {table}")


class TestPrefer:
    """`Prefer: wait=N` (RFC 7240) says how long, and `Preference-Applied` that it was heard."""

    async def test_what_is_heard(self, api: ApiClient) -> None:
        """The first `wait` counts, up to the limit of ten seconds; what is malformed is ignored."""
        payment_id = await authorized(api)
        body = {"payment_id": payment_id, "amount": 1}
        for prefer, applied in (
            ("wait=3", "wait=3"),
            ("wait=0", "wait=0"),
            ('Wait = "5"', "wait=5"),
            ("respond-async, wait=4; strict", "wait=4"),
            ("wait=2, wait=9", "wait=2"),
            ("wait=86400", "wait=10"),
            (f"wait={'9' * 5_000}", "wait=10"),
            ('note="a, wait=1", wait=6', "wait=6"),
            ("wait", None),
            ("wait=", None),
            ("wait=-1", None),
            ("wait=1.5", None),
            ("wait=soon, wait=3", None),
            ('note="wait=3', None),
            ("await=3", None),
            ("", None),
        ):
            answer = await api.post("/payments/refund", body, headers={"Prefer": prefer})
            assert answer.status in (200, 202), answer.body
            assert applied == answer.headers.get("Preference-Applied"), prefer

    async def test_several_headers(self, api: ApiClient) -> None:
        """They count as one list."""
        headers = [("Prefer", "return=minimal"), ("Prefer", "wait=7")]
        answer = await api.post("/payments/purchase", BODY, headers=headers)

        assert "wait=7" == answer.headers["Preference-Applied"]

    async def test_not_waiting_at_all(self, api: ApiClient, pool: Pool) -> None:
        """202 while it goes on; nothing of it is kept, and the repeat waits for the outcome."""
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("LOCK TABLE simulator_transactions")
            first = await api.post(
                "/payments/purchase", BODY, key="w", headers={"Prefer": "wait=0"}
            )
        again = await api.post("/payments/purchase", BODY, key="w")

        assert 202 == first.status, first.body
        assert first.json["status"] in ("pending", "processing")
        assert (200, first.json["id"]) == (again.status, again.json["id"])


async def test_who_waits_is_answered_at_a_stop(
    api: ApiClient, gateway: Gateway, pool: Pool
) -> None:
    """A process that stops keeps nobody waiting: 202 with the payment as it stands."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE simulator_transactions")
        waiting = asyncio.create_task(api.post("/payments/purchase", BODY))

        async def begun() -> bool:
            return gateway._hub.subscriptions > 0

        await eventually(begun)
        gateway.begin_draining()
        async with asyncio.timeout(2):
            answer = await waiting

    assert (202, "processing") == (answer.status, answer.json["status"])
