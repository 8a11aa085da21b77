"""A bank that takes 15 seconds, and 10,000 payments that wait for it at once."""

from __future__ import annotations

import time

from benchmarks import servers
from benchmarks.client import RawClient
from benchmarks.gauge import JobsGauge
from benchmarks.load import CREDENTIALS, WEBHOOK_SECRET, PaymentLoad, make_orders, subscribe
from benchmarks.options import Options
from benchmarks.receiver import Receiver
from benchmarks.report import Row, Section

__all__ = ["run"]

_PAYMENTS = 10_000
_BANK_SECONDS = 15
_TARGET_SECONDS = 20


async def run(options: Options) -> Section:  # noqa: ARG001 there is no shorter way to see it
    """Accept them all as fast as possible, watch the gauge, wait for every webhook."""
    settings = {"TEST_PROCESSING_DELAY": str(_BANK_SECONDS * 1000)}
    async with Receiver(WEBHOOK_SECRET) as receiver, servers.gateway(settings) as server:
        await subscribe(server.port, receiver)
        async with RawClient(server.port, headers=CREDENTIALS) as client:
            orders = await make_orders(client, _PAYMENTS)
            load = PaymentLoad(client, receiver)
            async with JobsGauge(server.port) as gauge:
                before, begun = server.usage(), time.perf_counter()
                await load.keep(orders, window=_PAYMENTS + client.connections, seconds=120)
                accepted_seconds = time.perf_counter() - begun
                done_seconds = await load.wait_for_all()
                after = server.usage()
    seen = load.summary()
    return Section(
        name="slow_bank",
        rows=[
            Row(
                what="in flight at once (gauge)",
                measured=f"{gauge.most:,.0f}",
                target=f"≥ {_PAYMENTS:,}",
                met=gauge.most >= _PAYMENTS,
            ),
            Row(
                what="all done after the last was accepted",
                measured=f"{done_seconds:.1f} s",
                target=f"≤ {_TARGET_SECONDS} s",
                met=done_seconds <= _TARGET_SECONDS and not seen.lost,
            ),
            Row(
                what="accepted",
                measured=f"{seen.accepted:,} in {accepted_seconds:.1f} s, {seen.lost} lost",
            ),
            Row(
                what="process memory",
                measured=f"{before.own_mib:.0f} MiB before, {after.own_mib:.0f} MiB after",
            ),
        ],
        note=f"The simulated bank takes {_BANK_SECONDS} s for each; raw client.",
    )
