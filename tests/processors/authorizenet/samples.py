"""Replies of Authorize.Net as they were recorded, and transactions as the gateway sends them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gateway.domain.ids import new_id
from gateway.domain.instruments import CardData
from gateway.domain.outcomes import Transaction

VISA = "4111111111111111"
SENT_AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)

OK = {"resultCode": "Ok", "message": [{"code": "I00001", "text": "Successful."}]}
UNSUCCESSFUL = {
    "resultCode": "Error",
    "message": [{"code": "E00027", "text": "The transaction was unsuccessful."}],
}

APPROVED = {
    "transactionResponse": {
        "responseCode": "1",
        "authCode": "QWX20S",
        "avsResultCode": "Y",
        "cvvResultCode": "P",
        "cavvResultCode": "2",
        "transId": "2228446239",
        "refTransID": "",
        "transHash": "56B2D50D73CAB8C6EDE7A92B9BB235BD",
        "testRequest": "0",
        "accountNumber": "XXXX1111",
        "accountType": "Visa",
        "messages": [{"code": "1", "description": "This transaction has been approved."}],
        "userFields": [{"name": "favorite_color", "value": "blue"}],
    },
    "refId": "94564789",
    "messages": OK,
}
DUPLICATE = {
    "transactionResponse": {
        "responseCode": "3",
        "authCode": "",
        "avsResultCode": "P",
        "cvvResultCode": "",
        "cavvResultCode": "",
        "transId": "0",
        "refTransID": "",
        "transHash": "9F18DE7ABDD09076F9BADB594EFC4611",
        "testRequest": "0",
        "accountNumber": "XXXX0015",
        "accountType": "MasterCard",
        "errors": [{"errorCode": "11", "errorText": "A duplicate transaction has been submitted."}],
    },
    "refId": "14290435",
    "messages": UNSUCCESSFUL,
}
CAPTURED = {
    "transactionResponse": {
        "responseCode": "1",
        "authCode": "1VT65S",
        "avsResultCode": "P",
        "cvvResultCode": "",
        "cavvResultCode": "",
        "transId": "2230581333",
        "refTransID": "2230581333",
        "transHash": "414220CECDB539F68435A4830246BDA5",
        "testRequest": "0",
        "accountNumber": "XXXX0015",
        "accountType": "MasterCard",
        "messages": [{"code": "1", "description": "This transaction has been approved."}],
    },
    "refId": "34913421",
    "messages": OK,
}
NOT_FOUND = {
    "transactionResponse": {
        "responseCode": "3",
        "authCode": "",
        "avsResultCode": "P",
        "cvvResultCode": "",
        "cavvResultCode": "",
        "transId": "0",
        "refTransID": "2165665234",
        "transHash": "06D737DCC7D9B5E2C58F4B9C4ED6E8CB",
        "testRequest": "0",
        "accountNumber": "",
        "accountType": "MasterCard",
        "errors": [{"errorCode": "16", "errorText": "The transaction cannot be found."}],
    },
    "refId": "14254181",
    "messages": UNSUCCESSFUL,
}
PROFILE_MADE = {
    "customerProfileId": "31390172",
    "customerPaymentProfileIdList": ["28393490"],
    "customerShippingAddressIdList": ["29366174"],
    "validationDirectResponseList": [
        "1,1,1,This transaction has been approved.,1VQHEI,Y,2228580111,none,"
    ],
    "messages": OK,
}
PROFILE_EXISTS = {
    "customerPaymentProfileIdList": [],
    "customerShippingAddressIdList": [],
    "validationDirectResponseList": [],
    "messages": {
        "resultCode": "Error",
        "message": [
            {
                "code": "E00039",
                "text": "A duplicate record with ID 20382791 already exists.",
            }
        ],
    },
}


def decided(response_code: str, reason: str, transaction_id: str = "0") -> dict[str, Any]:
    """A reply about a transaction."""
    errors = [{"errorCode": reason, "errorText": "Something."}]
    messages = [{"code": reason, "description": "Something."}]
    said = {"messages": messages} if response_code in "14" else {"errors": errors}
    return {
        "transactionResponse": {
            "responseCode": response_code,
            "transId": transaction_id,
            "testRequest": "0",
            **said,
        },
        "messages": OK if response_code in "14" else UNSUCCESSFUL,
    }


def refused(code: str) -> dict[str, Any]:
    """An error in place of a reply."""
    return {"messages": {"resultCode": "Error", "message": [{"code": code, "text": "No."}]}}


def details(status: str, **changes: Any) -> dict[str, Any]:
    """How a transaction of 10.50 stands."""
    values = {
        "transId": "2228446239",
        "transactionStatus": status,
        "responseCode": 1,
        "responseReasonCode": 1,
        "authAmount": 10.5,
        "settleAmount": 10.5,
        "payment": {"creditCard": {"cardNumber": "XXXX1111", "expirationDate": "XXXX"}},
    }
    return {"transaction": values | changes, "messages": OK}


def card(**changes: Any) -> CardData:
    """A card, valid for long."""
    values: dict[str, Any] = {"number": VISA, "expiry_month": 3, "expiry_year": 2030, "cvv": "737"}
    return CardData(**(values | changes))


def transaction(kind: str = "charge", **changes: Any) -> Transaction:
    """10.50 USD by card under a reference of its own, unless changed."""
    pays = kind in ("charge", "authorize")
    values: dict[str, Any] = {
        "reference": new_id("att"),
        "payment_id": new_id("pay"),
        "order_id": "order_4fGh5kLm6nPq7rSt",
        "refund_id": new_id("rfnd") if kind == "refund" else None,
        "amount": 1_050,
        "currency": "USD",
        "method": "card",
        "card": card() if pays else None,
        "last_four": "1111",
        "original": None if pays else "2228446239",
        "sent_at": SENT_AT,
    }
    return Transaction(kind=kind, **(values | changes))
