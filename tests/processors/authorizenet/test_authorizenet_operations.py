"""Each operation, what it sends, and what the answer makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.instruments import Nonce
from gateway.domain.outcomes import Approved, Declined, FailedSurely, Outcome, Unknown
from gateway.processors.authorizenet.processor import AuthorizeNet
from gateway.processors.protocol import CredentialsRefused, call
from tests.processors.authorizenet import samples
from tests.processors.authorizenet.conftest import OpenProcessor
from tests.processors.authorizenet.samples import OK, decided, details, refused, transaction
from tests.processors.authorizenet.server import ScriptedServer, bytes_answer, dropped

ID = "2228446239"
NOTHING = {"messages": {"resultCode": "Ok", "message": [{"code": "I00004", "text": "None."}]}}
NOT_SETTLED = decided("3", "54")


def listed(*invoice_numbers: str) -> dict[str, Any]:
    lines = [{"transId": ID, "invoiceNumber": each} for each in invoice_numbers]
    return {"transactions": lines, "messages": OK}


def reason_of(outcome: Outcome) -> str:
    assert isinstance(outcome, Declined | FailedSurely | Unknown)
    return outcome.reason


@pytest.mark.parametrize(
    ("kind", "sent"),
    [("charge", "authCaptureTransaction"), ("authorize", "authOnlyTransaction")],
)
async def test_an_approved_payment_is_known_by_their_id(
    processor: AuthorizeNet, server: ScriptedServer, kind: str, sent: str
) -> None:
    """One request, and the id of the reply."""
    server.answers(samples.APPROVED)

    assert Approved(reference=ID) == await call(processor, transaction(kind))
    assert [sent] == server.operations


async def test_a_merchants_own_account_is_used_where_it_has_one(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """And the correlation id goes along."""
    server.answers(samples.APPROVED)
    account = {"api_login_id": "merchant", "transaction_key": "mkey", "signature_key": "skey"}

    await call(processor, transaction(account=account, correlation_id="request-1"))

    [(_, sent)] = server.asked
    assert {"name": "merchant", "transactionKey": "mkey"} == sent["merchantAuthentication"]
    assert "request-1" == sent["refId"]


async def test_without_any_account_nothing_is_sent(
    open_processor: OpenProcessor, server: ScriptedServer
) -> None:
    """Not even with an account that lacks its key."""
    processor = await open_processor(
        authorizenet_api_login_id=None, authorizenet_transaction_key=None
    )

    for account in (None, {"api_login_id": "merchant"}):
        outcome = await call(processor, transaction(account=account))
        assert FailedSurely(reason="account_missing") == outcome
        with pytest.raises(CredentialsRefused):
            await processor.check(account)


async def test_a_payment_without_a_card_is_declined(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """Such as one by UPI, or one whose card data is gone."""
    outcome = await call(processor, transaction(card=None))

    assert "card_missing" == reason_of(outcome)
    assert [] == server.asked


async def test_a_held_payment_is_unknown_under_their_id(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """The id is what it is asked about by later."""
    server.answers(decided("4", "253", ID))

    held = Unknown(reason="held_for_review", reference=ID)
    assert held == await call(processor, transaction())


async def test_an_account_in_test_mode_charges_nothing(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """It approves everything, with an id of 0."""
    reply = decided("1", "1")
    reply["transactionResponse"]["testRequest"] = "1"
    server.answers(reply)

    assert "processor_misconfigured" == reason_of(await call(processor, transaction()))


async def test_a_duplicate_is_the_payment_that_they_have(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """Looked up by its invoice number before anything is called failed."""
    sent = transaction()
    server.answers(samples.DUPLICATE, listed(sent.reference), details("capturedPendingSettlement"))

    assert Approved(reference=ID) == await call(processor, sent)


async def test_a_duplicate_that_is_not_found_is_unknown(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """They have it, and their lists do not show it yet."""
    server.answers(samples.DUPLICATE, NOTHING, NOTHING)

    assert isinstance(await call(processor, transaction()), Unknown)


async def test_a_capture_is_known_by_the_originals_id(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """It is no transaction of its own."""
    server.answers(samples.CAPTURED)
    sent = transaction("capture", original="2230581333")

    assert Approved(reference="2230581333") == await call(processor, sent)
    assert ["priorAuthCaptureTransaction"] == server.operations


@pytest.mark.parametrize(
    ("status", "amount", "expected"),
    [
        ("capturedPendingSettlement", 10.5, Approved(reference=ID)),
        ("settledSuccessfully", 10.5, Approved(reference=ID)),
        ("capturedPendingSettlement", 7, Unknown(reason="another_amount_captured")),
        # They contradict themselves, so it stays open.
        ("authorizedPendingCapture", 10.5, Unknown(reason="already_captured", reference=ID)),
    ],
)
async def test_a_capture_done_already_goes_by_the_original(
    processor: AuthorizeNet, server: ScriptedServer, status: str, amount: float, expected: Outcome
) -> None:
    """311: with our amount it is ours, whose answer was lost; with another it is not."""
    server.answers(decided("1", "311", ID), details(status, settleAmount=amount))

    assert expected == await call(processor, transaction("capture"))


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("voided", "voided_at_processor"),
        ("expired", "expired_at_processor"),
        ("authorizedPendingCapture", "transaction_not_found"),
    ],
)
async def test_a_capture_of_what_is_gone_is_declined(
    processor: AuthorizeNet, server: ScriptedServer, status: str, reason: str
) -> None:
    """16 says that it cannot be found; the original says why."""
    server.answers(samples.NOT_FOUND, details(status))

    assert reason == reason_of(await call(processor, transaction("capture")))


async def test_too_large_a_capture_is_declined(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """47."""
    server.answers(decided("3", "47"))

    assert "exceeds_authorized" == reason_of(await call(processor, transaction("capture")))


async def test_a_void_is_known_by_the_originals_id(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """It is no transaction of its own."""
    server.answers(decided("1", "1", ID))

    assert Approved(reference=ID) == await call(processor, transaction("void"))
    assert ["voidTransaction"] == server.operations


@pytest.mark.parametrize("refusal", [decided("1", "310", ID), samples.NOT_FOUND])
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("voided", Approved(reference=ID)),
        ("expired", Approved(reference=ID)),
    ],
)
async def test_a_void_of_what_holds_nothing_is_done(
    processor: AuthorizeNet,
    server: ScriptedServer,
    refusal: dict[str, Any],
    status: str,
    expected: Outcome,
) -> None:
    """310 or 16: whoever voided it, nothing is held any more."""
    server.answers(refusal, details(status))

    assert expected == await call(processor, transaction("void"))


async def test_a_void_of_what_is_settled_is_declined(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """It can only be refunded."""
    server.answers(samples.NOT_FOUND, details("settledSuccessfully"))

    assert "already_settled" == reason_of(await call(processor, transaction("void")))


async def test_a_refund_is_a_transaction_of_its_own(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """Known by an id of its own."""
    server.answers(decided("1", "1", "2230581777"))

    assert Approved(reference="2230581777") == await call(processor, transaction("refund"))
    assert ["refundTransaction"] == server.operations


async def test_a_refund_asks_for_the_digits_that_a_nonce_hid(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """They are in the original's details."""
    server.answers(details("settledSuccessfully"), decided("1", "1", "2230581777"))

    outcome = await call(processor, transaction("refund", last_four=None))

    assert Approved(reference="2230581777") == outcome
    sent = server.asked[1][1]["transactionRequest"]
    assert "1111" == sent["payment"]["creditCard"]["cardNumber"]


async def test_a_refund_that_cannot_ask_failed_surely(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """Nothing that moves money was sent."""
    server.behaves(dropped)

    outcome = await call(processor, transaction("refund", last_four=None))

    assert FailedSurely(reason="original_unreadable") == outcome


@pytest.mark.parametrize("code", ["50", "54"])
async def test_a_refund_of_all_that_is_unsettled_is_a_void(
    processor: AuthorizeNet, server: ScriptedServer, code: str
) -> None:
    """Known by the original's id."""
    server.answers(decided("3", code), details("capturedPendingSettlement"), decided("1", "1", ID))

    assert Approved(reference=ID) == await call(processor, transaction("refund"))
    assert ["refundTransaction", "getTransactionDetailsRequest", "voidTransaction"] == (
        server.operations
    )


async def test_a_refund_of_a_part_of_what_is_unsettled_is_declined(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """A void gives back everything; the merchant reads when it will work."""
    server.answers(NOT_SETTLED, details("capturedPendingSettlement"))

    outcome = await call(processor, transaction("refund", amount=500))

    assert isinstance(outcome, Declined)
    assert "not_settled" == outcome.reason
    assert "after the settlement" in outcome.description
    assert server.is_done


async def test_a_refund_of_what_they_refund_no_more_is_declined(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """54 for a settled one, such as after 180 days."""
    server.answers(NOT_SETTLED, details("settledSuccessfully"))

    assert "not_refundable" == reason_of(await call(processor, transaction("refund")))


@pytest.mark.parametrize("amount", [10.5, 0])
async def test_a_refund_of_what_was_voided_is_done(
    processor: AuthorizeNet, server: ScriptedServer, amount: float
) -> None:
    """By an earlier try whose answer was lost."""
    server.answers(NOT_SETTLED, details("voided", settleAmount=amount))

    assert Approved(reference=ID) == await call(processor, transaction("refund"))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (decided("1", "310", ID), Approved(reference=ID)),
        (samples.NOT_FOUND, FailedSurely(reason="settled_meanwhile")),
        (refused("E00007"), FailedSurely(reason="processor_misconfigured")),
    ],
)
async def test_the_void_in_place_of_a_refund_ends_in_every_way(
    processor: AuthorizeNet, server: ScriptedServer, answer: dict[str, Any], expected: Outcome
) -> None:
    """Voided already: done. Settled in between: refunded at the next try."""
    server.answers(NOT_SETTLED, details("capturedPendingSettlement"), answer)

    assert expected == await call(processor, transaction("refund"))


async def test_a_lost_answer_to_that_void_is_unknown(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """The money may be back."""
    server.answers(NOT_SETTLED, details("capturedPendingSettlement"))
    server.behaves(dropped)

    assert isinstance(await call(processor, transaction("refund")), Unknown)


async def test_an_unreadable_original_lets_the_refund_begin_anew(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """It was refused, so nothing has moved."""
    server.answers(NOT_SETTLED)
    server.behaves(bytes_answer(b"", status=503))

    outcome = await call(processor, transaction("refund"))

    assert FailedSurely(reason="original_unreadable") == outcome


@pytest.mark.parametrize("kind", ["charge", "authorize", "capture", "void", "refund"])
async def test_a_system_error_is_unknown(
    processor: AuthorizeNet, server: ScriptedServer, kind: str
) -> None:
    """E00001 does not say what happened."""
    server.answers(refused("E00001"))

    assert Unknown(reason="RequestFailed") == await call(processor, transaction(kind))


async def test_an_approved_card_is_kept_where_that_was_asked_for(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """In a profile that the attempt's id names."""
    server.answers(samples.APPROVED, samples.PROFILE_MADE)
    sent = transaction(store_for="cust_4fGh5kLm6nPq7rSt", email="asha@example.com")

    outcome = await call(processor, sent)

    assert Approved(reference=ID, stored="31390172/28393490") == outcome
    name, members = server.asked[1]
    assert "createCustomerProfileFromTransactionRequest" == name
    assert ["merchantAuthentication", "transId", "customer"] == list(members)
    assert {
        "merchantCustomerId": sent.reference,
        "description": "cust_4fGh5kLm6nPq7rSt",
        "email": "asha@example.com",
    } == members["customer"]


async def test_a_card_that_is_kept_already_is_found(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """The refusal of the duplicate names its profile."""
    found = {
        "profile": {
            "customerProfileId": "20382791",
            "paymentProfiles": [{"customerPaymentProfileId": "5"}],
        },
        "messages": OK,
    }
    server.answers(samples.APPROVED, samples.PROFILE_EXISTS, found)

    outcome = await call(processor, transaction(store_for="cust_4fGh5kLm6nPq7rSt"))

    assert Approved(reference=ID, stored="20382791/5") == outcome
    assert "20382791" == server.asked[2][1]["customerProfileId"]


async def test_a_payment_is_approved_even_if_its_card_is_not_kept(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """The money has moved."""
    server.answers(samples.APPROVED, refused("E00001"))

    outcome = await call(processor, transaction(store_for="cust_4fGh5kLm6nPq7rSt"))

    assert Approved(reference=ID) == outcome


async def test_nonces_and_stored_cards_are_charged(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """Neither says a number."""
    server.answers(samples.APPROVED, samples.APPROVED)
    nonce = Nonce(descriptor="COMMON.ACCEPT.INAPP.PAYMENT", value="nonce")

    for means in ({"nonce": nonce}, {"stored": "31390172/28393490"}):
        assert Approved(reference=ID) == await call(processor, transaction(card=None, **means))

    assert "opaqueData" in server.asked[0][1]["transactionRequest"]["payment"]
    assert "profile" in server.asked[1][1]["transactionRequest"]


@pytest.mark.parametrize("reply", [{"messages": OK}, refused("E00040")])
async def test_a_forgotten_card_is_deleted_once(
    processor: AuthorizeNet, server: ScriptedServer, reply: dict[str, Any]
) -> None:
    """What is not there is deleted already."""
    server.answers(reply)

    await processor.forget("31390172/28393490", None)

    [(name, members)] = server.asked
    assert "deleteCustomerProfileRequest" == name
    assert "31390172" == members["customerProfileId"]


async def test_credentials_are_checked_by_the_official_test(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """Moves nothing; a refusal names no secret."""
    server.answers({"messages": OK}, refused("E00007"))

    await processor.check(None)
    with pytest.raises(CredentialsRefused, match="E00007") as raised:
        await processor.check(None)

    assert ["authenticateTestRequest"] * 2 == server.operations
    assert "tkey" not in str(raised.value)
