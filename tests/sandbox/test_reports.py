"""Settlement by a clock that tests move, and the lists that tell of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
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

DAY = 24 * 3600


def code_of(reply) -> str:
    return reply["messages"]["message"][0]["code"]


async def now(sandbox) -> datetime:
    return datetime.fromisoformat((await sandbox.control.send("GET", "clock"))["now"])


async def test_the_details_of_a_charge(sandbox):
    """What a merchant needs to know it again."""
    reply = await sandbox.ask(
        "createTransactionRequest",
        transactionRequest={
            "transactionType": "authCaptureTransaction",
            "amount": "10.50",
            "payment": card(code="900"),
            "order": {"invoiceNumber": "att_1", "description": "Tea"},
            "customer": {"id": "c1", "email": "a@example.com"},
            "billTo": {"firstName": "Ellen", "lastName": "Johnson", "zip": "46201"},
            "customerIP": "127.0.0.1",
        },
    )
    made = reply["transactionResponse"]

    details = await sandbox.ask("getTransactionDetailsRequest", refId="r", transId=made["transId"])

    assert "r" == details["refId"]
    assert {
        "transId": made["transId"],
        "transactionType": "authCaptureTransaction",
        "transactionStatus": "capturedPendingSettlement",
        "responseCode": 1,
        "responseReasonCode": 1,
        "responseReasonDescription": "Approval",
        "authCode": made["authCode"],
        "AVSResponse": "A",
        "cardCodeResponse": "M",
        "order": {"invoiceNumber": "att_1", "description": "Tea"},
        "authAmount": Decimal("10.50"),
        "settleAmount": Decimal("10.50"),
        "payment": {
            "creditCard": {"cardNumber": "XXXX1111", "expirationDate": "XXXX", "cardType": "Visa"}
        },
        "customer": {"id": "c1", "email": "a@example.com"},
        "billTo": {"firstName": "Ellen", "lastName": "Johnson", "zip": "46201"},
        "customerIP": "127.0.0.1",
    }.items() <= details["transaction"].items()
    assert "batch" not in details["transaction"]


async def test_details_of_an_unknown_transaction(sandbox):
    """E00040; without an id, E00003."""
    assert "E00040" == code_of(await sandbox.ask("getTransactionDetailsRequest", transId="1"))
    assert "E00003" == code_of(await sandbox.ask("getTransactionDetailsRequest"))


async def test_everything_pending_settles_at_the_cut_off(sandbox):
    """Captures and refunds go into the batch; an authorization stays unsettled."""
    first = await settled(sandbox)
    open_one = await authorized(sandbox, "3.00")
    capture = await captured(sandbox, "7.00", order=order("att_7"))
    refund = await sandbox.transact(
        "refundTransaction", amount="4.00", payment=last_four(), refTransId=first
    )
    before = await now(sandbox)

    await sandbox.control.advance_clock(DAY)

    book = {each["id"]: each for each in await sandbox.control.transactions()}
    assert "settledSuccessfully" == book[capture]["status"]
    assert "refundSettledSuccessfully" == book[refund["transId"]]["status"]
    assert "authorizedPendingCapture" == book[open_one]["status"]
    batches = await sandbox.ask("getSettledBatchListRequest", includeStatistics=True)
    newest = batches["batchList"][-1]
    midnight = before.replace(hour=0, minute=0, second=0) + timedelta(days=1)
    assert f"{midnight:%Y-%m-%dT%H:%M:%SZ}" == newest["settlementTimeUTC"]
    assert {
        "accountType": "Visa",
        "chargeAmount": Decimal("7.00"),
        "chargeCount": 1,
        "refundAmount": Decimal("4.00"),
        "refundCount": 1,
    }.items() <= newest["statistics"][0].items()
    listed = await sandbox.ask("getTransactionListRequest", batchId=newest["batchId"])
    assert [refund["transId"], capture] == [each["transId"] for each in listed["transactions"]]
    assert "att_7" == listed["transactions"][1]["invoiceNumber"]
    details = await sandbox.ask("getTransactionDetailsRequest", transId=capture)
    assert newest["batchId"] == details["transaction"]["batch"]["batchId"]


async def test_before_the_cut_off_nothing_settles(sandbox):
    """The clock has to pass it."""
    transaction_id = await captured(sandbox)
    moment = await now(sandbox)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)

    await sandbox.control.advance_clock((midnight - moment).total_seconds() - 30)
    unsettled = await sandbox.ask("getUnsettledTransactionListRequest")
    await sandbox.control.advance_clock(60)

    assert [transaction_id] == [each["transId"] for each in unsettled["transactions"]]
    assert "I00004" == code_of(await sandbox.ask("getUnsettledTransactionListRequest"))


async def test_the_batches_of_a_time(sandbox):
    """The last day unless asked otherwise, 31 days at most."""
    await settled(sandbox)
    start = await now(sandbox)
    await sandbox.control.advance_clock(40 * DAY)
    await settled(sandbox)

    recent = await sandbox.ask("getSettledBatchListRequest")
    old = await sandbox.ask(
        "getSettledBatchListRequest",
        firstSettlementDate=f"{start - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
        lastSettlementDate=f"{start + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
    )
    none = await sandbox.ask(
        "getSettledBatchListRequest",
        firstSettlementDate=f"{start + timedelta(days=10):%Y-%m-%dT%H:%M:%S}",
        lastSettlementDate=f"{start + timedelta(days=20):%Y-%m-%dT%H:%M:%S}",
    )
    too_much = await sandbox.ask(
        "getSettledBatchListRequest", firstSettlementDate=f"{start:%Y-%m-%dT%H:%M:%SZ}"
    )

    assert 1 == len(recent["batchList"])
    assert 1 == len(old["batchList"])
    assert old["batchList"][0]["batchId"] != recent["batchList"][0]["batchId"]
    assert ("Ok", "I00004") == (none["messages"]["resultCode"], code_of(none))
    assert "E00013" == code_of(too_much)


async def test_times_that_are_none(sandbox):
    """E00003."""
    reply = await sandbox.ask("getSettledBatchListRequest", firstSettlementDate="yesterday")

    assert "E00003" == code_of(reply)


async def test_the_unsettled_list_in_pages(sandbox):
    """Newest first, or as asked; `offset` counts pages from one."""
    made = [await captured(sandbox, f"{n}.00", order=order(f"i{n}")) for n in range(1, 6)]

    async def ids(**members):
        reply = await sandbox.ask("getUnsettledTransactionListRequest", **members)
        return [each["transId"] for each in reply.get("transactions", [])]

    assert made[::-1] == await ids()
    oldest_first = {"orderBy": "id", "orderDescending": False}
    assert made == await ids(sorting=oldest_first)
    assert made[2:4] == await ids(sorting=oldest_first, paging={"limit": 2, "offset": 2})
    assert made[4:] == await ids(sorting=oldest_first, paging={"limit": "2", "offset": "3"})
    assert [] == await ids(paging={"limit": 2, "offset": 4})


@pytest.mark.parametrize("paging", [{"limit": 0}, {"limit": 1001}, {"offset": 0}, {"limit": "x"}])
async def test_pages_that_are_none(sandbox, paging):
    """E00013."""
    reply = await sandbox.ask("getUnsettledTransactionListRequest", paging=paging)

    assert "E00013" == code_of(reply)


async def test_the_unsettled_list_shows_what_a_merchant_looks_for(sandbox):
    """Invoice, name, masked card, amount; also of declined and voided ones."""
    await sandbox.control.arm_reason("2")
    declined = await sandbox.transact(
        "authCaptureTransaction",
        amount="5.00",
        payment=card(MASTERCARD),
        order=order("att_d"),
        billTo={"firstName": "Ellen", "lastName": "Johnson"},
    )

    reply = await sandbox.ask("getUnsettledTransactionListRequest")

    [listed] = reply["transactions"]
    assert 1 == reply["totalNumInResultSet"]
    assert {
        "transId": declined["transId"],
        "transactionStatus": "declined",
        "invoiceNumber": "att_d",
        "firstName": "Ellen",
        "lastName": "Johnson",
        "accountType": "MasterCard",
        "accountNumber": "XXXX0015",
        "settleAmount": Decimal("5.00"),
        "marketType": "eCommerce",
        "product": "Card Not Present",
        "hasReturnedItemsSpecified": False,
    }.items() <= listed.items()


async def test_an_unknown_batch(sandbox):
    """E00040."""
    assert "E00040" == code_of(await sandbox.ask("getTransactionListRequest", batchId="1"))


async def test_authorizations_expire(sandbox):
    """After thirty days they cannot be captured any more."""
    original = await authorized(sandbox)

    await sandbox.control.advance_clock(29 * DAY)
    [written] = await sandbox.control.transactions()
    await sandbox.control.advance_clock(2 * DAY)

    assert "authorizedPendingCapture" == written["status"]
    response = await sandbox.transact("priorAuthCaptureTransaction", refTransId=original)
    assert "16" == response["errors"][0]["errorCode"]


async def test_the_clock_is_utc(sandbox):
    """And begins with the real one."""
    assert timedelta(minutes=1) > abs(datetime.now(UTC) - await now(sandbox))
