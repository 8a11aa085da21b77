"""What became of an attempt whose answer was lost."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.outcomes import Approved, AttemptNotFound, Declined, Outcome, Unknown
from gateway.processors.authorizenet.processor import AuthorizeNet
from gateway.processors.authorizenet.requests import LIST_LIMIT
from gateway.processors.protocol import look_up
from tests.processors.authorizenet import samples
from tests.processors.authorizenet.conftest import OpenProcessor
from tests.processors.authorizenet.samples import OK, details, refused, transaction
from tests.processors.authorizenet.server import ScriptedServer

ID = "2228446239"
DETAILS = "getTransactionDetailsRequest"
UNSETTLED = "getUnsettledTransactionListRequest"
BATCHES = "getSettledBatchListRequest"
BATCH = "getTransactionListRequest"
NOTHING = {"messages": {"resultCode": "Ok", "message": [{"code": "I00004", "text": "None."}]}}
NOT_FOUND_YET = Unknown(reason="not_found_yet")


def listed(*lines: tuple[str, str]) -> dict[str, Any]:
    """The transactions' ids and invoice numbers."""
    found = [{"transId": each, "invoiceNumber": number} for each, number in lines]
    return {"transactions": found, "messages": OK}


def batches(*names: str) -> dict[str, Any]:
    found = [
        {"batchId": name, "settlementTimeUTC": f"2026-11-{26 + day}T01:00:00Z"}
        for day, name in enumerate(names)
    ]
    return {"batchList": found, "messages": OK}


async def test_a_payment_known_by_its_id_is_asked_about_by_that(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """One question."""
    server.answers(details("capturedPendingSettlement"))

    assert Approved(reference=ID) == await look_up(processor, transaction(known_as=ID))
    assert [DETAILS] == server.operations
    assert ID == server.asked[0][1]["transId"]


@pytest.mark.parametrize("kind", ["charge", "authorize", "refund"])
async def test_an_attempt_is_found_by_its_invoice_number(
    processor: AuthorizeNet, server: ScriptedServer, kind: str
) -> None:
    """Among what is not settled."""
    sent = transaction(kind)
    server.answers(
        listed(("1", "another"), (ID, sent.reference)), details("capturedPendingSettlement")
    )

    assert Approved(reference=ID) == await look_up(processor, sent)
    assert [UNSETTLED, DETAILS] == server.operations


async def test_an_attempt_is_found_in_a_settled_batch(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """The batches since it was sent are searched, a quarter of an hour apart from our clock."""
    sent = transaction()
    server.answers(
        NOTHING,
        batches("7", "8"),
        listed(("1", "another")),
        listed((ID, sent.reference)),
        details("settledSuccessfully"),
    )

    assert Approved(reference=ID) == await look_up(processor, sent)
    assert [UNSETTLED, BATCHES, BATCH, BATCH, DETAILS] == server.operations
    assert "2026-11-25T11:45:00Z" == server.asked[1][1]["firstSettlementDate"]
    assert "2026-11-25T12:16:00Z" == server.asked[1][1]["lastSettlementDate"]
    assert ["7", "8"] == [members["batchId"] for _, members in server.asked[2:4]]


@pytest.mark.parametrize("kind", ["charge", "authorize"])
async def test_a_payment_that_is_not_found_stays_unknown(
    processor: AuthorizeNet, server: ScriptedServer, kind: str
) -> None:
    """It may come to be seen; sent again it might be charged twice."""
    server.answers(NOTHING, NOTHING)

    assert NOT_FOUND_YET == await look_up(processor, transaction(kind))


async def test_long_lists_are_turned_over(processor: AuthorizeNet, server: ScriptedServer) -> None:
    """A full page has another one behind it."""
    sent = transaction()
    full = listed(*[(str(number), "another") for number in range(LIST_LIMIT)])
    server.answers(full, listed((ID, sent.reference)), details("capturedPendingSettlement"))

    assert Approved(reference=ID) == await look_up(processor, sent)
    assert [1, 2] == [members["paging"]["offset"] for _, members in server.asked[:2]]


async def test_the_search_has_its_limits(
    open_processor: OpenProcessor, server: ScriptedServer
) -> None:
    """Pages of a list, and batches."""
    processor = await open_processor(authorizenet_list_pages_max=1, authorizenet_batches_max=1)
    full = listed(*[(str(number), "another") for number in range(LIST_LIMIT)])
    server.answers(full, batches("7", "8"), full)

    assert NOT_FOUND_YET == await look_up(processor, transaction())
    assert server.is_done


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("FDSPendingReview", Unknown(reason="held_for_review", reference=ID)),
        ("settledSuccessfully", Approved(reference=ID)),
    ],
)
async def test_a_held_payment_is_asked_about_until_it_is_decided(
    processor: AuthorizeNet, server: ScriptedServer, status: str, expected: Outcome
) -> None:
    """Somebody at the merchant approves or declines it."""
    server.answers(details(status))

    assert expected == await look_up(processor, transaction(known_as=ID))


async def test_a_held_payment_that_was_declined_is_final(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """Nothing was charged."""
    server.answers(details("declined", responseCode=2, responseReasonCode=254))

    outcome = await look_up(processor, transaction(known_as=ID))

    assert isinstance(outcome, Declined)
    assert "fraud_filter" == outcome.reason


async def test_a_card_is_kept_when_its_payment_is_found(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """As it would have been with the answer."""
    server.answers(details("capturedPendingSettlement"), samples.PROFILE_MADE)
    sent = transaction(known_as=ID, store_for="cust_4fGh5kLm6nPq7rSt")

    assert Approved(reference=ID, stored="31390172/28393490") == await look_up(processor, sent)


@pytest.mark.parametrize(
    ("status", "amount", "expected"),
    [
        ("capturedPendingSettlement", 10.5, Approved(reference=ID)),
        ("settledSuccessfully", 10.5, Approved(reference=ID)),
        ("settledSuccessfully", 9.99, Unknown(reason="another_amount_captured")),
        ("authorizedPendingCapture", 10.5, AttemptNotFound()),
    ],
)
async def test_a_capture_shows_on_its_original(
    processor: AuthorizeNet, server: ScriptedServer, status: str, amount: float, expected: Outcome
) -> None:
    """Unchanged, it was not captured; there is no second capture to mistake it for."""
    server.answers(details(status, settleAmount=amount))

    assert expected == await look_up(processor, transaction("capture"))
    assert [DETAILS] == server.operations


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("voided", Approved(reference=ID)),
        ("expired", Approved(reference=ID)),
        ("authorizedPendingCapture", AttemptNotFound()),
        ("capturedPendingSettlement", AttemptNotFound()),
        ("settlementError", Unknown(reason="undecided_at_processor", reference=ID)),
    ],
)
async def test_a_void_shows_on_its_original(
    processor: AuthorizeNet, server: ScriptedServer, status: str, expected: Outcome
) -> None:
    """Unchanged, it was not voided."""
    server.answers(details(status))

    assert expected == await look_up(processor, transaction("void"))


async def test_a_void_that_came_too_late_is_declined(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """It is settled, and only to be refunded."""
    server.answers(details("settledSuccessfully"))

    outcome = await look_up(processor, transaction("void"))

    assert isinstance(outcome, Declined)
    assert "already_settled" == outcome.reason


@pytest.mark.parametrize(
    ("original", "amount", "expected"),
    [
        # The void in its place was done, and its answer lost.
        (details("voided"), 1_050, Approved(reference=ID)),
        # Somebody else voided it: a part was never refunded.
        (details("voided"), 500, NOT_FOUND_YET),
        # Of what is not settled there can be no refund.
        (details("capturedPendingSettlement"), 1_050, AttemptNotFound()),
        (details("settledSuccessfully"), 1_050, NOT_FOUND_YET),
        (refused("E00040"), 1_050, NOT_FOUND_YET),
    ],
)
async def test_a_refund_that_is_not_found_goes_by_its_original(
    processor: AuthorizeNet,
    server: ScriptedServer,
    original: dict[str, Any],
    amount: int,
    expected: Outcome,
) -> None:
    """Only what cannot have happened is sent again."""
    server.answers(NOTHING, NOTHING, original)

    assert expected == await look_up(processor, transaction("refund", amount=amount))


@pytest.mark.parametrize("kind", ["charge", "capture", "void", "refund"])
async def test_a_question_that_is_refused_says_nothing(
    processor: AuthorizeNet, server: ScriptedServer, kind: str
) -> None:
    """Such as with a key that was changed."""
    server.answers(refused("E00007"))

    assert Unknown(reason="RequestFailed") == await look_up(processor, transaction(kind))


async def test_an_original_that_is_not_there_proves_nothing(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """Neither that it was captured nor that it was not."""
    server.answers(refused("E00040"), refused("E00040"))

    assert NOT_FOUND_YET == await look_up(processor, transaction("capture"))
    assert NOT_FOUND_YET == await look_up(processor, transaction("void"))
    assert NOT_FOUND_YET == await look_up(processor, transaction("void", original=None))
