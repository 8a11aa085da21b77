"""The adapter against the simulated Authorize.Net: whole lives of payments, and every fault."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.domain.clock import Clock
from gateway.domain.ids import new_id
from gateway.domain.instruments import Nonce
from gateway.domain.outcomes import (
    Approved,
    AttemptNotFound,
    Declined,
    FailedSurely,
    Outcome,
    Transaction,
    Unknown,
)
from gateway.processors.authorizenet.processor import AuthorizeNet
from gateway.processors.protocol import CredentialsRefused, ProcessorContext, call, look_up
from tests.processors.authorizenet import samples
from tests.processors.authorizenet.samples import card
from tests.sandbox.server import RunningSandbox, running_sandbox

FAULTS = ["slow", "dropped", "http_500", "html", "empty", "half"]
TYPES = {
    "charge": "authCaptureTransaction",
    "authorize": "authOnlyTransaction",
    "capture": "priorAuthCaptureTransaction",
    "void": "voidTransaction",
    "refund": "refundTransaction",
}


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    """Strict about the order of members."""
    async with running_sandbox(duplicate_window_seconds=0) as running:
        yield running


@pytest.fixture
async def processor(sandbox: RunningSandbox) -> AsyncIterator[AuthorizeNet]:
    """With the sandbox's first account, and little patience."""
    settings = {
        "authorizenet_url": sandbox.api_url,
        "authorizenet_api_login_id": sandbox.login_id,
        "authorizenet_transaction_key": sandbox.transaction_key,
        "authorizenet_signature_key": sandbox.signature_key,
        "authorizenet_timeout_seconds": 2,
    }
    adapter = AuthorizeNet()
    await adapter.start(ProcessorContext(clock=Clock(), settings=settings))
    yield adapter
    await adapter.close()


def transaction(kind: str = "charge", **changes: Any) -> Transaction:
    """10.50 USD, sent now."""
    return samples.transaction(kind, **({"sent_at": datetime.now(UTC)} | changes))


def following(payment: Transaction, kind: str, reference: str, **changes: Any) -> Transaction:
    """What is asked about an approved payment."""
    values = {"original": reference, "payment_id": payment.payment_id}
    return transaction(kind, **(values | changes))


async def approved(processor: AuthorizeNet, sent: Transaction) -> str:
    """The id of what is approved at once."""
    outcome = await call(processor, sent)
    assert isinstance(outcome, Approved), outcome
    return outcome.reference


async def carried_out(processor: AuthorizeNet, sent: Transaction) -> Outcome:
    """What the gateway comes to: it asks about what is unknown, and sends what was not found."""
    outcome: Outcome = await call(processor, sent)
    for _ in range(5):
        if isinstance(outcome, Unknown):
            outcome = await look_up(processor, replace(sent, known_as=outcome.reference))
        elif isinstance(outcome, AttemptNotFound | FailedSurely):
            outcome = await call(processor, sent)
        else:
            break
    return outcome


async def book(sandbox: RunningSandbox) -> list[tuple[str, str, str]]:
    """Kind, status and amount of all transactions, oldest first."""
    return [
        (each["kind"], each["status"], each["settle_amount"])
        for each in await sandbox.control.transactions()
    ]


async def originals(
    processor: AuthorizeNet, sandbox: RunningSandbox, kind: str
) -> tuple[Transaction, list[tuple[str, str, str]]]:
    """A transaction of that kind on what it needs, and what the book is to say in the end."""
    if kind == "charge":
        return transaction(kind), [("authCaptureTransaction", "capturedPendingSettlement", "10.50")]
    if kind == "authorize":
        return transaction(kind), [("authOnlyTransaction", "authorizedPendingCapture", "10.50")]
    first = transaction("authorize" if kind in ("capture", "void") else "charge")
    reference = await approved(processor, first)
    if kind == "refund":
        await sandbox.control.settle()
        return following(first, kind, reference, amount=400), [
            ("authCaptureTransaction", "settledSuccessfully", "10.50"),
            ("refundTransaction", "refundPendingSettlement", "4.00"),
        ]
    if kind == "void":
        return following(first, kind, reference), [("authOnlyTransaction", "voided", "10.50")]
    return following(first, kind, reference, amount=700), [
        ("authOnlyTransaction", "capturedPendingSettlement", "7.00")
    ]


@pytest.mark.parametrize("kind", list(TYPES))
async def test_every_operation_is_done_once(
    processor: AuthorizeNet, sandbox: RunningSandbox, kind: str
) -> None:
    """In a form that a strict reader takes; captures may be of a part."""
    sent, expected = await originals(processor, sandbox, kind)

    await approved(processor, sent)

    assert expected == await book(sandbox)


@pytest.mark.parametrize("kind", list(TYPES))
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_lost_answer_is_found_again(
    processor: AuthorizeNet, sandbox: RunningSandbox, kind: str, fault: str
) -> None:
    """Done, and the answer lost: the lookup finds it, and the book has it once."""
    sent, expected = await originals(processor, sandbox, kind)
    await sandbox.control.arm(fault, operation=TYPES[kind], seconds=5 if fault == "slow" else 0)

    assert isinstance(await carried_out(processor, sent), Approved)
    assert expected == await book(sandbox)


@pytest.mark.parametrize("kind", list(TYPES))
@pytest.mark.parametrize("fault", FAULTS)
async def test_what_was_not_done_is_never_done_twice(
    processor: AuthorizeNet, sandbox: RunningSandbox, kind: str, fault: str
) -> None:
    """A capture or a void shows that it was not done, and is sent again. A payment or a refund of
    what is settled stays unknown: nothing can prove that it will not come to be seen."""
    sent, expected = await originals(processor, sandbox, kind)
    before = await book(sandbox)
    seconds = 5 if fault == "slow" else 0
    await sandbox.control.arm(fault, operation=TYPES[kind], processing="never", seconds=seconds)

    outcome = await carried_out(processor, sent)

    if kind in ("capture", "void"):
        assert isinstance(outcome, Approved)
        assert expected == await book(sandbox)
    else:
        assert Unknown(reason="not_found_yet") == outcome
        assert before == await book(sandbox)


@pytest.mark.parametrize("kind", list(TYPES))
async def test_a_refused_connection_is_tried_again(
    processor: AuthorizeNet, sandbox: RunningSandbox, kind: str
) -> None:
    """It surely was not sent."""
    sent, expected = await originals(processor, sandbox, kind)
    await sandbox.control.refuse()

    outcome = await call(processor, sent)
    await sandbox.control.accept()

    assert FailedSurely(reason="connect_failed") == outcome
    assert isinstance(await carried_out(processor, sent), Approved)
    assert expected == await book(sandbox)


@pytest.mark.parametrize("processing", ["first", "never"])
@pytest.mark.parametrize("step", ["refundTransaction", "voidTransaction"])
@pytest.mark.parametrize("fault", ["dropped", "half", "http_500"])
async def test_a_refund_of_what_is_unsettled_voids_it_once(
    processor: AuthorizeNet, sandbox: RunningSandbox, step: str, fault: str, processing: str
) -> None:
    """Whichever of its requests loses its answer: the original says what is the case."""
    first = transaction()
    reference = await approved(processor, first)
    await sandbox.control.arm(fault, operation=step, processing=processing)

    outcome = await carried_out(processor, following(first, "refund", reference))

    assert Approved(reference=reference) == outcome
    assert [("authCaptureTransaction", "voided", "10.50")] == await book(sandbox)


async def test_a_part_of_what_is_unsettled_is_refunded_after_the_settlement(
    processor: AuthorizeNet, sandbox: RunningSandbox
) -> None:
    """Until then the merchant is told so."""
    first = transaction()
    reference = await approved(processor, first)

    early = await call(processor, following(first, "refund", reference, amount=400))
    await sandbox.control.settle()
    late = await call(processor, following(first, "refund", reference, amount=400))

    assert isinstance(early, Declined)
    assert "not_settled" == early.reason
    assert isinstance(late, Approved)
    assert ("refundTransaction", "refundPendingSettlement", "4.00") == (await book(sandbox))[-1]


async def test_a_payment_is_found_after_its_settlement(
    processor: AuthorizeNet, sandbox: RunningSandbox
) -> None:
    """In the batch."""
    sent = transaction()
    await sandbox.control.arm("dropped")
    lost = await call(processor, sent)
    [settled] = await sandbox.control.settle()

    assert Unknown(reason="AnswerLost") == lost
    assert Approved(reference=settled) == await look_up(processor, sent)


@pytest.mark.parametrize("kind", ["charge", "authorize"])
@pytest.mark.parametrize(("action", "is_approved"), [("approve", True), ("decline", False)])
async def test_a_held_payment_is_decided_by_a_person(
    processor: AuthorizeNet, sandbox: RunningSandbox, kind: str, action: str, is_approved: bool
) -> None:
    """Unknown until then."""
    await sandbox.control.arm_reason("253" if kind == "authorize" else "252")
    sent = transaction(kind)
    held = await call(processor, sent)
    assert isinstance(held, Unknown)
    asked = replace(sent, known_as=held.reference)
    assert held == await look_up(processor, asked)

    review = {"action": action, "refTransId": held.reference}
    await sandbox.ask("updateHeldTransactionRequest", heldTransactionRequest=review)

    outcome = await look_up(processor, asked)
    assert is_approved == isinstance(outcome, Approved)
    assert is_approved != isinstance(outcome, Declined)


async def test_the_same_attempt_twice_is_one_payment(
    processor: AuthorizeNet, sandbox: RunningSandbox
) -> None:
    """Our own duplicate window tells them, and the original is looked up."""
    sent = transaction()

    first = await approved(processor, sent)
    second = await approved(processor, sent)

    assert first == second
    assert 1 == len(await book(sandbox))


@pytest.mark.parametrize(
    ("means", "reason"),
    [
        ({"card": card(postal_code="46282")}, "card_declined"),
        ({"card": card(number="4111111111111112")}, "card_number_invalid"),
        ({"currency": "SEK"}, "currency_not_supported"),
        ({"card": None, "nonce": Nonce(descriptor="COMMON.ACCEPT.INAPP.PAYMENT", value="old")},
         "nonce_invalid"),
        ({"card": None, "stored": "1/2"}, "card_missing"),
    ],
)  # fmt: skip
async def test_declines_have_their_reasons(
    processor: AuthorizeNet, sandbox: RunningSandbox, means: dict[str, Any], reason: str
) -> None:
    """As the table of codes says."""
    outcome = await call(processor, transaction(**means))

    assert isinstance(outcome, Declined)
    assert reason == outcome.reason


async def test_a_nonce_is_charged_and_refunded(
    processor: AuthorizeNet, sandbox: RunningSandbox
) -> None:
    """Without ever knowing the card; the last digits for the refund are asked for."""
    given = await sandbox.control.nonce()
    nonce = Nonce(descriptor=given["dataDescriptor"], value=given["dataValue"])
    sent = transaction(card=None, nonce=nonce, last_four=None)
    reference = await approved(processor, sent)
    await sandbox.control.settle()

    refund = following(sent, "refund", reference, amount=400, last_four=None)

    assert isinstance(await call(processor, refund), Approved)


async def test_a_saved_card_is_charged_and_forgotten(
    processor: AuthorizeNet, sandbox: RunningSandbox
) -> None:
    """Each saving is a card of its own, and forgotten alone."""
    saving = {"store_for": new_id("cust"), "email": "asha@example.com"}
    stored = []
    for _ in range(2):
        outcome = await call(processor, transaction(**saving))
        assert isinstance(outcome, Approved)
        stored.append(outcome.stored)
    assert stored[0] != stored[1]

    await approved(processor, transaction(card=None, stored=stored[0]))
    for _ in range(2):
        await processor.forget(stored[0] or "", None)

    gone = await call(processor, transaction(card=None, stored=stored[0]))
    assert isinstance(gone, Declined)
    assert "card_missing" == gone.reason
    await approved(processor, transaction(card=None, stored=stored[1]))


@pytest.mark.parametrize(
    "operation", ["authCaptureTransaction", "createCustomerProfileFromTransactionRequest"]
)
async def test_a_card_is_saved_once_although_an_answer_was_lost(
    processor: AuthorizeNet, sandbox: RunningSandbox, operation: str
) -> None:
    """Whichever answer it was: the profile is named by the attempt, and found."""
    sent = transaction(store_for=new_id("cust"))
    await sandbox.control.arm("dropped", operation=operation)
    await call(processor, sent)

    found = await look_up(processor, sent)
    again = await look_up(processor, sent)

    assert isinstance(found, Approved)
    assert found.stored is not None
    assert found == again


async def test_a_merchants_account_has_books_of_its_own(
    processor: AuthorizeNet, sandbox: RunningSandbox
) -> None:
    """Nothing of it shows in the gateway's."""
    account = {"api_login_id": "shop", "transaction_key": "shopkey", "signature_key": "0A"}
    await sandbox.control.add_account("shop", "shopkey", "0A")

    sent = transaction(account=account)
    reference = await approved(processor, sent)
    await processor.check(account)

    assert [] == await sandbox.control.transactions()
    assert Approved(reference=reference) == await look_up(processor, sent)
    assert Unknown(reason="not_found_yet") == await look_up(processor, replace(sent, account=None))


async def test_a_wrong_key_is_no_decline(processor: AuthorizeNet, sandbox: RunningSandbox) -> None:
    """It fails surely, and the official test says why."""
    account = {"api_login_id": sandbox.login_id, "transaction_key": "wrong"}

    outcome = await call(processor, transaction(account=account))

    assert FailedSurely(reason="processor_misconfigured") == outcome
    with pytest.raises(CredentialsRefused):
        await processor.check(account)
