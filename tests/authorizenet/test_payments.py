"""Payments that reach a simulated Authorize.Net through the whole gateway."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.storage.pool import Pool
from tests.authorizenet.shop import CARD, Shop, by_card
from tests.support import eventually
from tests.web.client import ApiClient

NONCE = {"descriptor": "COMMON.ACCEPT.INAPP.PAYMENT", "value": "bm9uY2U="}


async def by_nonce(shop: Shop, number: str = "4111111111111111") -> dict[str, Any]:
    """10.50 USD by a nonce for a card that the merchant's page exchanged."""
    given = await shop.sandbox.control.nonce(number)
    nonce = {"descriptor": given["dataDescriptor"], "value": given["dataValue"]}
    return {"amount": 1_050, "currency": "USD", "method": "card", "card": {"nonce": nonce}}


async def test_a_purchase_is_settled_and_refunded_in_parts(shop: Shop, pool: Pool) -> None:
    """Each step once in both books, and the attempt's id is the invoice number."""
    payment = await shop.make("purchase", by_card(postal_code="46203"))

    [charged] = await shop.sandbox.control.transactions()
    assert ("success", True, "authorizenet") == (
        payment["status"],
        payment["captured"],
        payment["processor"],
    )
    assert payment["processor_reference"] == charged["id"]
    invoice_number = await pool.fetchval("SELECT id FROM attempts")
    assert invoice_number == charged["invoice_number"]

    await shop.sandbox.control.settle()
    refund = await shop.refund(payment["id"], 400)

    assert "processed" == refund["status"]
    assert [
        ("authCaptureTransaction", "settledSuccessfully", "10.50"),
        ("refundTransaction", "refundPendingSettlement", "4.00"),
    ] == await shop.book()


async def test_an_authorization_is_captured_in_part(shop: Shop) -> None:
    """And what is left is given back with it, so that is all there is to capture."""
    payment = await shop.make("authorize", by_card())
    captured = await shop.make("capture", {"payment_id": payment["id"], "amount": 700})

    assert (True, 700) == (captured["captured"], captured["amount_captured"])
    assert [("authOnlyTransaction", "capturedPendingSettlement", "7.00")] == await shop.book()
    again = await shop.api.post("/payments/capture", {"payment_id": payment["id"], "amount": 100})
    assert 400 == again.status


async def test_an_authorization_is_cancelled(shop: Shop) -> None:
    """Voided."""
    payment = await shop.make("authorize", by_card())
    cancelled = await shop.make("cancel", {"payment_id": payment["id"]})

    assert "cancelled" == cancelled["status"]
    assert [("authOnlyTransaction", "voided", "10.50")] == await shop.book()


async def test_a_refund_of_all_before_the_settlement_is_a_void(shop: Shop) -> None:
    """To the merchant it is a refund like any other."""
    payment = await shop.make("purchase", by_card())
    refund = await shop.refund(payment["id"])

    assert "processed" == refund["status"]
    assert "full" == (await shop.payment(payment["id"]))["refund_status"]
    assert [("authCaptureTransaction", "voided", "10.50")] == await shop.book()


async def test_a_refund_of_a_part_before_the_settlement_fails(shop: Shop) -> None:
    """And can be made afterwards: what was set aside for it is free again."""
    payment = await shop.make("purchase", by_card())
    early = await shop.refund(payment["id"], 400)
    await shop.sandbox.control.settle()
    late = await shop.refund(payment["id"], 1_050)

    assert ("failed", "processed") == (early["status"], late["status"])
    assert "after the settlement" in early["error_description"]


async def test_a_decline_is_told_in_our_words(shop: Shop) -> None:
    """402, and the payment says the same; the postal code is what they decline by."""
    problem = await shop.make("purchase", by_card(postal_code="46282"), status=402)

    payment = await shop.payment(problem["error"]["metadata"]["payment_id"])
    assert ("failed", "PAYMENT_FAILED", "card_declined") == (
        payment["status"],
        payment["error_code"],
        payment["error_reason"],
    )


async def test_nothing_secret_is_logged(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither what is sent nor what comes back, also where something goes wrong with it."""
    for fault in ("dropped", "html", "half"):
        await shop.sandbox.control.arm(fault, operation="authCaptureTransaction")
        await shop.api.post("/payments/purchase", by_card(), headers={"Prefer": "wait=1"})
    await shop.make("purchase", by_card())

    logged = "".join(capfd.readouterr())
    assert "Unknown" in logged
    for secret in (shop.sandbox.transaction_key, "4111111111111111", shop.sandbox.signature_key):
        assert secret not in logged


async def test_the_correlation_id_goes_along(shop: Shop) -> None:
    """Its first 20 characters."""
    order = await shop.api.order(amount=1_050, currency="USD")
    body = {"order_id": order["id"], "method": "card", "card": CARD}
    answer = await shop.api.post(
        "/payments", body, headers={"X-Correlation-Id": "shop-request-0123456789"}
    )

    assert "success" == (await shop.api.settled(answer.json["id"]))["status"]
    [charged] = await shop.sandbox.control.transactions()
    assert "shop-request-0123456789"[:20] == charged["ref_id"]


async def test_a_nonce_is_charged_and_refunded(shop: Shop) -> None:
    """Nothing of the card is known, and nothing is needed for the refund."""
    payment = await shop.make("purchase", await by_nonce(shop))
    await shop.sandbox.control.settle()
    refund = await shop.refund(payment["id"], 400)

    assert ("success", None) == (payment["status"], payment["card_last4"])
    assert "processed" == refund["status"]


async def test_a_nonce_is_sealed_and_gone_afterwards(shop: Shop, pool: Pool) -> None:
    """It stands nowhere in the database, and in no answer."""
    body = await by_nonce(shop)
    value = body["card"]["nonce"]["value"]
    answer = await shop.pay(body)
    assert 201 == answer.status, answer.body
    assert "success" == (await shop.api.settled(answer.json["id"]))["status"]

    assert value not in answer.body.decode()
    tables = await pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for (table,) in tables:
        rows = await pool.fetch(f'SELECT * FROM "{table}"')
        assert value not in repr(rows), table


async def test_a_used_nonce_is_declined(shop: Shop) -> None:
    """It is good for one payment."""
    body = await by_nonce(shop)
    await shop.make("purchase", body)
    problem = await shop.make("purchase", body, status=402)

    assert "nonce_invalid" == problem["error"]["reason"]


async def test_a_nonce_is_refused_where_no_processor_takes_it(api: ApiClient) -> None:
    """Without a rule test keys use the simulated bank."""
    order = await api.order()
    body = {"order_id": order["id"], "method": "card", "card": {"nonce": NONCE}}
    answer = await api.post("/payments", body)

    assert (400, "card.nonce") == (answer.status, answer.error["field"])
    assert "nonce" in answer.error["description"]
    assert [] == (await api.get(f"/orders/{order['id']}/payments")).json["data"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"card": {"nonce": NONCE, "number": "4111111111111111"}}, "card.nonce"),
        ({"card": {"nonce": NONCE, "postal_code": "46282"}}, "card.nonce"),
        ({"card": {"nonce": {"descriptor": "d"}}}, "card.nonce.value"),
        ({"card": {"nonce": {"value": "v"}}}, "card.nonce.descriptor"),
        ({"card": {"nonce": {"descriptor": "", "value": "v"}}}, "card.nonce.descriptor"),
        ({"card": {"nonce": NONCE | {"kind": "x"}}}, "card.nonce.kind"),
        ({"card": {"nonce": NONCE}, "save": True}, "save"),
        ({"card": CARD | {"postal_code": "46282-99999-99999-9999"}}, "card.postal_code"),
        ({"card": CARD | {"postal_code": "<b>"}}, "card.postal_code"),
    ],
)
async def test_wrong_nonces_and_postal_codes_are_refused(
    shop: Shop, fields: dict[str, Any], field: str
) -> None:
    """The answer names the field, and nothing of the nonce."""
    body = {"amount": 1_050, "currency": "USD", "method": "card", **fields}
    answer = await shop.pay(body)

    assert (400, field) == (answer.status, answer.error["field"])
    assert NONCE["value"] not in answer.body.decode()


async def test_the_checkout_takes_no_nonces(api: ApiClient) -> None:
    """It loads no script of a processor, so it has none."""
    order = await api.order()
    body = {"order_id": order["id"], "method": "card", "card": {"nonce": NONCE}}
    answer = await api.post("/payments/public", body)

    assert (400, "card.nonce") == (answer.status, answer.error["field"])


async def test_a_card_is_saved_charged_and_forgotten(shop: Shop) -> None:
    """At Authorize.Net, in a profile of its own."""
    customer = (await shop.api.post("/customers", {"email": "asha@example.com"})).json["id"]
    saving = by_card() | {"customer_id": customer, "save": True}
    payment = await shop.make("purchase", saving)
    token = payment["token_id"]

    body = {"amount": 500, "currency": "USD", "method": "token", "token_id": token}
    again = await shop.make("purchase", body | {"customer_id": customer})
    assert "success" == again["status"]
    assert ("authCaptureTransaction", "capturedPendingSettlement", "5.00") == (
        (await shop.book())[-1]
    )

    deleted = await shop.api.call("DELETE", f"/customers/{customer}/tokens/{token}")
    assert deleted.status in (200, 204)

    async def is_deleted() -> bool:
        requests = await shop.sandbox.control.requests()
        return any(each["operation"] == "deleteCustomerProfileRequest" for each in requests)

    assert await eventually(is_deleted)


async def test_a_lost_answer_is_found_when_it_is_time_to_ask(shop: Shop) -> None:
    """Unknown at first, then what the book says; charged once."""
    await shop.sandbox.control.arm("dropped", operation="authCaptureTransaction")
    answer = await shop.pay(by_card() | {"capture": "automatic"})
    payment = await shop.api.settled(answer.json["id"])
    assert "unknown" == payment["status"]

    await shop.api.post("/test/clock", {"advance_seconds": 15})

    async def is_found() -> bool:
        return "success" == (await shop.payment(payment["id"]))["status"]

    assert await eventually(is_found)
    assert 1 == len(await shop.book())
