"""`/openapi.json` and `/docs`, made with the first request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import orjson
from aiohttp import web

from gateway.web.calls import call_of
from gateway.web.openapi.document import document_of
from gateway.web.openapi.page import Section, error_example_of, sections_of
from gateway.web.pages.page import page_response
from gateway.web.responses import JSON
from gateway.web.routes import ROUTES, Access, Route

__all__ = ["openapi_routes"]


def openapi_routes() -> Iterable[Route]:
    """The document and the page."""
    yield Route(
        method="GET",
        path="/openapi.json",
        handler=_get_document,
        access=Access.ANYBODY,
        step="operations",
    )
    yield Route(
        method="GET", path="/docs", handler=_get_page, access=Access.ANYBODY, surface="pages"
    )


@lru_cache(maxsize=4)
def _made(routes: frozenset[Route]) -> tuple[bytes, Sequence[Section], str]:
    ordered = sorted(routes, key=lambda route: (route.path, route.method))
    document = document_of(ordered)
    return orjson.dumps(document), sections_of(document), error_example_of(document)


async def _get_document(request: web.Request) -> web.Response:
    document, _, _ = _made(frozenset(request.app[ROUTES].values()))
    return web.Response(body=document, headers={"Content-Type": JSON})


async def _get_page(request: web.Request) -> web.Response:
    _, sections, error_example = _made(frozenset(request.app[ROUTES].values()))
    public_url = call_of(request).services.settings.public_url
    context = {
        "sections": sections,
        "error_example": error_example,
        "gateway_url": public_url or f"{request.scheme}://{request.host}",
    }
    return page_response(request, "reference/reference.html", context, compress=True)
