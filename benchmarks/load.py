"""What is asked of a server: orders, and payments that are followed until their webhook is here."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.client import Body, Client, expect, fetch, percentile
from benchmarks.receiver import Receiver

__all__ = [
    "CREDENTIALS",
    "ORDER",
    "WEBHOOK_SECRET",
    "Followed",
    "PaymentLoad",
    "arrival_moments",
    "make_orders",
    "payment_of",
    "subscribe",
]

CREDENTIALS = {"X-Api-Key": "key_test_abc123", "X-Api-Secret": "secret_test_xyz789"}
WEBHOOK_SECRET = "whsec_benchmark"
ORDER: Body = {
    "amount": 50_000,
    "currency": "INR",
    "receipt": "receipt-1",
    "capture": "automatic",
    "notes": {"shop": "benchmark"},
}
_LAST_WEBHOOK_SECONDS_MAX = 60.0


def payment_of(order_id: str) -> Body:
    """A payment that the simulated bank approves."""
    return {"order_id": order_id, "method": "upi", "vpa": "success@bank"}


def arrival_moments(per_second: int, seconds: float) -> list[float]:
    """When payments arrive, in seconds from now: exponential gaps, the same every time."""
    chance = random.Random(7)
    moments: list[float] = []
    moment = 0.0
    while moment < seconds:
        moment += chance.expovariate(per_second)
        moments.append(moment)
    return moments


async def make_orders(client: Client, count: int) -> list[str]:
    """Create orders; their ids."""
    answers = await client.send_all("/api/v1/orders", (ORDER for _ in range(count)))
    return [answer.identity for answer in answers]


async def subscribe(port: int, receiver: Receiver) -> None:
    """Have the gateway send `payment.success` to the receiver, which learns the secret."""
    answer = await fetch(
        port,
        "/api/v1/webhook-endpoints",
        method="POST",
        body={"url": receiver.url, "events": ["payment.success"]},
        headers=CREDENTIALS,
    )
    receiver.secret = str(expect(answer).content["secret"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What became of payments. Times in seconds, counted from the moment each was to be sent."""

    accepted: int
    delivered: int
    per_second: float
    answer_seconds: Sequence[float]
    path_seconds: Sequence[float]
    under_way_max: int

    @property
    def lost(self) -> int:
        """Accepted and never heard of again."""
        return self.accepted - self.delivered

    def describe(self) -> str:
        """Latencies, for people."""
        answers = [percentile(self.answer_seconds, each) * 1e3 for each in (50, 99)]
        paths = [percentile(self.path_seconds, each) * 1e3 for each in (50, 99)]
        return (
            f"answer p50 {answers[0]:.0f} p99 {answers[1]:.0f} ms, "
            f"webhook p50 {paths[0]:.0f} p99 {paths[1]:.0f} ms, "
            f"at most {self.under_way_max} under way, {self.lost} lost"
        )


class PaymentLoad:
    """Sends payments and hears of their outcomes from the receiver."""

    def __init__(self, client: Client, receiver: Receiver) -> None:
        self._client = client
        self._begun: dict[str, float] = {}
        self._delivered: dict[str, float] = {}
        self._answer_seconds: list[float] = []
        self._under_way_max = 0
        self._room: asyncio.Semaphore | None = None
        self._heard = asyncio.Event()
        receiver.on_payment = self._hear

    @property
    def under_way(self) -> int:
        """Payments accepted whose webhook is not here yet."""
        return max(0, len(self._begun) - len(self._delivered))

    def _hear(self, payment_id: str) -> None:
        self._delivered[payment_id] = time.perf_counter()
        self._heard.set()
        if self._room is not None:
            self._room.release()

    async def send(self, order_id: str, begun: float | None = None) -> str:
        """Send one; `begun` is when it was to be sent."""
        begun = begun or time.perf_counter()
        answer = expect(await self._client.post("/api/v1/payments", payment_of(order_id)))
        self._answer_seconds.append(time.perf_counter() - begun)
        self._begun[answer.identity] = begun
        self._under_way_max = max(self._under_way_max, self.under_way)
        return answer.identity

    async def keep(self, order_ids: Sequence[str], *, window: int, seconds: float) -> None:
        """Keep `window` payments under way until the time or the orders are over.

        A new one is sent for each webhook that comes: the pace is the server's, and what waits in
        it cannot grow.
        """
        self._room = room = asyncio.Semaphore(window)
        stop_at = time.perf_counter() + seconds
        waiting = iter(order_ids)

        async def one() -> None:
            for order_id in waiting:
                await room.acquire()
                if time.perf_counter() > stop_at:
                    return
                await self.send(order_id)

        await asyncio.gather(*(one() for _ in range(self._client.connections)))

    async def arrive(self, order_ids: Sequence[str], moments: Sequence[float]) -> None:
        """Send each at its moment, whatever became of those before; seconds from now."""
        start = time.perf_counter()
        sent: list[asyncio.Task[str]] = []
        for order_id, moment in zip(order_ids, moments, strict=False):
            delay = start + moment - time.perf_counter()
            if delay > 0:
                await asyncio.sleep(delay)
            sent.append(asyncio.create_task(self.send(order_id, start + moment)))
        await asyncio.gather(*sent)

    async def wait_for_all(self, seconds_max: float = _LAST_WEBHOOK_SECONDS_MAX) -> float:
        """Wait until every webhook is here or the time is over; how long it took."""
        begun = time.perf_counter()
        while self.under_way and time.perf_counter() - begun < seconds_max:
            self._heard.clear()
            try:
                await asyncio.wait_for(self._heard.wait(), 1.0)
            except TimeoutError:
                continue
        return time.perf_counter() - begun

    def summary(self, *, since: float = 0.0, until: float = float("inf")) -> Followed:
        """What was seen; the rate is that of the webhooks between the two moments."""
        ends = sorted(end for end in self._delivered.values() if since <= end <= until)
        last = min(until, ends[-1]) if ends else since
        first = max(since, ends[0]) if ends else since
        delivered = self._begun.keys() & self._delivered.keys()
        return Followed(
            accepted=len(self._begun),
            delivered=len(delivered),
            per_second=len(ends) / (last - first) if last > first else 0.0,
            answer_seconds=self._answer_seconds,
            path_seconds=[self._delivered[each] - self._begun[each] for each in delivered],
            under_way_max=self._under_way_max,
        )
