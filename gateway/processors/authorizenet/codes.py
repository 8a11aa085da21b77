"""What Authorize.Net's codes mean to us.

Reason codes come with a transaction's reply, error codes (E…) in place of one. The sources are the
tables of developer.authorize.net/api/reference/responseCodes.html; where an outcome is not certain
there, it is `Unknown` here.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.domain.outcomes import Declined, FailedSurely, Unknown

__all__ = [
    "ALREADY_CAPTURED",
    "ALREADY_VOIDED",
    "CREDENTIALS_REFUSED",
    "DUPLICATE",
    "HELD",
    "NOT_FOUND",
    "NOT_REFUNDABLE",
    "NOT_SETTLED",
    "OutcomeOfCode",
    "RequestFailed",
    "outcome_of_reason",
    "outcome_of_request_error",
]

OutcomeOfCode = Declined | FailedSurely | Unknown

DUPLICATE = "11"
NOT_FOUND = "16"
NOT_REFUNDABLE = frozenset({"50", "54"})
HELD = frozenset({"252", "253"})
ALREADY_VOIDED = "310"
ALREADY_CAPTURED = "311"

_NOTHING_CHARGED = "Nothing was charged"
_ANOTHER_CARD = f"{_NOTHING_CHARGED}, please use another card"

NOT_SETTLED = Declined(
    description="The payment is not settled yet: refund all of it, which cancels it, or this part "
    "after the settlement, usually the next day",
    reason="not_settled",
)
_MISCONFIGURED = FailedSurely(reason="processor_misconfigured")
_TRY_LATER = FailedSurely(reason="processor_error")
_CARD_DECLINED = Declined(
    description=f"Your bank declined the card. {_ANOTHER_CARD}", reason="card_declined"
)
_WRONG_NUMBER = Declined(
    code="INVALID_CARD", description="Card validation failed", reason="card_number_invalid"
)
_WRONG_EXPIRY = Declined(
    code="EXPIRED_CARD", description="Card expiry date invalid", reason="card_expiry_invalid"
)
_TYPE_NOT_TAKEN = Declined(
    description=f"This type of card is not accepted. {_ANOTHER_CARD}",
    reason="card_type_not_accepted",
)
_AVS_MISMATCH = Declined(
    description=f"The postal code is not the card's. {_NOTHING_CHARGED}, please check it",
    reason="avs_mismatch",
)
_CVV_MISMATCH = Declined(
    description=f"The security code is not the card's. {_NOTHING_CHARGED}, please check it",
    reason="cvv_mismatch",
)
_FRAUD = Declined(
    description=f"The payment was refused by a fraud filter. {_NOTHING_CHARGED}",
    reason="fraud_filter",
)
_HELD = Unknown(reason="held_for_review")


def _refused(reason: str, description: str) -> Declined:
    """Not the shopper's fault, and no bank has judged the card."""
    return Declined(code="GATEWAY_ERROR", description=description, reason=reason)


_REASONS: Mapping[str, OutcomeOfCode] = {
    "2": _CARD_DECLINED,
    "3": _CARD_DECLINED,
    "4": _CARD_DECLINED,  # and the card is to be kept, which nobody here can
    "5": _refused("amount_invalid", "The processor does not take this amount"),
    "6": _WRONG_NUMBER,
    "7": _WRONG_EXPIRY,
    "8": Declined(
        code="EXPIRED_CARD",
        description=f"The card has expired. {_ANOTHER_CARD}",
        reason="expired_card",
    ),
    DUPLICATE: Unknown(reason="duplicate_transaction"),
    "13": _MISCONFIGURED,
    NOT_FOUND: _refused("transaction_not_found", "The processor does not know the transaction"),
    "17": _TYPE_NOT_TAKEN,
    "19": _TRY_LATER,
    "20": _TRY_LATER,
    "21": _TRY_LATER,
    "22": _TRY_LATER,
    "23": _TRY_LATER,
    "24": _TRY_LATER,
    "25": _TRY_LATER,
    "26": _TRY_LATER,
    "27": _AVS_MISMATCH,
    "28": _TYPE_NOT_TAKEN,
    # Approved, and its settlement failed.
    "36": Unknown(reason="settlement_failed"),
    "37": _WRONG_NUMBER,
    "39": _refused("currency_not_supported", "The processor does not take this currency"),
    "44": _CVV_MISMATCH,
    "45": Declined(
        description="The postal code or the security code is not the card's. "
        f"{_NOTHING_CHARGED}, please check both",
        reason="avs_cvv_mismatch",
    ),
    "47": _refused("exceeds_authorized", "The amount exceeds what was authorized"),
    "50": NOT_SETTLED,
    "54": _refused("not_refundable", "The processor does not refund this payment any more"),
    "55": _refused("exceeds_captured", "The refunds would exceed what was captured"),
    "65": _CVV_MISMATCH,
    # The void that was to take back a payment without an answer failed, so that may stand.
    "120": Unknown(reason="processor_error"),
    "121": Unknown(reason="processor_error"),
    "122": Unknown(reason="processor_error"),
    "250": _FRAUD,
    "251": _FRAUD,
    "252": _HELD,
    "253": _HELD,
    "254": _FRAUD,
    ALREADY_VOIDED: Unknown(reason="already_voided"),
    ALREADY_CAPTURED: Unknown(reason="already_captured"),
}

CREDENTIALS_REFUSED = frozenset({"E00005", "E00006", "E00007", "E00008"})
_MALFORMED = frozenset({"E00003", "E00004", "E00013", "E00014", "E00015"})
_NO_RECORD = "E00040"
_INVALID_NONCE = "E00114"


class RequestFailed(Exception):
    """Authorize.Net answered with an error in place of what was asked for; `code` is E and digits.

    Whether what was asked for happened is not known.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def outcome_of_reason(response_code: str, reason_code: str) -> OutcomeOfCode:
    """What became of a transaction that is not approved.

    `response_code`: 2 declined, 3 error, 4 held; `reason_code` says more, and may be empty.
    """
    known = _REASONS.get(reason_code)
    if known is not None:
        return known
    if response_code == "2":
        return _CARD_DECLINED
    if response_code == "3" and reason_code:
        return _refused("processing_error", "The processor could not process the payment")
    if response_code == "4":
        return _HELD
    return Unknown(reason="invalid_reply")


def outcome_of_request_error(code: str) -> OutcomeOfCode:
    """What an error in place of a transaction's reply means for what was to be moved.

    A key that is not taken is nothing that the card did: it fails surely, and so goes on to another
    processor and ends after few tries. A request that is refused for its form would be refused
    again. Raises RequestFailed for everything else, such as E00001: it may have happened.
    """
    if code in CREDENTIALS_REFUSED:
        return _MISCONFIGURED
    if code in _MALFORMED:
        return _refused("request_refused", "The processor refused the request")
    if code == _NO_RECORD:
        return Declined(
            code="INVALID_CARD",
            description=f"The processor keeps this card no longer. {_ANOTHER_CARD}",
            reason="card_missing",
        )
    if code == _INVALID_NONCE:
        return Declined(
            code="INVALID_CARD",
            description=f"The card's nonce is not valid. {_NOTHING_CHARGED}, please enter the card "
            "again",
            reason="nonce_invalid",
        )
    raise RequestFailed(code)
