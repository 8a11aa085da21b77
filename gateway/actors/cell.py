"""A cell keeps what outlives one incarnation of an actor: its mailbox and its owner.

A cell is *dormant* (no incarnation), *starting* (`on_start` runs, messages wait), *ready*,
*ending* (`on_stop` or `on_failure` runs) or *closed* (refuses messages until it is opened again):

    dormant → starting → ready → ending → dormant | closed

There is no task while a cell is idle. A message schedules one turn, a task with an empty context
which handles what waits, at most `turn_max` messages, so that one busy actor does not hold up the
others. Messages are handled one at a time, in the order of their arrival.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context, ContextVar
from threading import get_ident
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import structlog

from gateway.actors.errors import (
    ActorStopped,
    CircularAsk,
    DeadlineExceeded,
    MailboxFull,
    WrongThread,
)
from gateway.actors.turn import Reply, asking, refuse, work

if TYPE_CHECKING:
    from gateway.actors.runtime import Actor, Ref

__all__ = ["Cell", "Owner", "constructing", "require_loop"]

logger = structlog.get_logger(__name__)

constructing: ContextVar[Cell | None] = ContextVar("constructing", default=None)
"""The cell that is making an incarnation; the actor's constructor takes it from here."""

Mailbox: TypeAlias = "deque[tuple[object, Reply, tuple[Cell, ...]]]"


class Owner(Protocol):
    """Who decides what follows when an incarnation has ended."""

    @property
    def name(self) -> str:
        """Stands before the names of its cells."""

    @property
    def has_successors(self) -> bool:
        """Whether messages that arrive while an incarnation stops go to the next one."""

    def ref_of(self, cell: Cell) -> Ref:
        """The public face of `cell`."""

    def ended(self, cell: Cell, failure: Exception | None) -> None:
        """An incarnation has ended, by `failure` or because it was to end."""


class _Home:
    """The loop that was last found to run, and its thread."""

    loop: asyncio.AbstractEventLoop | None = None
    thread = 0


def require_loop(loop: asyncio.AbstractEventLoop | None) -> None:
    """Raise WrongThread outside `loop`, ActorStopped when nothing was started yet."""
    # asyncio asks the system for the process's id whenever it is asked for its loop.
    if loop is _Home.loop and _Home.thread == get_ident():
        return
    try:
        if asyncio.get_running_loop() is loop:
            _Home.loop, _Home.thread = loop, get_ident()
            return
    except RuntimeError:
        pass  # no loop runs in this thread, which the next lines say
    if loop is None:
        raise ActorStopped("not started")
    raise WrongThread("only the event loop's own thread may do this")


def _expire(reply: asyncio.Future[Any], key: str, message: object) -> None:
    text = f"{key} did not answer {type(message).__name__} in time"
    refuse(reply, DeadlineExceeded(text))


class Cell:
    """Mailbox, current incarnation and owner of one actor. Its public face is a `Ref`.

    Everything here belongs to the event loop's own thread; `Ref` and `Region` see to that.
    """

    __slots__ = (
        "_factory",
        "_started",
        "_stopped",
        "_task",
        "actor",
        "closed",
        "draining",
        "failure",
        "key",
        "killed",
        "leaving",
        "loop",
        "mailbox",
        "mailbox_max",
        "owner",
        "ready",
        "touched",
        "turn_max",
    )

    def __init__(
        self,
        key: str,
        owner: Owner,
        factory: Callable[[], Actor],
        *,
        mailbox_max: int = 1000,
        turn_max: int = 100,
    ) -> None:
        """Describe an actor; `open` makes its first incarnation.

        `mailbox_max` messages may wait, one turn handles `turn_max` of them.
        """
        if mailbox_max < 1 or turn_max < 1:
            raise ValueError("mailbox_max and turn_max are at least 1")
        self.key = key
        self.owner = owner
        self.mailbox_max = mailbox_max
        self.turn_max = turn_max
        self.loop: asyncio.AbstractEventLoop | None = None
        self.actor: Actor | None = None
        self.mailbox: Mailbox | None = None  # an empty deque takes 600 bytes: an idle cell has none
        self.touched = 0.0
        self.ready = self.closed = self.draining = self.leaving = self.killed = False
        self.failure: Exception | None = None
        self._factory = factory
        self._task: asyncio.Task[None] | None = None
        self._started: asyncio.Future[None] | None = None
        self._stopped: asyncio.Future[None] | None = None

    @property
    def name(self) -> str:
        """The owner's name and the key."""
        return f"{self.owner.name}/{self.key}"

    @property
    def alive(self) -> bool:
        """Whether there is an incarnation."""
        return self.actor is not None

    @property
    def mailbox_length(self) -> int:
        """How many messages wait."""
        return len(self.mailbox) if self.mailbox else 0

    @property
    def idle(self) -> bool:
        """Whether nothing runs, nothing waits and no slow work is under way."""
        actor = self.actor
        return self._task is None and not self.mailbox and (actor is None or not actor.tasks)

    def put(self, message: object, reply: Reply = None, asked_by: tuple[Cell, ...] = ()) -> None:
        """Let `message` wait its turn. Raises ActorStopped, MailboxFull."""
        if self.closed:
            raise ActorStopped(f"{self.name} has stopped")
        mailbox = self.mailbox
        if mailbox is None:
            mailbox = self.mailbox = deque()
        elif len(mailbox) >= self.mailbox_max:
            raise MailboxFull(f"{self.name} has {self.mailbox_max} messages waiting")
        mailbox.append((message, reply, asked_by))
        if self._task is None and self.actor is not None:
            self.wake()

    async def ask(self, message: object, deadline_seconds: float) -> Any:
        """Put `message` and wait for the answer.

        Raises what the handler raises, CircularAsk, DeadlineExceeded, and what `put` raises.
        The handler goes on when the asker is cancelled or no longer waits.
        """
        asked_by = asking.get()
        if self in asked_by:
            raise CircularAsk(" → ".join(cell.name for cell in (*asked_by, self)))
        loop = self.loop or asyncio.get_running_loop()
        reply: asyncio.Future[Any] = loop.create_future()
        self.put(message, reply, asked_by)
        timer = loop.call_later(deadline_seconds, _expire, reply, self.key, message)
        try:
            return await reply
        finally:
            timer.cancel()

    def open(self) -> None:
        """Make an incarnation, which starts with its first turn. Raises what its factory raises."""
        self.loop = asyncio.get_running_loop()
        self.ready = self.closed = self.draining = self.leaving = self.killed = False
        self.failure = None
        token = constructing.set(self)
        try:
            self.actor = self._factory()
        finally:
            constructing.reset(token)

    def wake(self) -> None:
        """Schedule a turn if none is under way."""
        if self._task is None and self.loop is not None:
            context = Context()
            turn = self._turn(context)
            self._task = self.loop.create_task(turn, name=self.key, context=context)

    async def _turn(self, context: Context) -> None:
        actor, over, failure = self.actor, False, None
        try:
            if actor is not None:
                over, failure = await work(self, actor, context)
        except asyncio.CancelledError:
            # Not killed: the loop is being closed. That is no failure, and nothing is to follow.
            if not self.killed:
                raise
            over = True
        finally:
            mine = self.actor is actor  # not so when `stop_within` has given this turn up
            if mine:
                self._task = None
        if mine and over:
            self._bury(failure)
        elif mine and self.mailbox:
            self.wake()
        elif mine:
            self.mailbox = None

    def started(self) -> asyncio.Future[None]:
        """Done when the next `on_start` is; fails with what it raises. For one waiter."""
        if self._started is None:
            self._started = asyncio.get_running_loop().create_future()
        return self._started

    def announce_start(self, failure: Exception | None) -> None:
        """`on_start` is done, or failed."""
        self.ready = failure is None
        started, self._started = self._started, None
        if started is None or started.done():
            return
        if failure is None:
            started.set_result(None)
        else:
            started.set_exception(failure)

    def stop(self) -> asyncio.Future[None]:
        """Handle what waits, then end; done when ended. Later messages are for a successor, if any.

        Without successors they are refused.
        """
        self.draining = True
        self.closed = self.closed or not self.owner.has_successors
        stopped = self._when_ended()
        if self.actor is None:
            self.dispose(ActorStopped(f"{self.name} has stopped"))
        else:
            self.wake()
        return stopped

    def leave(self) -> asyncio.Future[None]:
        """End the incarnation after the message it handles; the owner decides who gets the rest."""
        ended = self._when_ended()
        if self.actor is None:
            self.settle()
        else:
            self.leaving = True
            self.wake()
        return ended

    async def stop_within(self, seconds: float, *, kill_seconds: float = 1.0) -> bool:
        """Stop, and cancel what still runs after `seconds`; whether it ended by itself.

        What still runs `kill_seconds` after its cancellation is given up.
        """
        stopped = self.stop()
        if (await asyncio.wait({stopped}, timeout=seconds))[0]:
            return True
        logger.warning("actor_stops_too_slowly", actor=self.name, limit_seconds=seconds)
        self.kill()
        if not (await asyncio.wait({stopped}, timeout=kill_seconds))[0]:
            logger.error("actor_ignores_cancellation", actor=self.name)
            self.give_up()
        return False

    def kill(self) -> None:
        """Cancel what runs and what was spawned; who waits for an answer gets ActorStopped."""
        self.closed = self.killed = True
        task = self._task
        if task is not None:
            # A task that was cancelled before its first step never reaches its own end.
            task.add_done_callback(lambda _task: self.give_up() if self._task is task else None)
            task.cancel()
        else:
            self.give_up()

    def give_up(self) -> None:
        """Treat the incarnation as ended, whatever it still does."""
        if self.actor is not None:
            self._bury(None)

    def fail(self, failure: Exception) -> None:
        """End the incarnation by `failure` as soon as the message it handles is done."""
        self.failure = self.failure or failure
        if self.actor is not None:
            self.wake()

    def forget(self) -> None:
        """Drop an idle incarnation that has nothing to do at its end, without a turn."""
        actor, self.actor = self.actor, None
        if actor is not None:
            actor.actor_stopped.set()
        self.settle()

    def dispose(self, error: Exception) -> None:
        """Close; who waits, in the mailbox or for the start, gets `error`."""
        self.closed = True
        self.refuse_waiting(error)
        self.announce_start(error)
        self.settle()

    def refuse_waiting(self, error: Exception) -> None:
        """Empty the mailbox; whose messages waited get `error`."""
        mailbox, self.mailbox = self.mailbox, None
        for _message, reply, _asked_by in mailbox or ():
            refuse(reply, error)

    def settle(self) -> None:
        """Tell who waits for the end of the incarnation."""
        stopped, self._stopped = self._stopped, None
        if stopped is not None and not stopped.done():
            stopped.set_result(None)

    def _when_ended(self) -> asyncio.Future[None]:
        if self._stopped is None:
            self._stopped = asyncio.get_running_loop().create_future()
        return self._stopped

    def _bury(self, failure: Exception | None) -> None:
        actor, self.actor = self.actor, None
        self._task = None
        self.ready = self.leaving = False
        self.failure = None
        if actor is not None:
            actor.actor_stopped.set()
            for task in actor.tasks:
                task.cancel()
        self.owner.ended(self, failure)
