"""Actors and messages that several tests of the machinery use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from gateway.actors.runtime import Actor, handles
from gateway.domain.errors import Rejected


class Broken(Exception):
    """What a sample fails with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Is written down."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Asks for what was written down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """Ends the incarnation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """Is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Is handled until its gate opens."""

    gate: asyncio.Event
    entered: asyncio.Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Runs a function with the actor."""

    function: Callable[[Notebook], object]


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until the condition holds, for five seconds at most."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 it is about states that set no event
            await asyncio.sleep(0)


class Notebook(Actor):
    """Writes down what it is told, in a list that may outlive it."""

    def __init__(self, notes: list[str] | None = None, *, tasks_max: int = 32) -> None:
        super().__init__(tasks_max=tasks_max)
        self.notes = [] if notes is None else notes

    @handles(Note)
    async def write(self, message: Note) -> None:
        self.notes.append(message.text)

    @handles(Read)
    async def read(self, _message: Read) -> list[str]:
        return list(self.notes)

    @handles(Break)
    async def crash(self, _message: Break) -> None:
        raise Broken

    @handles(Refuse)
    async def refuse(self, _message: Refuse) -> None:
        raise Rejected("no")

    @handles(Hold)
    async def hold(self, message: Hold) -> str:
        message.entered.set()
        await message.gate.wait()
        self.notes.append("held")
        return "held"

    @handles(Call)
    async def call(self, message: Call) -> object:
        answer = message.function(self)
        return await answer if asyncio.iscoroutine(answer) else answer


class Held:
    """A `Hold` message whose two signals a test can use."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.entered = asyncio.Event()
        self.message = Hold(gate=self.gate, entered=self.entered)
