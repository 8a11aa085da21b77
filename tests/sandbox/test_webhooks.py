"""The REST API of webhooks, and notifications as a merchant gets them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.sandbox.requests import authorized, captured, card, last_four, settled
from tests.sandbox.server import running_sandbox
from tests.support import eventually

PAYMENT = "net.authorize.payment"


@dataclass
class Receiver:
    """A merchant's endpoint; `statuses` are answered first, then 200."""

    url: str
    statuses: list[int] = field(default_factory=list)
    got: list[tuple[Any, bytes]] = field(default_factory=list)

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body, parse_float=Decimal) for _, body in self.got]

    def events(self) -> list[str]:
        return [body["eventType"] for body in self.bodies()]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Listens on a port of its own."""
    made = Receiver("")

    async def receive(request: web.Request) -> web.Response:
        made.got.append((request.headers, await request.read()))
        return web.Response(status=made.statuses.pop(0) if made.statuses else 200)

    application = web.Application()
    application.router.add_post("/hook", receive)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


class Rest:
    """The REST API with the account's credentials."""

    def __init__(self, sandbox) -> None:
        self._sandbox = sandbox
        credentials = aiohttp.encode_basic_auth(sandbox.login_id, sandbox.transaction_key)
        self.headers = {"Authorization": credentials}

    async def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self._sandbox.session.request(
            method, f"{self._sandbox.url}/rest/v1/{path}", json=body, headers=self.headers
        ) as response:
            raw = await response.read()
            return response.status, json.loads(raw) if raw else None


@pytest.fixture
def rest(sandbox) -> Rest:
    return Rest(sandbox)


async def registered(rest, url, *events, status="active") -> str:
    """The id of a new webhook for all payment events, or for these."""
    _, types = await rest("GET", "eventtypes")
    names = events or [each["name"] for each in types]
    body = {"name": "ours", "url": url, "eventTypes": names, "status": status}
    code, webhook = await rest("POST", "webhooks", body)
    assert code == 200, webhook
    return webhook["webhookId"]


async def test_a_webhook_is_created_shown_changed_and_deleted(rest, receiver):
    """Each answer has the webhook's form."""
    body = {"url": receiver.url, "eventTypes": [f"{PAYMENT}.refund.created"]}

    _, made = await rest("POST", "webhooks", body)
    path = f"webhooks/{made['webhookId']}"
    _, changed = await rest("PUT", path, {"status": "inactive", "name": "new"})

    assert {
        "_links": {"self": {"href": f"/rest/v1/{path}"}},
        "webhookId": made["webhookId"],
        "name": "",
        "eventTypes": [f"{PAYMENT}.refund.created"],
        "status": "active",
        "url": receiver.url,
    } == made
    assert {**made, "status": "inactive", "name": "new"} == changed
    assert (200, changed) == await rest("GET", path)
    assert (200, [changed]) == await rest("GET", "webhooks")
    assert (200, None) == await rest("DELETE", path)
    for method in ("GET", "PUT", "DELETE"):
        assert 404 == (await rest(method, path))[0]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "http://127.0.0.1:1/"},
        {"eventTypes": [f"{PAYMENT}.void.created"]},
        {"url": "http://127.0.0.1:1/", "eventTypes": ["net.authorize.payment.unknown"]},
        {"url": "http://127.0.0.1:1/", "eventTypes": [f"{PAYMENT}.void.created"], "status": "on"},
        {"url": "http://192.0.2.1/", "eventTypes": [f"{PAYMENT}.void.created"]},
        {"url": "http://example.com/", "eventTypes": [f"{PAYMENT}.void.created"]},
        {"url": "ftp://127.0.0.1/", "eventTypes": [f"{PAYMENT}.void.created"]},
        {"url": "http://127.0.0.1:999999/", "eventTypes": [f"{PAYMENT}.void.created"]},
        {"url": 1, "eventTypes": [f"{PAYMENT}.void.created"]},
        [],
    ],
)
async def test_a_webhook_that_cannot_be(rest, body):
    """400 says why; nothing is registered, and nothing leaves this machine."""
    status, problem = await rest("POST", "webhooks", body)

    assert 400 == status
    assert ("INVALID_DATA", 400) == (problem["reason"], problem["status"])
    assert (200, []) == await rest("GET", "webhooks")


async def test_a_change_that_cannot_be_changes_nothing(rest, receiver):
    """All of it or nothing."""
    webhook_id = await registered(rest, receiver.url)
    _, before = await rest("GET", f"webhooks/{webhook_id}")

    status, _ = await rest("PUT", f"webhooks/{webhook_id}", {"name": "new", "status": "on"})

    assert 400 == status
    assert (200, before) == await rest("GET", f"webhooks/{webhook_id}")


@pytest.mark.parametrize("path", ["eventtypes", "webhooks", "notifications", "webhooks/1"])
async def test_credentials_are_needed(sandbox, rest, path):
    """401 with wrong ones, with none, and with another scheme."""
    right = rest.headers["Authorization"]
    wrong = aiohttp.encode_basic_auth(sandbox.login_id, "wrong")
    for headers in (
        {"Authorization": wrong},
        {"Authorization": right.replace("Basic", "Bearer")},
        {"Authorization": "Basic \u00e9"},
        {},
    ):
        rest.headers = headers
        assert 401 == (await rest("GET", path))[0]


async def test_other_addresses_only_when_allowed():
    """An option for whoever tests against a server elsewhere."""
    async with running_sandbox(deliver_anywhere=True) as sandbox:
        await registered(Rest(sandbox), "https://example.com/hook")


async def test_webhooks_have_a_limit(receiver):
    """So many for an account."""
    async with running_sandbox(webhooks_max=1) as sandbox:
        rest = Rest(sandbox)
        await registered(rest, receiver.url)

        body = {"url": receiver.url, "eventTypes": [f"{PAYMENT}.void.created"]}
        assert 400 == (await rest("POST", "webhooks", body))[0]


async def test_a_notification_is_thin_and_signed(sandbox, rest, receiver):
    """The signature is over the raw body, with the key as text, in upper case."""
    webhook_id = await registered(rest, receiver.url)
    reply = await sandbox.ask(
        "createTransactionRequest",
        refId="ref-1",
        transactionRequest={
            "transactionType": "authCaptureTransaction",
            "amount": "10.50",
            "payment": card(),
        },
    )
    made = reply["transactionResponse"]
    await eventually(lambda: receiver.got)

    headers, body = receiver.got[0]
    key = sandbox.signature_key.encode("ascii")
    digest = hmac.new(key, body, hashlib.sha512).hexdigest().upper()
    assert f"sha512={digest}" == headers["X-ANET-Signature"]
    assert headers["X-Request-Id"]
    [told] = receiver.bodies()
    assert ["notificationId", "eventType", "eventDate", "webhookId", "payload"] == list(told)
    assert (f"{PAYMENT}.authcapture.created", webhook_id) == (told["eventType"], told["webhookId"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", told["eventDate"])
    assert {
        "responseCode": 1,
        "merchantReferenceId": "ref-1",
        "authCode": made["authCode"],
        "avsResponse": "P",
        "authAmount": Decimal("10.50"),
        "entityName": "transaction",
        "id": made["transId"],
    } == told["payload"]


async def test_each_event_is_told(sandbox, rest, receiver):
    """Every kind of transaction, review and profile change, under its own name."""
    await registered(rest, receiver.url)
    paid = await settled(sandbox, billTo={"zip": "1"})
    open_one = await authorized(sandbox)
    await sandbox.transact("priorAuthCaptureTransaction", refTransId=open_one)
    await sandbox.transact("voidTransaction", refTransId=open_one)
    await sandbox.transact("refundTransaction", amount="1.00", payment=last_four(), refTransId=paid)
    await sandbox.transact(
        "captureOnlyTransaction", amount="3.00", payment=card(), authCode="ABC123"
    )
    for amount, action in (("252.00", "approve"), ("253.00", "decline")):
        held = await sandbox.transact("authOnlyTransaction", amount=amount, payment=card())
        await sandbox.ask(
            "updateHeldTransactionRequest",
            heldTransactionRequest={"action": action, "refTransId": held["transId"]},
        )
    kept = await sandbox.ask(
        "createCustomerProfileFromTransactionRequest", transId=paid, customer={"email": "a@b.cd"}
    )
    one = {
        "customerProfileId": kept["customerProfileId"],
    }
    payment_profile_id = kept["customerPaymentProfileIdList"][0]
    await sandbox.ask(
        "updateCustomerPaymentProfileRequest",
        **one,
        paymentProfile={"payment": card(), "customerPaymentProfileId": payment_profile_id},
    )
    await sandbox.ask(
        "deleteCustomerPaymentProfileRequest", **one, customerPaymentProfileId=payment_profile_id
    )
    await sandbox.ask("deleteCustomerProfileRequest", **one)

    expected = sorted(
        f"net.authorize.{name}"
        for name in (
            "payment.authcapture.created",
            "payment.authorization.created",
            "payment.priorAuthCapture.created",
            "payment.void.created",
            "payment.refund.created",
            "payment.capture.created",
            "payment.fraud.held",
            "payment.fraud.approved",
            "payment.fraud.held",
            "payment.fraud.declined",
            "customer.created",
            "customer.paymentProfile.created",
            "customer.paymentProfile.updated",
            "customer.paymentProfile.deleted",
            "customer.deleted",
        )
    )
    await eventually(lambda: len(receiver.got) >= len(expected))
    assert expected == sorted(receiver.events())
    held = [each for each in receiver.bodies() if each["eventType"].endswith("held")]
    assert {4} == {each["payload"]["responseCode"] for each in held}


async def test_a_declined_transaction_is_not_told(sandbox, rest, receiver):
    """Nor is one that was not made."""
    await registered(rest, receiver.url)
    for code in ("2", "19"):
        await sandbox.control.arm_reason(code)
        await sandbox.transact("authCaptureTransaction", amount="1.00", payment=card())

    await captured(sandbox)
    await eventually(lambda: receiver.got)

    assert [f"{PAYMENT}.authcapture.created"] == receiver.events()


async def test_only_active_webhooks_are_told_and_only_what_they_want(sandbox, rest, receiver):
    """An inactive one gets nothing, another one gets its event alone."""
    await registered(rest, receiver.url, status="inactive")
    await registered(rest, receiver.url, f"{PAYMENT}.void.created")

    await sandbox.transact("voidTransaction", refTransId=await captured(sandbox))
    await eventually(lambda: receiver.got)

    assert [f"{PAYMENT}.void.created"] == receiver.events()
    _, history = await rest("GET", "notifications")
    assert 1 == len(history["notifications"])


async def test_a_ping(rest, receiver):
    """Inactive webhooks can be tried out; active ones cannot."""
    webhook_id = await registered(rest, receiver.url, status="inactive")

    assert (200, None) == await rest("POST", f"webhooks/{webhook_id}/pings")
    await eventually(lambda: receiver.got)

    assert 0 == receiver.bodies()[0]["payload"]["responseCode"]
    await rest("PUT", f"webhooks/{webhook_id}", {"status": "active"})
    assert 400 == (await rest("POST", f"webhooks/{webhook_id}/pings"))[0]


async def status_of(rest, notification_id) -> str:
    return (await rest("GET", f"notifications/{notification_id}"))[1]["deliveryStatus"]


async def newest(rest) -> dict[str, Any]:
    return (await rest("GET", "notifications?limit=1"))[1]["notifications"][0]


async def test_a_notification_is_repeated_until_it_is_taken(receiver):
    """Three times at most, with the same id and the same bytes."""
    async with running_sandbox(delivery_retry_seconds=0.01) as sandbox:
        rest = Rest(sandbox)
        await registered(rest, receiver.url)
        receiver.statuses = [500, 302]

        await captured(sandbox)
        await eventually(lambda: len(receiver.got) == 3)

        first = await newest(rest)
        await eventually(lambda: delivered(rest, first))
        assert 1 == len({body for _, body in receiver.got})
        _, shown = await rest("GET", f"notifications/{first['notificationId']}")
        assert (3, receiver.bodies()[0]["payload"]["id"]) == (
            shown["attempts"],
            shown["payload"]["id"],
        )


async def delivered(rest, notification) -> bool:
    return "Delivered" == await status_of(rest, notification["notificationId"])


async def test_a_notification_that_nobody_takes_is_given_up(receiver):
    """Failed, after as many attempts as there are."""
    async with running_sandbox(delivery_retry_seconds=0.01, delivery_attempts_max=2) as sandbox:
        rest = Rest(sandbox)
        await registered(rest, receiver.url)
        receiver.statuses = [500, 500]

        await captured(sandbox)
        first = await newest(rest)

        async def failed() -> bool:
            return "Failed" == await status_of(rest, first["notificationId"])

        await eventually(failed)
        assert 2 == len(receiver.got)
        _, history = await rest("GET", "notifications?deliveryStatus=failed")
        assert [first["notificationId"]] == [
            each["notificationId"] for each in history["notifications"]
        ]
        assert (
            [] == (await rest("GET", "notifications?deliveryStatus=delivered"))[1]["notifications"]
        )


async def test_the_history_in_pages(sandbox, rest, receiver):
    """Newest first, from an offset."""
    await registered(rest, receiver.url)
    await sandbox.control.webhooks(held=True)
    for n in range(3):
        await captured(sandbox, f"{n + 1}.00")

    _, everything = await rest("GET", "notifications")
    _, second = await rest("GET", "notifications?offset=1&limit=1")

    assert 3 == len(everything["notifications"])
    assert everything["notifications"][1:2] == second["notifications"]
    assert "/rest/v1/notifications?offset=1&limit=1" == second["_links"]["self"]["href"]
    assert 400 == (await rest("GET", "notifications?limit=x"))[0]
    assert 404 == (await rest("GET", "notifications/none"))[0]


async def test_notifications_are_held_and_released(sandbox, rest, receiver):
    """In the other order, if a test wants it."""
    await registered(rest, receiver.url)
    await sandbox.control.webhooks(held=True)
    transaction_id = await captured(sandbox)
    await sandbox.transact("voidTransaction", refTransId=transaction_id)

    assert 2 == (await sandbox.control.webhooks())["waiting"]
    assert [] == receiver.got
    assert 2 == await sandbox.control.release_webhooks(newest_first=True)

    await eventually(lambda: len(receiver.got) == 2)
    assert {f"{PAYMENT}.authcapture.created", f"{PAYMENT}.void.created"} == set(receiver.events())
    assert {"waiting": 0, "held": False}.items() <= (await sandbox.control.webhooks()).items()


async def test_notifications_come_in_copies(sandbox, rest, receiver):
    """Twice the same, and once more when it is sent again."""
    await registered(rest, receiver.url)
    await sandbox.control.webhooks(copies=2)

    await captured(sandbox)
    await eventually(lambda: len(receiver.got) == 2)
    await sandbox.control.resend_webhook(receiver.bodies()[0]["notificationId"])
    await eventually(lambda: len(receiver.got) == 3)

    assert 1 == len({body for _, body in receiver.got})


async def test_a_notification_before_the_answer(sandbox, rest, receiver):
    """The merchant hears of the charge while it still waits for the answer."""
    await registered(rest, receiver.url)
    await sandbox.control.webhooks(before_answer=True)
    await sandbox.control.arm("slow", seconds=0.5)

    waiting = asyncio.create_task(captured(sandbox))
    await eventually(lambda: receiver.got)

    assert not waiting.done()
    assert await waiting == receiver.bodies()[0]["payload"]["id"]


async def test_a_notification_whose_answer_is_lost(sandbox, rest, receiver):
    """The merchant is cut off, and is notified all the same."""
    await registered(rest, receiver.url)
    await sandbox.control.arm("dropped")

    with pytest.raises(aiohttp.ServerDisconnectedError):
        await captured(sandbox)

    await eventually(lambda: receiver.got)


async def test_what_is_under_way_or_held_has_a_limit(receiver):
    """More are given up at once, and stand in the history as failed."""
    async with running_sandbox(deliveries_max=1) as sandbox:
        rest = Rest(sandbox)
        await registered(rest, receiver.url)
        await sandbox.control.webhooks(held=True)

        await captured(sandbox)
        await captured(sandbox, "2.00")

        _, history = await rest("GET", "notifications")
        assert ["Failed", "Pending"] == [
            each["deliveryStatus"] for each in history["notifications"]
        ]


async def test_accounts_sign_with_their_own_key(sandbox, receiver):
    """And have webhooks of their own."""
    await sandbox.control.add_account("second", "secondkey", "their key")
    sandbox.login_id, sandbox.transaction_key = "second", "secondkey"
    await registered(Rest(sandbox), receiver.url)

    await captured(sandbox)
    await eventually(lambda: receiver.got)

    headers, body = receiver.got[0]
    digest = hmac.new(b"their key", body, hashlib.sha512).hexdigest().upper()
    assert f"sha512={digest}" == headers["X-ANET-Signature"]
