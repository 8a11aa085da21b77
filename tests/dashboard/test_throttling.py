"""Guessing passwords is slow, for one account and from one place; nobody else suffers for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from gateway.app import Gateway
from gateway.queue.client import Keys, open_redis
from gateway.queue.throttle import Limit, Throttle
from gateway.seeding import TEST_EMAIL, TEST_PASSWORD
from gateway.settings import Settings
from tests.dashboard.people import PASSWORD, Browser, People
from tests.queue.conftest import RedisServer


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Few attempts; forwarded addresses are believed, so that tests can come from anywhere."""
    return settings.model_copy(
        update={
            "sign_in_attempts_max": 3,
            "sign_in_address_attempts_max": 5,
            "trusted_proxies": ("127.0.0.1",),
        }
    )


@pytest.fixture(autouse=True)
def beginning_of_a_window(gateway: Gateway) -> None:
    """No test runs across the end of a window."""
    gateway.clock.advance(900 - gateway.clock.now().timestamp() % 900)


async def test_an_account_is_closed_for_a_while(
    gateway: Gateway, browser_for: Callable[..., Browser]
) -> None:
    """After three wrong passwords from anywhere not even the right one helps, for 15 minutes."""
    for number in range(3):
        browser = browser_for(**{"X-Forwarded-For": f"192.0.2.{number}"})
        assert 401 == (await browser.sign_in(TEST_EMAIL, "wrong password")).status
    browser = browser_for(**{"X-Forwarded-For": "192.0.2.9"})
    refused = await browser.sign_in(TEST_EMAIL.upper(), TEST_PASSWORD)

    assert 429 == refused.status
    assert 0 < int(refused.headers["Retry-After"]) <= 900
    assert "too many attempts" in refused.text

    gateway.clock.advance(900)

    assert 303 == (await browser.sign_in(TEST_EMAIL, TEST_PASSWORD)).status


async def test_unknown_addresses_are_counted_too(browser: Browser) -> None:
    """Otherwise the limit would tell who has an account."""
    statuses = [
        (await browser.sign_in("nobody@example.com", "wrong password")).status for _ in range(4)
    ]

    assert [401, 401, 401, 429] == statuses


async def test_signing_in_forgets_the_mistakes(browser: Browser) -> None:
    """Who mistypes now and then is never shut out."""
    for _ in range(4):
        assert 401 == (await browser.sign_in(TEST_EMAIL, "wrong password")).status
        assert 303 == (await browser.sign_in(TEST_EMAIL, TEST_PASSWORD)).status
        await browser.post("/logout")


async def test_a_place_is_closed_for_a_while(
    people: People, browser_for: Callable[..., Browser]
) -> None:
    """Five wrong passwords for whomever from one place, and it has to wait; others do not."""
    person = await people.make("support")
    guesser = browser_for(**{"X-Forwarded-For": "198.51.100.7, 192.0.2.50"})
    for number in range(5):
        page = await guesser.sign_in(f"user{number}@example.com", "wrong password")
        assert 401 == page.status
    elsewhere = browser_for(**{"X-Forwarded-For": "192.0.2.50, 192.0.2.51"})

    assert 429 == (await guesser.sign_in(person.email, PASSWORD)).status
    assert 303 == (await elsewhere.sign_in(person.email, PASSWORD)).status


async def test_one_ipv6_subscriber_is_one_place(browser_for: Callable[..., Browser]) -> None:
    """Billions of addresses of one network count as one."""
    statuses = []
    for number in range(6):
        browser = browser_for(**{"X-Forwarded-For": f"2001:db8:1:2::{number:x}"})
        page = await browser.sign_in(f"user{number}@example.com", "wrong password")
        statuses.append(page.status)

    assert [401] * 5 + [429] == statuses


class TestUnbelieved:
    """Nobody is a trusted proxy."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"trusted_proxies": ()})

    async def test_forwarded_addresses_are_not_believed(
        self, browser_for: Callable[..., Browser]
    ) -> None:
        """Whoever makes up addresses is still one place."""
        statuses = []
        for number in range(6):
            browser = browser_for(**{"X-Forwarded-For": f"192.0.2.{number}"})
            page = await browser.sign_in(f"user{number}@example.com", "wrong password")
            statuses.append(page.status)

        assert [401] * 5 + [429] == statuses


async def test_without_redis_nobody_is_kept_out(server: RedisServer) -> None:
    """Counting is no reason to fail: what cannot be counted is let through."""
    redis = open_redis(server.url, timeout_seconds=1, connections_max=1)
    throttle = Throttle(redis, Keys("t"), timeout_seconds=1)
    limit = Limit(name="test", subject="a", attempts_max=1, window_seconds=60)
    now = datetime(2026, 11, 25, 12, 0, 30, tzinfo=UTC)
    waits = [await throttle.charge([limit], now) for _ in range(2)]
    server.stop()
    waits.append(await throttle.charge([limit], now))
    await redis.aclose()

    assert [0, 30, 0] == waits
