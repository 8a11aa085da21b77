"""Rate limits: by key, by address, by class of route; what they tell, and when they let through."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from gateway.app import Gateway
from gateway.metrics import Metrics
from gateway.queue.client import Keys, open_redis
from gateway.queue.counters import Counters
from gateway.seeding import TEST_KEY, TEST_MERCHANT_ID, TEST_SECRET
from gateway.settings import Settings
from gateway.settings.limits import LimitSettings
from tests.web.client import ApiClient
from tests.web.merchants import Administrator

ClientFor = Callable[..., ApiClient]
PAGE = {"Accept": "text/html"}


class Limited:
    """A window of an hour: no test lasts until it ends, and the clock stands where it is put."""

    rates: ClassVar[Mapping[str, Any]] = {}

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        # Counters must not be given up on a busy machine.
        patient = {"rate_limit_timeout_seconds": 20.0}
        return settings.model_copy(update={**self.rates, **patient})

    @pytest.fixture(autouse=True)
    def early(self, gateway: Gateway) -> None:
        """The window has just begun."""
        gateway.clock.advance(3600 - gateway.clock.now().timestamp() % 3600 + 1)


class TestByKey(Limited):
    """Three readings and two changes of one key."""

    rates: ClassVar[Mapping[str, Any]] = {
        "rate_limit_read_key": "3/3600",
        "rate_limit_write_key": "2/3600",
    }

    async def test_a_key_has_its_share(
        self, gateway: Gateway, api: ApiClient, administrator: Administrator, client_for: ClientFor
    ) -> None:
        """Its classes are counted apart, other keys too; the next window begins anew."""
        answers = [await api.get("/orders") for _ in range(4)]
        last = answers[-1]
        other = await administrator.key(TEST_MERCHANT_ID)

        assert [200, 200, 200, 429] == [each.status for each in answers]
        assert '"read-key";q=3;w=3600' == answers[0].headers["RateLimit-Policy"]
        assert ["2", "1", "0", "0"] == [
            each.headers["RateLimit"].split(";")[1].removeprefix("r=") for each in answers
        ]
        assert ("RATE_LIMIT_ERROR", "rate_limit_exceeded") == (
            last.error["code"],
            last.error["reason"],
        )
        assert 3600 >= int(last.headers["Retry-After"]) > 3500
        assert f"t={last.headers['Retry-After']}" in last.headers["RateLimit"]
        assert 201 == (await api.post("/orders", {"amount": 500})).status
        assert 200 == (await client_for(other.key, other.secret).get("/orders")).status
        gateway.clock.advance(3600)
        assert 200 == (await api.get("/orders")).status

    async def test_many_at_once_get_no_more(self, api: ApiClient) -> None:
        """They are counted together, and each for itself."""
        answers = await asyncio.gather(*(api.get("/orders") for _ in range(20)))

        assert 3 == sum(each.status == 200 for each in answers)
        assert 17 == sum(each.status == 429 for each in answers)

    async def test_processes_count_together(self, settings: Settings, api: ApiClient) -> None:
        """What one has answered another one does not answer again."""
        await api.get("/orders")
        await api.get("/orders")
        other = Gateway(settings)
        await other.start()
        other.clock.advance(3600 - other.clock.now().timestamp() % 3600 + 1)
        api.url = f"http://127.0.0.1:{other.port}"
        answers = [await api.get("/orders") for _ in range(2)]
        await other.stop()

        assert [200, 429] == [each.status for each in answers]

    async def test_repeats_are_counted(self, api: ApiClient) -> None:
        """An answer that was stored is answered again, until there were too many."""
        answers = [await api.post("/orders", {"amount": 500}, key="same") for _ in range(3)]

        assert [201, 201, 429] == [each.status for each in answers]
        assert answers[0].body == answers[1].body

    async def test_in_the_other_format(self, gateway: Gateway, api: ApiClient) -> None:
        """Razorpay's libraries know no code for it, but the status and the headers."""
        pair = base64.b64encode(f"{TEST_KEY}:{TEST_SECRET}".encode()).decode()
        url = f"http://127.0.0.1:{gateway.port}/v1/orders"
        for expected in (200, 200, 200, 429):
            async with api.session.get(url, headers={"Authorization": f"Basic {pair}"}) as response:
                content = await response.json()
                assert expected == response.status
        assert ("BAD_REQUEST_ERROR", "rate_limit_exceeded") == (
            content["error"]["code"],
            content["error"]["reason"],
        )
        assert response.headers["Retry-After"]
        assert response.headers["RateLimit"].startswith('"read-key";r=0;t=')


class TestByAddress(Limited):
    """Two requests of each kind from one address."""

    rates: ClassVar[Mapping[str, Any]] = {
        "rate_limit_read_address": "2/3600",
        "rate_limit_attempt_address": "2/3600",
        "rate_limit_public_address": "2/3600",
        "rate_limit_sign_in_address": "2/3600",
    }

    async def test_who_tries_credentials_is_limited(self, client_for: ClientFor) -> None:
        """Wrong ones are counted by the address, and then even good ones are refused."""
        wrong, right = client_for(TEST_KEY, "secret_test_wrong"), client_for(TEST_KEY, TEST_SECRET)
        statuses = [(await wrong.get("/orders")).status for _ in range(3)]
        refused = await right.get("/orders")

        assert [401, 401, 429] == statuses
        assert 429 == refused.status
        assert "127.0.0.1" not in str(refused.headers)

    async def test_shoppers_are_limited(self, api: ApiClient, client_for: ClientFor) -> None:
        """Attempts apart from what is only looked at; live streams are among the latter."""
        order = await api.order()
        shopper = client_for(None, None)
        body = {"order_id": order["id"], "method": "upi", "vpa": "failure@bank"}
        tried = [(await shopper.post("/payments/public", body)).status for _ in range(3)]
        looked = [(await shopper.get(f"/orders/{order['id']}/public")).status for _ in range(3)]
        stream = await shopper.get(f"/payments/pay_0000000000000000/events?order_id={order['id']}")

        assert 201 == tried[0]
        assert 429 == tried[2]
        assert [200, 200, 429] == looked
        assert stream.status in (404, 429)

    async def test_pages_say_it_as_pages(self, gateway: Gateway, api: ApiClient) -> None:
        """To read for people, with the same headers."""
        url = f"http://127.0.0.1:{gateway.port}/login"
        for expected in (200, 200, 429):
            async with api.session.get(url, headers=PAGE) as response:
                text = await response.text()
                assert expected == response.status
        assert "Too many requests" in text
        assert response.headers["Content-Type"].startswith("text/html")
        assert response.headers["Retry-After"]
        for expected in (403, 403, 429):
            async with api.session.post(url, headers=PAGE, data={"email": "x"}) as response:
                assert expected == response.status

    async def test_health_is_not_limited(self, api: ApiClient) -> None:
        """Whoever watches the gateway asks often."""
        statuses = {(await api.get("//healthz")).status for _ in range(5)}
        assert {200} == statuses


class TestRedisAway(Limited):
    """Nothing answers at the address of the counters."""

    rates: ClassVar[Mapping[str, Any]] = {
        "rate_limit_read_key": "1/3600",
        "rate_limit_pause_seconds": 3600.0,
    }

    async def test_everything_is_let_through(
        self, api: ApiClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without headers that would say something untrue; and Redis is not asked each time."""
        asked = 0

        async def away(*_arguments: Any, **_options: Any) -> list[Any]:
            nonlocal asked
            asked += 1
            raise TimeoutError

        monkeypatch.setattr("gateway.queue.counters.exchange", away)
        answers = [await api.get("/orders") for _ in range(5)]

        assert [200] * 5 == [each.status for each in answers]
        assert not any("RateLimit" in each.headers for each in answers)
        assert 1 == asked


async def test_nothing_is_limited_in_test_mode_unless_it_is_set(
    gateway: Gateway, api: ApiClient
) -> None:
    """The sandbox answers as often as it is asked."""
    answer = await api.get("/orders")

    assert gateway.settings.test_mode
    assert "RateLimit" not in answer.headers


def test_everything_is_limited_elsewhere() -> None:
    """Each limit has a default, and each can be switched off."""
    fields = {name: field.default for name, field in LimitSettings.model_fields.items()}
    rates = {name: value for name, value in fields.items() if isinstance(value, str)}

    assert 10 == len(rates)
    assert "off" not in rates.values()
    for name in rates:
        assert "off" == getattr(LimitSettings(**{name: " OFF "}), name)


@pytest.mark.parametrize("text", ["", "10", "10/0", "0/10", "-1/10", "10/10/10", "ten/10", "1e3/1"])
def test_what_is_no_rate(text: str) -> None:
    """It is refused at the start, with the form that is meant."""
    with pytest.raises(ValidationError, match="requests/seconds"):
        LimitSettings(rate_limit_read_key=text)


async def test_counters_that_are_counted_together(redis_url: str, redis_prefix: str) -> None:
    """Each request gets a number of its own, and the counter is forgotten after its time."""
    redis = open_redis(redis_url, timeout_seconds=20, connections_max=4)
    counters = Counters(redis, Keys(redis_prefix), timeout_seconds=20, pause_seconds=1)
    counts = await asyncio.gather(*(counters.count([("a", 60), ("b", 60)]) for _ in range(50)))
    expiry = await redis.ttl(counters.key("a"))
    await counters.close()
    await redis.aclose()

    assert [[number, number] for number in range(1, 51)] == sorted(counts)
    assert 0 < expiry <= 60


async def test_refusals_are_counted(settings: Settings, api: ApiClient) -> None:
    """Operators see which limits refuse how much."""
    patient = {"rate_limit_read_key": "1/3600", "rate_limit_timeout_seconds": 20.0}
    metrics = Metrics()
    limited = Gateway(settings.model_copy(update=patient), metrics=metrics)
    await limited.start()
    limited.clock.advance(3600 - limited.clock.now().timestamp() % 3600 + 1)
    api.url = f"http://127.0.0.1:{limited.port}"
    for _ in range(3):
        await api.get("/orders")
    exposed = (await metrics.exposition()).decode()
    await limited.stop()

    assert 'gateway_requests_limited_total{limit="read-key"} 2.0' in exposed
