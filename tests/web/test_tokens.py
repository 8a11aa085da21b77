"""Saved cards over HTTP: saved with a payment, charged, deleted here and at the processor."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.app import Gateway
from gateway.domain.outcomes import Account
from gateway.processors.protocol import NotSupported, ProcessorContext
from gateway.processors.simulator import SimulatedBank
from gateway.storage.pool import Pool
from tests.support import eventually
from tests.web.client import ApiClient

GOOD = {"number": "4242 4242 4242 4242", "expiry_month": 12, "expiry_year": 2039, "cvv": "737"}
DECLINED = {**GOOD, "number": "4000000000000002"}
CHALLENGED = {**GOOD, "number": "4000000000003220"}

Saved = dict[str, Any]


@pytest.fixture
async def asha(api: ApiClient) -> str:
    """The id of a customer."""
    return str((await api.post("/customers", {"email": "asha@example.com"})).json["id"])


async def save(api: ApiClient, customer_id: str, **card: Any) -> Saved:
    """A payment that saved its card."""
    order = await api.order(customer_id=customer_id)
    payment = await api.authorized(
        order_id=order["id"], method="card", card={**GOOD, **card}, save=True
    )
    assert payment["token_id"], payment
    return payment


async def by_token(api: ApiClient, customer_id: str, token_id: str, **order: Any) -> Any:
    """The answer to a payment with the saved card."""
    made = await api.order(customer_id=customer_id, **order)
    body = {"order_id": made["id"], "method": "token", "token_id": token_id}
    return await api.post("/payments", body)


async def listening(api: ApiClient, event: str) -> str:
    """The id of an endpoint that wants to hear of this, and cannot be reached."""
    body = {"url": "http://127.0.0.1:9/hook", "events": [event]}
    return str((await api.post("/webhook-endpoints", body)).json["id"])


async def deleted(pool: Pool, count: int = 1) -> None:
    """Once the processor has deleted so many."""

    async def look() -> bool:
        rows = await pool.fetchval("SELECT count(*) FROM tokens WHERE state = 'deleted'")
        return bool(rows == count)

    await eventually(look)


async def test_a_card_is_saved_and_shown(api: ApiClient, asha: str) -> None:
    """After the payment there is a token with brand, last four and expiry, and never a number."""
    payment = await save(api, asha)
    listed = await api.get(f"/customers/{asha}/tokens")
    [token] = listed.json["data"]

    assert {
        "id": payment["token_id"],
        "customer_id": asha,
        "payment_id": payment["id"],
        "method": "card",
        "card": {
            "network": "visa",
            "last4": "4242",
            "expiry_month": 12,
            "expiry_year": 2039,
        },
    } == {name: value for name, value in token.items() if name != "created_at"}
    assert asha == payment["customer_id"]
    assert token == (await api.get(f"/customers/{asha}/tokens/{token['id']}")).json
    assert b"424242424242" not in listed.body
    events = (await api.get("/events?type=token.created")).json["data"]
    assert [token] == [event["data"]["token"] for event in events]
    assert [payment["id"]] == [event["payment_id"] for event in events]


async def test_a_saved_card_pays(api: ApiClient, asha: str) -> None:
    """Without number and CVV; the payment names the card and the token, and goes on as any."""
    token_id = (await save(api, asha))["token_id"]
    accepted = await by_token(api, asha, token_id, capture="automatic")
    assert (201, "pending") == (accepted.status, accepted.json["status"])
    paid = await api.settled(accepted.json["id"])

    assert ("success", True) == (paid["status"], paid["captured"])
    assert ("card", "visa", "4242", 2039, token_id) == (
        paid["method"],
        paid["card_network"],
        paid["card"]["last4"],
        paid["card"]["expiry_year"],
        paid["token_id"],
    )
    refund = await api.post(f"/payments/{paid['id']}/refunds", {"amount": 100})
    assert 201 == refund.status
    # Paying with a saved card saves no second one.
    assert 1 == (await api.get(f"/customers/{asha}/tokens")).json["total"]


async def test_the_payment_may_name_the_customer(api: ApiClient, asha: str) -> None:
    """Where the order has none; one that has another refuses."""
    body = {"method": "card", "card": GOOD, "save": True, "customer_id": asha}
    payment = await api.authorized(**body)
    again = await api.authorized(method="token", token_id=payment["token_id"], customer_id=asha)
    other = (await api.post("/customers", {})).json["id"]
    order = await api.order(customer_id=other)
    refused = await api.post("/payments", {**body, "order_id": order["id"]})

    assert (asha, payment["token_id"]) == (again["customer_id"], again["token_id"])
    assert (400, "customer_id") == (refused.status, refused.error["field"])


async def test_a_declined_payment_saves_nothing(api: ApiClient, pool: Pool, asha: str) -> None:
    """Neither here nor at the processor."""
    order = await api.order(customer_id=asha)
    payment = await api.payment(order["id"], method="card", card=DECLINED, save=True)
    failed = await api.settled(payment["id"])

    assert ("failed", None) == (failed["status"], failed["token_id"])
    assert 0 == (await api.get(f"/customers/{asha}/tokens")).json["total"]
    assert 0 == await pool.fetchval("SELECT count(*) FROM simulator_cards")


@pytest.mark.parametrize("passed", [True, False])
async def test_a_challenge_decides_about_saving(
    api: ApiClient, gateway: Gateway, pool: Pool, asha: str, passed: bool
) -> None:
    """A card whose payment is confirmed is saved then; of one that is not, nothing is."""
    order = await api.order(customer_id=asha)
    payment = await api.payment(order["id"], method="card", card=CHALLENGED, save=True)
    asked = await api.settled(payment["id"])
    assert "requires_action" == asked["status"]
    assert 0 == (await api.get(f"/customers/{asha}/tokens")).json["total"]
    reference = asked["next_action"]["url"].partition("reference=")[2]
    bank = SimulatedBank()
    await bank.start(ProcessorContext(clock=gateway.clock, pool=pool))
    await bank.complete_challenge(reference, passed=passed)
    await bank.close()
    await api.get(f"//checkout/return?payment_id={payment['id']}")

    async def ended() -> Any:
        found = (await api.get(f"/payments/{payment['id']}")).json
        return found if found["status"] in ("success", "failed") else None

    found = await eventually(ended)
    total = (await api.get(f"/customers/{asha}/tokens")).json["total"]
    assert (passed, int(passed)) == (found["token_id"] is not None, total)


async def test_who_may_not_be_charged(api: ApiClient, asha: str) -> None:
    """A token is its customer's: not another's, not nobody's, not one that never was."""
    token_id = (await save(api, asha))["token_id"]
    other = (await api.post("/customers", {})).json["id"]
    for customer_id, wanted in ((other, token_id), (asha, "tok_0000000000000000"), (asha, "x")):
        refused = await by_token(api, customer_id, wanted)
        assert (404, "Token not found") == (refused.status, refused.error["description"])
        assert "token_id" == refused.error["field"]
    order = await api.order()
    body = {"order_id": order["id"], "method": "token", "token_id": token_id}
    assert 404 == (await api.post("/payments", body)).status
    assert 0 == (await api.get(f"/orders/{order['id']}/payments")).json["total"]


async def test_an_expired_card_is_refused(api: ApiClient, pool: Pool, asha: str) -> None:
    """400 EXPIRED_CARD, before anybody is asked."""
    token_id = (await save(api, asha))["token_id"]
    await pool.execute("UPDATE tokens SET card_expiry_year = 2020")
    refused = await by_token(api, asha, token_id)

    assert (400, "EXPIRED_CARD", "token_id") == (
        refused.status,
        refused.error["code"],
        refused.error["field"],
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"method": "token"}, "token_id"),
        ({"method": "token", "token_id": 5}, "token_id"),
        ({"method": "upi", "vpa": "a@b", "token_id": "tok_0000000000000000"}, "token_id"),
        ({"method": "upi", "vpa": "a@b", "save": True}, "save"),
        ({"method": "token", "token_id": "tok_0000000000000000", "save": True}, "save"),
        ({"method": "card", "card": GOOD, "save": "yes"}, "save"),
        ({"method": "card", "card": GOOD, "save": True}, "customer_id"),
        ({"method": "card", "card": GOOD, "customer_id": "cust_0000000000000000"}, "customer_id"),
        ({"method": "card", "card": GOOD, "customer_id": "nobody"}, "customer_id"),
    ],
)
async def test_what_does_not_go_together(api: ApiClient, body: Any, field: str) -> None:
    """Refused by the field's name; nothing is begun."""
    order = await api.order()
    refused = await api.post("/payments", {"order_id": order["id"], **body})

    assert (True, field) == (400 <= refused.status < 500, refused.error["field"])
    assert "created" == (await api.get(f"/orders/{order['id']}")).json["status"]


async def test_no_cards_no_saved_cards(api: ApiClient, asha: str) -> None:
    """A merchant who takes no cards takes no saved ones."""
    token_id = (await save(api, asha))["token_id"]
    await api.call("PATCH", "/merchant", {"enabled_methods": ["upi"]})
    refused = await by_token(api, asha, token_id)

    assert (400, "Invalid payment method") == (refused.status, refused.error["description"])


async def test_a_deleted_token_is_gone_everywhere(api: ApiClient, pool: Pool, asha: str) -> None:
    """404 at once; then the processor has forgotten it, and nothing of the card is left here."""
    payment = await save(api, asha)
    kept = await save(api, asha, number="5555555555554444")
    hook = await listening(api, "token.deleted")
    await listening(api, "token.created")
    path = f"/customers/{asha}/tokens/{payment['token_id']}"
    answer = await api.call("DELETE", path)

    assert (200, {"id": payment["token_id"], "deleted": True}) == (answer.status, answer.json)
    for method in ("GET", "DELETE"):
        assert 404 == (await api.call(method, path)).status
    assert 404 == (await by_token(api, asha, payment["token_id"])).status
    [event] = (await api.get("/events?type=token.deleted")).json["data"]
    assert payment["token_id"] == event["data"]["token"]["id"]

    async def told() -> Any:
        tried = (await api.get(f"/webhooks?event_id={event['id']}")).json["data"]
        return [each for each in tried if each["attempts"]]

    assert [hook] == [each["endpoint_id"] for each in await eventually(told)]
    await deleted(pool)
    row = await pool.fetchrow("SELECT * FROM tokens WHERE id = $1", payment["token_id"])
    assert row is not None
    assert (None, None, None) == (row["reference"], row["card_last4"], row["card_expiry_year"])
    assert ["4444"] == [
        row["last4"] for row in await pool.fetch("SELECT last4 FROM simulator_cards")
    ]
    assert 201 == (await by_token(api, asha, kept["token_id"])).status
    # The payment says what it was made with, as a receipt does.
    assert "4242" == (await api.get(f"/payments/{payment['id']}")).json["card_last4"]


async def test_deletion_is_asked_for_until_it_holds(
    api: ApiClient, pool: Pool, asha: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A processor that cannot delete now is asked again, by the times that are written down."""
    payment = await save(api, asha)
    forget = SimulatedBank.forget
    asked: list[str] = []

    async def unwilling(bank: SimulatedBank, stored: str, account: Account | None) -> None:
        asked.append(stored)
        if len(asked) < 3:
            raise NotSupported("not now")
        await forget(bank, stored, account)

    monkeypatch.setattr(SimulatedBank, "forget", unwilling)
    await api.call("DELETE", f"/customers/{asha}/tokens/{payment['token_id']}")
    for seconds, times in ((60, 1), (300, 2)):

        async def is_due_later(times: int = times) -> bool:
            found = await pool.fetchval("SELECT deletions FROM tokens WHERE state = 'deleting'")
            return bool(found == times and len(asked) == times)

        await eventually(is_due_later)
        # Nobody sees it meanwhile.
        assert 0 == (await api.get(f"/customers/{asha}/tokens")).json["total"]
        await api.post("/test/clock", {"advance_seconds": seconds + 1})
    await deleted(pool)

    assert (3, 1) == (len(asked), len(set(asked)))


async def test_a_deleted_customer_takes_the_cards_along(
    api: ApiClient, pool: Pool, asha: str
) -> None:
    """All tokens go, at the processor too; payments stay and do not say any more who paid."""
    first = await save(api, asha)
    order = await api.order(customer_id=asha)
    second = await api.authorized(
        order_id=order["id"],
        method="card",
        card=GOOD,
        save=True,
        customer={"name": "Asha", "email": "asha@example.com", "contact": "+919876543210"},
    )
    await api.call("DELETE", f"/customers/{asha}")
    await deleted(pool, 2)

    async def nameless() -> bool:
        return (await api.get(f"/payments/{second['id']}")).json["customer"]["name"] is None

    await eventually(nameless)
    assert 0 == await pool.fetchval("SELECT count(*) FROM simulator_cards")
    found = (await api.get(f"/payments/{second['id']}")).json
    assert {"name": None, "email": None, "contact": None} == found["customer"]
    assert {**second, "customer": None, "updated_at": None} == {
        **found,
        "customer": None,
        "updated_at": None,
    }
    assert 404 == (await by_token_of(api, order["id"], first["token_id"])).status
    # The order goes on, and what it tells from now on names nobody.
    captured = await api.post(f"/payments/{second['id']}/capture")
    assert (200, None) == (captured.status, captured.json["customer"]["email"])


async def by_token_of(api: ApiClient, order_id: str, token_id: str) -> Any:
    """The answer to a payment of this order with the saved card."""
    return await api.post(
        "/payments", {"order_id": order_id, "method": "token", "token_id": token_id}
    )


async def test_a_card_that_comes_after_its_customer_went(
    api: ApiClient, pool: Pool, asha: str
) -> None:
    """A payment that was under way when the customer was deleted leaves no card behind."""
    order = await api.order(customer_id=asha)
    payment = await api.payment(order["id"], method="card", card=CHALLENGED, save=True)
    asked = await api.settled(payment["id"])
    await api.call("DELETE", f"/customers/{asha}")
    reference = asked["next_action"]["url"].partition("reference=")[2]
    await pool.execute(
        "UPDATE simulator_transactions SET outcome = 'approved' WHERE reference = $1", reference
    )
    await api.get(f"//checkout/return?payment_id={payment['id']}")
    await deleted(pool)

    assert "success" == (await api.get(f"/payments/{payment['id']}")).json["status"]
    assert 0 == await pool.fetchval("SELECT count(*) FROM simulator_cards")
