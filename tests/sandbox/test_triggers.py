"""What postal codes, card codes and amounts bring about, and the review of what was held."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.sandbox.requests import authorized, captured, card
from tests.sandbox.server import running_sandbox

PARTIAL = {"setting": [{"settingName": "allowPartialAuth", "settingValue": "true"}]}


async def charged(sandbox, *, zip_=None, code=None, amount="10.00", **members):
    kind = members.pop("kind", "authCaptureTransaction")
    address = {} if zip_ is None else {"billTo": {"zip": zip_}}
    return await sandbox.transact(
        kind, amount=amount, payment=card(code=code), **address, **members
    )


async def test_a_postal_code_declines(sandbox):
    """46282, also with its four further digits; the decline is in the book, unsettled."""
    response = await charged(sandbox, zip_="46282-1234")

    assert ("2", "2", "") == (
        response["responseCode"],
        response["errors"][0]["errorCode"],
        response["authCode"],
    )
    reply = await sandbox.ask("getTransactionDetailsRequest", transId=response["transId"])
    assert ("declined", 2, 2) == tuple(
        reply["transaction"][name]
        for name in ("transactionStatus", "responseCode", "responseReasonCode")
    )
    assert (
        "16"
        == (await sandbox.transact("voidTransaction", refTransId=response["transId"]))["errors"][0][
            "errorCode"
        ]
    )


AVS = {
    "46201": "A", "46203": "E", "46204": "G", "46205": "N", "46206": "P", "46207": "R",
    "46208": "S", "46209": "U", "46211": "W", "46214": "X", "46217": "Z", "94105": "Y",
}  # fmt: skip


@pytest.mark.parametrize(("zip_", "avs"), AVS.items())
async def test_a_postal_code_is_compared(sandbox, zip_, avs):
    """Each letter of the table; none of them declines by itself."""
    response = await charged(sandbox, zip_=zip_)

    assert ("1", avs) == (response["responseCode"], response["avsResultCode"])


async def test_without_address_nothing_is_compared(sandbox):
    """P, and no card code result without a card code."""
    response = await charged(sandbox)

    assert ("P", "") == (response["avsResultCode"], response["cvvResultCode"])


@pytest.mark.parametrize(
    ("code", "cvv"),
    [("900", "M"), ("901", "N"), ("902", "S"), ("903", "U"), ("904", "P"), ("737", "P")],
)
async def test_a_card_code_is_compared(sandbox, code, cvv):
    """Each letter of the table; none of them declines by itself."""
    response = await charged(sandbox, code=code)

    assert ("1", cvv) == (response["responseCode"], response["cvvResultCode"])


@pytest.mark.parametrize(
    ("zip_", "code", "reason"),
    [
        ("46205", "900", "27"),
        ("46204", "900", "27"),
        ("94105", "901", "65"),
        ("46205", "901", "45"),
        ("94105", "900", None),
        ("94105", None, None),
    ],
)
async def test_an_account_may_decline_by_them(zip_, code, reason):
    """As merchants set up in theirs; the transaction is declined and written down."""
    async with running_sandbox(reject_avs="GN", reject_cvv="N") as sandbox:
        response = await charged(sandbox, zip_=zip_, code=code)

        if reason is None:
            assert "1" == response["responseCode"]
        else:
            assert ("2", reason) == (response["responseCode"], response["errors"][0]["errorCode"])
            assert "0" != response["transId"]


@pytest.mark.parametrize("zip_", ["46225", "46226", "46227", "46228"])
async def test_a_part_is_approved(sandbox, zip_):
    """Where the merchant allows it; else the charge is declined."""
    response = await charged(sandbox, zip_=zip_, transactionSettings=PARTIAL)
    declined = await charged(sandbox, zip_=zip_, amount="11.00")

    assert ("4", "295") == (response["responseCode"], response["messages"][0]["code"])
    assert {
        "requestedAmount": "10.00",
        "approvedAmount": "1.23",
        "balanceOnCard": "0.00",
    } == response["prePaidCard"]
    details = await sandbox.ask("getTransactionDetailsRequest", transId=response["transId"])
    assert (Decimal("10.00"), Decimal("1.23"), response["splitTenderId"]) == tuple(
        details["transaction"][name] for name in ("requestedAmount", "authAmount", "splitTenderId")
    )
    assert "2" == declined["responseCode"]


async def test_the_approved_part_is_captured(sandbox):
    """And no more than that."""
    address = {"billTo": {"zip": "46225"}, "transactionSettings": PARTIAL}
    response = await sandbox.transact(
        "authOnlyTransaction", amount="10.00", payment=card(), **address
    )
    original = {"refTransId": response["transId"]}

    too_much = await sandbox.transact("priorAuthCaptureTransaction", amount="1.24", **original)
    capture = await sandbox.transact("priorAuthCaptureTransaction", amount="1.23", **original)

    assert "47" == too_much["errors"][0]["errorCode"]
    assert ("1", "1") == (capture["responseCode"], capture["messages"][0]["code"])


HELD = [
    ({"zip_": "46252"}, "252", "FDSPendingReview"),
    ({"amount": "252.00"}, "252", "FDSPendingReview"),
    ({"zip_": "46253"}, "253", "FDSAuthorizedPendingReview"),
    ({"amount": "253.00"}, "253", "FDSAuthorizedPendingReview"),
]


@pytest.mark.parametrize(("members", "reason", "status"), HELD)
@pytest.mark.parametrize(
    ("kind", "approved"),
    [
        ("authCaptureTransaction", "capturedPendingSettlement"),
        ("authOnlyTransaction", "authorizedPendingCapture"),
    ],
)
async def test_a_held_charge_is_approved(sandbox, members, reason, status, kind, approved):
    """It waits among the unsettled ones for review, and goes on as what it was."""
    response = await charged(sandbox, kind=kind, **members)
    held_id = response["transId"]

    assert ("4", reason) == (response["responseCode"], response["messages"][0]["code"])
    assert (reason == "253") == bool(response["authCode"])
    waiting = await sandbox.ask("getUnsettledTransactionListRequest", status="pendingApproval")
    assert [(held_id, status)] == [
        (each["transId"], each["transactionStatus"]) for each in waiting["transactions"]
    ]
    details = await sandbox.ask("getTransactionDetailsRequest", transId=held_id)
    assert "hold" in details["transaction"]["FDSFilterAction"].lower()

    reviewed = await review(sandbox, "approve", held_id)

    assert ("1", held_id, held_id) == tuple(
        reviewed["transactionResponse"][name] for name in ("responseCode", "transId", "refTransID")
    )
    assert reviewed["transactionResponse"]["authCode"]
    [written] = await sandbox.control.transactions()
    assert (approved, "1") == (written["status"], written["reason"])


@pytest.mark.parametrize(("members", "reason", "status"), HELD)
async def test_a_held_charge_is_declined(sandbox, members, reason, status):
    """It ends, cannot be reviewed again, and nothing of it settles."""
    held_id = (await charged(sandbox, **members))["transId"]

    reviewed = await review(sandbox, "decline", held_id)
    again = await review(sandbox, "approve", held_id)

    assert ("2", "254") == (
        reviewed["transactionResponse"]["responseCode"],
        reviewed["transactionResponse"]["errors"][0]["errorCode"],
    )
    assert "16" == again["transactionResponse"]["errors"][0]["errorCode"]
    await sandbox.control.settle()
    [written] = await sandbox.control.transactions()
    assert ("declined" if reason == "252" else "voided", "254") == (
        written["status"],
        written["reason"],
    )


async def test_a_held_charge_can_be_voided_but_not_captured(sandbox):
    """Nor does it settle while it waits."""
    held_id = (await charged(sandbox, amount="253.00"))["transId"]

    capture = await sandbox.transact("priorAuthCaptureTransaction", refTransId=held_id)
    settled = await sandbox.control.settle()
    void = await sandbox.transact("voidTransaction", refTransId=held_id)

    assert "16" == capture["errors"][0]["errorCode"]
    assert [] == settled
    assert "1" == void["responseCode"]


async def test_only_what_is_held_is_reviewed(sandbox):
    """16 for anything else, E00013 for another action."""
    transaction_id = await authorized(sandbox)

    for unknown in (transaction_id, "1"):
        reply = await review(sandbox, "approve", unknown)
        assert "16" == reply["transactionResponse"]["errors"][0]["errorCode"]
    reply = await review(sandbox, "ponder", transaction_id)
    assert "E00013" == reply["messages"]["message"][0]["code"]


async def review(sandbox, action, transaction_id):
    return await sandbox.ask(
        "updateHeldTransactionRequest",
        heldTransactionRequest={"action": action, "refTransId": transaction_id},
    )


async def test_a_chosen_hold(sandbox):
    """Codes 252 and 253 can be armed, too."""
    await sandbox.control.arm_reason("253")

    response = await charged(sandbox)

    assert "4" == response["responseCode"]
    await captured(sandbox, "11.00")
