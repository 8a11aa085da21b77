"""Whatever is told, in whatever order things end: no message is lost, doubled or out of order."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.actors.region import Region
from gateway.actors.runtime import Actor, handles

IDENTITIES = ("a", "b", "c")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One numbered message and what its handler does beside writing the number down."""

    number: int
    action: str


class World:
    """What all incarnations have written down, and which of them are active."""

    def __init__(self) -> None:
        self.written: dict[str, list[int]] = defaultdict(list)
        self.active: set[str] = set()

    def make(self, identity: str) -> Actor:
        return Walker(self, identity)


class Walker(Actor):
    """Handles steps, and claims that it is its identity's only activation."""

    def __init__(self, world: World, identity: str) -> None:
        super().__init__()
        self.world, self.identity = world, identity

    async def on_start(self) -> None:
        assert self.identity not in self.world.active
        self.world.active.add(self.identity)
        await asyncio.sleep(0)

    async def on_stop(self) -> None:
        await asyncio.sleep(0)
        self.world.active.remove(self.identity)

    async def on_failure(self, exception: Exception) -> None:
        assert isinstance(exception, ZeroDivisionError)
        await self.on_stop()

    @handles(Step)
    async def step(self, message: Step) -> None:
        self.world.written[self.identity].append(message.number)
        if message.action == "crash":
            raise ZeroDivisionError
        if message.action == "wait":
            await asyncio.sleep(0)
        elif message.action == "passivate":
            self.passivate()
        elif message.action == "stop":
            self.stop()
        elif message.action == "fail beside":
            self.spawn(self.fail(), "failing")

    async def fail(self) -> None:
        raise ZeroDivisionError


ACTIONS = st.sampled_from(("write", "wait", "crash", "passivate", "stop", "fail beside", "pause"))
STORIES = st.lists(st.tuples(st.sampled_from(IDENTITIES), ACTIONS), max_size=60)


async def tell_story(story: Sequence[tuple[str, str]]) -> None:
    """Tell it to a region that sweeps all the time, and compare what was written down."""
    world = World()
    told: dict[str, list[int]] = defaultdict(list)
    limits = {"crashes_max": 100, "idle_seconds": 0.0, "sweep_interval_seconds": 0.0}
    region = Region("world", world.make, turn_max=3, **limits)
    await region.start()
    for number, (identity, action) in enumerate(story):
        if action == "pause":
            await asyncio.sleep(0)
        else:
            told[identity].append(number)
            region.tell(identity, Step(number=number, action=action))
    async with asyncio.timeout(5):
        while region.live:  # noqa: ASYNC110 the sweep ends when all are forgotten
            await asyncio.sleep(0)
    await region.stop()

    assert told == world.written
    assert set() == world.active


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_every_message_is_handled_once_and_in_order(run: Callable[[Awaitable[None]], None]) -> None:
    """Crashes, passivations and stops at any moment lose nothing, on both event loops."""

    @settings(max_examples=150, deadline=None)
    @given(STORIES)
    def check(story: list[tuple[str, str]]) -> None:
        run(tell_story(story))

    check()
