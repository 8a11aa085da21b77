"""Every code of Authorize.Net's tables, and what it is to us."""

from __future__ import annotations

import pytest

from gateway.domain.outcomes import Declined, FailedSurely, Unknown
from gateway.processors.authorizenet.codes import (
    RequestFailed,
    outcome_of_reason,
    outcome_of_request_error,
)

DECLINES = [
    # response code, reason code, our code, our reason
    ("2", "2", "PAYMENT_FAILED", "card_declined"),
    ("2", "3", "PAYMENT_FAILED", "card_declined"),
    ("2", "4", "PAYMENT_FAILED", "card_declined"),
    ("3", "5", "GATEWAY_ERROR", "amount_invalid"),
    ("3", "6", "INVALID_CARD", "card_number_invalid"),
    ("3", "37", "INVALID_CARD", "card_number_invalid"),
    ("3", "7", "EXPIRED_CARD", "card_expiry_invalid"),
    ("3", "8", "EXPIRED_CARD", "expired_card"),
    ("3", "16", "GATEWAY_ERROR", "transaction_not_found"),
    ("3", "17", "PAYMENT_FAILED", "card_type_not_accepted"),
    ("3", "28", "PAYMENT_FAILED", "card_type_not_accepted"),
    ("2", "27", "PAYMENT_FAILED", "avs_mismatch"),
    ("2", "44", "PAYMENT_FAILED", "cvv_mismatch"),
    ("2", "65", "PAYMENT_FAILED", "cvv_mismatch"),
    ("2", "45", "PAYMENT_FAILED", "avs_cvv_mismatch"),
    ("3", "39", "GATEWAY_ERROR", "currency_not_supported"),
    ("3", "47", "GATEWAY_ERROR", "exceeds_authorized"),
    ("3", "50", "PAYMENT_FAILED", "not_settled"),
    ("3", "54", "GATEWAY_ERROR", "not_refundable"),
    ("3", "55", "GATEWAY_ERROR", "exceeds_captured"),
    ("3", "78", "GATEWAY_ERROR", "processing_error"),
    ("2", "128", "PAYMENT_FAILED", "card_declined"),
    ("2", "250", "PAYMENT_FAILED", "fraud_filter"),
    ("2", "251", "PAYMENT_FAILED", "fraud_filter"),
    ("2", "254", "PAYMENT_FAILED", "fraud_filter"),
]
RETRYABLE = ["19", "20", "21", "22", "23", "24", "25", "26"]


@pytest.mark.parametrize(("response", "reason", "code", "word"), DECLINES)
def test_a_decline_says_why_in_our_words(response: str, reason: str, code: str, word: str) -> None:
    """Final, with a code of our table and a reason for programs."""
    outcome = outcome_of_reason(response, reason)

    assert isinstance(outcome, Declined)
    assert (code, word) == (outcome.code, outcome.reason)
    assert outcome.description


@pytest.mark.parametrize("reason", RETRYABLE)
def test_an_error_of_the_processor_is_sent_again(reason: str) -> None:
    """19 to 26 ask to be tried again later, and have moved nothing."""
    assert FailedSurely(reason="processor_error") == outcome_of_reason("3", reason)


def test_a_wrong_login_is_no_decline() -> None:
    """The shopper's bank was never asked."""
    assert FailedSurely(reason="processor_misconfigured") == outcome_of_reason("3", "13")


@pytest.mark.parametrize(
    ("response", "reason", "word"),
    [
        ("3", "11", "duplicate_transaction"),
        ("4", "252", "held_for_review"),
        ("4", "253", "held_for_review"),
        ("4", "193", "held_for_review"),
        ("1", "310", "already_voided"),
        ("1", "311", "already_captured"),
        ("3", "36", "settlement_failed"),
        ("3", "120", "processor_error"),
        ("3", "121", "processor_error"),
        ("3", "122", "processor_error"),
        ("3", "", "invalid_reply"),
        ("9", "1", "invalid_reply"),
    ],
)
def test_what_may_have_happened_is_unknown(response: str, reason: str, word: str) -> None:
    """It is asked about; nothing is sent again, and nothing called failed."""
    assert Unknown(reason=word) == outcome_of_reason(response, reason)


@pytest.mark.parametrize("code", ["E00005", "E00006", "E00007", "E00008"])
def test_credentials_that_are_not_taken_fail_surely(code: str) -> None:
    """Few tries, another processor if there is one, and no decline of the card."""
    assert FailedSurely(reason="processor_misconfigured") == outcome_of_request_error(code)


@pytest.mark.parametrize("code", ["E00003", "E00004", "E00013", "E00014", "E00015"])
def test_a_request_refused_for_its_form_is_final(code: str) -> None:
    """The same request would be refused again; it is not the card's fault."""
    outcome = outcome_of_request_error(code)

    assert isinstance(outcome, Declined)
    assert ("GATEWAY_ERROR", "request_refused") == (outcome.code, outcome.reason)


@pytest.mark.parametrize(
    ("code", "reason"), [("E00040", "card_missing"), ("E00114", "nonce_invalid")]
)
def test_a_card_that_is_not_there_is_an_invalid_one(code: str, reason: str) -> None:
    """A stored card that was deleted at the processor, and a nonce that is used up."""
    outcome = outcome_of_request_error(code)

    assert isinstance(outcome, Declined)
    assert ("INVALID_CARD", reason) == (outcome.code, outcome.reason)


@pytest.mark.parametrize("code", ["E00001", "E00012", "E00027", "E00039", "E00099", ""])
def test_any_other_error_proves_nothing(code: str) -> None:
    """It is raised, which makes the outcome unknown and counts against the processor."""
    with pytest.raises(RequestFailed) as raised:
        outcome_of_request_error(code)

    assert code == raised.value.code
