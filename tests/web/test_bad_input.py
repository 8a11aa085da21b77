"""Whatever is sent: a 4xx in the envelope that names the field, never a 500, nothing written."""

from __future__ import annotations

from typing import Any

import orjson

from gateway.storage.pool import Pool
from tests.web.client import ApiClient

SQL = "'; DROP TABLE orders; --"
ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1.5,
    1e300,
    10**18,
    10**25,
    "",
    "500",
    SQL,
    "x" * 5000,
    [],
    [[]],
    {},
    {"a": {"b": 1}},
)

ORDER = {"amount": 500, "currency": "INR", "receipt": "r", "notes": {"a": "b"}}
CARD = {"number": "4242424242424242", "expiry_month": 12, "expiry_year": 2031, "cvv": "123"}
ENDPOINT = {"url": "https://example.com/hook", "events": ["payment.success"]}


async def rows(pool: Pool) -> list[int]:
    """How much there is in the tables that requests write to."""
    tables = ("orders", "payments", "refunds", "events", "webhook_endpoints", "idempotency_keys")
    return [await pool.fetchval(f"SELECT count(*) FROM {table}") for table in tables]


async def test_every_field_with_odd_values(api: ApiClient, pool: Pool) -> None:
    """No value of any field of any body is a fault of ours; what is refused names the field."""
    order_id = (await api.order())["id"]
    payment = {"order_id": "order_0000000000000000", "method": "upi", "vpa": "a@b"}
    fields = {
        "/orders": (ORDER, ("amount", "currency", "receipt", "notes", "customer_id", "capture")),
        "/payments": (
            {**payment, "card": CARD},
            ("order_id", "method", "vpa", "card", "bank", "wallet", "customer", "notes", "save"),
        ),
        "/payments/public": (payment, ("order_id", "method", "vpa", "capture", "notes")),
        "/webhook-endpoints": (
            ENDPOINT,
            ("url", "events", "format", "secret", "active", "description"),
        ),
        "/webhooks/replay": ({}, ("status", "event", "from", "to", "ids", "event_ids")),
        f"/orders/{order_id}/cancel": ({}, ("amount", "x")),
        "/merchants/webhook/test": ({}, ("x",)),
    }
    for path, (good, names) in fields.items():
        for name in names:
            for value in ODD:
                answer = await api.post(
                    path,
                    {**good, name: value} if _fits(value) else None,
                    data=None if _fits(value) else _raw(good, name, value),
                )
                assert answer.status < 500, (path, name, value, answer.body)
                if answer.status == 400 and answer.error["field"] is not None:
                    assert answer.error["field"].split(".")[0] in {*good, name, "card"}
    assert 200 == (await api.get("/orders")).status


def _fits(value: Any) -> bool:
    return not isinstance(value, int) or abs(value) < 2**63


def _raw(good: dict[str, Any], name: str, value: int) -> bytes:
    rest = orjson.dumps({key: item for key, item in good.items() if key != name})[1:-1]
    return b"{" + (rest + b"," if rest else b"") + orjson.dumps(name) + b":%d}" % value


async def test_bodies_that_are_no_objects(api: ApiClient, pool: Pool) -> None:
    """Broken, deep, doubled and poisoned JSON is a 400, and nothing is written."""
    before = await rows(pool)
    bodies: dict[bytes, str | None] = {
        b"{": None,
        b"[]": None,
        b"1": None,
        b"null": None,
        b'"amount"': None,
        b"{'amount': 500}": None,
        b'{"amount": 500,}': None,
        b'{"amount": NaN}': None,
        b'{"amount": Infinity}': None,
        b'{"amount": 0500}': None,
        b"\xff\xfe": None,
        b'{"amount": 500}garbage': None,
        b'{"amount": 500, "receipt": "\x00"}': None,
        b"[" * 100_000: None,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000: None,
        b'{"amount": 500, "notes": ' + b'{"a":' * 20 + b"1" + b"}" * 21: None,
        b'{"amount": 500, "amount": 600}': "amount",
        b'{"amount": 500, "notes": {"a": "1", "a": "2"}}': "a",
        b'{"amount": 500, "receipt": "a\\u0000b"}': "receipt",
        b'{"amount": 500, "receipt": "a\\ud800b"}': "receipt",
        b'{"amount": 500, "notes": {"a": "\\udc00"}}': "notes.a",
        b'{"amount": 500, "notes": {"\\u0000": "a"}}': "notes",
        b'{"amount": 500, "a\\u0000": 1}': None,
        b'{"amount": ' + b"9" * 5_000 + b"}": None,
        b'{"amount": 500.0}': "amount",
        b'{"amount": 5e2}': "amount",
        b'{"amount": "500"}': "amount",
        b'{"amount": true}': "amount",
        b'{"amount": -500}': "amount",
        b'{"amount": 1000000000000}': "amount",
        b'{"amount": 500, "currency": "ZZZ"}': "currency",
        b'{"amount": 500, "currency": "inr"}': "currency",
        b'{"amount": 500, "currency": "XAU"}': "currency",
        b'{"amount": 500, "return_url": "javascript:alert(1)"}': "return_url",
        b'{"amount": 500, "return_url": "https://a@b/"}': "return_url",
        b'{"amount": 500, "return_url": "//evil.example"}': "return_url",
        b'{"amount": 500, "customer_id": "cust_x"}': "customer_id",
        b'{"amount": 500, "notes": {"a": 1.5}}': "notes",
        b'{"amount": 500, "notes": {"a": {}}}': "notes",
        b"": "amount",
    }
    for body, field in bodies.items():
        for content_type in ("application/json", "text/plain"):
            refused = await api.post("/orders", data=body, headers={"Content-Type": content_type})

            assert (400, "BAD_REQUEST_ERROR") == (refused.status, refused.error["code"]), body[:60]
            assert field == refused.error["field"], body[:60]
    assert before == await rows(pool)


async def test_a_wrong_content_type_is_forgiven(api: ApiClient) -> None:
    """JSON is taken under any name: clients lie about it."""
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "x", ""):
        made = await api.post(
            "/orders", data=b'{"amount": 500}', headers={"Content-Type": content_type}
        )
        assert 201 == made.status, content_type
    assert 201 == (await api.post("/orders", data=b'\xef\xbb\xbf{"amount": 500}')).status


async def test_sql_in_every_place(api: ApiClient, pool: Pool) -> None:
    """Texts are only texts, in bodies, paths, parameters and headers."""
    made = await api.post("/orders", {"amount": 500, "receipt": SQL, "notes": {SQL: SQL}})
    assert (SQL, {SQL: SQL}) == (made.json["receipt"], made.json["notes"])
    for kind in ("orders", "payments", "refunds", "webhooks", "events", "webhook-endpoints"):
        for text in (SQL, "%00", "..%2f..", "%ff", "x" * 3000, "order_%27%27%27%27%27%27%27%27"):
            assert 404 == (await api.get(f"/{kind}/{text}")).status, (kind, text)
        for name in ("status", "starting_after", "from", "event", "type", "order_id"):
            answer = await api.get(f"/{kind}", headers={"X-Test": SQL}, data=None)
            assert 200 == answer.status
            answer = await api.get(f"/{kind}?{name}={SQL}")
            assert answer.status in (200, 400), (kind, name)
    assert 1 == await pool.fetchval("SELECT count(*) FROM orders")
