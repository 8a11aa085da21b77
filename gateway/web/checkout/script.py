"""`/checkout.js` and its types: files that pages of any origin may load (public contract, 5).

Their addresses never change and their contents do, so that a merchant's page gets mended without
the merchant: browsers ask anew after five minutes, and may use what they have while they ask.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable

from aiohttp import ETag, web

from gateway import resources
from gateway.web.pages.assets import takes_gzip
from gateway.web.routes import Access, Handler, Route

__all__ = ["script_routes"]

_FILES = {
    "checkout.js": "text/javascript; charset=utf-8",
    "checkout.d.ts": "text/plain; charset=utf-8",
}
_HEADERS = {
    "Cache-Control": "public, max-age=300, stale-while-revalidate=86400",
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


def script_routes() -> Iterable[Route]:
    """The files are read and compressed here, once."""
    for name, content_type in _FILES.items():
        body = (resources.path("templates") / "embed" / name).read_bytes()
        yield Route(
            method="GET",
            path=f"/{name}",
            handler=_handler(body, content_type),
            access=Access.ANYBODY,
            step="checkout",
        )


def _handler(body: bytes, content_type: str) -> Handler:
    compressed = gzip.compress(body, mtime=0)
    digest = hashlib.sha256(body).hexdigest()[:32]

    async def serve(request: web.Request) -> web.Response:
        smaller = takes_gzip(request.headers.get("Accept-Encoding", ""))
        tag = ETag(f"{digest}-gzip" if smaller else digest)
        headers = {**_HEADERS, "ETag": f'"{tag.value}"'}
        # Weak comparison: a proxy that compresses makes our tags weak (RFC 9110, 13.1.2).
        if any(known.value in ("*", tag.value) for known in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = content_type
        if smaller:
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=compressed if smaller else body, headers=headers)

    return serve
