"""Each fault as a merchant meets it, and what the book says afterwards."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from tests.sandbox.requests import captured, card, last_four, order, settled
from tests.support import eventually

TROUBLES = ("dropped", "http_500", "html", "empty", "half")
CHARGE = {"transactionType": "authCaptureTransaction", "amount": "10.00", "payment": card()}


async def attempt(sandbox) -> tuple[int, str, bytes] | str:
    """One charge; status, content type and body, or how the connection failed."""
    credentials = {"name": sandbox.login_id, "transactionKey": sandbox.transaction_key}
    document = {
        "createTransactionRequest": {
            "merchantAuthentication": credentials,
            "transactionRequest": {**CHARGE, "order": order("attempt")},
        }
    }
    try:
        async with sandbox.session.post(sandbox.api_url, json=document) as response:
            return response.status, response.content_type, await response.read()
    except aiohttp.ClientError as error:
        return type(error).__name__


async def made(sandbox) -> int:
    return len(await sandbox.control.transactions("attempt"))


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("dropped", "ServerDisconnectedError"),
        ("http_500", (500, "text/plain", b"Internal Server Error")),
        ("empty", (200, "application/json", b"")),
        ("half", "ClientPayloadError"),
    ],
)
async def test_what_a_merchant_sees(sandbox, kind, seen):
    """Connections that break, and answers that are none."""
    await sandbox.control.arm(kind)

    assert seen == await attempt(sandbox)


async def test_a_page_instead_of_an_answer(sandbox):
    """As a proxy in between would send it."""
    await sandbox.control.arm("html")

    status, content_type, body = await attempt(sandbox)

    assert (200, "text/html") == (status, content_type)
    assert body.startswith(b"<!DOCTYPE html>")


async def test_half_an_answer_is_the_first_half(sandbox):
    """Whoever reads what came has the beginning of JSON."""
    await sandbox.control.arm("half")
    body = json.dumps({"authenticateTestRequest": {}}).encode()
    host, _, port = sandbox.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /xml/v1/request.api HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"

    writer.write(head.encode() + body)
    answer = await reader.read()

    writer.close()
    headers, _, content = answer.partition(b"\r\n\r\n")
    [length] = [line for line in headers.splitlines() if line.startswith(b"Content-Length: ")]
    assert int(length.partition(b": ")[2]) // 2 == len(content)
    assert content.startswith(b'\xef\xbb\xbf{"messages"')


@pytest.mark.parametrize("kind", TROUBLES)
async def test_the_money_moved_and_nobody_was_told(sandbox, kind):
    """Processed first, as it is unless a test says otherwise: once, however it was answered."""
    await sandbox.control.arm(kind)

    await attempt(sandbox)

    assert 1 == await made(sandbox)


@pytest.mark.parametrize("kind", TROUBLES)
async def test_nothing_happened_and_nobody_was_told(sandbox, kind):
    """Never processed: the book stays empty, the request is remembered."""
    await sandbox.control.arm(kind, processing="never")

    await attempt(sandbox)

    assert 0 == await made(sandbox)
    [received] = await sandbox.control.requests()
    assert (kind, "attempt", "") == (
        received["fault"],
        received["invoice_number"],
        received["code"],
    )


@pytest.mark.parametrize("kind", TROUBLES)
async def test_it_happens_later(sandbox, kind):
    """Processed late: at first there is nothing to find, then there is."""
    await sandbox.control.arm(kind, processing="late", seconds=0.5)

    await attempt(sandbox)

    assert 0 == await made(sandbox)
    await eventually(lambda: made(sandbox))
    assert 1 == await made(sandbox)


@pytest.mark.parametrize(("processing", "at_once"), [("first", 1), ("late", 0)])
async def test_a_slow_answer(sandbox, processing, at_once):
    """The charge stands in the book before the answer comes, or only then."""
    await sandbox.control.arm("slow", processing=processing, seconds=0.5)

    waiting = asyncio.create_task(attempt(sandbox))
    await eventually(sandbox.control.requests)

    assert at_once == await made(sandbox)
    assert not waiting.done()
    status, _, body = await waiting
    assert 200 == status
    assert b'"responseCode":"1"' in body
    assert 1 == await made(sandbox)


async def test_a_merchant_who_does_not_wait_is_charged_all_the_same(sandbox):
    """Hanging up during a slow answer changes nothing."""
    await sandbox.control.arm("slow", processing="late", seconds=0.5)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await attempt(sandbox)

    await eventually(lambda: made(sandbox))


async def test_a_fault_is_for_as_many_requests_as_it_was_armed_for(sandbox):
    """Two, and the third is answered."""
    await sandbox.control.arm("dropped", count=2, processing="never")

    seen = [await attempt(sandbox) for _ in range(3)]

    assert ["ServerDisconnectedError"] * 2 == seen[:2]
    assert 200 == seen[2][0]


@pytest.mark.parametrize("operation", ["refundTransaction", "getTransactionDetailsRequest"])
async def test_a_fault_waits_for_its_operation(sandbox, operation):
    """Others pass it by."""
    original = await settled(sandbox)
    await sandbox.control.arm("http_500", operation=operation)

    await captured(sandbox, "2.00")

    assert [operation] == [
        fault["operation"] for fault in (await sandbox.control.send("GET", "faults"))["faults"]
    ]
    refund = {"amount": "1.00", "payment": last_four(), "refTransId": original}
    with pytest.raises(AssertionError, match="Internal Server Error"):
        await (
            sandbox.transact(operation, **refund)
            if operation == "refundTransaction"
            else sandbox.ask(operation, transId=original)
        )
    assert [] == (await sandbox.control.send("GET", "faults"))["faults"]


async def test_faults_can_be_forgotten(sandbox):
    """A test that ends early leaves nothing armed."""
    await sandbox.control.arm("dropped", count=5)

    await sandbox.control.disarm()

    assert 200 == (await attempt(sandbox))[0]


async def test_connections_are_refused_until_told_otherwise(sandbox):
    """Also for those who had one open; afterwards it listens at the same place."""
    await captured(sandbox)

    await sandbox.control.refuse()

    for _ in range(2):
        assert "ClientConnectorError" == await attempt(sandbox)
    await sandbox.control.accept()
    assert 200 == (await attempt(sandbox))[0]
    assert 1 == await made(sandbox)


async def test_connections_are_refused_for_some_time(sandbox):
    """It listens again by itself; a second refusal counts from its own beginning."""
    await sandbox.control.refuse(30)
    await sandbox.control.refuse(1)

    assert "ClientConnectorError" == await attempt(sandbox)
    await eventually(lambda: answered(sandbox))


async def answered(sandbox) -> bool:
    return await attempt(sandbox) != "ClientConnectorError"


async def test_a_request_under_way_is_cut_by_a_refusal(sandbox):
    """The connection breaks, and what was processed stands."""
    await sandbox.control.arm("slow", seconds=30)
    waiting = asyncio.create_task(attempt(sandbox))
    await eventually(lambda: made(sandbox))

    await sandbox.control.refuse()

    assert "ServerDisconnectedError" == await waiting


@pytest.mark.parametrize("code", ["2", "3", "4", "27", "44", "45", "65", "250", "251", "254"])
async def test_a_chosen_decline(sandbox, code):
    """A declined charge is in the book, under an id of its own, with its reason."""
    await sandbox.control.arm_reason(code)

    response = await sandbox.transact("authCaptureTransaction", amount="10.00", payment=card())

    assert "2" == response["responseCode"]
    assert code == response["errors"][0]["errorCode"]
    [written] = await sandbox.control.transactions()
    assert ("declined", code, response["transId"]) == (
        written["status"],
        written["reason"],
        written["id"],
    )


@pytest.mark.parametrize("code", [str(code) for code in (13, 17, *range(19, 27), 28, 37)])
async def test_a_chosen_error(sandbox, code):
    """Nothing is written, and the same charge can be sent again at once."""
    await sandbox.control.arm_reason(code)

    response = await sandbox.transact("authCaptureTransaction", amount="10.00", payment=card())

    assert ("3", "0", code) == (
        response["responseCode"],
        response["transId"],
        response["errors"][0]["errorCode"],
    )
    await captured(sandbox, "10.00", payment=card())


async def test_a_chosen_reason_waits_for_its_kind(sandbox):
    """Also for captures, voids and refunds."""
    original = await captured(sandbox)
    await sandbox.control.arm_reason("19", transaction_type="voidTransaction")

    await captured(sandbox, "11.00")
    response = await sandbox.transact("voidTransaction", refTransId=original)

    assert ("3", "19") == (response["responseCode"], response["errors"][0]["errorCode"])
    assert "1" == (await sandbox.transact("voidTransaction", refTransId=original))["responseCode"]


@pytest.mark.parametrize(
    ("path", "body", "problem"),
    [
        ("faults", {"kind": "asleep"}, "kind"),
        ("faults", {"kind": "slow", "seconds": 601}, "seconds"),
        ("faults", {"kind": "slow", "secnds": 1}, "secnds"),
        ("reasons", {"code": "1"}, "code"),
        ("reasons", {"code": "9999"}, "code"),
        ("clock", {"advance_seconds": -1}, "advance_seconds"),
        ("nonces", {"card_number": "4111", "expiration_date": "2035-12"}, "card"),
        ("settlement?account=nobody", {}, "account"),
        ("webhooks", {"copies": 0}, "copies"),
        ("webhooks/resend", {"notification_id": "none"}, "notification_id"),
        ("accounts", {"login_id": ""}, "login_id"),
    ],
)
async def test_control_says_what_is_wrong(sandbox, path, body, problem):
    """A mistyped test fails at once, and no card number is repeated."""
    async with sandbox.session.post(f"{sandbox.control.url}/control/{path}", json=body) as response:
        text = await response.text()

    assert 400 == response.status
    assert problem in text
    assert "4111" not in text


async def test_no_more_faults_than_the_limit(sandbox):
    """A hundred at a time."""
    for _ in range(100):
        await sandbox.control.arm("slow")

    with pytest.raises(AssertionError, match="limit"):
        await sandbox.control.arm("slow")
