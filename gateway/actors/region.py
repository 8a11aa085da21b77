"""A region finds or activates the entity with an identity: one activation at a time.

Entities are temporary: a crashed one is not restarted, the next message makes a new incarnation,
and messages that waited at the crash, or that arrive while one stops, go to that successor. Live
entities are capped, and idle ones forgotten in slices, least recently used first: 100,000 live
entities made a full garbage collection of 0.5 s, 10,000 one of 0.06 s.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import structlog

from gateway.actors.cell import Cell, require_loop
from gateway.actors.errors import CircularAsk, RegionFull, RegionStopped
from gateway.actors.runtime import Actor, Ref
from gateway.actors.supervisor import TreeNode
from gateway.actors.turn import asking, log_crash
from gateway.domain.errors import Rejected

__all__ = ["EntityRef", "Region"]

logger = structlog.get_logger(__name__)


class EntityRef(Ref):
    """The public face of an entity, whether it lives now or not."""

    __slots__ = ("_identity", "_region")

    def __init__(self, region: Region, identity: str) -> None:
        self._region = region
        self._identity = identity

    def tell(self, message: object) -> None:
        """As `Region.tell`."""
        self._region.tell(self._identity, message)

    def tell_threadsafe(self, message: object) -> None:
        """Tell from another thread. A message that cannot be put is logged: nobody is there."""
        self._region.require_started().call_soon_threadsafe(self._tell_or_log, message)

    async def ask(self, message: object, *, deadline_seconds: float) -> Any:
        """As `Region.ask`."""
        return await self._region.ask(self._identity, message, deadline_seconds=deadline_seconds)

    def stop(self) -> asyncio.Future[None]:
        """End the incarnation after what waits; later messages go to its successor."""
        return self._region.stop_entity(self._identity)

    @property
    def name(self) -> str:
        """The region's name and the identity."""
        return f"{self._region.name}/{self._identity}"

    @property
    def alive(self) -> bool:
        """Whether there is an incarnation now."""
        cell = self._region.find(self._identity)
        return cell is not None and cell.alive

    @property
    def mailbox_length(self) -> int:
        """How many messages wait."""
        cell = self._region.find(self._identity)
        return cell.mailbox_length if cell is not None else 0


class Region:
    """Entities by identity, made by `factory(identity)`. A unit: it can be a supervisor's child."""

    has_successors = True
    failed = None

    def __init__(
        self,
        name: str,
        factory: Callable[[str], Actor],
        *,
        live_max: int = 10_000,
        idle_seconds: float = 60.0,
        sweep_slice: int = 200,
        sweep_interval_seconds: float = 1.0,
        mailbox_max: int = 1000,
        turn_max: int = 100,
        crashes_max: int = 3,
        crash_period_seconds: float = 60.0,
        stop_seconds: float = 10.0,
    ) -> None:
        """Let at most `live_max` entities live, and `sweep_slice` more that are ending.

        One that was idle for `idle_seconds` is passivated, `sweep_slice` of them in one go. When
        one identity crashes more than `crashes_max` times in `crash_period_seconds`, what waits for
        it gets the error instead of a successor. `stop` may take `stop_seconds`.
        """
        if live_max < 1 or sweep_slice < 1:
            raise ValueError("live_max and sweep_slice are at least 1")
        self.name = name
        self._factory = factory
        self._live_max = live_max
        self._idle_seconds = idle_seconds
        self._sweep_slice = sweep_slice
        self._sweep_interval_seconds = sweep_interval_seconds
        self._mailbox_max = mailbox_max
        self._turn_max = turn_max
        self._crashes_max = crashes_max
        self._crash_period_seconds = crash_period_seconds
        self._stop_seconds = stop_seconds
        self._cells: OrderedDict[str, Cell] = OrderedDict()  # least recently used first
        self._ending: set[str] = set()
        self._crashes: OrderedDict[str, deque[float]] = OrderedDict()  # latest crash last
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.Handle | None = None
        self._closed = True
        self.activations_total = 0
        self.passivations_total = 0
        self.crashes_total = 0

    @property
    def live(self) -> int:
        """How many entities live, those that are ending included."""
        return len(self._cells)

    def ref(self, identity: str) -> EntityRef:
        """The entity's face. It is activated by the first message, not by this."""
        return EntityRef(self, identity)

    def tell(self, identity: str, message: object) -> None:
        """Put `message`, activating the entity if need be.

        Raises RegionFull, RegionStopped, MailboxFull, WrongThread, and what the factory raises.
        """
        self._reach(identity).put(message)

    def ask(
        self, identity: str, message: object, *, deadline_seconds: float
    ) -> Coroutine[Any, Any, Any]:
        """Ask the entity, activating it if need be; to be awaited at once.

        Raises what `tell` raises, what the handler raises, Rejected from the entity's `on_start`,
        DeadlineExceeded (the outcome is then unknown), CircularAsk, and TypeError for a message
        without handler.
        """
        return self._reach(identity).ask(message, deadline_seconds)

    def stop_entity(self, identity: str) -> asyncio.Future[None]:
        """End the entity's incarnation after what waits; done when ended, or none was there."""
        loop = self.require_started()
        require_loop(loop)
        cell = self._cells.get(identity)
        if cell is None:
            done = loop.create_future()
            done.set_result(None)
            return done
        if cell in asking.get():
            raise CircularAsk(f"{cell.name} waits for this; an entity ends by self.passivate()")
        return cell.stop()

    def find(self, identity: str) -> Cell | None:
        """The entity's cell, if it lives."""
        return self._cells.get(identity)

    def ref_of(self, cell: Cell) -> Ref:
        """The public face of one of its cells."""
        return EntityRef(self, cell.key)

    def require_started(self) -> asyncio.AbstractEventLoop:
        """The loop it runs on. Raises RegionStopped."""
        if self._closed or self._loop is None:
            raise RegionStopped(f"{self.name} takes no messages")
        return self._loop

    def tree(self) -> TreeNode:
        """What the dashboard shows: the number of entities, not each of them."""
        return TreeNode(name=self.name, kind="region", alive=not self._closed, live=self.live)

    async def start(self) -> None:
        """Take messages from now on."""
        if self._closed:
            self._loop = asyncio.get_running_loop()
            self._closed = False
            self._timer = self._loop.call_later(self._sweep_interval_seconds, self._sweep)

    async def stop(self) -> None:
        """Refuse new messages, let the entities handle what waits and end, within the limit."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        endings = [self._close(cell) for cell in list(self._cells.values())]
        try:
            await _wait(endings, self._stop_seconds)
            if self._cells:
                logger.warning("region_stops_too_slowly", region=self.name, live=self.live)
        finally:  # also when this is cancelled, because it takes too long for a supervisor
            for cell in list(self._cells.values()):
                cell.kill()
        await _wait(endings, 1.0)
        for cell in list(self._cells.values()):
            logger.error("actor_ignores_cancellation", actor=cell.name)
            cell.give_up()

    def ended(self, cell: Cell, failure: Exception | None) -> None:
        """An incarnation has ended: a successor takes what waits, if anything does."""
        self._ending.discard(cell.key)
        if self._closed:
            cell.dispose(RegionStopped(f"{self.name} takes no messages"))
            self._remove(cell)
            return
        given_up = failure is not None and self._is_final(cell, failure)
        if failure is not None and given_up:
            cell.refuse_waiting(failure)
        if cell.mailbox_length:
            cell.settle()
            self._succeed(cell)
        else:
            self._remove(cell)

    def _is_final(self, cell: Cell, failure: Exception) -> bool:
        """Whether what waits gets `failure`: `on_start` refused, or it crashes again and again."""
        if isinstance(failure, Rejected):
            return True
        self.crashes_total += 1
        now = asyncio.get_running_loop().time()
        moments = self._crashes.setdefault(cell.key, deque(maxlen=self._crashes_max + 1))
        self._crashes.move_to_end(cell.key)
        moments.append(now)
        return len([m for m in moments if m > now - self._crash_period_seconds]) > self._crashes_max

    def _succeed(self, cell: Cell) -> None:
        try:
            cell.open()
        except Exception as failure:  # noqa: BLE001 the constructor failed: one more crash
            log_crash("actor_start_failed", cell.name, failure)
            self.ended(cell, failure)
        else:
            self.activations_total += 1
            cell.wake()

    def _reach(self, identity: str) -> Cell:
        if self._closed:
            raise RegionStopped(f"{self.name} takes no messages")
        require_loop(self._loop)
        cell = self._cells.get(identity)
        if cell is None:
            cell = self._activate(identity)
        else:
            self._cells.move_to_end(identity)
        cell.touched = self._now()
        return cell

    def _activate(self, identity: str) -> Cell:
        if len(self._cells) - len(self._ending) >= self._live_max:
            self._make_room()
        cell = Cell(
            identity,
            self,
            partial(self._factory, identity),
            mailbox_max=self._mailbox_max,
            turn_max=self._turn_max,
        )
        cell.open()
        self._cells[identity] = cell
        self.activations_total += 1
        return cell

    def _make_room(self) -> None:
        """Passivate the least recently used idle entity, or raise RegionFull."""
        if len(self._ending) < self._sweep_slice:
            for _ in range(min(self._sweep_slice, len(self._cells))):
                cell = next(iter(self._cells.values()))
                if self._passivate(cell):
                    return
        raise RegionFull(f"{self.name} has {self._live_max} live entities, none of them idle")

    def _passivate(self, cell: Cell) -> bool:
        """Passivate `cell` if it is idle; a busy one counts as used now."""
        actor = cell.actor
        if actor is not None and cell.idle:
            self.passivations_total += 1
            if actor.ends_quietly:
                cell.forget()
                del self._cells[cell.key]
                return True
            self._ending.add(cell.key)
            cell.leave()
        cell.touched = self._now()
        self._cells.move_to_end(cell.key)
        return cell.leaving

    def _sweep(self) -> None:
        """Passivate at most one slice of those idle for too long; a full slice calls for more."""
        horizon = self._now() - self._idle_seconds
        left = self._sweep_slice - len(self._ending)
        while left > 0 and self._cells:
            cell = next(iter(self._cells.values()))
            if cell.touched > horizon:
                break
            self._passivate(cell)
            left -= 1
        self._drop_old_crashes()
        if self._loop is not None:
            more = left <= 0 and not self._ending
            delay_seconds = 0.0 if more else self._sweep_interval_seconds
            self._timer = self._loop.call_later(delay_seconds, self._sweep)

    def _drop_old_crashes(self) -> None:
        horizon = self._now() - self._crash_period_seconds
        for _ in range(self._sweep_slice):
            identity = next(iter(self._crashes), None)
            if identity is None or self._crashes[identity][-1] > horizon:
                return
            del self._crashes[identity]

    def _close(self, cell: Cell) -> asyncio.Future[None]:
        cell.closed = True
        return cell.stop()

    def _remove(self, cell: Cell) -> None:
        if self._cells.get(cell.key) is cell:
            del self._cells[cell.key]
        cell.settle()

    def _now(self) -> float:
        return self._loop.time() if self._loop is not None else 0.0


async def _wait(futures: list[asyncio.Future[None]], seconds: float) -> None:
    waiting = [future for future in futures if not future.done()]
    if waiting:
        await asyncio.wait(waiting, timeout=seconds)
