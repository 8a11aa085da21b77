"""The checkout's page as the server renders it: every state, and the whole way without script."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from gateway.app import Gateway
from gateway.seeding import TEST_KEY, TEST_MERCHANT_ID
from gateway.storage.pool import Pool
from gateway.web.checkout.rendering import VIEW_HEADER
from tests.checkout.shopper import NEVER, Shopper
from tests.support import eventually
from tests.web.client import Answer, ApiClient
from tests.web.merchants import Administrator

UNKNOWN_ORDER = "order_0000000000000000"
RETURN_PAGE = "https://shop.example/thanks?basket=7"
CARD_FORM = {
    "method": "card",
    "card_number": "4242 4242 4242 4242",
    "card_expiry": "12/35",
    "card_cvv": "123",
    "card_holder_name": "Asha Rao",
}


def shown(page: Answer) -> list[str]:
    """The test ids of what is not hidden, of those that are states."""
    text = page.body.decode()
    states = re.findall(r'<section[^>]*data-test-id="([a-z-]+-state)"([^>]*)>', text)
    ready = re.findall(r'<section data-when="ready"([^>]*)>', text)
    found = [name for name, rest in states if " hidden" not in rest]
    return found + ["ready" for rest in ready if " hidden" not in rest]


def text_of(page: Answer, test_id: str) -> str:
    """What the element with this id says."""
    found = re.findall(rf'data-test-id="{test_id}"[^>]*>(.*?)</', page.body.decode(), re.DOTALL)
    return html.unescape(re.sub("<[^>]+>", "", found[0])).strip()


def attempt_of(page: Answer) -> str:
    return re.findall('name="attempt" value="([^"]+)"', page.body.decode())[0]


async def opened(shopper: Shopper, order_id: str, **query: str) -> Answer:
    parts = "".join(f"&{name}={value}" for name, value in query.items())
    return await shopper.browse("GET", f"/checkout?order_id={order_id}{parts}")


async def posted(shopper: Shopper, order_id: str, **fields: str) -> Answer:
    """The form as a browser without script sends it, with the attempt of a fresh page."""
    attempt = attempt_of(await opened(shopper, order_id))
    return await shopper.browse(
        "POST", f"/checkout?order_id={order_id}", {"attempt": attempt, **fields}
    )


async def test_an_order_to_be_paid(api: ApiClient, shopper: Shopper) -> None:
    """Shop, amount, order, all methods, and one button that says what it costs."""
    order = await api.order()
    page = await opened(shopper, order["id"])

    assert 200 == page.status
    assert ["ready"] == shown(page)
    assert ("₹500.00", order["id"]) == (text_of(page, "order-amount"), text_of(page, "order-id"))
    assert "Test Merchant" == text_of(page, "merchant-name")
    text = page.body.decode()
    assert 1 == text.count('data-test-id="pay-button"')
    assert "Pay ₹500.00" in text
    for method in ("upi", "card", "netbanking", "wallet"):
        assert f'data-test-id="method-{method}" data-method="{method}"' in text


async def test_amounts_follow_currency_and_locale(api: ApiClient, shopper: Shopper) -> None:
    """No decimals for yen, and the groups of the shopper's own country."""
    yen = await api.order(amount=1_234_567, currency="JPY")
    rupees = await api.order(amount=12_345_678)

    page = await opened(shopper, yen["id"])
    assert "¥1,234,567" == text_of(page, "order-amount")
    address = f"/checkout?order_id={rupees['id']}"
    page = await shopper.browse("GET", address, **{"Accept-Language": "en-IN"})
    assert "₹1,23,456.78" == text_of(page, "order-amount")


async def test_only_enabled_methods(api: ApiClient, shopper: Shopper) -> None:
    """What the merchant switched off is neither offered nor taken."""
    await api.call("PATCH", "/merchant", {"enabled_methods": ["card"]})
    order = await api.order()
    page = await opened(shopper, order["id"], method="upi")

    text = page.body.decode()
    assert 'data-test-id="method-card"' in text
    assert 'data-test-id="method-upi"' not in text
    refused = await posted(shopper, order["id"], method="upi", vpa="success@bank")
    assert (400, ["ready"]) == (refused.status, shown(refused))


@pytest.mark.parametrize(
    "query", ["", "?order_id=", "?order_id=nope", f"?order_id={UNKNOWN_ORDER}"]
)
async def test_no_such_order(shopper: Shopper, query: str) -> None:
    """A link that was cut leads to a page that says what to do."""
    page = await shopper.browse("GET", f"/checkout{query}")

    assert 404 == page.status
    assert "Nothing was charged" in text_of(page, "error-message")


async def test_a_whole_payment_without_script(api: ApiClient, shopper: Shopper) -> None:
    """Form, page that reloads itself, receipt, and a link back with a signature."""
    order = await api.order(return_url=RETURN_PAGE)
    sent = await posted(shopper, order["id"], **CARD_FORM)
    assert 303 == sent.status
    address = sent.headers["Location"]
    payment_id = dict(parse_qsl(urlsplit(address).query))["payment_id"]

    await shopper.reached(payment_id, "success")
    page = await shopper.browse("GET", address)
    assert ["success-state"] == shown(page)
    assert payment_id == text_of(page, "payment-id")
    assert "Visa •••• 4242" in page.body.decode()
    link = re.findall('data-test-id="return-link" href="([^"]+)"', page.body.decode())[0]
    values = dict(parse_qsl(urlsplit(html.unescape(link)).query))
    assert ("7", payment_id) == (values["basket"], values["paymentId"])
    assert 64 == len(values["signature"])


async def test_a_payment_under_way_reloads_itself(
    api: ApiClient, shopper: Shopper, gateway: Gateway
) -> None:
    """Where script does not run, the page asks again by itself; where the bank is silent too."""
    order = await api.order()
    sent = await posted(shopper, order["id"], method="upi", vpa="timeout@bank")
    payment_id = sent.headers["Location"].rpartition("payment_id=")[2]
    await shopper.reached(payment_id, "unknown")

    page = await shopper.browse("GET", sent.headers["Location"])
    assert ["processing-state"] == shown(page)
    assert '<noscript><meta http-equiv="refresh"' in page.body.decode()
    assert "do not pay again" in page.body.decode()


async def test_a_double_click_pays_once(api: ApiClient, shopper: Shopper) -> None:
    """The same form sent twice is one payment."""
    order = await api.order()
    form = {"attempt": attempt_of(await opened(shopper, order["id"])), **CARD_FORM}
    first = await shopper.browse("POST", f"/checkout?order_id={order['id']}", form)
    second = await shopper.browse("POST", f"/checkout?order_id={order['id']}", form)

    assert 303 == first.status
    assert first.headers["Location"] == second.headers["Location"]
    assert 1 == (await api.get(f"/orders/{order['id']}/payments")).json["total"]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"method": "upi", "vpa": "nobody"}, "vpa"),
        ({"method": "upi"}, "vpa"),
        ({**CARD_FORM, "card_number": "4242424242424241"}, "card_number"),
        ({**CARD_FORM, "card_expiry": "12/20"}, "card_expiry"),
        ({**CARD_FORM, "card_expiry": "x"}, "card_expiry"),
        ({**CARD_FORM, "card_cvv": "1"}, "card_cvv"),
        ({"method": "card"}, "card_number"),
        ({"method": "netbanking"}, "bank"),
        ({"method": "netbanking", "bank": "?"}, "bank"),
        ({"method": "wallet"}, "wallet"),
    ],
)
async def test_what_is_wrong_is_said_beside_the_field(
    api: ApiClient, shopper: Shopper, fields: dict[str, str], wrong: str
) -> None:
    """The field is marked and described; the card is not shown again."""
    order = await api.order()
    page = await posted(shopper, order["id"], **fields)

    text = page.body.decode()
    assert (400, ["ready"]) == (page.status, shown(page))
    assert re.search(rf'<p class="error" id="{wrong}-error"[^>]*>\S', text)
    assert "4242" not in text.replace("4242 •", "")
    assert f'value="{fields["method"]}" checked' in text


@pytest.mark.parametrize("method", ["", "cash", "token"])
async def test_a_form_that_chose_nothing_known(
    api: ApiClient, shopper: Shopper, method: str
) -> None:
    """It is shown again with a sentence above the button."""
    order = await api.order()
    page = await posted(shopper, order["id"], method=method)

    assert (400, ["ready"]) == (page.status, shown(page))
    assert "check your details" in page.body.decode()


async def test_bad_forms(api: ApiClient, shopper: Shopper) -> None:
    """Bytes that are no form, or a character that no store takes: 4xx, a page, no fault."""
    path = f"/checkout?order_id={(await api.order())['id']}"
    url = shopper.api.url + path
    for data, kind in (
        (b"\xff\xfe=1", "application/x-www-form-urlencoded"),
        (b"method=upi&vpa=%00", "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"--x", "multipart/form-data; boundary=x"),
    ):
        async with shopper.api.session.post(
            url, data=data, headers={"Content-Type": kind, "Accept-Encoding": "identity"}
        ) as response:
            assert 400 == response.status, data
            assert "text/html" in response.headers["Content-Type"]


async def test_every_failure_has_its_words(api: ApiClient, shopper: Shopper) -> None:
    """What the bank said, as a shopper understands it, and a way to try again."""
    for number, words in (
        ("4000000000000002", "declined this card"),
        ("4000000000009995", "not enough money"),
        ("4000000000000069", "has expired"),
        ("4000000000000119", "problem right now"),
    ):
        order = await api.order()
        sent = await posted(shopper, order["id"], **{**CARD_FORM, "card_number": number})
        payment_id = sent.headers["Location"].rpartition("payment_id=")[2]
        await shopper.reached(payment_id, "failed")
        page = await shopper.browse("GET", sent.headers["Location"])
        assert ["error-state"] == shown(page)
        assert words in text_of(page, "error-message")
        assert f'href="/checkout?order_id={order["id"]}"' in page.body.decode()


async def test_card_data_that_was_lost(api: ApiClient, shopper: Shopper, pool: Pool) -> None:
    """The shopper reads that nothing was charged and that the card is to be entered again."""
    payment = await shopper.pay((await api.order())["id"], method="upi", vpa="failure@bank")
    await shopper.reached(payment["id"], "failed")
    await pool.execute(
        "UPDATE payments SET error_code = 'CARD_DATA_LOST', error_reason = 'card_data_lost'"
        " WHERE id = $1",
        payment["id"],
    )
    page = await opened(shopper, payment["order_id"], payment_id=payment["id"])

    assert "enter your card again" in text_of(page, "error-message")


async def test_orders_that_take_no_payment(
    api: ApiClient, shopper: Shopper, gateway: Gateway
) -> None:
    """Paid, cancelled and expired orders say so, and a form that comes late is led there."""
    paid, cancelled = await api.order(), await api.order()
    payment = await shopper.pay(paid["id"])
    await shopper.reached(payment["id"], "success")
    await api.post(f"/orders/{cancelled['id']}/cancel")
    late = gateway.clock.now() + timedelta(seconds=2)
    expired = await api.order(expires_at=late.isoformat())
    gateway.clock.advance(3)

    for order, state in (
        (paid, "paid-state"),
        (cancelled, "cancelled-state"),
        (expired, "expired-state"),
    ):
        page = await opened(shopper, order["id"])
        assert (200, [state]) == (page.status, shown(page))
        assert payment["id"] not in page.body.decode()
        sent = await posted(shopper, order["id"], method="upi", vpa="success@bank")
        assert (303, f"/checkout?order_id={order['id']}") == (
            sent.status,
            sent.headers["Location"],
        )


async def test_an_order_that_was_tried_too_often(
    api: ApiClient, shopper: Shopper, pool: Pool, gateway: Gateway
) -> None:
    """The page does not offer what the order would refuse."""
    order = await api.order()
    tried = gateway.settings.payments_per_order_max
    await pool.execute("UPDATE orders SET attempts = $2 WHERE id = $1", order["id"], tried)

    assert ["exhausted-state"] == shown(await opened(shopper, order["id"]))


async def test_a_shop_without_a_processor(
    shopper: Shopper, administrator: Administrator, client_for: Callable[..., ApiClient]
) -> None:
    """A live order that nobody can charge: the shop's fault, not the shopper's details."""
    live = await administrator.key(TEST_MERCHANT_ID, mode="live")
    order = await client_for(live.key, live.secret).order()
    page = await posted(shopper, order["id"], method="upi", vpa="success@bank")

    assert (400, ["ready"]) == (page.status, shown(page))
    assert "cannot take payments right now" in page.body.decode()


async def test_a_second_tab_shows_the_payment_of_the_first(
    api: ApiClient, shopper: Shopper
) -> None:
    """Who opens the order again while it is being paid sees that, and not a form."""
    order = await api.order()
    payment = await shopper.pay(order["id"], method="upi", vpa="timeout@bank")
    await shopper.reached(payment["id"], "unknown")

    page = await opened(shopper, order["id"])
    assert ["processing-state"] == shown(page)
    assert payment["id"] in page.body.decode()


async def test_a_failed_payment_gives_way_to_one_that_lives(
    api: ApiClient, shopper: Shopper
) -> None:
    """An old address does not offer to try again what another tab has paid meanwhile."""
    order = await api.order()
    failed = await shopper.pay(order["id"], method="upi", vpa="failure@bank")
    await shopper.reached(failed["id"], "failed")
    payment = await shopper.pay(order["id"])
    await shopper.reached(payment["id"], "success")

    page = await opened(shopper, order["id"], payment_id=failed["id"])
    assert ["paid-state"] == shown(page)


async def test_a_voided_payment(api: ApiClient, shopper: Shopper) -> None:
    """An authorization that the merchant gave back is no success any more."""
    payment = await shopper.pay((await api.order())["id"])
    await shopper.reached(payment["id"], "success")
    assert 200 == (await api.post(f"/payments/{payment['id']}/cancel")).status

    page = await opened(shopper, payment["order_id"], payment_id=payment["id"])
    assert ["voided-state"] == shown(page)


async def test_a_refunded_payment(api: ApiClient, shopper: Shopper) -> None:
    """Who comes back to the receipt reads what was given back."""
    payment = await api.captured()
    refund = await api.post(f"/payments/{payment['id']}/refunds", {"amount": 12_500})
    assert 201 == refund.status

    async def note() -> str:
        page = await opened(shopper, payment["order_id"], payment_id=payment["id"])
        assert ["success-state"] == shown(page)
        return "refunded-note" in page.body.decode() and text_of(page, "refunded-note")

    assert "₹125.00 was refunded to you." == await eventually(note)


async def test_a_payment_of_another_order_is_not_shown(api: ApiClient, shopper: Shopper) -> None:
    """The payment in the address counts only for its own order."""
    payment = await shopper.pay((await api.order())["id"])
    await shopper.reached(payment["id"], "success")
    other = await api.order()

    page = await opened(shopper, other["id"], payment_id=payment["id"])
    assert ["ready"] == shown(page)
    assert payment["id"] not in page.body.decode()


async def test_success_and_failure_tell_the_truth(api: ApiClient, shopper: Shopper) -> None:
    """`/success` is a success only if the payment is one; `/failure` works without a payment."""
    good = await shopper.pay((await api.order())["id"])
    bad = await shopper.pay((await api.order())["id"], method="upi", vpa="failure@bank")
    await shopper.reached(good["id"], "success")
    await shopper.reached(bad["id"], "failed")

    for path, state in (
        (f"/success?payment_id={good['id']}", "success-state"),
        (f"/success?payment_id={bad['id']}", "error-state"),
        (f"/failure?payment_id={bad['id']}", "error-state"),
        (f"/failure?payment_id={good['id']}", "success-state"),
        ("/failure", "error-state"),
        (f"/failure?order_id={good['order_id']}", "error-state"),
    ):
        page = await shopper.browse("GET", path)
        assert (200, [state]) == (page.status, shown(page)), path
    for path in ("/success", f"/success?payment_id={NEVER}"):
        assert 404 == (await shopper.browse("GET", path)).status


async def test_challenge_without_script(api: ApiClient, shopper: Shopper) -> None:
    """A link leads to the bank, with what the page was told kept on the way there and back."""
    order = await api.order()
    form = {**CARD_FORM, "card_number": "4000000000003220"}
    attempt = attempt_of(await opened(shopper, order["id"]))
    sent = await shopper.browse(
        "POST", f"/checkout?order_id={order['id']}&lang=hi", {"attempt": attempt, **form}
    )
    payment_id = dict(parse_qsl(urlsplit(sent.headers["Location"]).query))["payment_id"]
    await shopper.reached(payment_id, "requires_action")

    page = await shopper.browse("GET", sent.headers["Location"])
    assert ["challenge-state"] == shown(page)
    link = re.findall('id="challenge-link" href="([^"]+)"', page.body.decode())[0]
    back = await shopper.answer(html.unescape(link), "pass")
    address = await shopper.come_back(back)
    await shopper.reached(payment_id, "success")
    page = await shopper.browse("GET", address)
    assert ["success-state"] == shown(page)
    assert 'lang="hi"' in page.body.decode()


async def test_card_data_stays_in_the_request(
    api: ApiClient, shopper: Shopper, capfd: pytest.CaptureFixture[str], pool: Pool
) -> None:
    """Neither addresses nor logs nor tables hold the number or the code."""
    order = await api.order()
    sent = await posted(shopper, order["id"], **{**CARD_FORM, "card_cvv": "917"})
    payment_id = sent.headers["Location"].rpartition("payment_id=")[2]
    await shopper.reached(payment_id, "success")

    out, err = capfd.readouterr()
    row = await pool.fetchrow("SELECT * FROM payments WHERE id = $1", payment_id)
    # Microseconds are any digits.
    stored = [value for value in row.values() if not isinstance(value, datetime)]
    for place in (str(sent.headers), out, err, str(stored)):
        assert "4242424242424242" not in place.replace(" ", "")
        assert "917" not in re.sub(r"[A-Za-z_]+_[A-Za-z0-9]{16}|\d{4}-\d\d-\d\d.*", "", place)


async def test_who_may_frame_it(api: ApiClient, shopper: Shopper) -> None:
    """The merchant's origins, and loopback in test mode; nobody is told anything elsewhere."""
    await api.call("PATCH", "/merchant", {"allowed_origins": ["https://shop.example"]})
    order = await api.order()

    async def parent(origin: str) -> str:
        page = await opened(shopper, order["id"], embedded="true", key=TEST_KEY, origin=origin)
        return re.findall('"parentOrigin": (null|"[^"]+")', page.body.decode())[0]

    page = await opened(shopper, order["id"])
    policy = page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'self' https://shop.example http://localhost:*" in policy
    assert "X-Frame-Options" not in page.headers
    assert '"https://shop.example"' == await parent("https://shop.example")
    assert '"http://localhost:3000"' == await parent("http://localhost:3000")
    for stranger in ("https://evil.example", "https://shop.example.evil", "null", "*"):
        assert "null" == await parent(stranger)


async def test_live_orders_are_not_framed_by_loopback(
    api: ApiClient, shopper: Shopper, pool: Pool
) -> None:
    """Outside of test mode only registered origins count."""
    order = await api.order()
    await pool.execute("UPDATE orders SET mode = 'live' WHERE id = $1", order["id"])
    page = await opened(shopper, order["id"], embedded="true", origin="http://localhost:3000")

    assert "frame-ancestors 'self'; " in page.headers["Content-Security-Policy"]
    assert '"parentOrigin": null' in page.body.decode()
    assert "Test mode" not in page.body.decode()


async def test_what_strangers_wrote_is_text(api: ApiClient, shopper: Shopper) -> None:
    """Markup in the merchant's name, in the address and in the form is shown, never run."""
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}"
    await api.call("PATCH", "/merchant", {"name": evil})
    order = await api.order()
    pages = [
        await opened(shopper, order["id"], lang=evil, theme=evil, color=evil, origin=evil),
        await posted(shopper, order["id"], method="upi", vpa=evil),
        await posted(
            shopper, order["id"], **{**CARD_FORM, "card_cvv": "", "card_holder_name": evil}
        ),
    ]

    for page in pages:
        text = page.body.decode()
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "&lt;script&gt;" in text
        assert "{{7*7}}" in text


async def test_the_pages_scripts_are_an_inventory(api: ApiClient, shopper: Shopper) -> None:
    """The published list has exactly the scripts of the page, with the hashes that it demands."""
    order = await api.order()
    page = (await opened(shopper, order["id"])).body.decode()
    listed = (await shopper.get("/checkout/scripts.json")).json["scripts"]

    found = re.findall(r'<script src="([^"]+)" integrity="([^"]+)" nonce="[^"]+" defer>', page)
    assert [(each["url"], each["integrity"]) for each in listed] == found
    assert all(each["purpose"] and each["bytes"] for each in listed)
    assert len(found) + 1 == page.count("<script"), "besides them only the data"
    assert not re.search(r'\son[a-z]+="|\sstyle="|javascript:', page)


async def test_the_page_is_light(api: ApiClient, shopper: Shopper) -> None:
    """Page, styles, scripts and icon are at most 60 KiB as they travel, compressed."""
    order = await api.order()
    session, url = shopper.api.session, shopper.api.url
    zipped = {"Accept-Encoding": "gzip"}
    async with session.get(f"{url}/checkout?order_id={order['id']}", headers=zipped) as response:
        page = await response.read()
        assert "gzip" == response.headers["Content-Encoding"]
    plain = (await opened(shopper, order["id"])).body.decode()
    weight = len(page)
    for path in set(re.findall(r'(?:href|src)="(/assets/[^"]+)"', plain)):
        async with session.get(url + path, headers=zipped) as response:
            weight += len(await response.read())

    assert 60 * 1024 >= weight
    assert len(plain) > 3 * len(page)


async def test_what_would_be_shown_now(api: ApiClient, shopper: Shopper) -> None:
    """HEAD says which view the page would have, without the page."""
    order = await api.order()
    path = f"/checkout?order_id={order['id']}"
    before = await shopper.browse("HEAD", path)
    payment = await shopper.pay(order["id"])
    await shopper.reached(payment["id"], "success")
    after = await shopper.browse("HEAD", path)

    assert ("ready", b"") == (before.headers[VIEW_HEADER], before.body)
    assert "paid" == after.headers[VIEW_HEADER]


async def test_a_closed_shop_has_no_checkout(api: ApiClient, shopper: Shopper, pool: Pool) -> None:
    """Orders of a merchant that was disabled are not found."""
    order = await api.order()
    await pool.execute("UPDATE merchants SET active = false")

    page = await eventually(lambda: opened(shopper, order["id"]))
    assert 404 == page.status
