"""The recorded requests, word for word, and the forms of the recorded replies."""

from __future__ import annotations

import json

import pytest

from tests.sandbox.requests import captured, settled
from tests.sandbox.server import RunningSandbox, running_sandbox

AUTHORIZE = """{"createTransactionRequest":{"merchantAuthentication":{"name":"login","transactionKey":"tkey"},"refId":"txn_001","transactionRequest":{"transactionType":"authOnlyTransaction","amount":10.0,"currencyCode":"USD","payment":{"creditCard":{"cardNumber":"4111111111111111","expirationDate":"2030-03","cardCode":"737"}},"order":{"invoiceNumber":"YXPd0uFVHJie5tsCuz4D","description":"txn_001"},"billTo":{}}}}"""  # noqa: E501 - as it was recorded
CAPTURE = """{"createTransactionRequest":{"merchantAuthentication":{"name":"login","transactionKey":"tkey"},"transactionRequest":{"transactionType":"priorAuthCaptureTransaction","amount":5.0,"refTransId":"2230581001"}}}"""  # noqa: E501 - as it was recorded
VOID = """{"createTransactionRequest":{"merchantAuthentication":{"name":"login","transactionKey":"tkey"},"refId":"v1","transactionRequest":{"transactionType":"voidTransaction","refTransId":"2230581001"}}}"""  # noqa: E501 - as it was recorded
REFUND = """{"createTransactionRequest":{"merchantAuthentication":{"name":"login","transactionKey":"tkey"},"transactionRequest":{"transactionType":"refundTransaction","amount":3.0,"currencyCode":"USD","payment":{"creditCard":{"cardNumber":"1111","expirationDate":"XXXX"}},"refTransId":"2230581001"}}}"""  # noqa: E501 - as it was recorded
DETAILS = """{"getTransactionDetailsRequest":{"merchantAuthentication":{"name":"login","transactionKey":"tkey"},"transId":"2230581001"}}"""  # noqa: E501 - as it was recorded
NODE_SDK = """{"createTransactionRequest":{"merchantAuthentication":{"name":"login","transactionKey":"tkey"},"clientId":"sdk-node-1.0.10","transactionRequest":{"transactionType":"authCaptureTransaction","amount":"12.34","payment":{"opaqueData":{"dataDescriptor":"COMMON.ACCEPT.INAPP.PAYMENT","dataValue":"nonce"}},"order":{"invoiceNumber":"INV-1"},"transactionSettings":{"setting":[{"settingName":"duplicateWindow","settingValue":"120"}]}}}}"""  # noqa: E501 - as it was recorded


@pytest.fixture
async def sandbox():
    """With the credentials of the recorded requests."""
    async with running_sandbox(login_id="login", transaction_key="tkey") as running:
        yield running


async def sent(sandbox: RunningSandbox, recorded: str, transaction_id: str = "2230581001"):
    """A recorded request, about a transaction of this sandbox."""
    return await sandbox.post(recorded.replace("2230581001", transaction_id).encode())


async def test_the_recorded_client_authorizes_captures_and_voids(sandbox):
    """Its requests pass strict mode; capture and void answer with the original's id."""
    authorization = await sent(sandbox, AUTHORIZE)
    original = authorization["transactionResponse"]["transId"]

    captured_reply = await sent(sandbox, CAPTURE, original)
    voided_reply = await sent(sandbox, VOID, original)

    assert "txn_001" == authorization["refId"]
    for reply in (captured_reply, voided_reply):
        response = reply["transactionResponse"]
        assert ("1", original, original) == (
            response["responseCode"],
            response["transId"],
            response["refTransID"],
        )
    assert "refId" not in captured_reply
    assert "v1" == voided_reply["refId"]
    [written] = await sandbox.control.transactions("YXPd0uFVHJie5tsCuz4D")
    assert ("voided", "10.00", "5.00") == (
        written["status"],
        written["auth_amount"],
        written["settle_amount"],
    )


async def test_the_recorded_client_refunds_and_looks_up(sandbox):
    """A refund names the card by four digits, gets an id of its own and no authCode."""
    original = await settled(sandbox)

    refunded = (await sent(sandbox, REFUND, original))["transactionResponse"]
    details = (await sent(sandbox, DETAILS, original))["transaction"]

    assert ("1", "", original) == (
        refunded["responseCode"],
        refunded["authCode"],
        refunded["refTransID"],
    )
    assert original != refunded["transId"]
    assert "settledSuccessfully" == details["transactionStatus"]


async def test_the_node_sdk_pays_with_a_nonce(sandbox):
    """A nonce pays once; the second time it is refused at the request level."""
    nonce = await sandbox.control.nonce(card_code="900")
    recorded = NODE_SDK.replace('"nonce"', json.dumps(nonce["dataValue"]))

    first = await sent(sandbox, recorded)
    second = await sent(sandbox, recorded)

    assert "1" == first["transactionResponse"]["responseCode"]
    assert "M" == first["transactionResponse"]["cvvResultCode"]
    assert "transactionResponse" not in second
    assert "E00114" == second["messages"]["message"][0]["code"]


async def test_replies_have_the_members_of_the_samples_in_their_order(sandbox):
    """An approval and an error, compared with the samples member by member."""
    approved = await sandbox.ask(
        "createTransactionRequest",
        refId="94564789",
        transactionRequest={
            "transactionType": "authCaptureTransaction",
            "amount": "5.00",
            "payment": {"creditCard": {"cardNumber": "4111111111111111", "expirationDate": "0135"}},
            "userFields": {"userField": [{"name": "favorite_color", "value": "blue"}]},
        },
    )
    unknown = await sent(sandbox, CAPTURE, "2165665234")

    common = [
        "responseCode", "authCode", "avsResultCode", "cvvResultCode", "cavvResultCode", "transId",
        "refTransID", "transHash", "testRequest", "accountNumber", "accountType",
    ]  # fmt: skip
    assert ["transactionResponse", "refId", "messages"] == list(approved)
    assert [*common, "messages"] == list(approved["transactionResponse"])[:12]
    assert [{"name": "favorite_color", "value": "blue"}] == approved["transactionResponse"][
        "userFields"
    ]
    assert {
        "resultCode": "Ok",
        "message": [{"code": "I00001", "text": "Successful."}],
    } == approved["messages"]
    assert [*common, "errors"] == list(unknown["transactionResponse"])[:12]
    assert {
        "responseCode": "3",
        "authCode": "",
        "transId": "0",
        "refTransID": "2165665234",
        "errors": [{"errorCode": "16", "errorText": "The transaction cannot be found."}],
    }.items() <= unknown["transactionResponse"].items()
    assert {
        "resultCode": "Error",
        "message": [{"code": "E00027", "text": "The transaction was unsuccessful."}],
    } == unknown["messages"]


async def test_every_answer_has_status_200_and_a_byte_order_mark(sandbox):
    """Also what cannot be read, and what has the wrong credentials; `post` looks at both."""
    transaction_id = await captured(sandbox)

    for body in (
        DETAILS.replace("2230581001", transaction_id),
        DETAILS.replace("tkey", "wrong"),
        "{",
        "",
    ):
        async with sandbox.session.post(sandbox.api_url, data=body.encode()) as response:
            assert 200 == response.status
            assert "application/json; charset=utf-8" == response.headers["Content-Type"]
            assert (await response.read()).startswith(b"\xef\xbb\xbf{")
