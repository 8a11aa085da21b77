"""Requests as Authorize.Net's schema has them: members in its order, amounts in major units.

https://api.authorize.net/xml/v1/schema/AnetApiSchema.xsd: a member out of its place is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from gateway.domain.instruments import CardData
from gateway.domain.money import exponent
from gateway.domain.outcomes import Transaction
from gateway.processors.authorizenet.configuration import Credentials

__all__ = [
    "LIST_LIMIT",
    "Members",
    "StoredCard",
    "batch_list",
    "batch_transactions",
    "capture",
    "delete_profile",
    "envelope",
    "format_amount",
    "payment",
    "profile",
    "profile_from_transaction",
    "refund",
    "unsettled_list",
    "void",
]

Members: TypeAlias = dict[str, Any]

LIST_LIMIT = 1_000
"""Transactions on one page of a list; they send no more."""

_REF_ID_LENGTH_MAX = 20
_EMAIL_LENGTH_MAX = 255
_TYPES = {"charge": "authCaptureTransaction", "authorize": "authOnlyTransaction"}
# A repeat of one of our requests is recognised by its invoice number, the attempt's id, which is
# new for each attempt; so the window is as long as they allow (seconds), not the usual 120.
_DUPLICATE_WINDOW = "28800"


class StoredCard:
    """The name of a card that Authorize.Net keeps: a customer profile and its payment profile."""

    __slots__ = ("payment_profile", "profile")

    def __init__(self, stored: str) -> None:
        self.profile, _, self.payment_profile = stored.partition("/")

    @classmethod
    def name(cls, profile: str, payment_profile: str) -> str:
        """What is kept of it here."""
        return f"{profile}/{payment_profile}"


def envelope(
    operation: str, credentials: Credentials, members: Members, correlation_id: str | None = None
) -> Members:
    """The document: `operation` names it; they echo the start of `correlation_id`."""
    authentication = {
        "name": credentials.api_login_id,
        "transactionKey": credentials.transaction_key,
    }
    reference = {"refId": correlation_id[:_REF_ID_LENGTH_MAX]} if correlation_id else {}
    return {operation: {"merchantAuthentication": authentication} | reference | members}


def format_amount(amount: int, currency: str) -> str:
    """Minor units as major ones: 1050 USD is 10.50, 1050 JPY is 1050. Raises ValueError below 0."""
    if amount < 0:
        raise ValueError("an amount is not negative")
    digits = exponent(currency)
    if digits == 0:
        return str(amount)
    text = str(amount).rjust(digits + 1, "0")
    return f"{text[:-digits]}.{text[-digits:]}"


def payment(transaction: Transaction) -> Members:
    """A charge or an authorization of a card, a nonce or a stored card.

    A stored card has e-mail and address in its profile, and takes none beside it.
    """
    fields = _with_amount(_TYPES[transaction.kind], transaction) | _means(transaction)
    fields |= _order(transaction)
    if transaction.stored is None:
        if transaction.email is not None and len(transaction.email) <= _EMAIL_LENGTH_MAX:
            fields["customer"] = {"email": transaction.email}
        if transaction.card is not None and transaction.card.postal_code is not None:
            fields["billTo"] = {"zip": transaction.card.postal_code}
    fields["transactionSettings"] = _settings(
        # A part of the amount would leave the shopper with a payment that nobody wanted.
        allowPartialAuth="false",
        duplicateWindow=_DUPLICATE_WINDOW,
    )
    return {"transactionRequest": fields}


def capture(transaction: Transaction) -> Members:
    """Take the amount, or less than was authorized, from the original."""
    fields = {
        "transactionType": "priorAuthCaptureTransaction",
        "amount": format_amount(transaction.amount, transaction.currency),
        "refTransId": transaction.original,
    }
    return {"transactionRequest": fields}


def void(original: str) -> Members:
    """Cancel a transaction that is not settled, as a whole."""
    fields = {"transactionType": "voidTransaction", "refTransId": original}
    return {"transactionRequest": fields}


def refund(transaction: Transaction, last_four: str) -> Members:
    """Pay back from a settled original; they want to see that we know the card."""
    fields = _with_amount("refundTransaction", transaction)
    fields["payment"] = {"creditCard": {"cardNumber": last_four, "expirationDate": "XXXX"}}
    fields["refTransId"] = transaction.original
    fields |= _order(transaction)
    fields["transactionSettings"] = _settings(duplicateWindow=_DUPLICATE_WINDOW)
    return {"transactionRequest": fields}


def unsettled_list(page: int) -> Members:
    """A page, from 1, of what is not settled, newest first."""
    return _list_page(page)


def batch_list(first: datetime, last: datetime) -> Members:
    """The batches settled between two moments, which are 31 days apart at most."""
    return {"firstSettlementDate": _moment(first), "lastSettlementDate": _moment(last)}


def batch_transactions(batch_id: str, page: int) -> Members:
    """A page, from 1, of what was settled with a batch, newest first."""
    return {"batchId": batch_id} | _list_page(page)


def profile_from_transaction(transaction: Transaction, transaction_id: str) -> Members:
    """Keep the card of an approved transaction, in a profile of its own.

    The attempt's id as the customer's makes a repeat recognisable: it is refused as a duplicate
    that names the profile there is.
    """
    customer = {
        "merchantCustomerId": transaction.reference,
        "description": transaction.store_for,
    }
    if transaction.email is not None and len(transaction.email) <= _EMAIL_LENGTH_MAX:
        customer["email"] = transaction.email
    return {"transId": transaction_id, "customer": customer}


def profile(profile_id: str) -> Members:
    """Read a customer profile."""
    return {"customerProfileId": profile_id}


def delete_profile(stored: StoredCard) -> Members:
    """Delete a customer profile and the card in it."""
    return {"customerProfileId": stored.profile}


def _with_amount(transaction_type: str, transaction: Transaction) -> Members:
    return {
        "transactionType": transaction_type,
        "amount": format_amount(transaction.amount, transaction.currency),
        "currencyCode": transaction.currency,
    }


def _means(transaction: Transaction) -> Members:
    if transaction.stored is not None:
        card = StoredCard(transaction.stored)
        kept = {"paymentProfileId": card.payment_profile}
        return {"profile": {"customerProfileId": card.profile, "paymentProfile": kept}}
    if transaction.nonce is not None:
        data = {
            "dataDescriptor": transaction.nonce.descriptor,
            "dataValue": transaction.nonce.value,
        }
        return {"payment": {"opaqueData": data}}
    if transaction.card is None:
        raise ValueError("there is no card to charge")
    return {"payment": {"creditCard": _card(transaction.card)}}


def _card(card: CardData) -> Mapping[str, str]:
    return {
        "cardNumber": card.number,
        "expirationDate": f"{card.expiry_year:04}-{card.expiry_month:02}",
        "cardCode": card.cvv,
    }


def _order(transaction: Transaction) -> Members:
    return {"order": {"invoiceNumber": transaction.reference, "description": transaction.order_id}}


def _settings(**values: str) -> Members:
    return {
        "setting": [{"settingName": name, "settingValue": value} for name, value in values.items()]
    }


def _list_page(page: int) -> Members:
    return {
        "sorting": {"orderBy": "submitTimeUTC", "orderDescending": True},
        "paging": {"limit": LIST_LIMIT, "offset": page},
    }


def _moment(moment: datetime) -> str:
    """In UTC, as xsd:dateTime; whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
