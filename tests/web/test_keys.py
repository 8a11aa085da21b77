"""API keys by the API: made, changed, rotated with an overlap, revoked; none gives too much."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.app import Gateway
from gateway.queue.notifications import Changes
from gateway.seeding import TEST_KEY, TEST_MERCHANT_ID
from gateway.settings import Settings
from gateway.storage.pool import Pool
from gateway.web.application import make_application
from gateway.web.routes import ROUTES, Access
from tests.support import eventually
from tests.web.client import ApiClient
from tests.web.merchants import Administrator

ClientFor = Callable[..., ApiClient]
NOBODYS = "key_test_0000000000000000"


async def made(api: ApiClient, **fields: Any) -> dict[str, Any]:
    """A new key with its secret."""
    answer = await api.post("/keys", {"role": "full", **fields})
    assert 201 == answer.status, answer.body
    return answer.json


async def test_a_key_is_made_read_and_revoked(api: ApiClient, client_for: ClientFor) -> None:
    """Its secret is in the first answer alone; a revoked key is refused with the next request."""
    key = await made(api, role="read_only")
    client = client_for(key["id"], key["secret"])
    used = await client.get("/orders")
    read, listed = await api.get(f"/keys/{key['id']}"), await api.get("/keys")
    revoked = await api.call("DELETE", f"/keys/{key['id']}")
    again = await api.call("DELETE", f"/keys/{key['id']}")

    assert key["secret"].startswith("secret_test_")
    assert ("test", "read_only", "active") == (key["mode"], key["role"], key["status"])
    assert "secret" not in read.json
    assert [key["id"], TEST_KEY] == [each["id"] for each in listed.json["data"]]
    assert key["secret"].encode() not in read.body + listed.body
    assert (200, 200, "revoked") == (used.status, revoked.status, revoked.json["status"])
    assert 401 == (await client.get("/orders")).status
    assert (400, "key_revoked") == (again.status, again.error["reason"])


async def test_a_repeat_answers_the_same_key(api: ApiClient, pool: Pool) -> None:
    """The stored answer is sealed: it shows a secret."""
    first = await api.post("/keys", {"role": "full"}, key="once")
    second = await api.post("/keys", {"role": "full"}, key="once")
    stored = await pool.fetchval("SELECT body FROM idempotency_keys WHERE key = 'once'")

    assert first.body == second.body
    assert first.json["secret"].encode() not in stored
    assert 2 == await pool.fetchval("SELECT count(*) FROM api_keys")


async def test_both_keys_hold_during_the_overlap(
    gateway: Gateway, api: ApiClient, client_for: ClientFor
) -> None:
    """After it the old one is refused, and the new one can do what the old one could."""
    old = await made(api, role="restricted", permissions=["orders:read"])
    old_client = client_for(old["id"], old["secret"])
    await old_client.get("/orders")
    answer = await api.post(f"/keys/{old['id']}/rotate", {"overlap_seconds": 3600})
    new = answer.json
    new_client = client_for(new["id"], new["secret"])
    during = [(await each.get("/orders")).status for each in (old_client, new_client)]
    gateway.clock.advance(3600)
    after = [(await each.get("/orders")).status for each in (old_client, new_client)]

    assert 201 == answer.status
    assert (["orders:read"], None) == (new["permissions"], new["expires_at"])
    assert (old["id"], new["id"]) == (new["replaces"]["id"], new["replaces"]["replaced_by"])
    assert ([200, 200], [401, 200]) == (during, after)
    assert 403 == (await new_client.get("/payments")).status


async def test_a_leaked_key_ends_at_once(api: ApiClient, client_for: ClientFor) -> None:
    """An overlap of 0; a key is rotated once, and one that is over not at all."""
    old = await made(api)
    client = client_for(old["id"], old["secret"])
    await client.get("/orders")
    rotated = await api.post(f"/keys/{old['id']}/rotate", {"overlap_seconds": 0})
    over = await api.post(f"/keys/{old['id']}/rotate")
    other = await made(api)
    await api.post(f"/keys/{other['id']}/rotate")
    twice = await api.post(f"/keys/{other['id']}/rotate")
    changed = await api.call("PATCH", f"/keys/{other['id']}", {"expires_at": None})

    assert (201, 401) == (rotated.status, (await client.get("/orders")).status)
    assert "expired" == rotated.json["replaces"]["status"]
    assert ["key_not_active", "key_rotated", "key_rotated"] == [
        each.error["reason"] for each in (over, twice, changed)
    ]


async def test_a_rotated_key_holds_as_long_as_the_old_one_was_meant_to(
    gateway: Gateway, api: ApiClient
) -> None:
    """Counted from the rotation; the old one never longer than it would have."""
    ends = gateway.clock.now().timestamp() + 86_400
    old = await made(api, expires_at=int(ends))
    gateway.clock.advance(80_000)
    new = (await api.post(f"/keys/{old['id']}/rotate", {"overlap_seconds": 86_400})).json

    assert old["expires_at"] == new["replaces"]["expires_at"]
    assert new["expires_at"] > old["expires_at"]


async def test_rights_are_changed(api: ApiClient, client_for: ClientFor) -> None:
    """They hold from the next request on; what is not named stays."""
    key = await made(api)
    client = client_for(key["id"], key["secret"])
    before = await client.post("/orders", {"amount": 500})
    changed = await api.call("PATCH", f"/keys/{key['id']}", {"role": "read_only"})
    ended = await api.call("PATCH", f"/keys/{key['id']}", {"expires_at": "2030-01-01T00:00:00Z"})

    assert (201, 200) == (before.status, changed.status)
    assert 403 == (await client.post("/orders", {"amount": 500})).status
    assert ("read_only", "2030-01-01T00:00:00.000Z") == (
        ended.json["role"],
        ended.json["expires_at"],
    )


async def test_a_key_gives_nobody_more_than_it_has(
    api: ApiClient, client_for: ClientFor, pool: Pool
) -> None:
    """Neither by a new key, nor by changing itself, nor by rotating a stronger one."""
    weak = await made(api, role="restricted", permissions=["keys:write", "orders:read"])
    client = client_for(weak["id"], weak["secret"])
    itself = f"/keys/{weak['id']}"
    refused = [
        await client.post("/keys", {"role": "full"}),
        await client.post("/keys", {"role": "read_only"}),
        await client.post("/keys", {"role": "restricted", "permissions": ["orders:write"]}),
        await client.call("PATCH", itself, {"role": "full", "permissions": []}),
        await client.call("PATCH", itself, {"permissions": ["keys:write", "payments:write"]}),
        await client.post(f"/keys/{TEST_KEY}/rotate"),
    ]
    good = await client.post("/keys", {"role": "restricted", "permissions": ["orders:read"]})

    assert {(403, "PERMISSION_ERROR")} == {(each.status, each.error["code"]) for each in refused}
    assert 201 == good.status
    assert 3 == await pool.fetchval("SELECT count(*) FROM api_keys")


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no role": ({}, "role"),
    "another role": ({"role": "root"}, "role"),
    "restricted to nothing": ({"role": "restricted"}, "permissions"),
    "full and restricted": ({"role": "full", "permissions": ["orders:read"]}, "permissions"),
    "made-up": ({"role": "restricted", "permissions": ["team:write"]}, "permissions"),
    "no list": ({"role": "restricted", "permissions": "orders:read"}, "permissions"),
    "no text": ({"role": "restricted", "permissions": [1]}, "permissions.0"),
    "too many": ({"role": "restricted", "permissions": ["orders:read"] * 101}, "permissions"),
    "past": ({"role": "full", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    "no time": ({"role": "full", "expires_at": "tomorrow"}, "expires_at"),
    "a secret": ({"role": "full", "secret": "secret_test_mine"}, "secret"),
}


async def test_what_no_key_can_be(api: ApiClient, pool: Pool) -> None:
    """Each is refused and named, and nothing is made."""
    for name, (fields, at_fault) in BAD.items():
        answer = await api.post("/keys", fields)
        assert (400, at_fault) == (answer.status, answer.error["field"]), name
    for overlap in (-1, 604_801, "1", True, 1.5):
        answer = await api.post(f"/keys/{TEST_KEY}/rotate", {"overlap_seconds": overlap})
        assert (400, "overlap_seconds") == (answer.status, answer.error["field"]), overlap

    assert 1 == await pool.fetchval("SELECT count(*) FROM api_keys")


async def test_keys_of_others_and_of_the_other_mode_do_not_exist(
    api: ApiClient, administrator: Administrator
) -> None:
    """Neither read nor changed, rotated or revoked."""
    theirs = await administrator.key(await administrator.merchant())
    live = await administrator.key(TEST_MERCHANT_ID, mode="live")
    for key_id in (theirs.key, live.key, NOBODYS, "nonsense", "key_test_", "%00"):
        for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/rotate")):
            answer = await api.call(method, f"/keys/{key_id}{path}", data=b"{}")
            assert 404 == answer.status, (method, key_id)
    listed = await api.get("/keys")

    assert [TEST_KEY] == [each["id"] for each in listed.json["data"]]


class TestFewKeys:
    """A merchant may have two keys in a mode."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"api_keys_max": 2})

    async def test_keys_have_a_limit(self, api: ApiClient) -> None:
        """Rotation is possible with all of them in use, though not without end."""
        await made(api)
        refused = await api.post("/keys", {"role": "full"})
        last = TEST_KEY
        statuses = []
        for _ in range(3):
            answer = await api.post(f"/keys/{last}/rotate")
            statuses.append(answer.status)
            last = answer.json["id"] if answer.status == 201 else last

        assert (400, "too_many_keys") == (refused.status, refused.error["reason"])
        assert [201, 201, 400] == statuses


async def test_every_route_for_keys_has_a_permission(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the whole application, whatever the wire format; one for reading ends in `:read`."""
    applications: list[web.Application] = []

    def make(*arguments: Any, **options: Any) -> web.Application:
        applications.append(make_application(*arguments, **options))
        return applications[-1]

    monkeypatch.setattr("gateway.app.make_application", make)
    gateway = Gateway(settings)
    await gateway.start()
    await gateway.stop()
    routes = [each for each in applications[0][ROUTES].values() if each.access is Access.KEY]

    assert len(routes) > 50
    for route in routes:
        subject, _, right = route.permission.partition(":")
        assert subject, route.path
        assert right, route.path
        assert right == "read" or route.method != "GET", (route.method, route.path)


class TestTwoProcesses:
    """What one gateway does to a key holds in another one on the same stores."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        # Only news can make a key be read anew within the test.
        return settings.model_copy(update={"key_cache_seconds": 3600.0})

    @pytest.mark.parametrize("action", ["revoke", "rotate", "change"])
    async def test_news_of_keys_reach_the_other_one(
        self, api: ApiClient, settings: Settings, session: aiohttp.ClientSession, action: str
    ) -> None:
        """Revoked, rotated without an overlap, or no longer permitted: at once there, too."""
        key = await made(api)
        async with another(settings) as other:
            client = other_client(session, other, key)
            assert 200 == (await client.get("/orders")).status
            if action == "revoke":
                await api.call("DELETE", f"/keys/{key['id']}")
            elif action == "rotate":
                await api.post(f"/keys/{key['id']}/rotate", {"overlap_seconds": 0})
            else:
                rights = {"role": "restricted", "permissions": ["payments:read"]}
                await api.call("PATCH", f"/keys/{key['id']}", rights)
            await eventually(lambda: refused(client))

    async def test_lost_news_are_made_up_for_within_a_second(
        self, api: ApiClient, settings: Settings, session: aiohttp.ClientSession
    ) -> None:
        """The other process hears nothing, and reads its keys anew every second by default."""
        key = await made(api)
        default = Settings.model_fields["key_cache_seconds"].default
        deaf = {"redis_prefix": f"{settings.redis_prefix}-deaf", "key_cache_seconds": default}
        async with another(settings.model_copy(update=deaf)) as other:
            client = other_client(session, other, key)
            assert 200 == (await client.get("/orders")).status
            await api.call("DELETE", f"/keys/{key['id']}")
            await eventually(lambda: refused(client))

        assert 1 >= default

    async def test_a_key_is_revoked_while_redis_is_away(
        self, api: ApiClient, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is committed and answered; others find out by themselves."""

        async def away(_changes: Changes, _key_ids: Any) -> None:
            raise ConnectionError("Redis is away")

        key = await made(api)
        monkeypatch.setattr(Changes, "revoke", away)
        again = Gateway(gateway.settings)
        await again.start()
        api.url = f"http://127.0.0.1:{again.port}"
        answer = await api.call("DELETE", f"/keys/{key['id']}")
        await again.stop()

        assert (200, "revoked") == (answer.status, answer.json["status"])


@asynccontextmanager
async def another(settings: Settings) -> AsyncIterator[Gateway]:
    """A second gateway on the same stores."""
    running = Gateway(settings)
    await running.start()
    yield running
    await running.stop()


def other_client(
    session: aiohttp.ClientSession, gateway: Gateway, key: dict[str, Any]
) -> ApiClient:
    return ApiClient(
        session, f"http://127.0.0.1:{gateway.port}", key=key["id"], secret=key["secret"]
    )


async def refused(client: ApiClient) -> bool:
    return (await client.get("/orders")).status in (401, 403)
