"""`/openapi.json`: a walk over the routes (OpenAPI 3.1), and `/docs`, a page made of it.

Both are made once, with the first request. The page needs nothing from elsewhere.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.web.api.descriptions import BODIES, CREATING, FILTERS, STREAMING
from gateway.web.fields import EVENT_TYPES
from gateway.web.responses import JSON
from gateway.web.routes import ROUTES, Access, Route

__all__ = ["document_of", "openapi_routes", "page_of"]

_IN_PATH = re.compile(r"\{([a-z_]+)\}")
_VERSION = "2026-11-01"
_REFERENCE = "#/components/schemas/{model}"
_SECURITY: Mapping[Access, list[dict[str, list[str]]]] = {
    Access.KEY: [{"key": [], "secret": []}, {"basic": []}],
}
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["error", "type", "title", "status", "request_id"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "description", "field", "reason", "source", "step", "metadata"],
            "properties": {
                "code": {"type": "string"},
                "description": {"type": "string"},
                "field": {"type": ["string", "null"]},
                "reason": {"type": "string"},
                "source": {"type": "string"},
                "step": {"type": "string"},
                "metadata": {"type": "object"},
            },
        },
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "request_id": {"type": ["string", "null"]},
    },
}


def openapi_routes() -> Iterable[Route]:
    """The document and the page."""
    for path, handler in (("/openapi.json", _get_document), ("/docs", _get_page)):
        yield Route(
            method="GET", path=path, handler=handler, access=Access.ANYBODY, step="operations"
        )


def document_of(routes: Iterable[Route]) -> dict[str, Any]:
    """The OpenAPI document of the routes of `/api/v1`, and of what the checkout asks as it does."""
    chosen = [route for route in routes if _is_public(route)]
    models = {BODIES[route.handler] for route in chosen if route.handler in BODIES}
    _, definitions = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda each: each.__name__)],
        ref_template=_REFERENCE,
    )
    paths: dict[str, dict[str, Any]] = {}
    for route in chosen:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Payment gateway", "version": _VERSION},
        "paths": paths,
        "webhooks": {name: _webhook(name) for name in sorted(EVENT_TYPES)},
        "components": {
            "schemas": {**definitions.get("$defs", {}), "Problem": _PROBLEM},
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
                "secret": {"type": "apiKey", "in": "header", "name": "X-Api-Secret"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    }


def page_of(document: Mapping[str, Any]) -> str:
    """The same as a page for people."""
    rows = [
        f"<tr><td>{method.upper()}</td><td><code>{html.escape(path)}</code></td>"
        f"<td>{html.escape(operation['summary'])}</td>"
        f"<td>{html.escape(', '.join(_fields(document, operation)))}</td></tr>"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    title = html.escape(document["info"]["title"])
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
        "<style>body{font:16px/1.5 sans-serif;margin:2rem}td,th{padding:.3rem .8rem;"
        "text-align:left;vertical-align:top;border-bottom:1px solid #ddd}</style>"
        f"<h1>{title}, {html.escape(document['info']['version'])}</h1>"
        "<p>For programs: <a href=/openapi.json>openapi.json</a>.</p>"
        "<table><tr><th>Method<th>Path<th>What it does<th>Fields and parameters</tr>"
        f"{''.join(rows)}</table></html>"
    )


def _is_public(route: Route) -> bool:
    """Whether its answers and errors are a program's: pages and operations are left out."""
    for_shoppers = route.access is Access.SHOPPER and route.surface == "api"
    return for_shoppers or route.path.startswith("/api/")


def _names(route: Route) -> list[str]:
    """What its path consists of, without the version."""
    return _IN_PATH.sub(r"\1", route.path.removeprefix("/api/v1")).strip("/").split("/")


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": _summary(route),
        "tags": [_names(route)[0]],
        "security": _SECURITY.get(route.access, []),
        "parameters": _parameters(route),
        "responses": _responses(route),
    }
    if route.permission:
        operation["x-permission"] = route.permission
    model = BODIES.get(route.handler)
    if model is not None:
        operation["requestBody"] = {
            "required": _has_required(model),
            "content": {
                "application/json": {"schema": {"$ref": _REFERENCE.format(model=model.__name__)}}
            },
        }
    return operation


def _operation_id(route: Route) -> str:
    """One handler may serve several paths."""
    return ".".join((route.method.lower(), *_names(route)))


def _summary(route: Route) -> str:
    """The first line of the handler's docstring, without the call it begins with."""
    text = (route.handler.__doc__ or "").partition("\n")[0]
    summary = text.partition("`: ")[2] or text
    return summary[:1].upper() + summary[1:]


def _parameters(route: Route) -> list[dict[str, Any]]:
    text = {"type": "string"}
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": text}
        for name in _IN_PATH.findall(route.path)
    ]
    for name in FILTERS.get(route.handler, ()):
        schema = {"type": "integer"} if name in ("limit", "offset") else text
        found.append({"name": name, "in": "query", "schema": schema})
    if route.method == "POST" and route.access in (Access.KEY, Access.SHOPPER):
        key = {"type": "string", "maxLength": 255}
        found.append({"name": "Idempotency-Key", "in": "header", "schema": key})
    return found


def _responses(route: Route) -> dict[str, Any]:
    good = "201" if route.handler in CREATING else "200"
    content: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
    if route.handler in STREAMING:
        content = {"text/event-stream": {"schema": {"type": "string"}}}
    problem = {"schema": {"$ref": _REFERENCE.format(model="Problem")}}
    return {
        good: {"description": "Done", "content": content},
        "default": {
            "description": "An error",
            "content": {"application/problem+json": problem},
        },
    }


def _webhook(name: str) -> dict[str, Any]:
    body = {
        "type": "object",
        "required": ["event", "timestamp", "data"],
        "properties": {
            "event": {"const": name},
            "timestamp": {"type": "integer"},
            "data": {"type": "object"},
        },
    }
    return {
        "post": {
            "requestBody": {"content": {"application/json": {"schema": body}}},
            "responses": {"2XX": {"description": "Received"}},
        }
    }


def _has_required(model: type[BaseModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())


def _fields(document: Mapping[str, Any], operation: Mapping[str, Any]) -> list[str]:
    names = [each["name"] for each in operation["parameters"] if each["in"] == "query"]
    body = operation.get("requestBody")
    if body is not None:
        reference = body["content"]["application/json"]["schema"]["$ref"]
        schema = document["components"]["schemas"][reference.rpartition("/")[2]]
        names += schema.get("properties", {})
    return names


@lru_cache(maxsize=4)
def _made(routes: frozenset[Route]) -> tuple[bytes, str]:
    ordered = sorted(routes, key=lambda route: (route.path, route.method))
    document = document_of(ordered)
    return orjson.dumps(document), page_of(document)


async def _get_document(request: web.Request) -> web.Response:
    document, _ = _made(frozenset(request.app[ROUTES].values()))
    return web.Response(body=document, headers={"Content-Type": JSON})


async def _get_page(request: web.Request) -> web.Response:
    _, page = _made(frozenset(request.app[ROUTES].values()))
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return web.Response(
        text=page,
        content_type="text/html",
        headers={"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"},
    )
