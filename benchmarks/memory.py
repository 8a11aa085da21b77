"""Memory: of an idle process, of live orders, and of what many orders leave behind."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from benchmarks import servers
from benchmarks.client import Client, RawClient
from benchmarks.load import CREDENTIALS, WEBHOOK_SECRET, PaymentLoad, make_orders, subscribe
from benchmarks.options import Options
from benchmarks.receiver import Receiver
from benchmarks.report import Row, Section
from benchmarks.servers import Server

__all__ = ["run"]

_IDLE_MIB_MAX = 130
_LIVE = 10_000
_LIVE_MIB_MAX = 60
_SLICE = 10_000
_PAID_OF_TEN = 1
_FLAT_MIB_PER_100_000 = 5.0


@dataclass(frozen=True, slots=True)
class _Sample:
    """Memory in MiB when so many orders had passed."""

    orders: int
    own_mib: float
    redis_mib: float


async def run(options: Options) -> Section:
    """One process for everything: what it holds at first, with live orders, and in the long run."""
    async with Receiver(WEBHOOK_SECRET) as receiver, servers.gateway() as server:
        await asyncio.sleep(2)
        idle = server.usage()
        await subscribe(server.port, receiver)
        async with RawClient(server.port, headers=CREDENTIALS) as client:
            await make_orders(client, 500)
            warm = server.usage().own_mib
            await make_orders(client, _LIVE)
            live = server.usage().own_mib - warm
            samples = await _pass_through(server, client, receiver, options)
    half = samples[len(samples) // 2 :]
    own, redis = _slope(half, "own_mib"), _slope(half, "redis_mib")
    return Section(
        name="memory",
        rows=[
            Row(
                what="idle process",
                measured=f"{idle.own_mib:.0f} MiB",
                target=f"≤ {_IDLE_MIB_MAX} MiB",
                met=idle.own_mib <= _IDLE_MIB_MAX,
            ),
            Row(
                what=f"{_LIVE:,} live orders add",
                measured=f"{live:.0f} MiB",
                target=f"≤ {_LIVE_MIB_MAX} MiB",
                met=live <= _LIVE_MIB_MAX,
            ),
            _flat("process", own, samples, "own_mib"),
            _flat("Redis", redis, samples, "redis_mib"),
        ],
        note=(
            f"{options.orders:,} orders passed through, one in ten of them paid and its webhook "
            "delivered; resident memory sampled every "
            f"{_SLICE:,} orders; the slope is that of the second half."
        ),
    )


def _flat(what: str, slope: float, samples: list[_Sample], name: str) -> Row:
    first, last = getattr(samples[0], name), getattr(samples[-1], name)
    return Row(
        what=f"{what}, {samples[-1].orders:,} orders later",
        measured=f"{first:.0f} → {last:.0f} MiB, {slope:+.1f} MiB per 100,000 orders",
        target="flat",
        met=slope <= _FLAT_MIB_PER_100_000,
    )


async def _pass_through(
    server: Server, client: Client, receiver: Receiver, options: Options
) -> list[_Sample]:
    samples: list[_Sample] = []
    for passed in range(_SLICE, max(options.orders, 4 * _SLICE) + 1, _SLICE):
        orders = await make_orders(client, _SLICE)
        load = PaymentLoad(client, receiver)
        await load.keep(orders[: _SLICE * _PAID_OF_TEN // 10], window=256, seconds=60)
        await load.wait_for_all()
        receiver.forget()
        usage = server.usage()
        samples.append(_Sample(passed, usage.own_mib, usage.redis_mib))
    return samples


def _slope(samples: list[_Sample], name: str) -> float:
    """MiB per 100,000 orders, by least squares."""
    mean_x = sum(sample.orders for sample in samples) / len(samples)
    mean_y = sum(getattr(sample, name) for sample in samples) / len(samples)
    above = sum((sample.orders - mean_x) * (getattr(sample, name) - mean_y) for sample in samples)
    below = sum((sample.orders - mean_x) ** 2 for sample in samples)
    return float(above / below * 100_000) if below else 0.0
