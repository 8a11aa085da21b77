"""How long until a gateway is ready: on a new data directory, and on one that exists."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from statistics import median

from benchmarks import servers
from benchmarks.client import RawClient
from benchmarks.load import CREDENTIALS, make_orders
from benchmarks.options import Options
from benchmarks.report import Row, Section

__all__ = ["run"]

_READY_SECONDS_MAX = 3.0
_ORDERS = 5_000


async def run(options: Options) -> Section:
    """From the start of the process to the first 200 of /readyz."""
    rounds = 3 if options.quick else 5
    data = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        async with servers.gateway(data=data) as server:
            first = server.ready_seconds
            async with RawClient(server.port, headers=CREDENTIALS) as client:
                await make_orders(client, _ORDERS)
        again: list[float] = []
        for _ in range(rounds):
            async with servers.gateway(data=data) as server:
                again.append(server.ready_seconds)
    finally:
        shutil.rmtree(data, ignore_errors=True)
    return Section(
        name="startup",
        rows=[
            Row(what="ready on a new data directory", measured=f"{first:.2f} s"),
            Row(
                what="ready on an existing one",
                measured=f"{median(again):.2f} s (slowest {max(again):.2f} s)",
                target=f"≤ {_READY_SECONDS_MAX:g} s",
                met=median(again) <= _READY_SECONDS_MAX,
            ),
        ],
        note=f"Median of {rounds} starts, stores included, {_ORDERS:,} orders in them.",
    )
