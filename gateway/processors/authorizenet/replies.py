"""Replies as values: what was decided about a transaction, and how it stands now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from typing import Any

from gateway.domain.money import AMOUNT_MAX, exponent
from gateway.domain.outcomes import Approved, Declined, FailedSurely, Unknown
from gateway.processors.authorizenet.client import InvalidReply, Reply
from gateway.processors.authorizenet.codes import (
    ALREADY_CAPTURED,
    ALREADY_VOIDED,
    outcome_of_reason,
)

__all__ = [
    "AUTHORIZED",
    "GONE",
    "UNSETTLED",
    "VOIDED",
    "Details",
    "Listed",
    "TransactionReply",
    "batch_ids",
    "error_code",
    "listed_transactions",
    "message_codes",
    "message_text",
    "minor_units",
    "outcome_of_details",
    "profile_names",
    "read_details",
    "read_transaction",
]

AUTHORIZED = "authorizedPendingCapture"
UNSETTLED = "capturedPendingSettlement"
VOIDED = "voided"
GONE = frozenset({VOIDED, "expired"})
"""Statuses of what holds and moves nothing any more."""

_APPROVED = "1"
_STANDS = frozenset(
    {
        AUTHORIZED,
        UNSETTLED,
        "settledSuccessfully",
        "refundPendingSettlement",
        "refundSettledSuccessfully",
        "updatingSettlement",
        # It was captured, whatever came after.
        "couldNotVoid",
        "chargeback",
        "chargebackReversal",
        "returnedItem",
    }
)
_HELD = frozenset(
    {"FDSPendingReview", "FDSAuthorizedPendingReview", "underReview", "authorizedPendingRelease"}
)
_REFUSED = frozenset({"declined", "failedReview", "generalError"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionReply:
    """What was decided: `response_code` 1 to 4, `reason_code` of its first error or message.

    `transaction_id` is None where there is none, which they write as 0.
    """

    response_code: str
    reason_code: str
    transaction_id: str | None
    is_test_request: bool

    @property
    def approved_id(self) -> str | None:
        """The transaction's id where it is done by this very request."""
        done_before = self.reason_code in (ALREADY_CAPTURED, ALREADY_VOIDED)
        is_done = self.response_code == _APPROVED and not done_before
        return self.transaction_id if is_done else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """How a transaction stands. `settle_amount` as they write it, in major units."""

    transaction_id: str
    status: str
    invoice_number: str
    response_code: str
    reason_code: str
    settle_amount: Any
    last_four: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of a list of transactions."""

    transaction_id: str
    invoice_number: str


def message_codes(reply: Reply) -> tuple[str, ...]:
    """The codes of what is said about the request as a whole."""
    return tuple(_text(each, "code") for each in _items(reply["messages"], "message"))


def error_code(reply: Reply) -> str | None:
    """The code of the error that was answered in place of what was asked for; None without one."""
    if _text(reply["messages"], "resultCode") == "Ok":
        return None
    return next(iter(message_codes(reply)), "")


def read_transaction(reply: Reply) -> TransactionReply | None:
    """The decision about a transaction, which counts whatever the reply says as a whole.

    None when the reply has none: the request itself was refused.
    """
    found = reply.get("transactionResponse")
    if not isinstance(found, Mapping) or not _text(found, "responseCode"):
        return None
    codes = [_text(each, "errorCode") for each in _items(found, "errors")]
    codes += [_text(each, "code") for each in _items(found, "messages")]
    return TransactionReply(
        response_code=_text(found, "responseCode"),
        reason_code=next(iter(codes), ""),
        transaction_id=_id(found, "transId"),
        is_test_request=_text(found, "testRequest") == "1",
    )


def read_details(reply: Reply) -> Details:
    """How a transaction stands. Raises InvalidReply."""
    found = reply.get("transaction")
    if not isinstance(found, Mapping) or _id(found, "transId") is None:
        raise InvalidReply("no transaction")
    card = _member(_member(found, "payment"), "creditCard")
    last_four = _text(card, "cardNumber")[-4:]
    return Details(
        transaction_id=_text(found, "transId"),
        status=_text(found, "transactionStatus"),
        invoice_number=_text(_member(found, "order"), "invoiceNumber"),
        response_code=_text(found, "responseCode"),
        reason_code=_text(found, "responseReasonCode"),
        settle_amount=found.get("settleAmount"),
        last_four=last_four if last_four.isdecimal() and len(last_four) == 4 else None,
    )


def listed_transactions(reply: Reply) -> list[Listed]:
    """The lines of a list, which is left out where it is empty."""
    return [
        Listed(_text(each, "transId"), _text(each, "invoiceNumber"))
        for each in _items(reply, "transactions")
    ]


def batch_ids(reply: Reply) -> list[str]:
    """The batches of a list, those settled first at the front."""
    batches = sorted(
        (_text(each, "settlementTimeUTC"), _text(each, "batchId"))
        for each in _items(reply, "batchList")
    )
    return [batch_id for _, batch_id in batches]


def message_text(reply: Reply) -> str:
    """The text of what is said first about the request as a whole."""
    return next((_text(each, "text") for each in _items(reply["messages"], "message")), "")


def profile_names(reply: Reply) -> tuple[str, str]:
    """A customer profile that was made or read, and its first payment profile.

    Raises InvalidReply.
    """
    read = _member(reply, "profile")
    listed = reply.get("customerPaymentProfileIdList")
    names = [str(each) for each in listed] if isinstance(listed, list) else []
    names += [_text(each, "customerPaymentProfileId") for each in _items(read, "paymentProfiles")]
    profile = _id(reply, "customerProfileId") or _id(read, "customerProfileId")
    if profile is None or not names:
        raise InvalidReply("no profile")
    return profile, names[0]


def outcome_of_details(details: Details) -> Approved | Declined | Unknown:
    """What became of the attempt that made a transaction, by how the transaction stands.

    Gone is not approved: nothing of it was moved, or will be. What is not known to be one or the
    other, such as an error at the settlement, stays unknown.
    """
    if details.status in _STANDS:
        return Approved(reference=details.transaction_id)
    if details.status in _HELD:
        return Unknown(reason="held_for_review", reference=details.transaction_id)
    if details.status in GONE:
        return Declined(
            description=f"The payment was {details.status} at the processor",
            reason=f"{details.status}_at_processor",
        )
    if details.status in _REFUSED:
        return _final(outcome_of_reason(details.response_code, details.reason_code))
    return Unknown(reason="undecided_at_processor", reference=details.transaction_id)


def minor_units(amount: Any, currency: str) -> int | None:
    """An amount that they wrote in major units, as a number or as text; None when it is none."""
    try:
        scaled = Decimal(str(amount)).scaleb(exponent(currency))
    except DecimalException:
        return None
    is_amount = scaled.is_finite() and 0 <= scaled <= AMOUNT_MAX
    return int(scaled) if is_amount and scaled == scaled.to_integral_value() else None


def _final(outcome: Declined | FailedSurely | Unknown) -> Declined | Unknown:
    """It was heard of and refused, so it is not sent again as if it had not been."""
    if isinstance(outcome, FailedSurely):
        return Declined(
            code="GATEWAY_ERROR",
            description="The processor could not process the payment",
            reason=outcome.reason,
        )
    return outcome


def _items(holder: Any, name: str) -> Iterator[Mapping[str, Any]]:
    found = holder.get(name) if isinstance(holder, Mapping) else None
    for each in found if isinstance(found, list) else ():
        if isinstance(each, Mapping):
            yield each


def _member(holder: Any, name: str) -> Mapping[str, Any]:
    found = holder.get(name) if isinstance(holder, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _text(holder: Mapping[str, Any], name: str) -> str:
    """Text or a whole number, as text; they are not strict about which."""
    found = holder.get(name)
    return str(found) if isinstance(found, str | int) else ""


def _id(holder: Mapping[str, Any], name: str) -> str | None:
    found = _text(holder, name)
    return None if found in ("", "0") else found
