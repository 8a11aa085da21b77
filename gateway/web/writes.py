"""Changes that are no order's: idempotency key, effect and answer become true together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from aiohttp import web

from gateway.domain.errors import IdempotencyInProgress
from gateway.domain.work import StoredAnswer
from gateway.security.records import answer_record
from gateway.storage.administration_idempotency import claim_key, store_answer
from gateway.storage.journal import Connection
from gateway.web.bodies import Body
from gateway.web.calls import call_of
from gateway.web.commands import KEY_GATE
from gateway.web.idempotency import Key, find_kept, kept_answer, key_of
from gateway.web.responses import answer
from gateway.web.services import Services

__all__ = ["Effect", "merchant_scope", "write_once"]

Effect = Callable[[Connection], Awaitable[StoredAnswer]]
"""Makes the change inside the transaction it is given, and says what to answer."""


def merchant_scope(request: web.Request) -> str:
    """Whose keys they are: a merchant's, in one mode."""
    caller = call_of(request).caller
    return f"{caller.merchant_id}:{caller.mode}"


async def write_once(
    request: web.Request,
    body: Body,
    surface: str,
    effect: Effect,
    *,
    before: Callable[[], Awaitable[None]] | None = None,
    committed: Callable[[], Awaitable[None]] | None = None,
    sealed: bool = False,
) -> web.Response:
    """Make the change, once for each key, and answer; `sealed` when the answer shows a secret.

    `before` runs first, without a connection to the database, and not for a repeat; `committed`
    runs after the change has become true, not for a repeat. What the effect raises
    undoes the claim too.
    """
    services = call_of(request).services
    key = key_of(request, services, merchant_scope(request), body)
    if key is None:
        if before is not None:
            await before()
        async with services.pool.acquire() as connection, connection.transaction():
            made = await effect(connection)
    else:
        async with request.app[KEY_GATE].passing(key):
            kept = await find_kept(services, key)
            if before is not None and not kept:
                await before()
            first = None if kept else await _claimed(services, key, surface, effect, sealed=sealed)
            if first is None:
                return await _again(services, key)
        made = first
    if committed is not None:
        await committed()
    return answer(made)


async def _again(services: Services, key: Key) -> web.Response:
    kept = await find_kept(services, key)
    stored = None if kept is None else kept_answer(services, key, kept)
    if stored is None:
        raise IdempotencyInProgress("A request with this Idempotency-Key is in progress")
    return answer(stored, replayed=True)


async def _claimed(
    services: Services, key: Key, surface: str, effect: Effect, *, sealed: bool
) -> StoredAnswer | None:
    """The answer; None when another process was first."""
    now = services.clock.now()
    async with services.pool.acquire() as connection, connection.transaction():
        mine = await claim_key(
            connection,
            scope=key.scope,
            key=key.key,
            fingerprint=key.fingerprint,
            surface=surface,
            now=now,
            expires_at=now + timedelta(seconds=services.settings.idempotency_seconds),
        )
        if not mine:
            return None
        made = await effect(connection)
        kept = made.body
        if sealed:
            kept = services.vault.seal(kept, record=answer_record(key.scope, key.key))
        await store_answer(
            connection, scope=key.scope, key=key.key, status=made.status, body=kept, sealed=sealed
        )
    return made
