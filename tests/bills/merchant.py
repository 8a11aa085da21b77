"""A merchant who speaks `/v1`, and shoppers who open what it sends them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import orjson

from gateway.seeding import TEST_KEY, TEST_SECRET
from tests.support import eventually


@dataclass(frozen=True)
class Page:
    """What a browser got."""

    status: int
    text: str
    location: str

    @property
    def view(self) -> str:
        found = re.search(r'data-view="([a-z]+)"', self.text)
        assert found, self.text
        return found[1]

    @property
    def order_id(self) -> str:
        """The order whose checkout this leads to."""
        parts = urlsplit(self.location)
        assert (303, "/checkout") == (self.status, parts.path), self
        return parse_qs(parts.query)["order_id"][0]


class Merchant:
    """`/v1` with a key; answers are 200, or errors with all members."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        key: str = TEST_KEY,
        secret: str = TEST_SECRET,
    ) -> None:
        self.session, self.url = session, url
        self._credentials = {"X-Api-Key": key, "X-Api-Secret": secret}

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Status and JSON."""
        data = urlencode(form) if form is not None else None
        if body is not None:
            data = orjson.dumps(body).decode()
        async with self.session.request(
            method,
            f"{self.url}/v1{path}",
            data=data,
            headers={**self._credentials, **(headers or {})},
        ) as response:
            content = orjson.loads(await response.read())
        if response.status != 200:
            assert content["error"]["code"] in ("BAD_REQUEST_ERROR", "SERVER_ERROR")
        return response.status, content

    async def done(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The entity."""
        status, content = await self.call(method, path, body, **options)
        assert 200 == status, content
        return content

    async def refused(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The error."""
        status, content = await self.call(method, path, body, **options)
        assert 400 == status, content
        return content["error"]

    async def link(self, **fields: Any) -> dict[str, Any]:
        """A new payment link."""
        made: dict[str, Any] = await self.done(
            "POST", "/payment_links", {"amount": 100_000, **fields}
        )
        return made

    async def until(self, path: str, status: str, **fields: Any) -> dict[str, Any]:
        """The entity once it has this status and these fields."""

        async def look() -> dict[str, Any] | None:
            entity: dict[str, Any] = await self.done("GET", path)
            wanted = {"status": status, **fields}
            return entity if wanted.items() <= entity.items() else None

        return await eventually(look)


class Visitor:
    """Somebody with a browser and an address, and no credentials."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def open(self, bill_id: str, query: str = "") -> Page:
        return await self._request("GET", f"/l/{bill_id}{query}")

    async def begin(self, bill_id: str, amount: str | None = None) -> Page:
        """Press the button of the page."""
        form = {} if amount is None else {"amount": amount}
        return await self._request("POST", f"/l/{bill_id}", form)

    async def pay(self, order_id: str, vpa: str = "success@bank") -> tuple[int, dict[str, Any]]:
        """Pay an order as its checkout does."""
        body = {"order_id": order_id, "method": "upi", "vpa": vpa}
        async with self._session.post(f"{self._url}/api/v1/payments/public", json=body) as response:
            return response.status, orjson.loads(await response.read())

    async def _request(self, method: str, path: str, form: Mapping[str, str] | None = None) -> Page:
        async with self._session.request(
            method,
            self._url + path,
            data=form,
            allow_redirects=False,
            headers={"Accept-Encoding": "identity", "Accept-Language": "en-IN"},
        ) as response:
            text = (await response.read()).decode()
            return Page(response.status, text, response.headers.get("Location", ""))
