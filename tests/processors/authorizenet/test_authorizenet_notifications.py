"""Webhooks of Authorize.Net: whose they are, and what they make us ask."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.ids import new_id
from gateway.domain.outcomes import Approved, Unknown
from gateway.processors.authorizenet.notifications import parse
from gateway.processors.authorizenet.processor import AuthorizeNet
from gateway.processors.protocol import Finding, InvalidNotification, Notification
from tests.processors.authorizenet.samples import details, refused
from tests.processors.authorizenet.server import ScriptedServer

KEY = "ABCDEF0123"
SAMPLE = (
    b'{"notificationId":"182cbbff-cab2-4080-931d-80e5d818f23a",'
    b'"eventType":"net.authorize.payment.authcapture.created",'
    b'"eventDate":"2017-08-18T20:40:52.7722007Z",'
    b'"webhookId":"849eb87e-078a-4169-a34b-c0bded5019a8","payload":{"responseCode":0,'
    b'"authCode":"Z3PV5H","avsResponse":"Y","authAmount":0.0,"entityName":"transaction",'
    b'"id":"40005915599"}}'
)
READ = Notification(
    id="182cbbff-cab2-4080-931d-80e5d818f23a",
    kind="net.authorize.payment.authcapture.created",
    reference="40005915599",
)


def signed(body: bytes, key: str = KEY) -> dict[str, str]:
    digest = hmac.new(key.encode("ascii"), body, hashlib.sha512).hexdigest().upper()
    return {"x-anet-signature": f"sha512={digest}", "content-type": "application/json"}


def body(**changes: Any) -> bytes:
    return json.dumps(json.loads(SAMPLE) | changes).encode()


def test_a_signed_notification_is_read() -> None:
    """The key is used as text, the signature's digits in any case."""
    headers = signed(SAMPLE)

    assert READ == parse(headers, SAMPLE, KEY)
    lower = {"x-anet-signature": headers["x-anet-signature"].lower()}
    assert READ == parse(lower, SAMPLE, KEY)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-anet-signature": ""},
        {"x-anet-signature": "sha512="},
        {"x-anet-signature": signed(SAMPLE)["x-anet-signature"].removeprefix("sha512=")},
        signed(SAMPLE, "ABCDEF0124"),
        signed(SAMPLE + b" "),
        # The recipe of a blog that signs more than the body.
        signed(b"id" + b"2017" + SAMPLE),
        {
            "x-anet-signature": "sha512="
            + hmac.new(bytes.fromhex(KEY), SAMPLE, hashlib.sha512).hexdigest().upper()
        },
        {"x-anet-signature": "sha512=ü"},
    ],
)
def test_a_wrong_signature_is_refused(headers: dict[str, str]) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(InvalidNotification, match="signature"):
        parse(headers, SAMPLE, KEY)


def test_without_a_key_nothing_is_believed() -> None:
    """Also nothing signed with no key."""
    with pytest.raises(InvalidNotification, match="no signature key"):
        parse(signed(SAMPLE, ""), SAMPLE, None)


@given(content=st.binary(max_size=200))
def test_any_signed_content_is_read_or_refused(content: bytes) -> None:
    """There is no third way."""
    with pytest.raises(InvalidNotification):
        parse(signed(content), content, KEY)


@pytest.mark.parametrize(
    "changes",
    [
        {"notificationId": None},
        {"notificationId": ""},
        {"notificationId": "x" * 256},
        {"eventType": 5},
    ],
)
def test_a_message_without_a_name_is_refused(changes: dict[str, Any]) -> None:
    """It could not be told from its repetition."""
    content = body(**changes)

    with pytest.raises(InvalidNotification):
        parse(signed(content), content, KEY)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {"entityName": "customerProfile", "id": "394"},
        {"entityName": "transaction", "id": 5},
        {"entityName": "transaction"},
    ],
)
def test_news_about_anything_else_is_about_no_transaction(payload: Any) -> None:
    """It is taken, and nothing asked."""
    content = body(payload=payload)

    assert parse(signed(content), content, KEY).reference is None


async def test_the_key_is_the_accounts(processor: AuthorizeNet) -> None:
    """A merchant's own, or the settings'."""
    account = {"api_login_id": "m", "transaction_key": "mkey", "signature_key": "ANOTHER"}

    assert [READ] == list(processor.parse_notification(signed(SAMPLE), SAMPLE, None))
    own = processor.parse_notification(signed(SAMPLE, "ANOTHER"), SAMPLE, account)
    assert [READ] == list(own)
    with pytest.raises(InvalidNotification):
        processor.parse_notification(signed(SAMPLE), SAMPLE, account)


async def test_a_notification_is_confirmed_by_asking(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """The attempt is the invoice number that we gave it."""
    attempt = new_id("att")
    server.answers(
        details("capturedPendingSettlement", order={"invoiceNumber": attempt}),
        details("FDSPendingReview", order={"invoiceNumber": attempt}),
    )

    approved = await processor.clarify(READ, None)
    held = await processor.clarify(READ, None)

    reference = "2228446239"
    assert approved == Finding(
        reference=reference, attempt=attempt, outcome=Approved(reference=reference)
    )
    assert held == Finding(
        reference=reference,
        attempt=attempt,
        outcome=Unknown(reason="held_for_review", reference=reference),
    )
    assert "40005915599" == server.asked[0][1]["transId"]


@pytest.mark.parametrize("order", [{}, {"invoiceNumber": "INV-1"}, {"invoiceNumber": "att_1"}])
async def test_what_others_charged_is_no_attempt_of_ours(
    processor: AuthorizeNet, server: ScriptedServer, order: dict[str, str]
) -> None:
    """The account may serve a till, too."""
    server.answers(details("capturedPendingSettlement", order=order))

    finding = await processor.clarify(READ, None)

    assert finding is not None
    assert finding.attempt is None


async def test_what_they_do_not_know_is_no_finding(
    processor: AuthorizeNet, server: ScriptedServer
) -> None:
    """And what is about no transaction is not asked about."""
    server.answers(refused("E00040"))

    assert await processor.clarify(READ, None) is None
    about_nothing = Notification(id="1", kind="net.authorize.customer.created")
    assert await processor.clarify(about_nothing, None) is None
    assert 1 == len(server.asked)
