"""One turn of an actor: start it if need be, handle what waits, end it if it is to end.

The rule of failures stands here. A refusal (`Rejected`) goes to the asker and the actor lives; any
other exception goes to the asker and ends the incarnation; a cancellation is neither.
"""

from __future__ import annotations

import asyncio
import traceback
from contextvars import Context, ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog

from gateway.actors.errors import ActorStopped, HandlerCancelled
from gateway.domain.errors import Rejected

if TYPE_CHECKING:
    from gateway.actors.cell import Cell
    from gateway.actors.runtime import Actor

__all__ = ["Reply", "asking", "log_crash", "refuse", "work"]

logger = structlog.get_logger(__name__)

Reply: TypeAlias = "asyncio.Future[Any] | None"
"""Where the answer goes; None for a message that was told."""

asking: ContextVar[tuple[Cell, ...]] = ContextVar("asking", default=())
"""The cells that wait for what runs now, outermost first."""

FRAMES_LOGGED = 8


def log_crash(event: str, actor: str, error: BaseException, **fields: object) -> None:
    """Log what failed and where, without the error's text: it may quote what a message holds."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_LOGGED:]
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    logger.error(event, actor=actor, error=type(error).__qualname__, where=where, **fields)


def refuse(reply: Reply, error: Exception) -> None:
    """Answer with `error`, if anybody still waits."""
    if reply is not None and not reply.done():
        reply.set_exception(error)


async def work(cell: Cell, actor: Actor, context: Context) -> tuple[bool, Exception | None]:
    """Handle what waits; whether the incarnation is over, and the failure that ended it."""
    failure = None if cell.ready else await _begin(cell, actor)
    left = cell.turn_max
    while failure is None and cell.failure is None and not cell.leaving:
        mailbox = cell.mailbox
        if not mailbox:
            if cell.draining:
                break
            return False, None
        # A handler that left context variables behind: the next message gets a fresh context.
        if left == 0 or len(context) > 1 or cell.actor is not actor:
            return False, None
        left -= 1
        message, reply, asked_by = mailbox.popleft()
        asking.set((*asked_by, cell))
        failure = await _handle(cell, actor, message, reply)
    failure = failure or cell.failure
    await _end(cell, actor, failure)
    return True, failure


def _to_be_cancelled(cell: Cell) -> bool:
    """Whether this turn itself was cancelled, and not only something it waited for."""
    task = asyncio.current_task()
    return cell.killed or (task is not None and task.cancelling() > 0)


async def _begin(cell: Cell, actor: Actor) -> Exception | None:
    asking.set((cell,))
    failure: Exception | None = None
    try:
        await actor.on_start()
    except asyncio.CancelledError:
        if _to_be_cancelled(cell):
            raise
        failure = HandlerCancelled(f"{cell.name} was cancelled while it started")
    except Exception as error:  # noqa: BLE001 whatever it is, the owner decides
        failure = error
    if failure is not None and not isinstance(failure, Rejected):
        log_crash("actor_start_failed", cell.name, failure)
    cell.announce_start(failure)
    return failure


async def _handle(cell: Cell, actor: Actor, message: object, reply: Reply) -> Exception | None:
    """Handle one message; the answer is the failure that ends the incarnation, if any."""
    handler = actor.handlers.get(type(message))
    if handler is None:
        _unknown(cell, message, reply)
        return None
    try:
        answer = await handler(actor, message)
    except Rejected as refusal:
        _rejected(cell, message, reply, refusal)
    except asyncio.CancelledError:
        _interrupted(cell, message, reply)
        if _to_be_cancelled(cell):
            raise
    except Exception as failure:  # noqa: BLE001 whatever it is, the owner decides
        log_crash("actor_crashed", cell.name, failure, message=type(message).__name__)
        refuse(reply, failure)
        return failure
    else:
        if reply is not None and not reply.done():
            reply.set_result(answer)
    return None


def _unknown(cell: Cell, message: object, reply: Reply) -> None:
    kind = type(message).__name__
    logger.error("actor_message_unknown", actor=cell.name, message=kind)
    refuse(reply, TypeError(f"{cell.name} does not handle {kind}"))


def _rejected(cell: Cell, message: object, reply: Reply, refusal: Rejected) -> None:
    if reply is None:
        names = {"message": type(message).__name__, "error": type(refusal).__qualname__}
        logger.info("actor_rejected_told_message", actor=cell.name, **names)
    refuse(reply, refusal)


def _interrupted(cell: Cell, message: object, reply: Reply) -> None:
    kind = type(message).__name__
    if cell.killed:
        refuse(reply, ActorStopped(f"{cell.name} was stopped while it handled {kind}"))
    else:
        logger.warning("actor_handler_cancelled", actor=cell.name, message=kind)
        refuse(reply, HandlerCancelled(f"{cell.name} was cancelled while it handled {kind}"))


async def _end(cell: Cell, actor: Actor, failure: Exception | None) -> None:
    asking.set((cell,))
    try:
        await (actor.on_stop() if failure is None else actor.on_failure(failure))
    except asyncio.CancelledError:
        if _to_be_cancelled(cell):
            raise
    except Exception as error:  # noqa: BLE001 it ends in any case
        log_crash("actor_end_failed", cell.name, error)
    await actor.cancel_tasks()
