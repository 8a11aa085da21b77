"""What all pages share, as browsers get it: assets, error pages, headers, languages."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re

import aiohttp
import pytest

from gateway.app import Gateway
from tests.web.client import ApiClient

HTML = {"Accept": "text/html,*/*;q=0.8"}


@pytest.fixture
def url(gateway: Gateway) -> str:
    return f"http://127.0.0.1:{gateway.port}"


async def missing_page(
    session: aiohttp.ClientSession, url: str, **headers: str
) -> tuple[aiohttp.ClientResponse, str]:
    async with session.get(f"{url}/nowhere", headers={**HTML, **headers}) as response:
        return response, (await response.read()).decode()


async def test_an_unknown_page_is_a_page(session: aiohttp.ClientSession, url: str) -> None:
    """A browser gets a designed page with the status, and everything forbidden that can be."""
    response, text = await missing_page(session, url)

    assert 404 == response.status
    assert "text/html; charset=utf-8" == response.headers["Content-Type"]
    assert "Page not found" in text
    assert response.headers["X-Request-Id"] in text
    policy = response.headers["Content-Security-Policy"]
    for rule in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert rule in policy
    assert "unsafe" not in policy
    assert "DENY" == response.headers["X-Frame-Options"]
    assert "nosniff" == response.headers["X-Content-Type-Options"]
    assert "no-store" == response.headers["Cache-Control"]


async def test_programs_still_get_json(api: ApiClient) -> None:
    """Who does not ask for a page, or asks below /api/, gets the envelope."""
    plain = await api.get("//nowhere")
    below = await api.get("/nowhere", headers=HTML)

    assert (404, 404) == (plain.status, below.status)
    assert "NOT_FOUND_ERROR" == below.error["code"]


async def test_nonces_are_used_once(session: aiohttp.ClientSession, url: str) -> None:
    """Every response has a nonce of its own."""
    nonces = set()
    for _ in range(3):
        response, _text = await missing_page(session, url)
        nonces |= set(re.findall("'nonce-([^']+)'", response.headers["Content-Security-Policy"]))

    assert 3 == len(nonces)


async def test_pages_speak_the_viewers_language(session: aiohttp.ClientSession, url: str) -> None:
    """Accept-Language chooses, and English is there for everybody else."""
    _, hindi = await missing_page(session, url, **{"Accept-Language": "hi-IN,en;q=0.5"})
    _, german = await missing_page(session, url, **{"Accept-Language": "de"})

    assert 'lang="hi"' in hindi
    assert "पेज नहीं मिला" in hindi
    assert 'lang="en"' in german


async def test_assets_are_kept_for_ever(session: aiohttp.ClientSession, url: str) -> None:
    """A page's assets are what it says they are, compressed, and never asked for again."""
    _, text = await missing_page(session, url)
    links = re.findall(r'href="(/assets/[^"]+\.css)" integrity="([^"]+)"', text)
    assert links
    for path, integrity in links:
        async with session.get(url + path, headers={"Accept-Encoding": "gzip"}) as response:
            packed = await response.read()
        assert "gzip" == response.headers["Content-Encoding"]
        assert "public, max-age=31536000, immutable" == response.headers["Cache-Control"]
        digest = base64.b64encode(hashlib.sha384(gzip.decompress(packed)).digest()).decode()
        assert f"sha384-{digest}" == integrity


async def test_assets_for_old_and_careful_clients(session: aiohttp.ClientSession, url: str) -> None:
    """Without gzip the bytes are plain, what is known is not sent again, other names are 404."""
    _, text = await missing_page(session, url)
    path = re.findall(r'href="(/assets/[^"]+\.css)"', text)[0]
    plain = {"Accept-Encoding": "gzip;q=0, identity"}

    async with session.get(url + path, headers=plain) as whole:
        body = await whole.read()
    async with session.get(
        url + path, headers={**plain, "If-None-Match": whole.headers["ETag"]}
    ) as known:
        assert b"" == await known.read()
    async with session.get(re.sub(r"\.\w+\.css", ".000000000000.css", url + path)) as other:
        status = other.status

    assert "Content-Encoding" not in whole.headers
    assert b":root" in body
    assert (304, 404) == (known.status, status)
