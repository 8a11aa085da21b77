"""Users of the dashboard for tests, and browsers that behave as real ones do, without a screen."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import aiohttp
from yarl import URL

from gateway.domain.clock import Clock
from gateway.security.passwords import PasswordHasher
from gateway.seeding import TEST_EMAIL, TEST_MERCHANT_ID, TEST_PASSWORD
from gateway.storage.administration_accounts import insert_user
from gateway.storage.pool import Pool

PASSWORD = "a password for tests"
HTML = "text/html,application/xhtml+xml,*/*;q=0.8"
_FIELD = re.compile(r'name="csrf_token" value="([^"]+)"')
_CHEAP = {"time_cost": 1, "memory_kib": 8, "parallelism": 1}


@dataclass(frozen=True)
class Page:
    """What a browser got."""

    status: int
    headers: Mapping[str, str]
    text: str
    cookies: Mapping[str, Any]

    @property
    def location(self) -> str:
        return self.headers["Location"]

    @property
    def csrf_token(self) -> str:
        found = _FIELD.search(self.text)
        assert found, "no form of ours on this page"
        return unescape(found[1])

    def by_test_id(self, name: str) -> str:
        """The text of the element with this test id."""
        found = re.search(rf'data-test-id="{name}"[^>]*>([^<]*)<', self.text)
        assert found, f"no {name} on this page"
        return unescape(found[1]).strip()

    def has(self, name: str) -> bool:
        """Whether there is an element with this test id."""
        return f'data-test-id="{name}"' in self.text


class Browser:
    """Keeps cookies, follows nothing by itself, and sends what browsers send."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.url = url
        self._jar = aiohttp.CookieJar(unsafe=True)
        self._session = aiohttp.ClientSession(
            cookie_jar=self._jar, headers={"Accept": HTML, **(headers or {})}
        )
        self.csrf_token = ""

    async def close(self) -> None:
        await self._session.close()

    async def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, data: Any = None
    ) -> Page:
        """One request, answered as it is; a token on the page is remembered."""
        async with self._session.request(
            method,
            URL(self.url + path, encoded=True),
            headers=headers,
            data=data,
            allow_redirects=False,
        ) as response:
            text = (await response.read()).decode()
            page = Page(response.status, response.headers, text, response.cookies)
        if found := _FIELD.search(text):
            self.csrf_token = unescape(found[1])
        return page

    async def get(self, path: str, **headers: str) -> Page:
        return await self.request("GET", path, headers=headers)

    async def post(
        self, path: str, headers: Mapping[str, str] | None = None, **fields: Any
    ) -> Page:
        """Send a form with the token of the last page, as our own pages would."""
        pairs = [("csrf_token", self.csrf_token)]
        for name, value in fields.items():
            pairs += [(name, each) for each in (value if isinstance(value, list) else [value])]
        sent = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", **(headers or {})}
        return await self.request("POST", path, headers=sent, data=aiohttp.FormData(pairs))

    async def sign_in(self, email: str, password: str, **fields: str) -> Page:
        """What the sign-in form answers; afterwards the token of the session is known."""
        await self.get("/login")
        page = await self.post("/login", email=email, password=password, **fields)
        if page.status == 303:
            await self.get("/dashboard/account")
        return page

    def cookie(self, name: str = "session") -> str | None:
        """The value of a cookie."""
        found = self._jar.filter_cookies(URL(self.url)).get(name)
        return None if found is None else found.value

    def set_cookie(self, name: str, value: str) -> None:
        self._jar.update_cookies({name: value}, URL(self.url))


@dataclass(frozen=True)
class Person:
    """A user who was made for a test."""

    id: UUID
    email: str
    role: str


class People:
    """Makes users in the test's own database."""

    def __init__(self, pool: Pool, browser_for: Callable[[], Browser]) -> None:
        self.pool = pool
        self._browser_for = browser_for
        self._clock = Clock()

    async def make(self, role: str, merchant_id: UUID | None = TEST_MERCHANT_ID) -> Person:
        """A new user with `PASSWORD`."""
        hasher = PasswordHasher(threads=1, **_CHEAP)
        password_hash = await hasher.hash(PASSWORD)
        hasher.close()
        email = f"{role}-{uuid4().hex[:8]}@example.com"
        async with self.pool.acquire() as connection:
            user_id = await insert_user(
                connection,
                merchant_id=None if role == "operator" else merchant_id,
                email=email,
                password_hash=password_hash,
                role=role,
                now=self._clock.now(),
            )
        return Person(user_id, email, role)

    async def signed_in(self, role: str, merchant_id: UUID | None = TEST_MERCHANT_ID) -> Browser:
        """A browser with a new user of this role."""
        return await self.browser_of(await self.make(role, merchant_id))

    async def browser_of(self, person: Person) -> Browser:
        """One more browser of this user."""
        browser = self._browser_for()
        page = await browser.sign_in(person.email, PASSWORD)
        assert 303 == page.status, page.text
        return browser

    async def seeded_owner(self) -> Browser:
        """A browser with the owner that test mode seeds."""
        browser = self._browser_for()
        page = await browser.sign_in(TEST_EMAIL, TEST_PASSWORD)
        assert 303 == page.status, page.text
        return browser
