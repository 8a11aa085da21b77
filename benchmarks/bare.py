"""The reference of `POST /orders`: aiohttp that parses and answers the same JSON, and no store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from benchmarks.serving import serve
from gateway.domain.ids import new_id

_MERCHANT = "550e8400-e29b-41d4-a716-446655440000"


def order_object(body: dict[str, Any]) -> dict[str, Any]:
    """What the gateway answers to the same request."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "id": new_id("order"),
        "merchant_id": _MERCHANT,
        "amount": body["amount"],
        "amount_paid": 0,
        "amount_due": body["amount"],
        "attempts": 0,
        "currency": body["currency"],
        "receipt": body.get("receipt"),
        "notes": body.get("notes", {}),
        "customer_id": None,
        "status": "created",
        "capture": body["capture"],
        "expires_at": None,
        "return_url": None,
        "created_at": now,
        "updated_at": now,
    }


async def create_order(request: web.Request) -> web.Response:
    answer = order_object(orjson.loads(await request.read()))
    return web.Response(status=201, body=orjson.dumps(answer), content_type="application/json")


def main() -> None:
    application = web.Application()
    application.router.add_post("/api/v1/orders", create_order)
    serve(application)


if __name__ == "__main__":
    main()
