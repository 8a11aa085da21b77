"""A bank's challenge: passed, failed, abandoned, answered twice. One final state, one charge."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest

from gateway.app import Gateway
from gateway.settings import Settings
from tests.checkout.gateways import running
from tests.checkout.shopper import NEVER, Shopper
from tests.support import eventually
from tests.web.client import ApiClient

KEPT = "embedded=true&key=key_test_abc123&origin=http%3A%2F%2F127.0.0.1%3A9&theme=dark"


async def charged(api: ApiClient) -> list[str]:
    """The payments that the bank has moved or reserved money for, once for each time."""
    rows = (await api.get("/test/bank/ledger")).json["data"]
    return [row["payment_id"] for row in rows]


async def events_of(api: ApiClient, payment_id: str) -> list[str]:
    """What the merchant is told about a payment, oldest first."""
    rows = (await api.get("/events?limit=100")).json["data"]
    return [row["type"] for row in reversed(rows) if payment_id in str(row)]


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [("pass", "success", None), ("fail", "failed", "authentication_failed")],
)
async def test_a_challenge_is_answered(
    api: ApiClient, shopper: Shopper, answer: str, status: str, reason: str | None
) -> None:
    """From the bank's page back to the checkout, which follows the payment to its end."""
    order = await api.order()
    payment, address = await shopper.challenged(order["id"])
    async with shopper.stream(payment["id"]) as stream:
        assert ["requires_action"] == await stream.until("requires_action")
        back = await shopper.answer(address, answer)
        assert "requires_action" == (await shopper.payment(payment["id"]))["status"]
        ended = await shopper.come_back(back)
        seen = await stream.until(status)

    assert f"/checkout?order_id={order['id']}&payment_id={payment['id']}" == ended
    assert status == seen[-1]
    final = await shopper.payment(payment["id"])
    assert (reason, None) == (final["error_reason"], final["next_action"])
    assert ([payment["id"]] if answer == "pass" else []) == await charged(api)
    assert bool((await shopper.result(payment["id"]))["signature"]) == (answer == "pass")


async def test_coming_back_again_changes_nothing(api: ApiClient, shopper: Shopper) -> None:
    """The back button, a reload, two tabs: everybody is shown the one payment."""
    order = await api.order()
    payment, address = await shopper.challenged(order["id"])
    action, fields = await shopper.form(address, "pass")
    sent = await asyncio.gather(*(shopper.browse("POST", action, fields) for _ in range(4)))
    assert {303} == {each.status for each in sent}
    ended = await asyncio.gather(
        *(shopper.come_back(each.headers["Location"]) for each in sent * 3)
    )
    await shopper.reached(payment["id"], "success")
    again = await shopper.come_back(sent[0].headers["Location"])

    assert {again} == set(ended)
    assert [payment["id"]] == await charged(api)
    told = await events_of(api, payment["id"])
    assert 1 == told.count("payment.requires_action")
    assert 1 == told.count("payment.success")


async def test_the_first_answer_counts(api: ApiClient, shopper: Shopper) -> None:
    """Who failed in one tab cannot pass in the other, nor the other way round."""
    for first, second, status in (("pass", "fail", "success"), ("fail", "pass", "failed")):
        payment, address = await shopper.challenged((await api.order())["id"])
        action, fields = await shopper.form(address, second)
        back = await shopper.answer(address, first)
        late = await shopper.browse("POST", action, fields)
        assert back == late.headers["Location"]
        await shopper.come_back(back)
        await shopper.reached(payment["id"], status)
        page = await shopper.browse("GET", address)
        assert f'data-state="{"passed" if first == "pass" else "failed"}"' in page.body.decode()
        assert "<form" not in page.body.decode()


async def test_who_looks_and_leaves_is_not_asked_for(
    api: ApiClient, shopper: Shopper, gateway: Gateway
) -> None:
    """Coming back without an answer costs nothing: no event, and the time runs on."""
    payment, address = await shopper.challenged((await api.order())["id"])
    before = await events_of(api, payment["id"])
    await shopper.browse("GET", address)
    for _ in range(3):
        await shopper.come_back(f"/checkout/return?payment_id={payment['id']}")
    shown = await shopper.payment(payment["id"])

    assert ("requires_action", address) == (shown["status"], shown["next_action"]["url"])
    assert payment["updated_at"] == shown["updated_at"]
    assert before == await events_of(api, payment["id"])
    gateway.clock.advance(901)
    failed = await shopper.reached(payment["id"], "failed")
    assert failed["error_reason"] in ("action_abandoned", "authentication_failed")


async def test_an_abandoned_challenge_ends_by_its_deadline(
    api: ApiClient, shopper: Shopper, gateway: Gateway
) -> None:
    """Counted from when it was asked for; nothing is charged, and the order takes another try."""
    order = await api.order()
    gateway.clock.advance(3_600)
    payment, address = await shopper.challenged(order["id"])
    gateway.clock.advance(850)
    page = await shopper.browse("GET", address)
    assert 'data-state="open"' in page.body.decode()
    gateway.clock.advance(60)
    await shopper.reached(payment["id"], "failed")
    overdue = await shopper.browse("GET", address)
    ended = await shopper.come_back(f"/checkout/return?payment_id={payment['id']}")

    assert "<form" not in overdue.body.decode()
    assert ended.endswith(payment["id"])
    assert [] == await charged(api)
    retried = await shopper.pay(order["id"])
    await shopper.reached(retried["id"], "success")
    assert [retried["id"]] == await charged(api)


async def test_too_late_is_not_passed(api: ApiClient, shopper: Shopper, gateway: Gateway) -> None:
    """A page that was open past the deadline cannot charge the card any more."""
    payment, address = await shopper.challenged((await api.order())["id"])
    action, fields = await shopper.form(address, "pass")
    gateway.clock.advance(901)
    sent = await shopper.browse("POST", action, fields)
    await shopper.come_back(sent.headers["Location"])
    await shopper.reached(payment["id"], "failed")

    assert [] == await charged(api)


async def test_the_bank_gives_up_first(
    api: ApiClient, shopper: Shopper, administrator: Any
) -> None:
    """Its page says that the time is over, and coming back ends the payment before its deadline."""
    payment, address = await shopper.challenged((await api.order())["id"])
    await administrator.pool.execute(
        "UPDATE simulator_transactions SET created_at = created_at - interval '901 s'"
    )
    page = (await shopper.browse("GET", address)).body.decode()
    assert 'data-state="overdue"' in page
    assert "<form" not in page
    back = html.unescape(re.findall('href="(/checkout/return[^"]+)"', page)[0])
    await shopper.come_back(back)
    failed = await shopper.reached(payment["id"], "failed")

    assert "authentication_failed" == failed["error_reason"]
    assert [] == await charged(api)


async def test_an_answer_without_the_way_back_is_found(
    api: ApiClient, shopper: Shopper, gateway: Gateway
) -> None:
    """Who passed and lost the connection has paid: the deadline's question finds out."""
    payment, address = await shopper.challenged((await api.order())["id"])
    await shopper.answer(address, "pass")
    gateway.clock.advance(901)
    await shopper.reached(payment["id"], "success")
    await shopper.come_back(f"/checkout/return?payment_id={payment['id']}")

    assert [payment["id"]] == await charged(api)


async def test_a_restart_in_the_middle_loses_nothing(
    settings: Settings, session: aiohttp.ClientSession
) -> None:
    """The process ends while the shopper is at the bank, and again when they are just back."""
    async with running(settings, session) as (_, api, shopper):
        payment, address = await shopper.challenged((await api.order())["id"])
    async with running(settings, session) as (_, api, shopper):
        back = await shopper.answer(address, "pass")
        await shopper.come_back(back)
    async with running(settings, session) as (_, api, shopper):
        await shopper.come_back(back)
        await shopper.reached(payment["id"], "success")

        assert [payment["id"]] == await charged(api)


async def test_a_return_that_fails_can_be_repeated(
    api: ApiClient, shopper: Shopper, gateway: Gateway
) -> None:
    """A fault of ours is a page that can be reloaded; the payment goes on then, once."""
    payment, address = await shopper.challenged((await api.order())["id"])
    back = await shopper.answer(address, "pass")
    gateway.faults.arm("journal.before_commit", "raise")
    broken = await shopper.browse("GET", back)
    assert (500, "text/html; charset=utf-8") == (broken.status, broken.headers["Content-Type"])
    await shopper.come_back(back)
    await shopper.reached(payment["id"], "success")

    assert [payment["id"]] == await charged(api)


async def test_a_second_tab_cannot_pay_meanwhile(api: ApiClient, shopper: Shopper) -> None:
    """While the bank waits for the shopper the order takes no other payment."""
    order = await api.order()
    payment, address = await shopper.challenged(order["id"])
    body = {"order_id": order["id"], "method": "upi", "vpa": "success@bank"}
    refused = await shopper.api.post("/payments/public", body)
    assert (400, "Another payment is in progress") == (
        refused.status,
        refused.error["description"],
    )
    await shopper.come_back(await shopper.answer(address, "pass"))
    await shopper.reached(payment["id"], "success")
    late = await shopper.api.post("/payments/public", body)

    assert (400, "Order already paid") == (late.status, late.error["description"])
    assert [payment["id"]] == await charged(api)


async def test_another_process_hears_of_it(
    settings: Settings, session: aiohttp.ClientSession, api: ApiClient, gateway: Gateway
) -> None:
    """Two gateways share their stores: answered at one, followed to the end at the other."""
    async with running(settings, session) as (other, _, elsewhere):
        at_home = Shopper(ApiClient(session, api.url, key=None, secret=None))
        payment, address = await elsewhere.challenged((await api.order())["id"])
        await eventually(other._hub.connected.is_set)
        async with elsewhere.stream(payment["id"]) as stream:
            await stream.next()
            await at_home.come_back(await at_home.answer(address, "pass"))

            assert "success" == (await stream.until("success"))[-1]
        assert [payment["id"]] == await charged(api)


async def test_what_the_script_says_is_carried_along(api: ApiClient, shopper: Shopper) -> None:
    """From the checkout through the bank and back, in its form, and nothing else."""
    order = await api.order()
    payment, address = await shopper.challenged(order["id"])
    back = await shopper.answer(f"{address}&{KEPT}&return_url=https://evil.example", "pass")
    ended = await shopper.come_back(f"{back}&color=red&next=//evil.example")
    query = dict(parse_qsl(urlsplit(ended).query))

    assert "/checkout" == urlsplit(ended).path
    assert {"order_id": order["id"], "payment_id": payment["id"], **dict(parse_qsl(KEPT))} == query


async def test_a_form_from_elsewhere_is_refused(api: ApiClient, shopper: Shopper) -> None:
    """Without our token, with another's, with another page's word, or with no answer."""
    payment, address = await shopper.challenged((await api.order())["id"])
    _, other = await shopper.challenged((await api.order())["id"])
    action, fields = await shopper.form(address, "pass")
    _, others = await shopper.form(other, "pass")
    wrong: list[tuple[Mapping[str, str], dict[str, str], int]] = [
        ({**fields, "token": ""}, {}, 403),
        ({**fields, "token": "zz"}, {}, 403),
        ({**fields, "token": others["token"]}, {}, 403),
        (fields, {"Sec-Fetch-Site": "cross-site"}, 403),
        (fields, {"Sec-Fetch-Site": "same-site"}, 403),
        ({**fields, "answer": "maybe"}, {}, 400),
        ({"reference": fields["reference"], "token": fields["token"]}, {}, 400),
        ({}, {}, 403),
    ]
    answers = [
        await shopper.browse("POST", action, form, Accept="text/html", **headers)
        for form, headers, _ in wrong
    ]

    assert [status for _, _, status in wrong] == [each.status for each in answers]
    assert {"text/html; charset=utf-8"} == {each.headers["Content-Type"] for each in answers}
    assert "requires_action" == (await shopper.payment(payment["id"]))["status"]
    same = await shopper.browse("POST", action, fields, **{"Sec-Fetch-Site": "same-origin"})
    assert 303 == same.status


@pytest.mark.parametrize(
    "path",
    [
        "/bank/challenge",
        "/bank/challenge?reference=att_0000000000000000",
        "/bank/challenge?reference=%00",
        "/bank/challenge?reference=pay_0000000000000000",
        f"/checkout/return?payment_id={NEVER}",
        "/checkout/return?payment_id=%ff",
    ],
)
async def test_what_is_not_there_is_a_page(shopper: Shopper, path: str) -> None:
    """Unknown references and payments are a designed page, as every error here is."""
    page = await shopper.browse("GET", path)

    assert (404, "text/html; charset=utf-8") == (page.status, page.headers["Content-Type"])
    assert 'data-test-id="page-error"' in page.body.decode()


async def test_a_return_without_a_payment(shopper: Shopper) -> None:
    """An address that was cut off is said to be wrong."""
    assert 400 == (await shopper.browse("GET", "/checkout/return")).status


async def test_the_page_and_who_may_frame_it(
    api: ApiClient, shopper: Shopper, administrator: Any
) -> None:
    """Amount, shop and card; framed by the checkout, which the shop's own pages frame."""
    await api.call("PATCH", "/merchant", {"allowed_origins": ["https://shop.example"]})
    await administrator.pool.execute("UPDATE merchants SET name = $1", "<b>&\"'Shop")
    _, address = await shopper.challenged((await api.order(amount=123_456))["id"])
    page = await shopper.browse("GET", address, **{"Accept-Language": "en-IN"})
    hindi = await shopper.browse("GET", f"{address}&lang=hi")
    text, policy = page.body.decode(), page.headers["Content-Security-Policy"]

    assert "₹1,234.56" in text
    assert "3220" in text
    assert "&lt;b&gt;&amp;&#34;&#39;Shop" in text
    assert "4000000000003220" not in text
    assert "क्या यह आपका भुगतान है?" in hindi.body.decode()
    ancestors = next(each for each in policy.split("; ") if each.startswith("frame-ancestors"))
    assert "frame-ancestors 'self' https://shop.example" in ancestors
    assert "form-action 'self'" in policy
    assert "no-store" == page.headers["Cache-Control"]


async def test_looking_with_head_answers_nothing(api: ApiClient, shopper: Shopper) -> None:
    """A program that checks links does not bring the payment on."""
    payment, address = await shopper.challenged((await api.order())["id"])
    back = await shopper.answer(address, "pass")
    head = await shopper.browse("HEAD", back)

    assert 303 == head.status
    assert "requires_action" == (await shopper.payment(payment["id"]))["status"]


async def test_a_disabled_merchants_challenge_is_gone(
    api: ApiClient, shopper: Shopper, administrator: Any
) -> None:
    """So is the way back."""
    payment, address = await shopper.challenged((await api.order())["id"])
    await administrator.pool.execute("UPDATE merchants SET active = false")

    assert 404 == (await shopper.browse("GET", address)).status
    back = f"/checkout/return?payment_id={payment['id']}"
    assert 404 == (await shopper.browse("GET", back)).status
