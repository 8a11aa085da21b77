"""Webhook endpoints, deliveries, events, and the one URL of simple merchants."""

from __future__ import annotations

import base64
import hmac
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import web

from gateway.storage.pool import Pool
from tests.support import eventually
from tests.web.client import ApiClient


class Receiver:
    """A merchant's server that keeps what it is sent."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.received: list[tuple[dict[str, str], bytes]] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.received.append((dict(request.headers), await request.read()))
        return web.Response(status=self.status, text="thanks")

    def events(self) -> list[str]:
        return [orjson.loads(body)["event"] for _, body in self.received]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver on this machine."""
    made = Receiver()
    application = web.Application()
    application.router.add_post("/hook", made.handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


async def test_the_one_webhook_url(api: ApiClient, receiver: Receiver) -> None:
    """Set, tested, taken away again; the secret stays and signs."""
    unset = await api.post("/merchants/webhook/test")
    assert (400, "Webhook URL not configured") == (unset.status, unset.error["description"])
    put = await api.call("PUT", "/merchants/webhook", {"webhook_url": receiver.url})
    assert (200, receiver.url) == (put.status, put.json["webhook_url"])
    assert put.json["message"]
    profile = (await api.get("/merchant")).json
    assert (receiver.url, "whsec_test_abc123") == (
        profile["webhook_url"],
        profile["webhook_secret"],
    )
    tested = await api.post("/merchants/webhook/test")
    assert (200, {"message": "Test webhook scheduled"}) == (tested.status, tested.json)
    await eventually(lambda: receiver.received)
    headers, body = receiver.received[0]
    expected = hmac.digest(b"whsec_test_abc123", body, "sha256").hex()
    assert expected == headers["X-Webhook-Signature"]
    assert ["webhook.test"] == receiver.events()
    gone = await api.call("PUT", "/webhooks/config", {"webhook_url": None})
    assert (200, None) == (gone.status, gone.json["webhook_url"])
    assert 400 == (await api.post("/webhooks/test")).status
    assert "whsec_test_abc123" == (await api.get("/merchant")).json["webhook_secret"]


async def test_the_secret_is_regenerated(api: ApiClient) -> None:
    """A new secret of the published form; the profile shows it."""
    answer = await api.post("/merchants/webhook/regenerate-secret")
    secret = answer.json["webhook_secret"]

    assert 200 == answer.status
    assert 32 == len(base64.b64decode(secret.removeprefix("whsec_"), validate=True))
    assert secret == (await api.get("/merchants/profile")).json["webhook_secret"]


async def test_urls_that_lead_inward(api: ApiClient) -> None:
    """No files, no metadata, no private networks."""
    for url in (
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/",
        "http://[::ffff:10.0.0.1]/",
        "gopher://127.0.0.1:70/",
        "http://user:pass@example.com/",
        "not a url",
        "",
        "http://example.com/\r\nX: y",
    ):
        for method, path, body in (
            ("PUT", "/merchants/webhook", {"webhook_url": url}),
            ("POST", "/webhook-endpoints", {"url": url}),
        ):
            refused = await api.call(method, path, body)
            assert 400 == refused.status, url
            assert refused.error["field"] in ("webhook_url", "url")


async def test_endpoints(api: ApiClient, receiver: Receiver) -> None:
    """Made with a secret that is shown once, changed, rotated, tested, deleted."""
    made = await api.post(
        "/webhook-endpoints",
        {"url": receiver.url, "events": ["payment.success"], "description": "shop"},
    )
    assert 201 == made.status, made.body
    assert made.json["secret"].startswith("whsec_")
    path = f"/webhook-endpoints/{made.json['id']}"
    shown = (await api.get(path)).json
    assert "secret" not in shown
    assert (["payment.success"], True, "gateway") == (
        shown["events"],
        shown["active"],
        shown["format"],
    )
    await api.authorized()
    await eventually(lambda: receiver.received)
    assert ["payment.success"] == receiver.events()
    rotated = await api.post(f"{path}/rotate-secret", {"overlap_seconds": 60})
    assert (200, made.json["id"]) == (rotated.status, rotated.json["id"])
    assert 200 == (await api.post(f"{path}/test")).status
    await eventually(lambda: len(receiver.received) == 2)
    assert 2 == len(receiver.received[1][0]["webhook-signature"].split(" "))
    changed = await api.call("PATCH", path, {"active": False, "events": ["*"]})
    assert (False, ["*"]) == (changed.json["active"], changed.json["events"])
    assert 400 == (await api.post(f"{path}/test")).status
    assert 1 == (await api.get("/webhook-endpoints")).json["total"]
    deleted = await api.call("DELETE", path)
    assert (200, {"id": made.json["id"], "deleted": True}) == (deleted.status, deleted.json)
    assert 404 == (await api.get(path)).status
    assert 404 == (await api.call("DELETE", path)).status
    assert 0 == (await api.get("/webhook-endpoints")).json["total"]


async def test_what_an_endpoint_may_not_be(api: ApiClient) -> None:
    """Unknown events, formats, weak secrets, too many."""
    good = {"url": "https://example.com/hook"}
    for name, value in (
        ("events", ["payment.imagined"]),
        ("events", "payment.success"),
        ("events", [1]),
        ("format", "xml"),
        ("secret", "short"),
        ("secret", "with space in it"),
        ("active", "yes"),
        ("colour", "red"),
    ):
        refused = await api.post("/webhook-endpoints", {**good, name: value})
        assert (400, name) == (refused.status, refused.error["field"].split(".")[0])
    made = [await api.post("/webhook-endpoints", good) for _ in range(31)]
    assert [201] * 30 + [400] == [answer.status for answer in made]
    patched = await api.call("PATCH", f"/webhook-endpoints/{made[0].json['id']}", {})
    assert 400 == patched.status


async def deliveries(api: ApiClient, query: str = "") -> list[dict[str, Any]]:
    return (await api.get(f"/webhooks{query}")).json["data"]


async def test_deliveries_are_listed_and_retried(api: ApiClient, receiver: Receiver) -> None:
    """What failed is seen with its answer, and a retry begins anew at once."""
    receiver.status = 500
    await api.call("PUT", "/merchants/webhook", {"webhook_url": receiver.url})
    await api.post("/merchants/webhook/test")

    async def attempted() -> list[dict[str, Any]]:
        return [each for each in await deliveries(api) if each["attempts"] == 1]

    delivery = (await eventually(attempted))[0]
    assert ("webhook.test", "pending", 500) == (
        delivery["event"],
        delivery["status"],
        delivery["response_code"],
    )
    assert delivery["next_retry_at"] > delivery["last_attempt_at"]
    path = f"/webhooks/{delivery['id']}"
    attempt = (await api.get(path)).json["attempt_log"][0]
    assert (1, 500, "thanks") == (
        attempt["number"],
        attempt["response_code"],
        attempt["response_body"],
    )
    receiver.status = 200
    retried = await api.post(f"{path}/retry")
    assert 200 == retried.status
    assert {
        "id": delivery["id"],
        "status": "pending",
        "message": "Webhook retry scheduled",
    } == retried.json

    async def arrived() -> bool:
        return (await api.get(path)).json["status"] == "success"

    await eventually(arrived)
    assert 2 == len(receiver.received)
    assert [] == await deliveries(api, "?status=failed")
    assert 1 == len(await deliveries(api, "?event=webhook.test&status=success"))
    for text in ("nonsense", "00000000-0000-0000-0000-000000000000"):
        assert 404 == (await api.post(f"/webhooks/{text}/retry")).status


async def test_a_replay(api: ApiClient, receiver: Receiver, pool: Pool) -> None:
    """What failed while an endpoint was switched off is sent when it is asked for."""
    receiver.status = 503
    made = await api.post("/webhook-endpoints", {"url": receiver.url})
    await api.order()
    await api.authorized()

    async def tried() -> bool:
        listed = await deliveries(api)
        return len(listed) >= 3 and all(each["attempts"] for each in listed)

    await eventually(tried)
    path = f"/webhook-endpoints/{made.json['id']}"
    await api.call("PATCH", path, {"active": False})
    failed = await deliveries(api, "?status=failed")
    assert len(failed) >= 3
    assert len(failed) == await pool.fetchval("SELECT count(*) FROM dead_letters")
    nothing = await api.post("/webhooks/replay")
    assert (200, 0) == (nothing.status, nothing.json["count"])
    assert 400 == (await api.post(f"/webhooks/{failed[0]['id']}/retry")).status
    receiver.status = 200
    await api.call("PATCH", path, {"active": True})
    none = await api.post("/webhooks/replay", {"event": "refund.created"})
    assert 0 == none.json["count"]
    undelivered = (await api.get("/events?delivery_success=false")).json["total"]
    assert len(failed) == undelivered
    replayed = await api.post("/webhooks/replay", {"from": "2020-01-01T00:00:00Z"})
    assert (len(failed), False) == (replayed.json["count"], replayed.json["has_more"])

    async def arrived() -> bool:
        return len(await deliveries(api, "?status=success")) == len(failed)

    await eventually(arrived)
    assert 0 == (await api.get("/events?delivery_success=false")).json["total"]
    assert 0 == await pool.fetchval("SELECT count(*) FROM dead_letters WHERE resolved_at IS NULL")


async def test_events(api: ApiClient) -> None:
    """Everything that happened, newest first, with the data that webhooks carry."""
    payment = await api.captured()
    listed = (await api.get("/events?limit=100")).json
    types = [event["type"] for event in listed["data"]]

    assert {
        "payment.created",
        "payment.pending",
        "payment.success",
        "payment.captured",
        "order.paid",
    } == set(types)
    event = (await api.get("/events?type=payment.captured")).json["data"][0]
    assert payment["id"] == event["payment_id"] == event["data"]["payment"]["id"]
    assert event == (await api.get(f"/events/{event['id']}")).json
    assert 404 == (await api.get("/events/evt_0000000000000000")).status


async def test_the_merchants_settings(api: ApiClient) -> None:
    """What may be changed is changed; what may not is named."""
    changed = await api.call(
        "PATCH",
        "/merchant",
        {
            "name": "Shop",
            "default_capture": "automatic",
            "allowed_origins": ["https://shop.example", "http://localhost:3000/"],
            "return_url": "https://shop.example/thanks?x=1",
        },
    )
    assert 200 == changed.status, changed.body
    assert ("Shop", ["https://shop.example", "http://localhost:3000"]) == (
        changed.json["name"],
        changed.json["allowed_origins"],
    )
    assert "automatic" == (await api.order())["capture"]
    for name, value in (
        ("email", "x@example.com"),
        ("name", ""),
        ("enabled_methods", []),
        ("enabled_methods", ["cash"]),
        ("enabled_methods", None),
        ("allowed_origins", ["https://shop.example/path"]),
        ("allowed_origins", ["*"]),
        ("default_capture", None),
    ):
        refused = await api.call("PATCH", "/merchant", {name: value})
        assert (400, name) == (refused.status, refused.error["field"].split(".")[0]), value
