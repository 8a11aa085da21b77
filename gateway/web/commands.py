"""The way of every command to an order actor, with an idempotency key or without one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from gateway.actors.messages import AlreadyClaimed, ClaimRequest, Done
from gateway.domain.errors import (
    IdempotencyInProgress,
    InvalidState,
    OperationInProgress,
    Rejected,
    Unavailable,
)
from gateway.domain.work import StoredAnswer
from gateway.storage.reads import find_operation
from gateway.storage.reads_idempotency import KeptAnswer
from gateway.web.idempotency import Key, KeyGate, find_kept, kept_answer
from gateway.web.responses import answer
from gateway.web.services import Services
from gateway.web.surfaces import render_done, still_running
from gateway.web.waiting import NO_WAIT, Wait, clarified, final_done, finished_operation

__all__ = ["KEY_GATE", "Command", "command_response"]

KEY_GATE: web.AppKey[KeyGate] = web.AppKey("key_gate", KeyGate)

_NOT_FINAL = (202, 504)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A message to the order `order_id`; `message` makes it with the claim it is to carry.

    It is made only when no answer is kept, so what it refuses does not stand before a repeat.
    `refused` undoes what `message` has prepared. `surface` names the answer; `wait` is for one that
    is an operation's outcome.
    """

    order_id: str
    message: Callable[[ClaimRequest | None], Awaitable[Any]]
    surface: str
    key: Key | None = None
    wait: Wait = NO_WAIT
    refused: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """Either an answer that stands, or what has to be waited for."""

    answer: StoredAnswer | None = None
    replayed: bool = False
    done: Done | None = None
    kept: KeptAnswer | None = None


async def command_response(
    application: web.Application, services: Services, command: Command
) -> web.Response:
    """The response to a command. Raises what the order actor refuses with."""
    wait = command.wait
    headers = {"Preference-Applied": f"wait={wait.seconds:.0f}"} if wait.is_preferred else None
    if command.key is None:
        done = await _ask(services, command, None)
        return answer(await _finish(services, command, done), headers=headers)
    async with application[KEY_GATE].passing(command.key):
        outcome = await _first_or_kept(services, command, command.key)
    # Whoever waits for an operation no longer holds up others with the same key.
    stored = outcome.answer
    if stored is None and outcome.done is not None:
        stored = await _finish(services, command, outcome.done)
    if stored is None:
        stored = await _finish_kept(services, command, outcome.kept)
    # What is not final was not kept either, so it is no replay.
    replayed = outcome.replayed and stored.status not in _NOT_FINAL
    return answer(stored, replayed=replayed, headers=headers)


async def _ask(services: Services, command: Command, claim: ClaimRequest | None) -> Done:
    """The order's answer; where an unknown outcome may be in the way, that is found out first."""
    try:
        return await _ask_once(services, command, claim)
    except (InvalidState, OperationInProgress):
        if not await clarified(services, command.order_id, command.wait):
            raise
    return await _ask_once(services, command, claim)


async def _ask_once(services: Services, command: Command, claim: ClaimRequest | None) -> Done:
    message = await command.message(claim)
    try:
        done = await services.orders.ask(
            command.order_id, message, deadline_seconds=services.settings.ask_seconds
        )
    except Rejected:
        if command.refused is not None:
            await command.refused()
        raise
    if not isinstance(done, Done):
        raise TypeError("commands are answered with Done")
    return done


async def _first_or_kept(services: Services, command: Command, key: Key) -> _Outcome:
    kept = await find_kept(services, key)
    if kept is not None:
        return _kept_outcome(services, key, kept)
    try:
        done = await _ask(services, command, key.claim(command.surface))
    except Unavailable:
        raise
    except Rejected as refusal:
        # A twin in another process may have been first; then its answer is the answer.
        kept = await find_kept(services, key)
        if kept is not None:
            return _kept_outcome(services, key, kept)
        if isinstance(refusal, AlreadyClaimed):
            raise IdempotencyInProgress(
                "A request with this Idempotency-Key is in progress"
            ) from None
        raise
    return _Outcome(answer=done.answer, done=done)


def _kept_outcome(services: Services, key: Key, kept: KeptAnswer) -> _Outcome:
    return _Outcome(answer=kept_answer(services, key, kept), replayed=True, kept=kept)


async def _finish(services: Services, command: Command, done: Done) -> StoredAnswer:
    """Wait for the operation if there is one, and answer with how things are then."""
    operation = done.operation
    if operation is None:
        return render_done(command.surface, done)
    if await finished_operation(services, operation, command.wait.seconds):
        kept = await _kept_after(services, command)
        if kept is not None:
            return kept
    newest = await final_done(services, operation.order_id, operation.id) or done
    if newest.operation is not None and newest.operation.is_pending:
        return still_running(command.surface, newest)
    return render_done(command.surface, newest)


async def _finish_kept(
    services: Services, command: Command, kept: KeptAnswer | None
) -> StoredAnswer:
    """The answer of an earlier request that still waits: wait for the same operation."""
    if kept is None or kept.operation_id is None:
        raise IdempotencyInProgress("A request with this Idempotency-Key is in progress")
    async with services.pool.acquire() as connection:
        operation = await find_operation(connection, kept.operation_id)
    if operation is None:
        raise IdempotencyInProgress("A request with this Idempotency-Key is in progress")
    done = await final_done(services, operation.order_id, operation.id)
    if done is None:
        raise IdempotencyInProgress("A request with this Idempotency-Key is in progress")
    return await _finish(services, command, done)


async def _kept_after(services: Services, command: Command) -> StoredAnswer | None:
    """The bytes that were kept with the outcome, which every repeat will get."""
    if command.key is None:
        return None
    kept = await find_kept(services, command.key)
    return None if kept is None else kept_answer(services, command.key, kept)
