"""Payment processors that are slow or dead, and what the adapter itself costs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from statistics import median

from benchmarks import adapter, servers
from benchmarks.client import AiohttpClient, Body, RawClient, expect, fetch, percentile
from benchmarks.gauge import JobsGauge
from benchmarks.load import CREDENTIALS, ORDER, arrival_moments, payment_of
from benchmarks.options import Options
from benchmarks.report import Row, Section
from benchmarks.servers import Server

__all__ = ["run"]

_BANK_SECONDS = 5
_IN_FLIGHT = 1_000
# Arrivals at this rate at a bank of 5 s: the number in flight swings around 1,100.
_PER_SECOND = 220
_WARM_SECONDS = _BANK_SECONDS + 1
_LIVING_PER_SECOND = 100
_DEAD_PER_SECOND = 50
# Soon enough for its breaker to open within a round: calls that hang, and calls that are refused.
_DEAD_SECONDS = 2
_RATIO_MAX = 1.2
_CARD: Body = {"number": "4242424242424242", "expiry_month": 12, "expiry_year": 2039, "cvv": "123"}


@dataclass(slots=True)
class _Seen:
    """What the rounds of one variant gave: milliseconds and MiB."""

    p99: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    mib: list[float] = field(default_factory=list)
    in_flight: float = 0.0

    def describe(self) -> str:
        return f"p50 {median(self.p50):.1f} ms, p99 {median(self.p99):.1f} ms"


async def run(options: Options) -> Section:
    """Each with and without, in turn; medians of the rounds, and of the ratios of each round."""
    rounds, seconds = (1, 5.0) if options.quick else (3, 6.0)
    quick, slow, alive, dead = _Seen(), _Seen(), _Seen(), _Seen()
    for number in range(rounds):
        pair = [(0, quick), (_BANK_SECONDS, slow)]
        for delay_seconds, seen in pair if number % 2 else reversed(pair):
            await _in_flight(delay_seconds, seconds, seen)
    for number in range(rounds):
        others = [(False, alive), (True, dead)]
        for is_dead, seen in others if number % 2 else reversed(others):
            await _beside_another(is_dead, seconds, seen)
    costs = await adapter.measure(calls=1_000 if options.quick else 4_000, rounds=rounds)
    return Section(
        name="processors",
        rows=[*_slow_rows(quick, slow), *costs, *_dead_rows(alive, dead)],
        note=_note(rounds, seconds),
    )


def _slow_rows(quick: _Seen, slow: _Seen) -> list[Row]:
    return [
        Row(
            what=f"in flight at a bank of {_BANK_SECONDS} s (gauge)",
            measured=f"{slow.in_flight:,.0f}",
            target=f"≥ {_IN_FLIGHT:,}",
            met=slow.in_flight >= _IN_FLIGHT,
        ),
        Row(what="`POST /payments`, bank without delay", measured=quick.describe()),
        Row(what=f"`POST /payments`, bank of {_BANK_SECONDS} s", measured=slow.describe()),
        _ratio("p99 with them in flight: ratio to without", slow, quick),
        Row(
            what="process memory at the end",
            measured=f"{median(quick.mib):.0f} MiB without, {median(slow.mib):.0f} MiB with",
        ),
    ]


def _dead_rows(alive: _Seen, dead: _Seen) -> list[Row]:
    return [
        Row(what="`POST /payments` beside a living processor", measured=alive.describe()),
        Row(what="`POST /payments` beside a dead processor", measured=dead.describe()),
        _ratio("p99 beside the dead: ratio to the living", dead, alive),
    ]


def _ratio(what: str, subject: _Seen, reference: _Seen) -> Row:
    ratios = [a / b for a, b in zip(subject.p99, reference.p99, strict=True)]
    ratio = median(ratios)
    return Row(
        what=what,
        measured=f"{ratio:.2f} (rounds: {min(ratios):.2f} to {max(ratios):.2f})",
        target=f"≤ {_RATIO_MAX}",
        met=ratio <= _RATIO_MAX,
    )


def _note(rounds: int, seconds: float) -> str:
    return (
        f"{rounds} rounds of {seconds:g} s each, with and without in turn, each on a gateway of "
        "its own. Poisson arrivals whatever became of those before: "
        f"{_PER_SECOND}/s at the bank of {_BANK_SECONDS} s, after {_WARM_SECONDS} s to fill it; "
        f"beside another processor {_LIVING_PER_SECOND}/s, and {_DEAD_PER_SECOND}/s at the other "
        "one, which is the simulated bank too, or a server that takes every request and never "
        f"answers, with a timeout of {_DEAD_SECONDS} s, until its circuit breaker opens. The "
        "adapter runs in the measuring process against a server in another one that approves at "
        "once; measured is processor time, and its transport is the same HTTP client with the "
        "same bytes."
    )


async def _in_flight(delay_seconds: int, seconds: float, seen: _Seen) -> None:
    settings = {"TEST_PROCESSING_DELAY": str(delay_seconds * 1000)}
    moments = arrival_moments(_PER_SECOND, _WARM_SECONDS + seconds)
    async with servers.gateway(settings) as server:
        orders = await _make_orders(server, len(moments), ORDER)
        arrivals = list(zip(moments, map(payment_of, orders), strict=True))
        async with JobsGauge(server.port) as gauge:
            await _arrive(server, arrivals, seen, since_seconds=_WARM_SECONDS)
            seen.mib.append(server.usage().own_mib)
        seen.in_flight = max(seen.in_flight, gauge.most)


async def _beside_another(is_dead: bool, seconds: float, seen: _Seen) -> None:
    """The living one's payments are by UPI in rupees, the other's by card in dollars."""
    total_seconds = _DEAD_SECONDS + seconds
    living = arrival_moments(_LIVING_PER_SECOND, total_seconds)
    other = arrival_moments(_DEAD_PER_SECOND, total_seconds)
    async with AsyncExitStack() as stack:
        settings: dict[str, str] = {}
        if is_dead:
            silent = await stack.enter_async_context(servers.bank())
            settings = _silent_settings(silent.port)
        server = await stack.enter_async_context(servers.gateway(settings))
        if is_dead:
            await _route_dollars(server)
        orders = await _make_orders(server, len(living), ORDER)
        dollars = await _make_orders(server, len(other), {**ORDER, "currency": "USD"})
        arrivals = list(zip(living, map(payment_of, orders), strict=True))
        beside = list(zip(other, map(_card_payment_of, dollars), strict=True))
        await asyncio.gather(
            _arrive(server, arrivals, seen, since_seconds=0),
            _arrive(server, beside, _Seen(), since_seconds=0),
        )


def _silent_settings(port: int) -> dict[str, str]:
    return {
        "GATEWAY_AUTHORIZENET_URL": f"http://127.0.0.1:{port}/silent",
        "GATEWAY_AUTHORIZENET_API_LOGIN_ID": "login",
        "GATEWAY_AUTHORIZENET_TRANSACTION_KEY": "key",
        "GATEWAY_AUTHORIZENET_TIMEOUT_SECONDS": str(_DEAD_SECONDS),
    }


async def _route_dollars(server: Server) -> None:
    rule = {"name": "Dollars", "currencies": ["USD"], "processors": ["authorizenet"]}
    expect(
        await fetch(
            server.port, "/api/v1/routing-rules", method="POST", body=rule, headers=CREDENTIALS
        )
    )


def _card_payment_of(order_id: str) -> Body:
    return {"order_id": order_id, "method": "card", "card": _CARD}


async def _make_orders(server: Server, count: int, order: Body) -> list[str]:
    async with RawClient(server.port, headers=CREDENTIALS) as maker:
        answers = await maker.send_all("/api/v1/orders", (order for _ in range(count)))
    return [answer.identity for answer in answers]


async def _arrive(
    server: Server,
    arrivals: Sequence[tuple[float, Body]],
    seen: _Seen,
    *,
    since_seconds: float,
) -> None:
    """Send each at its moment; latencies count from there, of those after the first seconds."""
    taken: list[float] = []
    async with AiohttpClient(server.port, connections=128, headers=CREDENTIALS) as client:
        start = time.perf_counter()

        async def one(moment: float, body: Body) -> None:
            expect(await client.post("/api/v1/payments", body))
            if moment >= since_seconds:
                taken.append((time.perf_counter() - start - moment) * 1e3)

        async with asyncio.TaskGroup() as group:
            for moment, body in arrivals:
                delay = start + moment - time.perf_counter()
                if delay > 0:
                    await asyncio.sleep(delay)
                group.create_task(one(moment, body))
    seen.p50.append(percentile(taken, 50))
    seen.p99.append(percentile(taken, 99))
