"""Style sheets, scripts and icons: read once, named after their content, kept by browsers for ever.

`/assets/checkout.3f2a91c07b5d.css` never changes; another content has another name.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ETag, web
from markupsafe import Markup

from gateway.web.routes import Access, Route

__all__ = ["ASSETS", "Asset", "Assets", "asset_routes", "takes_gzip"]

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HASH_CHARACTERS = 12
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file as it is served. `integrity` is the attribute of that name (W3C SRI)."""

    name: str
    url: str
    content_type: str
    body: bytes
    compressed: bytes
    integrity: str


class Assets:
    """All files of a directory, by name and by URL."""

    def __init__(self, directory: Path) -> None:
        """Raises KeyError for a kind of file that no page may use."""
        found = [_asset(path) for path in sorted(directory.iterdir()) if path.is_file()]
        self._by_name = {asset.name: asset for asset in found}
        self._by_url = {asset.url: asset for asset in found}

    def __getitem__(self, name: str) -> Asset:
        """The asset `name`, such as `base.css`. Raises KeyError when there is none."""
        return self._by_name[name]

    def at(self, url: str) -> Asset | None:
        """The asset with this path, hash and all."""
        return self._by_url.get(url)

    def url(self, name: str) -> str:
        """Where the asset is served."""
        return self[name].url

    def style(self, name: str, media: str = "all") -> Markup:
        """The tag that brings the style sheet, for the media that it is meant for."""
        asset = self[name]
        return Markup('<link rel="stylesheet" href="{}" integrity="{}" media="{}">').format(
            asset.url, asset.integrity, media
        )

    def script(self, name: str, nonce: str) -> Markup:
        """The tag that brings the script, which runs when the page has been read."""
        asset = self[name]
        return Markup('<script src="{}" integrity="{}" nonce="{}" defer></script>').format(
            asset.url, asset.integrity, nonce
        )


ASSETS: web.AppKey[Assets] = web.AppKey("assets", Assets)


def asset_routes() -> Iterable[Route]:
    """The one route of all assets."""
    yield Route(
        method="GET",
        path="/assets/{file}",
        handler=_serve,
        access=Access.ANYBODY,
        step="assets",
        surface="pages",
    )


async def _serve(request: web.Request) -> web.Response:
    asset = request.app[ASSETS].at(request.path)
    if asset is None:
        raise web.HTTPNotFound
    smaller = takes_gzip(request.headers.get("Accept-Encoding", ""))
    tag = ETag(asset.integrity + ("-gzip" if smaller else ""))
    headers = {
        "Cache-Control": _FOR_EVER,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "ETag": f'"{tag.value}"',
    }
    if any(known in (tag, ETag("*")) for known in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = asset.content_type
    if smaller:
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=asset.compressed if smaller else asset.body, headers=headers)


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    digest = hashlib.sha256(body).hexdigest()[:_HASH_CHARACTERS]
    integrity = base64.b64encode(hashlib.sha384(body).digest()).decode()
    return Asset(
        name=path.name,
        url=f"/assets/{path.stem}.{digest}{path.suffix}",
        content_type=_TYPES[path.suffix],
        body=body,
        compressed=gzip.compress(body, mtime=0),
        integrity=f"sha384-{integrity}",
    )


def takes_gzip(accepted: str) -> bool:
    """Whether `Accept-Encoding` names gzip and does not forbid it (RFC 9110, 12.5.3)."""
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
