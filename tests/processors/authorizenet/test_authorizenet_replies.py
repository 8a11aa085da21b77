"""Recorded replies, and what is read of them."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.outcomes import Approved, Declined, Outcome, Unknown
from gateway.processors.authorizenet.client import InvalidReply
from gateway.processors.authorizenet.replies import (
    TransactionReply,
    batch_ids,
    error_code,
    listed_transactions,
    outcome_of_details,
    profile_names,
    read_details,
    read_transaction,
)
from tests.processors.authorizenet import samples

ID = "2228446239"


def reply(response: str, reason: str, transaction_id: str | None) -> TransactionReply:
    return TransactionReply(
        response_code=response,
        reason_code=reason,
        transaction_id=transaction_id,
        is_test_request=False,
    )


@pytest.mark.parametrize(
    ("sample", "expected", "approved_id"),
    [
        (samples.APPROVED, reply("1", "1", ID), ID),
        (samples.CAPTURED, reply("1", "1", "2230581333"), "2230581333"),
        (samples.DUPLICATE, reply("3", "11", None), None),
        (samples.NOT_FOUND, reply("3", "16", None), None),
        (samples.decided("1", "311", ID), reply("1", "311", ID), None),
        (samples.decided("1", "310", ID), reply("1", "310", ID), None),
        (samples.decided("4", "253", ID), reply("4", "253", ID), None),
        (samples.decided("1", "1", "0"), reply("1", "1", None), None),
    ],
)
def test_recorded_replies_are_read(
    sample: dict[str, Any], expected: TransactionReply, approved_id: str | None
) -> None:
    """A transaction's own response code counts; an id of 0 is none."""
    found = read_transaction(sample)

    assert found is not None
    assert expected == found
    assert approved_id == found.approved_id


def test_an_error_beside_ok_counts() -> None:
    """Some replies say Ok as a whole, and why the transaction failed in its own list."""
    sample = samples.decided("3", "37") | {"messages": samples.OK}

    assert reply("3", "37", None) == read_transaction(sample)


@pytest.mark.parametrize("found", [None, [], "text", {}, {"responseCode": None}])
def test_a_reply_that_decides_nothing_is_none(found: object) -> None:
    """The request itself was refused."""
    sample = samples.refused("E00007") | {"transactionResponse": found}

    assert read_transaction(sample) is None
    assert "E00007" == error_code(sample)


def test_ok_is_no_error() -> None:
    """And an error without a code is one all the same."""
    assert error_code({"messages": samples.OK}) is None
    assert "" == error_code({"messages": {"resultCode": "Error", "message": None}})


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("authorizedPendingCapture", Approved(reference=ID)),
        ("capturedPendingSettlement", Approved(reference=ID)),
        ("settledSuccessfully", Approved(reference=ID)),
        ("refundPendingSettlement", Approved(reference=ID)),
        ("refundSettledSuccessfully", Approved(reference=ID)),
        ("updatingSettlement", Approved(reference=ID)),
        ("couldNotVoid", Approved(reference=ID)),
        ("chargeback", Approved(reference=ID)),
        ("chargebackReversal", Approved(reference=ID)),
        ("returnedItem", Approved(reference=ID)),
        ("FDSPendingReview", Unknown(reason="held_for_review", reference=ID)),
        ("FDSAuthorizedPendingReview", Unknown(reason="held_for_review", reference=ID)),
        ("underReview", Unknown(reason="held_for_review", reference=ID)),
        ("authorizedPendingRelease", Unknown(reason="held_for_review", reference=ID)),
        ("communicationError", Unknown(reason="undecided_at_processor", reference=ID)),
        ("settlementError", Unknown(reason="undecided_at_processor", reference=ID)),
        ("approvedReview", Unknown(reason="undecided_at_processor", reference=ID)),
        ("somethingNew", Unknown(reason="undecided_at_processor", reference=ID)),
    ],
)
def test_statuses_say_what_became_of_the_attempt(status: str, expected: Outcome) -> None:
    """What stands is approved, what is under review or in trouble is not known yet."""
    assert expected == outcome_of_details(read_details(samples.details(status)))


@pytest.mark.parametrize(
    ("status", "codes", "reason"),
    [
        ("voided", {}, "voided_at_processor"),
        ("expired", {}, "expired_at_processor"),
        ("declined", {"responseCode": 2, "responseReasonCode": 2}, "card_declined"),
        ("declined", {"responseCode": 2, "responseReasonCode": 254}, "fraud_filter"),
        ("failedReview", {"responseCode": 2, "responseReasonCode": 250}, "fraud_filter"),
        ("generalError", {"responseCode": 3, "responseReasonCode": 37}, "card_number_invalid"),
        ("generalError", {"responseCode": 3, "responseReasonCode": 20}, "processor_error"),
    ],
)
def test_what_holds_nothing_is_declined(status: str, codes: dict[str, int], reason: str) -> None:
    """Also what would have been sent again: it was heard of, and is final there."""
    outcome = outcome_of_details(read_details(samples.details(status, **codes)))

    assert isinstance(outcome, Declined)
    assert reason == outcome.reason


def test_a_card_is_known_by_its_last_digits() -> None:
    """The rest is masked."""
    assert "1111" == read_details(samples.details("voided")).last_four
    assert read_details(samples.details("voided", payment={})).last_four is None


@pytest.mark.parametrize("found", [None, [], {}, {"transId": "0"}])
def test_details_without_a_transaction_are_no_reply(found: object) -> None:
    """Whatever it is, it is not what was asked for."""
    with pytest.raises(InvalidReply):
        read_details({"messages": samples.OK, "transaction": found})


def test_lists_are_empty_where_they_are_left_out() -> None:
    """They leave them out when nothing is found."""
    nothing = {"messages": samples.OK}

    assert [] == listed_transactions(nothing)
    assert [] == batch_ids(nothing)


def test_batches_come_in_the_order_of_their_settlement() -> None:
    """What was sent is in one of the first ones after it."""
    batches = [
        {"batchId": "2", "settlementTimeUTC": "2026-11-27T01:00:00Z"},
        {"batchId": "3", "settlementTimeUTC": "2026-11-26T01:00:00Z"},
    ]

    assert ["3", "2"] == batch_ids({"messages": samples.OK, "batchList": batches})


def test_profiles_are_read_as_made_and_as_found() -> None:
    """The two replies name them differently."""
    read = {
        "profile": {
            "customerProfileId": "31390172",
            "paymentProfiles": [{"customerPaymentProfileId": "28393490"}],
        },
        "messages": samples.OK,
    }

    assert ("31390172", "28393490") == profile_names(samples.PROFILE_MADE)
    assert ("31390172", "28393490") == profile_names(read)
    with pytest.raises(InvalidReply):
        profile_names(samples.PROFILE_EXISTS)
