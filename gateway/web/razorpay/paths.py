"""Paths as client libraries send them: `/v1/orders/`, `/v1/tokens//delete`, `//v1/orders`."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web
from yarl import URL

__all__ = ["add_lenient_paths"]

_SLASHES = re.compile("/{2,}")
_OURS = re.compile(r"/(?:v1/|v2/|methods$)")


def add_lenient_paths(router: web.UrlDispatcher) -> None:
    """Lead paths of this surface that are no route's to the route that was meant.

    The router asks for these last, so a path that is right costs nothing more.
    """
    for path in ("/v1{rest:/.*}", "/v2{rest:/.*}", "/methods{rest:/+}", "/{rest:/+.*}"):
        router.register_resource(_AsMeant(path, router))


class _AsMeant(web.DynamicResource):
    """A resource without routes of its own, which finds those of others."""

    def __init__(self, path: str, router: web.UrlDispatcher) -> None:
        super().__init__(path)
        self._router = router

    async def resolve(self, request: web.Request) -> Any:
        """The match of the path that was meant, and the methods that it has."""
        sent = request.rel_url
        meant = _SLASHES.sub("/", sent.raw_path).rstrip("/")
        if meant == sent.raw_path or _OURS.match(meant) is None:
            return None, set()
        url = URL.build(path=meant, query_string=sent.raw_query_string, encoded=True)
        match = await self._router.resolve(request.clone(rel_url=url))
        refusal = match.http_exception
        if refusal is None:
            return match, set()
        return None, refusal.allowed_methods if isinstance(
            refusal, web.HTTPMethodNotAllowed
        ) else set()
