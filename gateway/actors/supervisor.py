"""Supervisors: the tree as a list of children that one can read.

    root = Supervisor(
        "root",
        [
            ChildSpec(name="journal", factory=lambda: Journal(pool)),
            ChildSpec(name="orders", factory=lambda: orders_region, stop_seconds=15),
        ],
        restarts=5,
        period_seconds=60,
    )

Children start in the order of the list and stop in its mirror image. A failed child is restarted
by itself (one_for_one) with its mailbox kept; the message that failed is not handled again. More
than `restarts` in `period_seconds`: the supervisor stops the others and gives up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Literal, Protocol

import structlog

from gateway.actors.cell import Cell
from gateway.actors.errors import ActorStopped, TooManyRestarts
from gateway.actors.runtime import Actor, Ref
from gateway.actors.turn import log_crash

__all__ = ["ChildSpec", "Supervisor", "TreeNode", "Unit", "UnitActor"]

logger = structlog.get_logger(__name__)

Restart = Literal["permanent", "transient", "temporary"]
"""Restarted always, after a failure only, or never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeNode:
    """What the dashboard and the metrics show of one actor, region or supervisor."""

    name: str
    kind: str
    alive: bool
    restarts: int = 0
    mailbox_length: int = 0
    live: int | None = None
    """Live entities, of a region."""
    children: tuple[TreeNode, ...] = ()


class Unit(Protocol):
    """Something with a start and an end that can be a child, such as a region or a supervisor.

    `stop` may be called twice, and before `start`; `start` may follow again.
    """

    @property
    def failed(self) -> asyncio.Future[Exception] | None:
        """Done, with the reason, when it cannot go on; None when it never gives up."""

    async def start(self) -> None:
        """Return when started, raise when that failed."""

    async def stop(self) -> None:
        """Return when stopped."""

    def tree(self) -> TreeNode:
        """What it consists of now."""


class UnitActor(Actor):
    """Puts a unit into a cell, so that supervisors know actors only."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self.unit = unit

    async def on_start(self) -> None:
        await self.unit.start()
        failed = self.unit.failed
        if failed is not None:
            failed.add_done_callback(self._unit_failed)

    async def on_stop(self) -> None:
        await self.unit.stop()

    async def on_failure(self, exception: Exception) -> None:  # noqa: ARG002 stopped in any case
        await self.unit.stop()

    def _unit_failed(self, failed: asyncio.Future[Exception]) -> None:
        if not failed.cancelled() and not self.actor_stopped.is_set():
            self._cell.fail(failed.result())


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """One child: how it is made, when it is restarted, and its limits."""

    name: str
    factory: Callable[[], Actor | Unit]
    restart: Restart = "permanent"
    mailbox_max: int = 1000
    turn_max: int = 100
    stop_seconds: float = 10.0

    def make(self) -> Actor:
        """A new incarnation."""
        made = self.factory()
        return made if isinstance(made, Actor) else UnitActor(made)


class _Child:
    """A spec, its cell, and what happened to it."""

    __slots__ = ("cell", "restarts", "spec", "started", "timer")

    def __init__(self, spec: ChildSpec, owner: Supervisor) -> None:
        self.spec = spec
        self.cell = Cell(
            spec.name,
            owner,
            spec.make,
            mailbox_max=spec.mailbox_max,
            turn_max=spec.turn_max,
        )
        self.restarts = 0
        self.started: asyncio.Future[None] | None = None
        self.timer: asyncio.TimerHandle | None = None

    @property
    def booting(self) -> bool:
        """Whether it has not started yet, or could not, and `Supervisor.start` waits for that."""
        started = self.started
        if started is None:
            return False
        return not started.done() or started.cancelled() or started.exception() is not None

    @property
    def to_restart_after_stop(self) -> bool:
        return self.spec.restart == "permanent"

    def to_restart(self, failure: Exception | None) -> bool:
        """Whether its kind is restarted after this ending."""
        return self.to_restart_after_stop or (
            self.spec.restart == "transient" and failure is not None
        )

    def node(self) -> TreeNode:
        """What it is now, and what stands below it."""
        actor, cell = self.cell.actor, self.cell
        below = actor.unit.tree() if isinstance(actor, UnitActor) else None
        return TreeNode(
            name=self.spec.name,
            kind=below.kind if below else "actor",
            alive=cell.alive,
            restarts=self.restarts,
            mailbox_length=cell.mailbox_length,
            live=below.live if below else None,
            children=below.children if below else (),
        )


class Supervisor:
    """Starts, restarts and stops its children; gives up when they fail too often."""

    has_successors = False

    def __init__(
        self,
        name: str,
        children: Sequence[ChildSpec],
        *,
        restarts: int = 5,
        period_seconds: float = 60.0,
        backoff_seconds: float = 0.05,
        backoff_max_seconds: float = 5.0,
        on_give_up: Callable[[Exception], None] | None = None,
    ) -> None:
        """Allow `restarts` in `period_seconds` over all children.

        A restart waits `backoff_seconds`, twice as long for each further one of the period, at most
        `backoff_max_seconds`.
        """
        self.name = name
        self._children = {spec.name: _Child(spec, self) for spec in children}
        if len(self._children) != len(children):
            raise ValueError("two children have the same name")
        self._restarts_max = restarts
        self._period_seconds = period_seconds
        self._backoff_seconds = backoff_seconds
        self._backoff_max_seconds = backoff_max_seconds
        self._on_give_up = on_give_up
        self._recent: deque[float] = deque(maxlen=restarts + 1)
        self._failed: asyncio.Future[Exception] | None = None
        self._giving_up: asyncio.Task[None] | None = None
        self._running = False

    @property
    def failed(self) -> asyncio.Future[Exception]:
        """Done, with the reason, when the supervisor has given up. On the loop only."""
        if self._failed is None:
            self._failed = asyncio.get_running_loop().create_future()
        return self._failed

    @property
    def restarts(self) -> dict[str, int]:
        """Restarts of each child since this supervisor was made."""
        return {name: child.restarts for name, child in self._children.items()}

    def child(self, name: str) -> Ref:
        """The child's face, the same over all restarts. Raises KeyError."""
        return Ref(self._children[name].cell)

    def tree(self) -> TreeNode:
        """What it consists of now."""
        nodes = tuple(child.node() for child in self._children.values())
        total = sum(child.restarts for child in self._children.values())
        return TreeNode(
            name=self.name, kind="supervisor", alive=self._running, restarts=total, children=nodes
        )

    def ref_of(self, cell: Cell) -> Ref:
        """The public face of a child's cell."""
        return Ref(cell)

    async def start(self) -> None:
        """Start the children in order; return when all have started.

        Raises what a child's factory or `on_start` raises, after stopping the others again.
        """
        if self._running:
            return
        self._running = True
        self._recent.clear()
        if self._failed is not None and self._failed.done():
            self._failed = None
        complete = False
        try:
            for child in self._children.values():
                await self._boot(child)
            complete = True
        finally:
            if not complete:
                await self.stop()

    async def _boot(self, child: _Child) -> None:
        if not self._running:
            raise ActorStopped(f"{self.name} was stopped while it started")
        child.cell.open()
        child.started = child.cell.started()
        child.cell.wake()
        try:
            await child.started
        finally:
            child.started = None

    async def stop(self) -> None:
        """Stop the children in mirror order, each within its `stop_seconds`."""
        self._running = False
        if self._giving_up is not None and self._giving_up is not asyncio.current_task():
            await asyncio.shield(self._giving_up)
            return
        await self._stop_children()

    async def _stop_children(self) -> None:
        children = list(self._children.values())
        for child in children:
            if child.timer is not None:
                child.timer.cancel()
        try:
            for child in reversed(children):
                await child.cell.stop_within(child.spec.stop_seconds)
        except asyncio.CancelledError:
            for child in children:
                child.cell.kill()
            raise

    def ended(self, cell: Cell, failure: Exception | None) -> None:
        """A child's incarnation has ended: restart it, let it be, or give up."""
        child = self._children[cell.key]
        if not self._running or child.booting or not child.to_restart(failure):
            cell.dispose(_stopped(cell, failure))
            return
        cell.closed = False
        cell.settle()
        now = asyncio.get_running_loop().time()
        self._recent.append(now)
        recent = sum(1 for moment in self._recent if moment > now - self._period_seconds)
        if recent > self._restarts_max:
            self._give_up(child, failure)
            return
        child.restarts += 1
        delay = min(self._backoff_seconds * 2 ** min(recent - 1, 30), self._backoff_max_seconds)
        cause = type(failure).__qualname__ if failure is not None else "stopped"
        logger.warning("actor_restarts", actor=cell.name, cause=cause, delay_seconds=delay)
        child.timer = asyncio.get_running_loop().call_later(delay, self._restart, child)

    def _restart(self, child: _Child) -> None:
        child.timer = None
        cell = child.cell
        if not self._running or (cell.closed and not child.to_restart_after_stop):
            return
        try:
            cell.open()
        except Exception as failure:  # noqa: BLE001 a crash while starting counts as a restart
            log_crash("actor_start_failed", cell.name, failure)
            self.ended(cell, failure)
        else:
            cell.wake()

    def _give_up(self, child: _Child, failure: Exception | None) -> None:
        self._running = False
        child.cell.dispose(_stopped(child.cell, failure))
        text = f"more than {self._restarts_max} restarts in {self._period_seconds} s"
        reason = TooManyRestarts(f"{self.name} gives up: {text}, last of {child.spec.name}")
        reason.__cause__ = failure
        logger.error("supervisor_gives_up", supervisor=self.name, child=child.spec.name)
        loop = asyncio.get_running_loop()
        self._giving_up = loop.create_task(self._stop_and_tell(reason), context=Context())

    async def _stop_and_tell(self, reason: Exception) -> None:
        try:
            await self._stop_children()
        finally:
            self._giving_up = None
            if not self.failed.done():
                self.failed.set_result(reason)
            if self._on_give_up is not None:
                self._on_give_up(reason)


def _stopped(cell: Cell, failure: Exception | None) -> ActorStopped:
    error = ActorStopped(f"{cell.name} has stopped")
    error.__cause__ = failure
    return error
