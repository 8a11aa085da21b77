"""Reading requests: credentials, member order, lengths, accounts, the command."""

from __future__ import annotations

import json

import pytest

from tests.sandbox.requests import captured, card
from tests.sandbox.server import running_sandbox


def error_of(reply) -> tuple[str, str]:
    message = reply["messages"]["message"][0]
    return message["code"], message["text"]


async def test_credentials_that_are_right(sandbox):
    """authenticateTestRequest answers with messages only."""
    reply = await sandbox.ask("authenticateTestRequest")

    assert {
        "messages": {
            "resultCode": "Ok",
            "message": [{"code": "I00001", "text": "Successful."}],
        }
    } == reply


@pytest.mark.parametrize(
    ("credentials", "code"),
    [
        ({"name": "sandboxlogin", "transactionKey": "wrong"}, "E00007"),
        ({"name": "nobody", "transactionKey": "sandboxkey123456"}, "E00007"),
        ({"name": "sandboxlogin"}, "E00005"),
        ({"transactionKey": "sandboxkey123456"}, "E00006"),
        ({}, "E00006"),
    ],
)
async def test_credentials_that_are_wrong(sandbox, credentials, code):
    """Nothing is done, and the reply has no transactionResponse."""
    request = {"transactionType": "authCaptureTransaction", "amount": 1, "payment": card()}

    reply = await sandbox.post(
        {
            "createTransactionRequest": {
                "merchantAuthentication": credentials,
                "refId": "r",
                "transactionRequest": request,
            }
        }
    )

    assert code == error_of(reply)[0]
    assert {"refId", "messages"} == reply.keys()
    assert "r" == reply["refId"]
    assert [] == await sandbox.control.transactions()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"null",
        b'{"a":{},"b":{}}',
        b'{"authenticateTestRequest":[]}',
        b'{"authenticateTestRequest":{"refId":"1","refId":"2"}}',
        b'{"authenticateTestRequest":{"refId":"\\ud800"}}',
        b'{"authenticateTestRequest":{"refId":NaN}}',
        b"\xff",
        b"[" * 100_000,
    ],
)
async def test_what_cannot_be_read(sandbox, body):
    """E00003, with the sentence of the code list."""
    assert ("E00003", "An error occurred while parsing the XML request.") == error_of(
        await sandbox.post(body)
    )


async def test_a_byte_order_mark_before_the_request(sandbox):
    """Clients that send one are understood."""
    credentials = {"name": sandbox.login_id, "transactionKey": sandbox.transaction_key}
    document = json.dumps({"authenticateTestRequest": {"merchantAuthentication": credentials}})

    assert "I00001" == error_of(await sandbox.post(b"\xef\xbb\xbf" + document.encode()))[0]


async def test_an_unknown_operation(sandbox):
    """E00004."""
    assert "E00004" == error_of(await sandbox.ask("createTransaction"))[0]


PAYMENT_FIRST = {"payment": card(), "amount": "1.00"}
IN_ORDER = {"amount": "1.00", "payment": card()}


@pytest.mark.parametrize(
    ("members", "element", "child"),
    [
        (PAYMENT_FIRST, "transactionRequest", "amount"),
        ({**IN_ORDER, "colour": "red"}, "transactionRequest", "colour"),
        ({**IN_ORDER, "customer": {"id": "1"}, "order": {}}, "transactionRequest", "order"),
        (
            {**IN_ORDER, "order": {"description": "d", "invoiceNumber": "i"}},
            "order",
            "invoiceNumber",
        ),
        (
            {
                **IN_ORDER,
                "transactionSettings": {
                    "setting": [{"settingValue": "1", "settingName": "duplicateWindow"}]
                },
            },
            "setting",
            "settingName",
        ),
    ],
)
async def test_order_and_names_matter(sandbox, members, element, child):
    """Strict: E00003 names the element and the member that does not belong there."""
    request = {"transactionType": "authCaptureTransaction", **members}

    code, text = error_of(await sandbox.ask("createTransactionRequest", transactionRequest=request))

    assert "E00003" == code
    assert f"The element '{element}'" in text
    assert f"invalid child element '{child}'" in text
    async with running_sandbox(strict=False) as lenient:
        reply = await lenient.ask("createTransactionRequest", transactionRequest=request)
        assert "1" == reply["transactionResponse"]["responseCode"]


async def test_credentials_come_first(sandbox):
    """refId before merchantAuthentication is out of order."""
    credentials = {"name": sandbox.login_id, "transactionKey": sandbox.transaction_key}
    members = {"refId": "r", "merchantAuthentication": credentials}

    code, text = error_of(await sandbox.post({"authenticateTestRequest": members}))

    assert "E00003" == code
    assert "'merchantAuthentication'" in text


@pytest.mark.parametrize(
    ("members", "element"),
    [
        ({**IN_ORDER, "order": {"invoiceNumber": "x" * 21}}, "invoiceNumber"),
        ({**IN_ORDER, "order": {"description": "x" * 256}}, "description"),
        ({**IN_ORDER, "order": "text"}, "order"),
        ({**IN_ORDER, "order": {"invoiceNumber": {}}}, "invoiceNumber"),
        ({**IN_ORDER, "amount": "ten"}, "amount"),
        ({**IN_ORDER, "amount": True}, "amount"),
        ({**IN_ORDER, "amount": -1}, "amount"),
        ({"amount": "1.00", "payment": card("4" * 17)}, "cardNumber"),
        ({**IN_ORDER, "transactionType": "gift"}, "transactionType"),
        ({"amount": "1.00"}, "payment"),
        ({"amount": "1.00", "payment": {}}, "payment"),
    ],
)
async def test_values_have_types_and_lengths(sandbox, members, element):
    """E00003 names the element, and never quotes what it held."""
    request = {"transactionType": "authCaptureTransaction", **members}

    code, text = error_of(await sandbox.ask("createTransactionRequest", transactionRequest=request))

    assert "E00003" == code
    assert element in text
    assert "4444" not in text


async def test_a_ref_id_has_twenty_characters_at_most(sandbox):
    """Longer ones are refused; those that fit come back."""
    assert "E00003" == error_of(await sandbox.ask("authenticateTestRequest", refId="x" * 21))[0]
    assert "é" * 20 == (await sandbox.ask("authenticateTestRequest", refId="é" * 20))["refId"]


async def test_a_body_has_a_limit():
    """413, before it is read."""
    async with (
        running_sandbox(body_bytes_max=1_000) as sandbox,
        sandbox.session.post(sandbox.api_url, data=b"x" * 2_000) as response,
    ):
        assert 413 == response.status


async def test_accounts_have_books_of_their_own(sandbox):
    """A second merchant sees neither the first one's transactions nor their settlement."""
    await sandbox.control.add_account("second", "secondkey", "signature")
    transaction_id = await captured(sandbox)
    sandbox.login_id, sandbox.transaction_key = "second", "secondkey"

    reply = await sandbox.ask("getTransactionDetailsRequest", transId=transaction_id)
    own = await captured(sandbox)

    assert "E00040" == error_of(reply)[0]
    assert [own] == [each["id"] for each in await sandbox.control.transactions(account="second")]
    assert [own] == await sandbox.control.settle(account="second")
    with pytest.raises(AssertionError, match="login_id"):
        await sandbox.control.add_account("second", "k", "s")


async def test_requests_are_remembered_without_secrets(sandbox):
    """What was asked and how it ended, so that tests can count; no key, no card."""
    await captured(sandbox, order={"invoiceNumber": "att_1"})

    requests = await sandbox.control.requests()

    assert ("createTransactionRequest", "authCaptureTransaction", "att_1", "I00001", "") == tuple(
        requests[0][name]
        for name in ("operation", "transaction_type", "invoice_number", "code", "fault")
    )
    told = json.dumps([requests, await sandbox.control.transactions()])
    assert sandbox.transaction_key not in told
    assert "4111" not in told
