"""What actors cost on this machine: ask, start, memory when idle, sweep, batched submit.

    python benchmarks/actors.py

Prints one table, plain asyncio and uvloop side by side. Ratios matter, not absolute values.
"""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import uvloop

from gateway.actors.batching import Batcher
from gateway.actors.region import Region
from gateway.actors.runtime import Actor, handles

ASKS = 30_000
ENTITIES = 20_000
CROWD = 100_000
ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """Asks for a sign of life."""


class Pong(Actor):
    """Answers."""

    @handles(Ping)
    async def ping(self, _message: Ping) -> int:
        return 1


def region_of(live_max: int, idle_seconds: float = 3600) -> Region:
    return Region("bench", lambda _identity: Pong(), live_max=live_max, idle_seconds=idle_seconds)


async def ask_one() -> float:
    """Microseconds per ask of one supervised actor."""
    ref = Pong.start()
    begun = time.perf_counter()
    for _ in range(ASKS):
        await ref.ask(Ping(), deadline_seconds=5)
    elapsed = time.perf_counter() - begun
    await ref.stop()
    return elapsed / ASKS * 1e6


async def ask_region() -> float:
    """Microseconds per ask through a region, 100 live entities."""
    region = region_of(1000)
    await region.start()
    begun = time.perf_counter()
    for number in range(ASKS):
        await region.ask(str(number % 100), Ping(), deadline_seconds=5)
    elapsed = time.perf_counter() - begun
    await region.stop()
    return elapsed / ASKS * 1e6


async def ask_crowd() -> float:
    """Microseconds per ask when 64 askers ask one actor."""
    ref = Pong.start()

    async def asker() -> None:
        for _ in range(ASKS // 64):
            await ref.ask(Ping(), deadline_seconds=5)

    begun = time.perf_counter()
    await asyncio.gather(*(asker() for _ in range(64)))
    elapsed = time.perf_counter() - begun
    await ref.stop()
    return elapsed / (ASKS // 64 * 64) * 1e6


async def activate() -> float:
    """Microseconds per entity: construct, start, handle a first told message."""
    region = region_of(ENTITIES)
    await region.start()
    begun = time.perf_counter()
    for number in range(ENTITIES):
        region.tell(str(number), Ping())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    elapsed = time.perf_counter() - begun
    await region.stop()
    return elapsed / ENTITIES * 1e6


async def idle_memory() -> float:
    """KiB per idle entity, its place in the region included."""
    region = region_of(ENTITIES)
    await region.start()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(ENTITIES):
        await region.ask(str(number), Ping(), deadline_seconds=5)
    gc.collect()
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    await region.stop()
    return used / ENTITIES / 1024


async def sweep_crowd() -> float:
    """Milliseconds of the longest pause while 100,000 idle entities are swept."""
    region = Region(
        "bench",
        lambda _identity: Pong(),
        live_max=CROWD,
        idle_seconds=0.0,
        sweep_interval_seconds=0.001,
    )
    gc.collect()
    gc.freeze()
    for number in range(CROWD):
        if number == 0:
            await region.start()
        region.tell(str(number), Ping())
    longest = 0.0
    await asyncio.sleep(0)
    while region.live:
        begun = time.perf_counter()
        await asyncio.sleep(0)
        longest = max(longest, time.perf_counter() - begun)
    await region.stop()
    gc.unfreeze()
    return longest * 1e3


async def submit() -> float:
    """Microseconds per submitted item, 256 submitters, a flush that takes one loop iteration."""

    async def flush(items: Sequence[int]) -> Sequence[int]:
        await asyncio.sleep(0)
        return items

    batcher: Batcher[int, int] = Batcher(flush, name="bench", size_max=500, pending_max=5000)

    async def submitter() -> None:
        for number in range(ASKS // 256):
            await batcher.submit(number)

    begun = time.perf_counter()
    await asyncio.gather(*(submitter() for _ in range(256)))
    return (time.perf_counter() - begun) / (ASKS // 256 * 256) * 1e6


MEASURES: Sequence[tuple[str, str, Callable[[], Awaitable[float]]]] = (
    ("ask, one asker", "µs", ask_one),
    ("ask through a region", "µs", ask_region),
    ("ask, 64 askers", "µs", ask_crowd),
    ("activate and handle a message", "µs", activate),
    ("memory of an idle entity", "KiB", idle_memory),
    ("longest pause, 100,000 swept", "ms", sweep_crowd),
    ("submit to a batcher", "µs", submit),
)


def best(measure: Callable[[], Awaitable[float]], runner: Callable[..., float]) -> float:
    return min(runner(measure()) for _ in range(ROUNDS))


def main() -> None:
    """Measure and print."""
    print(f"{'':34}{'asyncio':>10}{'uvloop':>10}")
    for label, unit, measure in MEASURES:
        plain, fast = best(measure, asyncio.run), best(measure, uvloop.run)
        print(f"{label + ', ' + unit:34}{plain:10.2f}{fast:10.2f}")


if __name__ == "__main__":
    main()
