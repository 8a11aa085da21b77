"""What calls take in their path, query and headers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.domain.versions import VERSIONS
from gateway.web.api.descriptions import FILTER_SCHEMAS, FILTERS, REQUIRED_FILTERS, WAITING
from gateway.web.queries import LIMIT_DEFAULT, LIMIT_MAX, OFFSET_MAX
from gateway.web.routes import Access, Route

__all__ = ["HEADER_PARAMETERS", "parameters_of"]

Schema = Mapping[str, Any]

_MOMENT: Schema = {
    "anyOf": [{"type": "string", "format": "date-time"}, {"type": "integer", "minimum": 0}],
    "description": "An RFC 3339 time or unix seconds",
}
_QUERY: Mapping[str, Schema] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT},
    "offset": {"type": "integer", "minimum": 0, "maximum": OFFSET_MAX, "default": 0},
    "from": _MOMENT,
    "to": _MOMENT,
}
_ANY_TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": 255}
_UUID: Schema = {"type": "string", "format": "uuid"}
# What an id begins with, by the collection before it in a path and by the name of a filter.
_PREFIXES = {
    "orders": "order",
    "payments": "pay",
    "refunds": "rfnd",
    "customers": "cust",
    "tokens": "tok",
    "webhook-endpoints": "we",
    "events": "evt",
    "disputes": "disp",
    "settlements": "setl",
    "order_id": "order",
    "payment_id": "pay",
    "event_id": "evt",
    "endpoint_id": "we",
    "customer_id": "cust",
}
_EMPTY_COUNTS_AS_NONE = {"allowEmptyValue": True}
_IN_PATH = re.compile(r"([a-z-]*)/\{(\w+)\}")

HEADER_PARAMETERS: Mapping[str, dict[str, Any]] = {
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The same key and the same request: the same answer, for 24 hours.",
        "schema": {"type": "string", "maxLength": 255, "pattern": "^[ -~]*$"},
        "example": "order-2026-4711",
    },
    "Gateway-Version": {
        "name": "Gateway-Version",
        "in": "header",
        "description": "Another version than the one that the merchant is pinned to.",
        "schema": {"type": "string", "enum": list(VERSIONS.known)},
        "example": VERSIONS.current,
    },
    "Prefer": {
        "name": "Prefer",
        "in": "header",
        "description": "`wait=N`: how many seconds to wait for the processor (RFC 7240).",
        "schema": {"type": "string"},
        "example": "wait=10",
    },
}
"""`components.parameters`: headers that many calls take."""


def parameters_of(route: Route) -> list[dict[str, Any]]:
    """Path, query and header parameters of a call."""
    return [
        *_path(route),
        *_query(route),
        *({"$ref": f"#/components/parameters/{name}"} for name in _headers(route)),
    ]


def _path(route: Route) -> Iterator[dict[str, Any]]:
    for collection, name in _IN_PATH.findall(route.path):
        is_uuid = collection == "webhooks" or name == "merchant_id"
        schema = _UUID if is_uuid else _id_schema(collection)
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query(route: Route) -> Iterator[dict[str, Any]]:
    own = FILTER_SCHEMAS.get(route.handler, {})
    required = REQUIRED_FILTERS.get(route.handler, ())
    for name in FILTERS.get(route.handler, ()):
        schema = own.get(name) or _QUERY.get(name) or _id_schema(name)
        parameter = {"name": name, "in": "query", "schema": schema}
        # An empty one counts as not given, as forms send it.
        yield {**parameter, **({"required": True} if name in required else _EMPTY_COUNTS_AS_NONE)}


def _id_schema(name: str) -> Schema:
    if name == "keys":
        return {"type": "string", "pattern": "^key_(test|live)_[A-Za-z0-9]{1,32}$"}
    prefix = _PREFIXES.get(name)
    if prefix is None:
        return _ANY_TEXT
    return {"type": "string", "pattern": f"^{prefix}_[A-Za-z0-9]{{16}}$"}


def _headers(route: Route) -> Iterator[str]:
    if route.method == "POST" and route.access in (Access.KEY, Access.SHOPPER):
        yield "Idempotency-Key"
    if route.handler in WAITING:
        yield "Prefer"
    if route.access is Access.KEY:
        yield "Gateway-Version"
