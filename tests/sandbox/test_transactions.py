"""Charges, captures, voids and refunds: what is done, and each code for what is not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.sandbox.requests import (
    MASTERCARD,
    authorized,
    captured,
    card,
    last_four,
    order,
    settled,
)
from tests.sandbox.server import running_sandbox


def code_of(response) -> tuple[str, str]:
    """Response code and reason code."""
    said = response.get("errors") or response["messages"]
    return response["responseCode"], said[0].get("errorCode") or said[0]["code"]


async def status_of(sandbox, transaction_id) -> str:
    details = await sandbox.ask("getTransactionDetailsRequest", transId=transaction_id)
    return details["transaction"]["transactionStatus"]


@pytest.mark.parametrize(
    ("kind", "members", "status"),
    [
        ("authCaptureTransaction", {}, "capturedPendingSettlement"),
        ("authOnlyTransaction", {}, "authorizedPendingCapture"),
        ("captureOnlyTransaction", {"authCode": "ABC123"}, "capturedPendingSettlement"),
    ],
)
async def test_a_charge_is_approved(sandbox, kind, members, status):
    """Each kind of charge is written down with its exact amount."""
    response = await sandbox.transact(kind, amount="10.10", payment=card(), **members)

    assert ("1", "1") == code_of(response)
    assert status == await status_of(sandbox, response["transId"])
    [written] = await sandbox.control.transactions()
    assert ("10.10", kind) == (written["auth_amount"], written["kind"])
    assert members.get("authCode", response["authCode"]) == response["authCode"]


@pytest.mark.parametrize("amount", ["0.10", 0.1, 10, 1234567.89, "0.29", 1.10])
async def test_amounts_stay_exact(sandbox, amount):
    """Numbers and texts arrive as what was written, to the cent."""
    transaction_id = await captured(sandbox, amount)

    details = await sandbox.ask("getTransactionDetailsRequest", transId=transaction_id)

    assert Decimal(str(amount)) == details["transaction"]["authAmount"]
    [written] = await sandbox.control.transactions()
    assert f"{Decimal(str(amount)):.2f}" == written["auth_amount"]


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"amount": None}, "5"),
        ({"amount": "0.00"}, "5"),
        ({"amount": "1.001"}, "5"),
        ({"payment": card("4111111111111112")}, "6"),
        ({"payment": card("4111")}, "6"),
        ({"payment": card(expires="2035-13")}, "7"),
        ({"payment": card(expires="soon")}, "7"),
        ({"payment": card(expires="2020-01")}, "8"),
        ({"payment": card(expires="01/20")}, "8"),
        ({"payment": card("6200000000000005")}, "17"),
        ({"payment": {"bankAccount": {}}}, "18"),
        ({"payment": {"payPal": {}}}, "17"),
        ({"currencyCode": "XTS"}, "39"),
    ],
)
async def test_a_charge_that_cannot_be_made(sandbox, members, code):
    """It ends as an error with its code, has no id, and leaves nothing behind."""
    asked = {"amount": "10.00", "currencyCode": "USD", "payment": card(), **members}
    asked = {name: asked[name] for name in asked if asked[name] is not None}

    response = await sandbox.transact("authCaptureTransaction", **asked)

    assert ("3", code) == code_of(response)
    assert "0" == response["transId"]
    assert [] == await sandbox.control.transactions()


@pytest.mark.parametrize(
    ("number", "account_type"),
    [
        ("370000000000002", "AmericanExpress"),
        ("6011000000000012", "Discover"),
        ("3088000000000017", "JCB"),
        ("38000000000006", "DinersClub"),
        ("4007000000027", "Visa"),
        ("4012888818888", "Visa"),
        ("4111111111111111", "Visa"),
        ("5424000000000015", "MasterCard"),
        ("2223000010309703", "MasterCard"),
        ("2223000010309711", "MasterCard"),
    ],
)
async def test_the_test_cards_work(sandbox, number, account_type):
    """Each is recognised, and only its last four digits are shown."""
    response = await sandbox.transact("authCaptureTransaction", amount="1.00", payment=card(number))

    assert ("1", account_type, f"XXXX{number[-4:]}") == (
        response["responseCode"],
        response["accountType"],
        response["accountNumber"],
    )


async def test_a_capture_takes_part_of_an_authorization(sandbox):
    """What is not captured is given back; a second capture says 311 and changes nothing."""
    original = await authorized(sandbox, "10.00")
    request = {"amount": "4.00", "refTransId": original}

    first = await sandbox.transact("priorAuthCaptureTransaction", **request)
    second = await sandbox.transact("priorAuthCaptureTransaction", **request)

    assert ("1", "1") == code_of(first)
    assert ("1", "311") == code_of(second)
    assert original == second["transId"]
    [written] = await sandbox.control.transactions()
    assert ("10.00", "4.00") == (written["auth_amount"], written["settle_amount"])


async def test_a_capture_without_amount_takes_everything(sandbox):
    """As the real one does."""
    original = await authorized(sandbox, "10.00")

    await sandbox.transact("priorAuthCaptureTransaction", refTransId=original)

    [written] = await sandbox.control.transactions()
    assert ("capturedPendingSettlement", "10.00") == (written["status"], written["settle_amount"])


async def test_more_than_was_authorized_cannot_be_captured(sandbox):
    """47, and the authorization stays as it was."""
    original = await authorized(sandbox, "10.00")

    response = await sandbox.transact(
        "priorAuthCaptureTransaction", amount="10.01", refTransId=original
    )

    assert ("3", "47") == code_of(response)
    assert "authorizedPendingCapture" == await status_of(sandbox, original)


@pytest.mark.parametrize("kind", ["priorAuthCaptureTransaction", "voidTransaction"])
async def test_unknown_originals(sandbox, kind):
    """16 for an id that nobody has, 33 for none."""
    assert ("3", "16") == code_of(await sandbox.transact(kind, refTransId="123"))
    assert ("3", "33") == code_of(await sandbox.transact(kind))


async def test_a_void_can_be_repeated(sandbox):
    """The second one says 310; a voided authorization cannot be captured."""
    original = await authorized(sandbox)

    first = await sandbox.transact("voidTransaction", refTransId=original)
    second = await sandbox.transact("voidTransaction", refTransId=original)
    capture = await sandbox.transact("priorAuthCaptureTransaction", refTransId=original)

    assert ("1", "1") == code_of(first)
    assert ("1", "310") == code_of(second)
    assert ("3", "16") == code_of(capture)
    assert "voided" == await status_of(sandbox, original)


async def test_what_has_settled_cannot_be_voided(sandbox):
    """It is refunded instead."""
    original = await settled(sandbox)

    assert ("3", "16") == code_of(await sandbox.transact("voidTransaction", refTransId=original))


@pytest.mark.parametrize("code", ["54", "50"])
async def test_what_has_not_settled_cannot_be_refunded(code):
    """It is voided instead; which of the two codes is said can be chosen."""
    async with running_sandbox(unsettled_refund_code=code) as sandbox:
        original = await captured(sandbox)

        response = await sandbox.transact(
            "refundTransaction", amount="1.00", payment=last_four(), refTransId=original
        )

        assert ("3", code) == code_of(response)


async def test_refunds_come_to_no_more_than_the_original(sandbox):
    """55 beyond it; a refund that was voided before it settled does not count."""
    original = await settled(sandbox, "10.00")

    async def refund(amount, invoice):
        return await sandbox.transact(
            "refundTransaction",
            amount=amount,
            payment=last_four(),
            refTransId=original,
            order=order(invoice),
        )

    first = await refund("6.00", "r1")

    assert ("1", "1") == code_of(first)
    assert "refundPendingSettlement" == await status_of(sandbox, first["transId"])
    assert ("3", "55") == code_of(await refund("4.01", "r2"))
    await sandbox.transact("voidTransaction", refTransId=first["transId"])
    second = await refund("10.00", "r3")
    assert ("1", "1") == code_of(second)
    await sandbox.control.settle()
    assert "refundSettledSuccessfully" == await status_of(sandbox, second["transId"])


async def test_a_refund_needs_the_last_four_digits(sandbox):
    """Of the card that paid."""
    original = await settled(sandbox)

    response = await sandbox.transact(
        "refundTransaction", amount="1.00", payment=last_four("1112"), refTransId=original
    )

    assert ("3", "54") == code_of(response)


async def test_an_equal_transaction_within_the_window_is_a_duplicate(sandbox):
    """11 within two minutes; not after them, not with another invoice, amount or card."""
    charge = {"amount": "10.00", "payment": card(), "order": order("same")}
    await captured(sandbox, **charge)

    duplicate = await sandbox.transact("authCaptureTransaction", **charge)

    assert ("3", "11") == code_of(duplicate)
    assert ("0", "XXXX1111", "Visa") == (
        duplicate["transId"],
        duplicate["accountNumber"],
        duplicate["accountType"],
    )
    await captured(sandbox, **{**charge, "order": order("other")})
    await captured(sandbox, **{**charge, "amount": "10.01"})
    await captured(sandbox, **{**charge, "payment": card(MASTERCARD)})
    await authorized(sandbox, **charge)
    await sandbox.control.advance_clock(120)
    await captured(sandbox, **charge)


@pytest.mark.parametrize(("seconds", "code"), [("0", "1"), ("59", "1"), ("61", "11")])
async def test_the_window_is_what_the_request_asks_for(sandbox, seconds, code):
    """0 switches it off."""
    setting = {"settingName": "duplicateWindow", "settingValue": seconds}
    charge = {"amount": "10.00", "payment": card()}
    await captured(sandbox, **charge)
    await sandbox.control.advance_clock(60)

    response = await sandbox.transact(
        "authCaptureTransaction", **charge, transactionSettings={"setting": [setting]}
    )

    assert code == code_of(response)[1]


@pytest.mark.parametrize("seconds", ["28801", "-1", "soon"])
async def test_a_window_that_cannot_be(sandbox, seconds):
    """More than eight hours is refused."""
    setting = {"settingName": "duplicateWindow", "settingValue": seconds}

    reply = await sandbox.ask(
        "createTransactionRequest",
        transactionRequest={
            "transactionType": "authCaptureTransaction",
            "amount": "1.00",
            "payment": card(),
            "transactionSettings": {"setting": setting},
        },
    )

    assert "E00013" == reply["messages"]["message"][0]["code"]


async def test_a_test_request_leaves_nothing_behind(sandbox):
    """It is answered, with the id 0."""
    setting = {"settingName": "testRequest", "settingValue": "true"}

    response = await sandbox.transact(
        "authCaptureTransaction",
        amount="1.00",
        payment=card(),
        transactionSettings={"setting": [setting]},
    )

    assert ("1", "0", "1") == (
        response["responseCode"],
        response["transId"],
        response["testRequest"],
    )
    assert [] == await sandbox.control.transactions()


async def test_a_full_book_takes_no_more():
    """The limit is told, and the charge is not made."""
    async with running_sandbox(transactions_max=1) as sandbox:
        await captured(sandbox)

        reply = await sandbox.ask(
            "createTransactionRequest",
            transactionRequest={
                "transactionType": "authCaptureTransaction",
                "amount": "2.00",
                "payment": card(),
            },
        )

        assert "E00001" == reply["messages"]["message"][0]["code"]
        assert 1 == len(await sandbox.control.transactions())
