"""Who may call what: every route, whatever is wrong with the credentials."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from gateway.seeding import TEST_KEY, TEST_MERCHANT_ID, TEST_SECRET
from gateway.settings import Settings
from gateway.storage.administration import revoke_key
from gateway.storage.reads_pages import Scope
from gateway.web.api import PERMISSIONS, api_routes
from gateway.web.routes import Access, Route
from tests.support import eventually
from tests.web.client import ApiClient
from tests.web.merchants import Administrator

Headers = list[tuple[str, str]]


def basic(key: str, secret: str) -> tuple[str, str]:
    return "Authorization", "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()


WRONG: dict[str, Headers] = {
    "nothing": [],
    "key only": [("X-Api-Key", TEST_KEY)],
    "secret only": [("X-Api-Secret", TEST_SECRET)],
    "wrong secret": [("X-Api-Key", TEST_KEY), ("X-Api-Secret", TEST_SECRET + "x")],
    "empty secret": [("X-Api-Key", TEST_KEY), ("X-Api-Secret", "")],
    "secret of another case": [("X-Api-Key", TEST_KEY), ("X-Api-Secret", TEST_SECRET.upper())],
    "unknown key": [("X-Api-Key", "key_test_nobody"), ("X-Api-Secret", TEST_SECRET)],
    "no key of ours": [("X-Api-Key", "' OR 1=1 --"), ("X-Api-Secret", TEST_SECRET)],
    "long key": [("X-Api-Key", "key_test_" + "a" * 4000), ("X-Api-Secret", TEST_SECRET)],
    "stray bytes": [("X-Api-Key", "key_test_\u00e4"), ("X-Api-Secret", "\u00e4")],
    "doubled key": [
        ("X-Api-Key", TEST_KEY),
        ("X-Api-Key", TEST_KEY),
        ("X-Api-Secret", TEST_SECRET),
    ],
    "doubled secret": [
        ("X-Api-Key", TEST_KEY),
        ("X-Api-Secret", TEST_SECRET),
        ("X-Api-Secret", "x"),
    ],
    "another scheme": [("Authorization", f"Bearer {TEST_SECRET}")],
    "no base64": [("Authorization", "Basic !!!")],
    "no colon": [("Authorization", "Basic " + base64.b64encode(b"abc").decode())],
    "no text": [("Authorization", "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode())],
    "wrong pair": [basic(TEST_KEY, "wrong")],
    "doubled basic": [basic(TEST_KEY, TEST_SECRET), basic(TEST_KEY, TEST_SECRET)],
}


def some_path(route: Route) -> str:
    """A path that the route is asked by, with ids of nothing."""
    path = re.sub(r"\{[a-z_]+\}", "order_0000000000000000", route.path)
    return path.removeprefix("/api/v1")


async def test_no_route_opens_without_credentials(
    settings: Settings, client_for: Callable[..., ApiClient]
) -> None:
    """Every merchant's route answers the same 401 to whatever is wrong."""
    anybody = client_for(None, None)
    routes = [route for route in api_routes(settings) if route.access is Access.KEY]
    assert routes
    for route in routes:
        for name, headers in WRONG.items():
            path = some_path(route)
            answer = await anybody.call(route.method, path, headers=headers)

            assert 401 == answer.status, (route.method, route.path, name)
            assert "AUTHENTICATION_ERROR" == answer.error["code"]
            assert "Invalid API credentials" == answer.error["description"]
            assert answer.headers["WWW-Authenticate"].startswith("Basic")


async def test_access_is_never_guessed_from_a_path(
    client_for: Callable[..., ApiClient],
) -> None:
    """`public` or `test` in a path opens nothing."""
    anybody = client_for(None, None)
    for path in (
        "/payments/public",
        "/orders/public",
        "/orders?x=/public",
        "/payments/pay_0000000000000000?test=/public",
        "/webhooks/test",
        "/refunds/test",
    ):
        answer = await anybody.get(path)
        assert answer.status in (401, 404, 405), path


async def test_both_ways_to_authenticate(client_for: Callable[..., ApiClient]) -> None:
    """Two headers, or HTTP Basic with the same pair."""
    anybody = client_for(None, None)
    headers = [("X-Api-Key", TEST_KEY), ("X-Api-Secret", TEST_SECRET)]

    assert 200 == (await anybody.get("/orders", headers=headers)).status
    assert 200 == (await anybody.get("/orders", headers=[basic(TEST_KEY, TEST_SECRET)])).status


async def test_keys_that_no_longer_hold(
    administrator: Administrator, client_for: Callable[..., ApiClient]
) -> None:
    """A key that expired, was revoked, or whose merchant is disabled is refused alike."""
    merchant = await administrator.merchant()
    expired = await administrator.key(merchant, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    disabled = await administrator.key(await administrator.merchant(active=False))
    for credentials in (expired, disabled):
        client = client_for(credentials.key, credentials.secret)
        assert 401 == (await client.get("/orders")).status
    good = await administrator.key(merchant)
    client = client_for(good.key, good.secret)
    assert 200 == (await client.get("/orders")).status
    async with administrator.pool.acquire() as connection:
        scope = Scope(merchant_id=merchant, mode="test")
        assert await revoke_key(connection, scope, good.key, datetime.now(UTC))

    async def refused() -> bool:
        return (await client.get("/orders")).status == 401

    await eventually(refused)


async def test_a_wrong_secret_is_refused_also_after_the_right_one(
    client_for: Callable[..., ApiClient],
) -> None:
    """What is remembered of a right secret lets no other one in."""
    right, wrong = client_for(TEST_KEY, TEST_SECRET), client_for(TEST_KEY, TEST_SECRET + "0")
    for expected, client in ((401, wrong), (200, right), (401, wrong), (200, right), (401, wrong)):
        assert expected == (await client.get("/orders")).status


async def test_roles(
    settings: Settings,
    administrator: Administrator,
    client_for: Callable[..., ApiClient],
) -> None:
    """A read-only key may call what reads, a restricted key what it is permitted, and no more."""
    merchant = await administrator.merchant()
    for role, allowed in (
        ("read_only", {each for each in PERMISSIONS if each.endswith(":read")}),
        ("restricted", {"orders:write", "refunds:read"}),
        ("restricted", set()),
    ):
        key = await administrator.key(merchant, role=role, permissions=tuple(sorted(allowed)))
        client = client_for(key.key, key.secret)
        for route in api_routes(settings):
            if route.access is not Access.KEY:
                continue
            path = some_path(route)
            answer = await client.call(route.method, path, data=b"{}")
            if route.permission in allowed:
                assert 403 != answer.status, (role, route.method, route.path)
            else:
                assert 403 == answer.status, (role, route.method, route.path)
                assert "PERMISSION_ERROR" == answer.error["code"]


async def test_a_read_only_key_sees_no_webhook_secret(
    administrator: Administrator, client_for: Callable[..., ApiClient], api: ApiClient
) -> None:
    """Whoever may not change anything gets nothing to forge webhooks with."""
    key = await administrator.key(TEST_MERCHANT_ID, role="read_only")

    assert "whsec_test_abc123" == (await api.get("/merchant")).json["webhook_secret"]
    assert (await client_for(key.key, key.secret).get("/merchant")).json["webhook_secret"] is None


async def test_the_last_use_is_noted(api: ApiClient, administrator: Administrator) -> None:
    """Off the request's path, when the key was used."""
    await api.get("/orders")

    async def noted() -> datetime | None:
        return await administrator.pool.fetchval(
            "SELECT last_used_at FROM api_keys WHERE id = $1", TEST_KEY
        )

    assert timedelta(minutes=1) > datetime.now(UTC) - await eventually(noted)


async def test_a_live_key_has_no_processor(
    administrator: Administrator, client_for: Callable[..., ApiClient]
) -> None:
    """The simulator never serves live keys."""
    key = await administrator.key(await administrator.merchant(), mode="live")
    live = client_for(key.key, key.secret)
    order = await live.order()
    refused = await live.post(
        "/payments", {"order_id": order["id"], "method": "upi", "vpa": "success@bank"}
    )

    assert 400 == refused.status
    assert "No processor configured" == refused.error["description"]
