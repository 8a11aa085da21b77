"""Why a payment failed, for the person who tried to pay: what happened, and what to do now.

Processors' own descriptions are written for merchants and come in one language; a shopper is told
by the reason, else by the code. All of them are about payments of which nothing was charged.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.web.pages.catalogue import message

__all__ = ["REASONS", "reason_text"]

_OTHERWISE = "PAYMENT_FAILED"

REASONS: Mapping[str, str] = {
    "card_declined": message(
        "Your bank declined this card. Nothing was charged. Try another card, or ask your bank."
    ),
    "insufficient_funds": message(
        "There is not enough money in this account. Nothing was charged. Try another way to pay."
    ),
    "expired_card": message("This card has expired. Nothing was charged. Please use another card."),
    "authentication_failed": message(
        "Your bank could not confirm that it is you. Nothing was charged. You can try again."
    ),
    "action_abandoned": message(
        "The payment was not confirmed in time. Nothing was charged. You can try again."
    ),
    "payment_declined": message(
        "Your bank declined the payment. Nothing was charged. Try again, or pay in another way."
    ),
    "processor_unreachable": message(
        "We could not reach your bank. Nothing was charged. Please try again in a moment."
    ),
    "processing_error": message(
        "Your bank has a problem right now. Nothing was charged. Please try again in a moment."
    ),
    "CARD_DATA_LOST": message(
        "The payment was interrupted on our side before it reached your bank. Nothing was charged."
        " Please enter your card again."
    ),
    "EXPIRED_CARD": message("This card has expired. Nothing was charged. Please use another card."),
    "INVALID_CARD": message(
        "Your bank did not accept these card details. Nothing was charged. Please check them."
    ),
    "INVALID_VPA": message(
        "Your bank does not know this UPI ID. Nothing was charged. Please check it."
    ),
    "GATEWAY_ERROR": message(
        "The payment could not be processed. Nothing was charged. Please try again in a moment."
    ),
    _OTHERWISE: message(
        "The payment did not go through. Nothing was charged. Try again, or pay in another way."
    ),
}


def reason_text(reason: str | None, code: str | None) -> str:
    """The text, in English, by `error_reason`, else by `error_code`."""
    return REASONS.get(reason or "") or REASONS.get(code or "") or REASONS[_OTHERWISE]
