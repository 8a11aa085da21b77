"""Members of requests that many tests send."""

from __future__ import annotations

from typing import Any

from tests.sandbox.server import RunningSandbox

VISA = "4111111111111111"
MASTERCARD = "5424000000000015"


def card(number: str = VISA, *, code: str | None = None, expires: str = "2035-12") -> Any:
    """A `payment` by card."""
    credit_card = {"cardNumber": number, "expirationDate": expires}
    return {"creditCard": credit_card if code is None else {**credit_card, "cardCode": code}}


def order(invoice_number: str) -> Any:
    """An `order`."""
    return {"invoiceNumber": invoice_number}


def last_four(digits: str = "1111") -> Any:
    """A `payment` as refunds name the card."""
    return {"creditCard": {"cardNumber": digits, "expirationDate": "XXXX"}}


async def captured(sandbox: RunningSandbox, amount: str = "10.00", **members: Any) -> str:
    """The id of an approved authCaptureTransaction, not yet settled."""
    members = {"payment": card(), **members}
    response = await sandbox.transact("authCaptureTransaction", amount=amount, **members)
    assert response["responseCode"] == "1", response
    return response["transId"]


async def authorized(sandbox: RunningSandbox, amount: str = "10.00", **members: Any) -> str:
    """The id of an approved authOnlyTransaction."""
    members = {"payment": card(), **members}
    response = await sandbox.transact("authOnlyTransaction", amount=amount, **members)
    assert response["responseCode"] == "1", response
    return response["transId"]


async def settled(sandbox: RunningSandbox, amount: str = "10.00", **members: Any) -> str:
    """The id of a settled charge."""
    transaction_id = await captured(sandbox, amount, **members)
    await sandbox.control.settle()
    return transaction_id
