"""Razorpay's Python library, unmodified, with another base URL."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator
from typing import Any

import pytest
import razorpay
from razorpay.errors import BadRequestError, SignatureVerificationError

from gateway.seeding import TEST_KEY, TEST_SECRET
from tests.razorpay.receiver import receiving
from tests.razorpay.wire import CARD, Wire

# Its own older names for some calls warn; they are still to be answered.
pytestmark = pytest.mark.filterwarnings("ignore:Will be Deprecated:DeprecationWarning")

NO_ID = "The id provided does not exist"
NO_URL = "The requested URL was not found on the server."
# Of these the library sends nothing, or files, or asks for a mode of its own.
NOT_CALLED = {"device_activity", "document", "account", "stakeholder", "product"}


@pytest.fixture
def library(base_url: str) -> Iterator[Any]:
    """As in the library's README, with one argument more."""
    client = razorpay.Client(auth=(TEST_KEY, TEST_SECRET), base_url=base_url)
    yield client
    client.session.close()


def calls_of(client: Any) -> dict[str, Any]:
    """Every method of every resource, by its name."""
    return {
        f"{name}.{method}": call
        for name, resource in vars(client).items()
        if type(resource).__module__.startswith("razorpay.resources")
        for method, call in inspect.getmembers(resource, inspect.ismethod)
        if not method.startswith("_") and not method.endswith("_url") and name not in NOT_CALLED
    }


CALLS = sorted(calls_of(razorpay.Client(auth=("", ""))))


@pytest.fixture
def order(library: Any) -> dict[str, Any]:
    """A new order."""
    return library.order.create({"amount": 50_000, "currency": "INR", "receipt": "r"})


@pytest.fixture
def payment(wire: Wire, order: dict[str, Any]) -> dict[str, Any]:
    """An authorized payment of it."""
    return wire.payment(order)


@pytest.mark.parametrize("name", CALLS)
def test_every_call_is_answered(library: Any, name: str) -> None:
    """With ids that do not exist and nothing else: an entity, or an error of the right class."""
    call = calls_of(library)[name]
    arguments = [
        {} if parameter.name == "data" else "unknown_0000000000000000"
        for parameter in inspect.signature(call).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    if name in ("webhook.all", "webhook.create"):
        arguments = [{}]
    try:
        answered = call(*arguments)
    except BadRequestError as error:
        answered = {"description": str(error)}

    assert isinstance(answered, dict | list)
    assert answered != {"description": ""}


def test_orders(library: Any, order: dict[str, Any]) -> None:
    """Created, fetched, listed, edited."""
    assert order == library.order.fetch(order["id"])
    assert order in library.order.all({"count": 100})["items"]
    assert order in library.order.fetch_all({"receipt": "r", "count": 100})["items"]
    edited = library.order.edit(order["id"], {"notes": {"a": "b"}})
    assert {"a": "b"} == edited["notes"]
    assert [] == library.order.payments(order["id"])["items"]
    assert 0 == library.order.fetch_all_payments(order["id"])["count"]


def test_disputes(library: Any, wire: Wire, payment: dict[str, Any]) -> None:
    """Listed, fetched, contested and accepted; opened by the simulated bank."""
    library.payment.capture(payment["id"], 50_000)
    wish = {"payment_id": payment["id"], "amount": 20_000}
    opened = [wire.call("POST", "/api/v1/test/disputes", wish, surface="api").json]
    dispute = library.dispute.fetch(opened[0]["id"])
    assert ("dispute", 20_000, "open", 0) == (
        dispute["entity"],
        dispute["amount"],
        dispute["status"],
        dispute["amount_deducted"],
    )
    assert dispute in library.dispute.all({"count": 100})["items"]
    draft = library.dispute.contest(dispute["id"], {"summary": "Delivered", "action": "draft"})
    assert ("open", "Delivered") == (draft["status"], draft["evidence"]["summary"])
    for wrong in ({"amount": 1}, {"shipping_proof": ["doc_1"]}, {"action": "send"}):
        with pytest.raises(BadRequestError):
            library.dispute.contest(dispute["id"], wrong)

    lost = library.dispute.accept(dispute["id"])

    assert ("lost", 20_000) == (lost["status"], lost["amount_deducted"])
    with pytest.raises(BadRequestError, match="Dispute is lost"):
        library.dispute.contest(dispute["id"], {"action": "submit"})


def test_settlements(library: Any, settlement: dict[str, Any]) -> None:
    """Listed, fetched, taken apart into rows; what is asked for wrongly is named."""
    id_ = settlement["id"]
    assert settlement == library.settlement.fetch(id_)
    assert settlement in library.settlement.all({"count": 100})["items"]
    closed = time.gmtime(settlement["created_at"])
    asked = {"year": closed.tm_year, "month": closed.tm_mon, "day": closed.tm_mday}
    rows = library.settlement.report(asked)["items"]
    own = [row for row in rows if row["settlement_id"] == id_]
    assert settlement["amount"] == sum(row["credit"] - row["debit"] for row in own)
    with pytest.raises(BadRequestError, match=NO_ID):
        library.settlement.fetch("setl_0000000000000000")
    wrongs = (
        {"year": 2026},
        {"month": 11},
        {**asked, "month": 13},
        {"year": 2026, "month": 11, "day": 31},
    )
    for wrong in wrongs:
        with pytest.raises(BadRequestError):
            library.settlement.report(wrong)


def test_captures_and_refunds(library: Any, payment: dict[str, Any]) -> None:
    """The way of a payment from its authorization to its last refund."""
    id_ = payment["id"]
    captured = library.payment.capture(id_, 50_000, {"currency": "INR"})
    part = library.payment.refund(id_, {"amount": 20_000, "notes": {"a": "b"}})
    rest = library.refund.create({"payment_id": id_, "amount": "30000", "receipt": "r"})

    assert "captured" == captured["status"]
    assert [rest["id"], part["id"]] == [
        each["id"] for each in library.payment.fetch_multiple_refund(id_)["items"]
    ]
    assert part["id"] == library.payment.fetch_refund_id(id_, part["id"])["id"]
    assert rest["id"] == library.refund.fetch(rest["id"])["id"]
    assert rest["id"] in [each["id"] for each in library.refund.all({"count": 100})["items"]]
    assert {"c": "d"} == library.refund.edit(part["id"], {"notes": {"c": "d"}})["notes"]
    assert {"e": "f"} == library.payment.edit(id_, {"notes": {"e": "f"}})["notes"]
    assert id_ in [each["id"] for each in library.payment.all({"count": 100})["items"]]
    with pytest.raises(BadRequestError, match="Refund amount exceeds available amount"):
        library.payment.refund(id_, {"amount": 1})


def test_the_readmes_capture(library: Any, payment: dict[str, Any]) -> None:
    """What its README says sends one object in another, and captures all the same."""
    captured = library.payment.capture(payment["id"], {"amount": 50_000, "currency": "INR"})

    assert captured["captured"]
    with pytest.raises(BadRequestError, match="Payment already captured"):
        library.payment.capture(payment["id"], 50_000)


def test_idempotent_refunds(library: Any, payment: dict[str, Any]) -> None:
    """The library hands headers on, so its own idempotency key works."""
    library.payment.capture(payment["id"], 50_000)
    headers = {"X-Refund-Idempotency": f"python-{time.time_ns()}"}
    first = library.payment.refund(payment["id"], {"amount": 100}, headers=headers)

    assert first == library.payment.refund(payment["id"], {"amount": 100}, headers=headers)
    with pytest.raises(BadRequestError, match="Different request with the same idempotency key"):
        library.payment.refund(payment["id"], {"amount": 200}, headers=headers)


def test_payments_from_a_server(library: Any, wire: Wire, order: dict[str, Any]) -> None:
    """By card with the page to go on at, by UPI without one."""
    base = {"amount": 50_000, "currency": "INR", "order_id": order["id"], "email": "a@b.example"}
    declined = {**CARD, "number": "4000000000000002", "name": "A B"}
    made = library.payment.createPaymentJson({**base, "method": "card", "card": declined})

    assert ["redirect"] == [step["action"] for step in made["next"]]
    assert "failed" == wire.settled(made["razorpay_payment_id"])["status"]
    card = library.payment.fetchCardDetails(made["razorpay_payment_id"])
    assert ("0002", card) == (card["last4"], library.card.fetch(card["id"]))
    upi = library.payment.createUpi({**base, "upi": {"flow": "collect", "vpa": "success@bank"}})
    assert "authorized" == wire.settled(upi["razorpay_payment_id"])["status"]
    assert library.payment.validateVpa({"vpa": "a@bank"})["success"]
    with pytest.raises(BadRequestError, match="VPA format invalid"):
        library.payment.validateVpa({"vpa": "nobody"})


def test_customers_and_saved_cards(library: Any, wire: Wire) -> None:
    """A card is saved with a payment, charged again, and deleted."""
    body = {"name": "Asha", "email": f"p{time.time_ns()}@b.example", "fail_existing": "0"}
    asha = library.customer.create(body)
    assert asha == library.customer.create(body) == library.customer.fetch(asha["id"])
    assert asha in library.customer.all({"count": 100})["items"]
    assert "Ravi" == library.customer.edit(asha["id"], {"name": "Ravi"})["name"]

    def order() -> dict[str, Any]:
        made = library.order.create({"amount": 500, "currency": "INR", "customer_id": asha["id"]})
        return {"amount": 500, "currency": "INR", "order_id": made["id"]}

    card = {**CARD, "number": "4242424242424242"}
    saving = {**order(), "method": "card", "card": card, "save": 1}
    wire.settled(library.payment.createPaymentJson(saving)["razorpay_payment_id"])
    [token] = library.token.all(asha["id"])["items"]
    assert token == library.token.fetch(asha["id"], token["id"])
    assert token == library.token.fetchToken({"id": token["id"]})
    charged = library.payment.createRecurring({**order(), "token": token["id"], "recurring": "1"})
    assert library.utility.verify_payment_signature(charged)
    assert library.token.delete(asha["id"], token["id"])["deleted"]
    assert [] == library.token.all(asha["id"])["items"]
    with pytest.raises(BadRequestError, match=NO_ID):
        library.token.deleteToken({"id": token["id"]})


def test_what_can_be_looked_up(library: Any) -> None:
    """Methods, and downtimes, of which there are none."""
    assert library.payment.fetchPaymentMethods()["upi"]
    assert [] == library.payment.fetchDownTime()["items"]
    with pytest.raises(BadRequestError, match=NO_ID):
        library.payment.fetchDownTimeById("down_1")


def test_webhooks(library: Any) -> None:
    """With an account's id, whatever it is, and without one."""
    url = "http://127.0.0.1:9/hook"
    made = library.webhook.create(
        {"url": url, "secret": "12345678", "events": ["payment.captured"]}, "acc_other"
    )
    events = {"events": ["payment.captured", "order.paid"]}

    assert made == library.webhook.fetch(made["id"], "acc_other")
    assert made in library.webhook.all({}, "acc_another")["items"]
    assert made in library.webhook.all()["items"]
    edited = library.webhook.edit(made["id"], "acc_other", events)
    assert events["events"] == edited["events"]
    assert ["order.paid"] == library.webhook.edit(made["id"], None, {"events": ["order.paid"]})[
        "events"
    ]
    assert [] == library.webhook.delete(made["id"], "acc_other")
    with pytest.raises(BadRequestError, match=NO_ID):
        library.webhook.fetch(made["id"], "acc_other")


def test_errors(library: Any, base_url: str) -> None:
    """The class is the right one, and the text says what is wrong."""
    with pytest.raises(BadRequestError, match="amount must be at least 100"):
        library.order.create({"amount": 1, "currency": "INR"})
    with pytest.raises(BadRequestError, match=NO_ID):
        library.order.fetch("order_0000000000000000")
    with pytest.raises(BadRequestError, match=NO_URL):
        library.order.delete("order_0000000000000000", {})
    stranger = razorpay.Client(auth=(TEST_KEY, "wrong"), base_url=base_url)
    with pytest.raises(BadRequestError, match="Authentication failed"):
        stranger.order.all()
    stranger.session.close()


def test_the_checkouts_signature(library: Any, wire: Wire, payment: dict[str, Any]) -> None:
    """What the checkout gives the shop passes the library's check; anything else does not."""
    path = f"/checkout/result?payment_id={payment['id']}"
    result = wire.call("GET", path, surface="checkout").json
    parameters = {
        "razorpay_order_id": result["orderId"],
        "razorpay_payment_id": result["paymentId"],
        "razorpay_signature": result["signature"],
    }

    assert library.utility.verify_payment_signature(parameters)
    with pytest.raises(SignatureVerificationError):
        library.utility.verify_payment_signature({**parameters, "razorpay_payment_id": "pay_1"})


def test_webhooks_that_arrive(library: Any, wire: Wire) -> None:
    """A webhook made with the library arrives in Razorpay's form and passes the library's check."""
    with receiving() as (url, received):
        made = library.webhook.create(
            {"url": url, "secret": "s3cret-₹".encode().hex(), "events": ["payment.captured"]}
        )
        payment = wire.payment(wire.order(payment_capture=1, notes={"name": "Zoë ₹"}))
        headers, body = received.get(timeout=20)
        library.webhook.delete(made["id"], "acc_mine")
    secret, signature = "s3cret-₹".encode().hex(), headers["X-Razorpay-Signature"]

    assert library.utility.verify_webhook_signature(body, signature, secret)
    assert f'"id":"{payment["id"]}"' in body
    assert '"event":"payment.captured"' in body
    with pytest.raises(SignatureVerificationError):
        library.utility.verify_webhook_signature(body + " ", signature, secret)
