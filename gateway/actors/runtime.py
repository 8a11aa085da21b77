"""Actors on the event loop: `pykka.Actor` with a mailbox, replies and an ending of our own.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Add:
        amount: int

    class Counter(Actor):
        def __init__(self) -> None:
            super().__init__()
            self.total = 0

        @handles(Add)
        async def add(self, message: Add) -> int:
            self.total += message.amount
            return self.total

    total = await ref.ask(Add(amount=1), deadline_seconds=5)

Stock pykka cannot serve here: awaiting its replies blocks the loop, a CancelledError stops every
actor, and its global registry searches a list. Nothing of this module touches that registry.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from collections.abc import Callable, Collection, Coroutine, Mapping
from contextvars import Context
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

import pykka
import structlog

from gateway.actors.cell import Cell, constructing, require_loop
from gateway.actors.errors import ActorError, ActorStopped, CircularAsk, TasksFull
from gateway.actors.turn import asking, log_crash
from gateway.domain.errors import Rejected

__all__ = ["Actor", "Ref", "handles"]

logger = structlog.get_logger(__name__)

Method = TypeVar("Method", bound=Callable[..., Coroutine[Any, Any, Any]])

TASK_CANCEL_SECONDS = 1.0
"""How long an ending waits for spawned work to take its cancellation."""


def handles(message_type: type) -> Callable[[Method], Method]:
    """Mark the `async def` method that handles messages of exactly this frozen dataclass."""
    parameters = getattr(message_type, "__dataclass_params__", None)
    if not dataclasses.is_dataclass(message_type) or not getattr(parameters, "frozen", False):
        raise TypeError(f"{message_type.__name__} is no frozen dataclass")

    def mark(method: Method) -> Method:
        if not inspect.iscoroutinefunction(method):
            raise TypeError(f"the handler of {message_type.__name__} is no async def")
        method.__dict__["handled_type"] = message_type
        return method

    return mark


class Ref:
    """The public face of an actor. It stays valid over restarts."""

    __slots__ = ("_cell",)

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    def tell(self, message: object) -> None:
        """Put `message` into the mailbox. Raises ActorStopped, MailboxFull, WrongThread."""
        require_loop(self._cell.loop)
        self._cell.put(message)

    def tell_threadsafe(self, message: object) -> None:
        """Tell from another thread. A message that cannot be put is logged: nobody is there."""
        if self._cell.loop is None:
            raise ActorStopped(f"{self.name} is not started")
        self._cell.loop.call_soon_threadsafe(self._tell_or_log, message)

    async def ask(self, message: object, *, deadline_seconds: float) -> Any:
        """Put `message` and wait for the answer.

        Raises what the handler raises, DeadlineExceeded (the outcome is then unknown), CircularAsk,
        ActorStopped, MailboxFull, WrongThread, and TypeError for a message without handler.
        """
        require_loop(self._cell.loop)
        return await self._cell.ask(message, deadline_seconds)

    def stop(self) -> asyncio.Future[None]:
        """End it after the messages that wait now; later ones are refused. Done when ended.

        Raises CircularAsk to who would wait for itself, WrongThread.
        """
        require_loop(self._cell.loop)
        if self._cell in asking.get():
            raise CircularAsk(f"{self.name} waits for this; an actor stops itself by self.stop()")
        return self._cell.stop()

    @property
    def name(self) -> str:
        """The owner's name and its own."""
        return self._cell.name

    @property
    def alive(self) -> bool:
        """Whether there is an incarnation now; between crash and restart there is none."""
        return self._cell.alive

    @property
    def mailbox_length(self) -> int:
        """How many messages wait."""
        return self._cell.mailbox_length

    def _tell_or_log(self, message: object) -> None:
        try:
            self.tell(message)
        except ActorError as error:
            kinds = {"message": type(message).__name__, "error": type(error).__qualname__}
            logger.warning("actor_message_lost", actor=self.name, **kinds)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class _Flag:
    """What pykka uses a `threading.Event` for, in 40 bytes."""

    __slots__ = ("_is_set",)

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    def is_set(self) -> bool:
        return self._is_set


class _Alone:
    """Owner of actors that nobody supervises: when they end, they have ended."""

    name = "alone"
    has_successors = False

    def ref_of(self, cell: Cell) -> Ref:
        return Ref(cell)

    def ended(self, cell: Cell, failure: Exception | None) -> None:
        error = ActorStopped(f"{cell.name} has stopped")
        error.__cause__ = failure
        cell.dispose(error)


if TYPE_CHECKING:

    class _PykkaActor:
        """What we use of `pykka.Actor`.

        Its hooks are declared as plain functions and ours are async: seen with its own types, each
        actor of ours would have to suppress the same three errors.
        """

        actor_inbox: Any
        actor_stopped: Any
        actor_urn: str
        _actor_ref: Any

else:
    _PykkaActor = pykka.Actor


class Actor(_PykkaActor):
    """One incarnation. Handlers are `async def` methods marked with `@handles(MessageType)`.

    Handlers are quick: slow work is spawned, and its result told to oneself.
    """

    handlers: ClassVar[Mapping[type, Callable[[Any, Any], Coroutine[Any, Any, Any]]]] = {}
    ends_quietly: ClassVar[bool] = True
    """Whether `on_stop` has nothing to do."""
    _handler_names: ClassVar[Mapping[type, str]] = {}
    _tasks: set[asyncio.Task[Any]] | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = [
            (member.__dict__["handled_type"], name)
            for name, member in vars(cls).items()
            if inspect.isfunction(member) and "handled_type" in member.__dict__
        ]
        if len(own) != len(dict(own)):
            raise TypeError(f"{cls.__name__} has two handlers for one message type")
        cls.ends_quietly = cls.on_stop is Actor.on_stop
        cls._handler_names = {**cls._handler_names, **dict(own)}
        cls.handlers = {kind: getattr(cls, name) for kind, name in cls._handler_names.items()}

    def __init__(self, *, tasks_max: int = 32) -> None:
        """Let at most `tasks_max` pieces of spawned work be under way."""
        # All that pykka's own constructor does, less a random UUID and a threading.Event: 7 µs and
        # 1.3 KiB an actor, and an order has one.
        self._cell: Cell = self._create_actor_inbox()
        self.actor_inbox = self._cell
        self.actor_urn = self._cell.name
        self.actor_stopped = _Flag()
        self._actor_ref = pykka.ActorRef(self)
        self.tasks_max = tasks_max

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> Ref:
        """Start one that nobody supervises; it ends with its first failure."""

        def make() -> Actor:
            return cls(*args, **kwargs)

        cell = Cell(cls.__name__, _Alone(), make)
        cell.open()
        cell.wake()
        return Ref(cell)

    async def on_start(self) -> None:
        """Before the first message. A failure ends the incarnation; Rejected refuses it."""

    async def on_stop(self) -> None:
        """After the last message, before spawned work is cancelled. Not after a failure."""

    async def on_failure(self, exception: Exception) -> None:
        """After a failure, before spawned work is cancelled."""

    @property
    def ref(self) -> Ref:
        """One's own public face, to give to others."""
        return self._cell.owner.ref_of(self._cell)

    @property
    def tasks(self) -> Collection[asyncio.Task[Any]]:
        """The spawned work that is under way."""
        return self._tasks or ()

    def stop(self) -> None:
        """End after the messages that wait now; a permanent child is started anew."""
        if not self.actor_stopped.is_set():
            self._cell.stop()

    def passivate(self) -> None:
        """Forget oneself after this message. What waits in the mailbox goes to the successor."""
        if not self.actor_stopped.is_set():
            self._cell.leave()

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Start slow work; the mailbox stays open. An exception of `work` ends the actor.

        It runs in a context of its own, is cancelled when the incarnation ends, and tells its
        result to `self.ref`. Raises TasksFull, ActorStopped.
        """
        tasks = self._tasks
        if tasks is None:
            tasks = self._tasks = set()
        if self.actor_stopped.is_set() or len(tasks) >= self.tasks_max:
            work.close()
            if self.actor_stopped.is_set():
                raise ActorStopped(f"{self._cell.name} has stopped")
            raise TasksFull(f"{self._cell.name} has {self.tasks_max} tasks under way")
        loop = self._cell.loop or asyncio.get_running_loop()
        task = loop.create_task(work, name=name, context=Context())
        tasks.add(task)
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        if self._tasks is not None:
            self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        log_crash("actor_task_crashed", self._cell.name, error, task=task.get_name())
        if self.actor_stopped.is_set() or not isinstance(error, Exception):
            return
        if isinstance(error, Rejected):  # nobody asked the task, so there is nobody to refuse
            refusal = error
            error = ActorError(f"spawned work {task.get_name()} raised Rejected")
            error.__cause__ = refusal
        self._cell.fail(error)

    async def cancel_tasks(self) -> None:
        """Cancel what was spawned and wait for it, for a second at most."""
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        if tasks and (await asyncio.wait(tasks, timeout=TASK_CANCEL_SECONDS))[1]:
            logger.error("actor_task_ignores_cancellation", actor=self._cell.name)

    # What pykka asks its kinds of actors to provide.

    @staticmethod
    def _create_actor_inbox() -> Any:
        cell = constructing.get()
        if cell is None:
            raise TypeError("actors are made by a supervisor, by a region or by Actor.start")
        constructing.set(None)  # an actor made by this one's constructor would share the mailbox
        return cell

    @staticmethod
    def _create_future() -> NoReturn:
        raise TypeError("pykka's replies block the loop when awaited: use Ref.ask")

    def _start_actor_loop(self) -> None:
        raise TypeError("the cell schedules turns; there is no loop to start")
