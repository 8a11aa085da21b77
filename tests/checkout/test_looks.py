"""Streams that look at the same moment share one query."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.domain.errors import Unavailable
from gateway.storage.pool import Pool
from gateway.web import following
from gateway.web.checkout.looks import PaymentLooks
from tests.checkout.shopper import NEVER, Shopper
from tests.web.client import ApiClient


class CountedPool:
    """A pool that knows how often it was asked for a connection."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.asked = 0

    def acquire(self) -> Any:
        self.asked += 1
        return self._pool.acquire()


async def test_many_looks_are_few_queries(api: ApiClient, shopper: Shopper, pool: Pool) -> None:
    """Each gets its own payment, whoever else asks."""
    made = [(await shopper.pay((await api.order())["id"]))["id"] for _ in range(5)]
    counted = CountedPool(pool)
    looks = PaymentLooks(counted, pending_max=1_000)
    ids = [*made, NEVER] * 50
    found = await asyncio.gather(*(looks.find(payment_id) for payment_id in ids))
    await looks.close()

    assert [*made, None] * 50 == [payment and payment.id for payment in found]
    assert 1 == counted.asked


async def test_looks_are_limited_and_end(pool: Pool) -> None:
    """Who finds no room, or comes after the end, is told to come again."""
    looks = PaymentLooks(pool, pending_max=2)
    answers = await asyncio.gather(*(looks.find(NEVER) for _ in range(3)), return_exceptions=True)
    await looks.close()

    assert [None, None] == answers[:2]
    assert isinstance(answers[2], Unavailable)
    with pytest.raises(Unavailable):
        await looks.find(NEVER)


def test_all_streams_look_at_the_same_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten moments a second, each about a second away."""
    times = [100 + number / 997 for number in range(997)]
    moments = set()
    for time in times:
        monkeypatch.setattr(following, "_now", lambda time=time: time)
        wait = following._until_next_look()
        assert 1 <= wait <= 1.1
        moments.add(round(time + wait, 6))

    assert 11 >= len(moments)
