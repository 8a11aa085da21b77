"""Guards against card testing: declines are counted by card, by order and by address."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, ClassVar

import pytest
from redis.asyncio import Redis

from gateway.app import Gateway
from gateway.domain.outcomes import Approved, Declined, ProcessorTraits
from gateway.metrics import Metrics
from gateway.queue.client import open_redis
from gateway.settings import Settings
from tests.actors.process import ScriptedBank
from tests.support import eventually
from tests.web.client import Answer, ApiClient
from tests.web.merchants import Administrator
from tests.web.scripted import use_banks

ClientFor = Callable[..., ApiClient]
GOOD, DECLINED, OTHER_DECLINED = "4242424242424242", "4000000000000002", "4000000000009995"
REFUSAL = "This card payment cannot be made now. Try another way to pay, or try again later."


def card(number: str) -> dict[str, Any]:
    """The body's part about a card."""
    details = {"number": number, "expiry_month": 12, "expiry_year": 2030, "cvv": "123"}
    return {"method": "card", "card": details}


class Guarded:
    """A gateway with thresholds, and a look into Redis."""

    guards: ClassVar[Mapping[str, int]] = {}

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        patient = {"rate_limit_timeout_seconds": 20.0}
        return settings.model_copy(update={**self.guards, **patient})

    @pytest.fixture
    def metrics(self) -> Metrics:
        return Metrics()

    @pytest.fixture
    async def gateway(self, settings: Settings, metrics: Metrics) -> AsyncIterator[Gateway]:
        running = Gateway(settings, metrics=metrics)
        await running.start()
        yield running
        await running.stop()

    @pytest.fixture
    async def redis(self, redis_url: str) -> AsyncIterator[Redis]:
        client = open_redis(redis_url, timeout_seconds=20, connections_max=2)
        yield client
        await client.aclose()

    @staticmethod
    async def pay(client: ApiClient, order_id: str, number: str, path: str = "/payments") -> Answer:
        return await client.post(path, {"order_id": order_id, **card(number)})

    async def decline(
        self,
        api: ApiClient,
        redis: Redis,
        settings: Settings,
        order_id: str,
        number: str,
        *,
        client: ApiClient | None = None,
    ) -> None:
        """A card payment that the bank has declined, and that was counted."""
        before = await declines(redis, settings)
        path = "/payments" if client is None else "/payments/public"
        answer = await self.pay(client or api, order_id, number, path)
        assert 201 == answer.status, answer.body
        payment = await api.settled(answer.json["id"])
        assert "failed" == payment["status"]

        async def counted() -> bool:
            return await declines(redis, settings) > before

        await eventually(counted)


async def declines(redis: Redis, settings: Settings) -> int:
    """What all counters of declines have counted."""
    pattern = f"{settings.redis_prefix}:throttle:declined:*"
    return sum([int(await redis.get(key) or 0) async for key in redis.scan_iter(pattern)])


class TestCards(Guarded):
    """A card is refused after two declines."""

    guards: ClassVar[Mapping[str, int]] = {"card_guard_card_declines": 2}

    async def test_a_card_is_refused_after_declines(
        self,
        api: ApiClient,
        redis: Redis,
        settings: Settings,
        metrics: Metrics,
        administrator: Administrator,
        client_for: ClientFor,
    ) -> None:
        """For every order of the merchant, by the shopper too; other cards and merchants not."""
        for _ in range(2):
            await self.decline(api, redis, settings, (await api.order())["id"], DECLINED)
        order = await api.order()
        refused = await self.pay(api, order["id"], DECLINED)
        shopper = await self.pay(client_for(None, None), order["id"], DECLINED, "/payments/public")
        other = await administrator.key(await administrator.merchant())
        elsewhere = client_for(other.key, other.secret)
        theirs = await self.pay(elsewhere, (await elsewhere.order())["id"], DECLINED)

        assert (429, "RATE_LIMIT_ERROR") == (refused.status, refused.error["code"])
        assert (REFUSAL, "too_many_declines") == (
            refused.error["description"],
            refused.error["reason"],
        )
        assert "3600" == refused.headers["Retry-After"]
        assert REFUSAL == shopper.error["description"]
        assert 201 == theirs.status
        assert 0 == (await api.get(f"/orders/{order['id']}/payments")).json["total"]
        assert "success" == (await api.authorized(order_id=order["id"], **card(GOOD)))["status"]
        exposed = (await metrics.exposition()).decode()
        assert 'gateway_card_attempts_refused_total{guard="card"} 2.0' in exposed

    async def test_a_repeat_is_answered_as_before(self, api: ApiClient) -> None:
        """Same key, same answer, whatever has become of the card since."""
        order = await api.order()
        body = {"order_id": order["id"], **card(DECLINED)}
        first = await api.post("/payments", body, key="once")
        await api.settled(first.json["id"])
        for _ in range(2):
            answer = await self.pay(api, (await api.order())["id"], DECLINED)
            if answer.status == 201:
                await api.settled(answer.json["id"])

        async def refused() -> bool:
            return (await self.pay(api, (await api.order())["id"], DECLINED)).status == 429

        await eventually(refused)
        assert first.body == (await api.post("/payments", body, key="once")).body

    async def test_nothing_reveals_the_card(
        self, api: ApiClient, redis: Redis, settings: Settings
    ) -> None:
        """Redis holds a keyed hash: neither the number nor a plain hash of it."""
        await self.decline(api, redis, settings, (await api.order())["id"], DECLINED)
        keys = [key async for key in redis.scan_iter(f"{settings.redis_prefix}:*")]
        [counter] = [key for key in keys if b":declined:card:" in key]

        assert not any(DECLINED.encode() in key for key in keys)
        assert 64 == len(counter.rpartition(b":")[2])
        assert 0 < await redis.ttl(counter) <= 3600


class TestSavedCards(Guarded):
    """A saved card is a card: it is refused after two declines."""

    guards: ClassVar[Mapping[str, int]] = {"card_guard_card_declines": 2}

    @pytest.fixture
    def bank(self) -> ScriptedBank:
        """Keeps cards, and charges them as the test says."""
        bank = ScriptedBank()
        bank.traits = ProcessorTraits(name="simulator", timeout_seconds=5, stores_instruments=True)
        return bank

    @pytest.fixture
    async def gateway(
        self, settings: Settings, bank: ScriptedBank, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[Gateway]:
        use_banks(monkeypatch, bank)
        running = Gateway(settings)
        await running.start()
        yield running
        await running.stop()

    async def test_a_token_is_refused_after_declines(
        self, api: ApiClient, bank: ScriptedBank, redis: Redis, settings: Settings
    ) -> None:
        """For every order, and without another word to the bank; other saved cards are not."""
        customer = (await api.post("/customers", {})).json["id"]
        tokens = []
        for name in ("kept-1", "kept-2"):
            bank.answers.append(Approved(reference=name, stored=name))
            fields = {"customer_id": customer, "save": True, **card(GOOD)}
            made = await api.post("/payments/purchase", {"amount": 700, **fields})
            tokens.append(made.json["token_id"])
        body = {"amount": 700, "customer_id": customer, "method": "token"}
        for count in (1, 2):
            bank.answers.append(Declined())
            declined = await api.post("/payments/purchase", {**body, "token_id": tokens[0]})
            assert 402 == declined.status

            async def counted(count: int = count) -> bool:
                return await declines(redis, settings) == count

            await eventually(counted)
        asked = len(bank.asked)
        refused = await api.post("/payments/purchase", {**body, "token_id": tokens[0]})
        other = await api.post("/payments/purchase", {**body, "token_id": tokens[1]})

        assert (429, REFUSAL) == (refused.status, refused.error["description"])
        assert 200 == other.status
        assert asked + 1 == len(bank.asked)


class TestOrders(Guarded):
    """An order takes no more cards after two declines."""

    guards: ClassVar[Mapping[str, int]] = {"card_guard_order_declines": 2}

    async def test_an_order_is_closed_to_cards(
        self, api: ApiClient, redis: Redis, settings: Settings
    ) -> None:
        """Whatever the card; another method and another order are welcome."""
        order = await api.order()
        for number in (DECLINED, OTHER_DECLINED):
            await self.decline(api, redis, settings, order["id"], number)
        refused = await self.pay(api, order["id"], GOOD)
        other = await self.pay(api, (await api.order())["id"], GOOD)
        by_upi = await api.payment(order["id"])

        assert (429, REFUSAL) == (refused.status, refused.error["description"])
        assert 201 == other.status
        assert "pending" == by_upi["status"]

    async def test_approvals_do_not_count(self, api: ApiClient) -> None:
        """Neither do declines of other methods."""
        for _ in range(4):
            await api.authorized(**card(GOOD))
        order = await api.order()
        for _ in range(3):
            payment = await api.payment(order["id"], method="upi", vpa="failure@bank")
            assert "failed" == (await api.settled(payment["id"]))["status"]

        assert 201 == (await self.pay(api, order["id"], GOOD)).status


class TestAddresses(Guarded):
    """A shopper's address may try no more cards after two declines."""

    guards: ClassVar[Mapping[str, int]] = {"card_guard_address_declines": 2}

    async def test_an_address_is_refused(
        self, api: ApiClient, redis: Redis, settings: Settings, client_for: ClientFor
    ) -> None:
        """For other cards and orders; the merchant's own servers are not shoppers."""
        shopper = client_for(None, None)
        for number in (DECLINED, OTHER_DECLINED):
            order = await api.order()
            await self.decline(api, redis, settings, order["id"], number, client=shopper)
        order = await api.order()
        refused = await self.pay(shopper, order["id"], GOOD, "/payments/public")
        server = await self.pay(api, order["id"], GOOD)

        assert (429, REFUSAL) == (refused.status, refused.error["description"])
        assert "127.0.0.1" not in str(refused.body)
        assert 201 == server.status

    async def test_redis_is_away(
        self, api: ApiClient, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Payments are let through."""
        order = await api.order()
        monkeypatch.setattr("gateway.queue.counters.exchange", _away)
        answer = await self.pay(client_for(None, None), order["id"], GOOD, "/payments/public")

        assert 201 == answer.status


async def _away(*_arguments: Any, **_options: Any) -> list[Any]:
    raise TimeoutError


async def test_nothing_is_guarded_in_test_mode_unless_it_is_set(api: ApiClient) -> None:
    """A sandbox is for declines."""
    order = await api.order()
    for _ in range(20):
        payment = await api.payment(order["id"], **card(DECLINED))
        assert "failed" == (await api.settled(payment["id"]))["status"]
