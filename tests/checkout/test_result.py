"""What the checkout hands to the shop: the signature of a success, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from gateway.app import Gateway
from gateway.security.signatures import checkout_signature, verify_checkout_signature
from gateway.seeding import TEST_KEY, TEST_MERCHANT_ID, TEST_SECRET
from gateway.settings import Settings
from gateway.web.checkout.addresses import (
    back_to_checkout,
    kept_parameters,
    return_address,
    shop_address,
)
from tests.checkout.shopper import NEVER, Shopper
from tests.web.client import ApiClient
from tests.web.merchants import Administrator

PAGE = "https://shop.example/thanks"
IDS = {"payment_id": "pay_1", "order_id": "order_1"}


async def paid(api: ApiClient, shopper: Shopper, **order: object) -> dict[str, str]:
    """A payment that succeeded."""
    payment = await shopper.pay((await api.order(**order))["id"])
    await shopper.reached(payment["id"], "success")
    return payment


def test_the_vector_of_razorpays_libraries() -> None:
    """Order id, a bar, payment id: what their tests expect."""
    assert "b2335e3b0801106b84a7faff035df56ecffde06918c9ddd1f0fafbb37a51cc89" == (
        checkout_signature("fake_order_id", "fake_payment_id", "key_secret")
    )


async def test_a_success_is_signed(api: ApiClient, shopper: Shopper) -> None:
    """With the secret of the merchant's oldest key; there is no page to go back to."""
    payment = await paid(api, shopper)
    result = await shopper.result(payment["id"])

    assert {
        "status": "success",
        "paymentId": payment["id"],
        "orderId": payment["order_id"],
        "signature": checkout_signature(payment["order_id"], payment["id"], TEST_SECRET),
        "returnUrl": None,
    } == result


async def test_nothing_else_is_signed(api: ApiClient, shopper: Shopper) -> None:
    """A payment that failed has neither signature nor a way back that looks like a success."""
    order = await api.order(return_url=PAGE)
    payment = await shopper.pay(order["id"], method="upi", vpa="failure@bank")
    await shopper.reached(payment["id"], "failed")
    result = await shopper.result(payment["id"])

    assert ("failed", None, None) == (result["status"], result["signature"], result["returnUrl"])


async def test_the_way_back_is_the_orders_else_the_merchants(
    api: ApiClient, shopper: Shopper
) -> None:
    """The merchant's server finds the same three there."""
    changed = await api.call("PATCH", "/merchant", {"return_url": "https://shop.example/all"})
    assert 200 == changed.status
    ours = await paid(api, shopper, return_url=f"{PAGE}?cart=7#top")
    theirs = await paid(api, shopper)

    results = [await shopper.result(each["id"]) for each in (ours, theirs)]

    for result, page in zip(results, (PAGE, "https://shop.example/all"), strict=True):
        address = urlsplit(result["returnUrl"])
        query = dict(parse_qsl(address.query))
        assert page == f"{address.scheme}://{address.netloc}{address.path}"
        assert verify_checkout_signature(
            query["orderId"], query["paymentId"], signature=query["signature"], secret=TEST_SECRET
        )
    assert "cart=7&paymentId=" in results[0]["returnUrl"]
    assert results[0]["returnUrl"].endswith("#top")


async def test_the_key_of_the_script_signs(
    api: ApiClient, shopper: Shopper, administrator: Administrator
) -> None:
    """If it is the merchant's, of the order's mode, and holds; else the oldest one does."""
    payment = await paid(api, shopper)
    own = await administrator.key(TEST_MERCHANT_ID)
    live = await administrator.key(TEST_MERCHANT_ID, mode="live")
    stranger = await administrator.key(await administrator.merchant())

    async def signer(key: str) -> str:
        signature = (await shopper.result(payment["id"], key=key))["signature"]
        secrets = {
            checkout_signature(payment["order_id"], payment["id"], secret): name
            for name, secret in (
                (own.key, own.secret),
                (TEST_KEY, TEST_SECRET),
                (live.key, live.secret),
                (stranger.key, stranger.secret),
            )
        }
        return secrets[signature]

    assert own.key == await signer(own.key)
    for other in (live.key, stranger.key, "key_test_nobody", "", "x' OR 1", "\x00"):
        assert TEST_KEY == await signer(other)


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
async def test_a_key_that_no_longer_holds_signs_nothing(
    api: ApiClient,
    shopper: Shopper,
    administrator: Administrator,
    gateway: Gateway,
    column: str,
) -> None:
    """The next oldest signs; without any there is no signature, but a way back."""
    payment = await paid(api, shopper, return_url=PAGE)
    second = await administrator.key(TEST_MERCHANT_ID)
    past = gateway.clock.now() - timedelta(seconds=1)
    statement = f"UPDATE api_keys SET {column} = $1 WHERE id = $2"
    await administrator.pool.execute(statement, past, TEST_KEY)
    signed = await shopper.result(payment["id"], key=TEST_KEY)
    await administrator.pool.execute(statement, past, second.key)
    unsigned = await shopper.result(payment["id"])

    assert signed["signature"] == (
        checkout_signature(payment["order_id"], payment["id"], second.secret)
    )
    assert unsigned["signature"] is None
    assert (
        f"{PAGE}?paymentId={payment['id']}&orderId={payment['order_id']}" == unsigned["returnUrl"]
    )


async def test_what_has_no_result(
    api: ApiClient, shopper: Shopper, administrator: Administrator
) -> None:
    """No id, unknown ids, another order's payment, a disabled merchant's."""
    payment, other = await paid(api, shopper), await api.order()
    missing = await shopper.get("/checkout/result")
    assert (400, "payment_id") == (missing.status, missing.error["field"])
    for wrong in ("x", "", NEVER, payment["order_id"], "pay_\x00"):
        assert 404 == (await shopper.get("/checkout/result", payment_id=wrong)).status
    mixed = {"payment_id": payment["id"], "order_id": other["id"]}
    assert 404 == (await shopper.get("/checkout/result", **mixed)).status

    await administrator.pool.execute("UPDATE merchants SET active = false")
    assert 404 == (await shopper.get("/checkout/result", payment_id=payment["id"])).status


async def test_a_broken_seal_shows_nothing(
    api: ApiClient,
    shopper: Shopper,
    administrator: Administrator,
    settings: Settings,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A secret that cannot be opened is a fault of ours, without a word of it in the answer."""
    payment = await paid(api, shopper)
    other = await administrator.key(TEST_MERCHANT_ID)
    await administrator.pool.execute(
        "UPDATE api_keys SET secret_sealed = (SELECT secret_sealed FROM api_keys WHERE id = $1)"
        " WHERE id = $2",
        other.key,
        TEST_KEY,
    )
    refused = await shopper.get("/checkout/result", payment_id=payment["id"])

    assert (500, "SERVER_ERROR") == (refused.status, refused.error["code"])
    shown = refused.body.decode() + "".join(capfd.readouterr())
    assert not [secret for secret in (TEST_SECRET, other.secret) if secret in shown]


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        (
            "https://shop.example",
            "https://shop.example?paymentId=pay_1&orderId=order_1&signature=s",
        ),
        (
            "https://shop.example/a?b=c+d%2B&e",
            "https://shop.example/a?b=c+d%2B&e&paymentId=pay_1&orderId=order_1&signature=s",
        ),
        (
            "http://shop.example/?paymentId=mine&signature=x&order%49d=y&keep=1#part",
            "http://shop.example/?keep=1&paymentId=pay_1&orderId=order_1&signature=s#part",
        ),
        ("javascript:alert(1)", None),
        ("//shop.example/x", None),
        ("data:text/html,x", None),
        ("https:///x", None),
        ("https://[x", None),
        (None, None),
    ],
)
def test_the_three_are_added_to_the_merchants_page(base: str | None, expected: str | None) -> None:
    """What the merchant wrote stays as it is; nothing but a web page is an address."""
    assert expected == return_address(base, **IDS, signature="s")


ORIGINS = ("https://shop.example", "http://127.0.0.1:8000", "http://[::1]:8000")


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"embedded": "true", "key": "key_test_a1", "lang": "hi"}, None),
        ({"theme": "dark", "color": "#1d4ed8"}, None),
        ({"theme": "x", "color": "red;}"}, {}),
        *(({"origin": origin}, None) for origin in ORIGINS),
        ({"embedded": "yes", "key": "secret_test_a1", "lang": "<b>"}, {}),
        ({"origin": "https://shop.example/path"}, {}),
        ({"origin": "javascript:x"}, {}),
        ({"origin": "https://shop.example\n"}, {}),
        ({"origin": "https://a@b"}, {}),
        ({"key": "key_test_\x00"}, {}),
        ({"return_url": "https://evil.example", "payment_id": "pay_x"}, {}),
        ({"key": 7}, {}),
    ],
)
def test_what_goes_on_to_the_next_page(
    values: dict[str, object], kept: dict[str, str] | None
) -> None:
    """Only what the script says, and only in its form."""
    assert (values if kept is None else kept) == kept_parameters(values)


@pytest.mark.parametrize("make", [shop_address, lambda one, kept: back_to_checkout(one, one, kept)])
def test_our_own_addresses_stay_ours(make: Callable[..., str]) -> None:
    """They are relative, and what they carry cannot leave its place."""
    address = urlsplit(make("a&b=c#d", {"origin": "https://shop.example", "key": "key_test_a"}))

    assert ("", "", "") == (address.scheme, address.netloc, address.fragment)
    assert address.path.startswith("/checkout")
    assert "b" not in dict(parse_qsl(address.query))
