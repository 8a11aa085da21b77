"""Open load: payments arrive when they like, and the bank takes its time."""

from __future__ import annotations

import time

from benchmarks import servers
from benchmarks.client import AiohttpClient, RawClient, percentile
from benchmarks.load import (
    CREDENTIALS,
    WEBHOOK_SECRET,
    PaymentLoad,
    arrival_moments,
    make_orders,
    subscribe,
)
from benchmarks.options import Options
from benchmarks.receiver import Receiver
from benchmarks.report import Row, Section

__all__ = ["run"]

_TARGET_PER_SECOND = 400
_TARGET_P99_MILLISECONDS = 100
_BANK = "lognormal:120:380"


async def run(options: Options) -> Section:
    """Exponential gaps; latency counts from the moment a payment was to be sent."""
    seconds = 10.0 if options.quick else 30.0
    moments = arrival_moments(options.rate, seconds)
    settings = {"GATEWAY_SIMULATOR_DELAY": _BANK}
    async with Receiver(WEBHOOK_SECRET) as receiver, servers.gateway(settings) as server:
        await subscribe(server.port, receiver)
        async with RawClient(server.port, headers=CREDENTIALS) as maker:
            orders = await make_orders(maker, len(moments) + 200)
        async with AiohttpClient(server.port, connections=256, headers=CREDENTIALS) as client:
            warm = PaymentLoad(client, receiver)
            await warm.keep(orders[:200], window=64, seconds=10)
            await warm.wait_for_all()
            load = PaymentLoad(client, receiver)
            begun = time.perf_counter()
            await load.arrive(orders[200:], moments)
            sent_seconds = time.perf_counter() - begun
            await load.wait_for_all()
    seen = load.summary()
    rate = seen.accepted / sent_seconds
    p99 = percentile(seen.answer_seconds, 99) * 1e3
    return Section(
        name="arrivals",
        rows=[
            Row(
                what="payments accepted",
                measured=f"{rate:.0f}/s over {sent_seconds:.0f} s",
                target=f"≥ {_TARGET_PER_SECOND}/s",
                met=rate >= 0.98 * _TARGET_PER_SECOND,
            ),
            Row(
                what="`POST /payments` p99",
                measured=f"{p99:.0f} ms",
                target=f"≤ {_TARGET_P99_MILLISECONDS} ms",
                met=p99 <= _TARGET_P99_MILLISECONDS,
            ),
            Row(
                what="lost",
                measured=f"{seen.lost} of {seen.accepted}",
                target="0",
                met=seen.lost == 0,
            ),
            Row(what="latencies", measured=seen.describe()),
        ],
        note=(
            f"Poisson arrivals at {options.rate}/s whatever became of those before; bank {_BANK} "
            "(log-normal, p50 and p99 in milliseconds); aiohttp client."
        ),
    )
