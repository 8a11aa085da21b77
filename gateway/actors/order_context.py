"""What order actors share, and how what they decide is committed under a request's key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol

from gateway.actors.messages import AlreadyClaimed, Request
from gateway.domain.clock import Clock
from gateway.domain.decisions import Decision, Moment, Policy, Proceed
from gateway.domain.entities import Operation, OrderState
from gateway.domain.jobs import Job
from gateway.domain.work import Claim, StoredAnswer, UnitOfWork
from gateway.storage.journal import KeyTaken

__all__ = ["Hands", "OrderContext", "Renderer", "claimed", "commit", "moment_of"]


class Renderer(Protocol):
    """Makes the bytes of an answer that is kept for repeats of the request."""

    def __call__(self, surface: str, state: OrderState, subject_id: str) -> StoredAnswer:
        """`subject_id` is what the answer is about: an order, payment, refund or operation."""


class Hands(Protocol):
    """Those in this process who carry operations out."""

    def take_place(self) -> bool:
        """Keep a place free for one operation; False when there is none."""

    def give_back_place(self) -> None:
        """Keep it no longer."""

    def carry_out(self, job: Job, begun: Proceed, asked_at: float) -> None:
        """Carry out what is begun and committed.

        The lease did not begin before `asked_at`, a moment of the monotonic clock.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderContext:
    """What all order actors of a process share."""

    clock: Clock
    policy: Policy
    render: Renderer
    commit: Callable[[UnitOfWork, float | None], Awaitable[None]]
    load: Callable[[str], Awaitable[OrderState | None]]
    load_version: Callable[[str], Awaitable[int]]
    ask_again: Callable[[Operation], None]
    remember: Callable[[OrderState], None]
    recall: Callable[[str], OrderState | None]
    hands: Callable[[], Hands]
    idempotency_seconds: int


def moment_of(clock: Clock, request: Request | None, *, waits: bool = False) -> Moment:
    """Now, and for which request; its surface is that of an answer that has to wait."""
    claim = request.claim if request and waits else None
    return Moment(
        now=clock.now(),
        real_now=clock.real_now(),
        request_id=request.request_id if request else None,
        surface=claim.surface if claim else None,
    )


def claimed(
    context: OrderContext,
    request: Request | None,
    decision: Decision[Any],
    subject_id: str,
    waiting: Operation | None,
) -> tuple[UnitOfWork, StoredAnswer | None]:
    """The unit of work with the request's idempotency key, and the answer kept under it."""
    work = decision.work
    if work is None:
        raise AssertionError("only a decision that writes claims a key")
    claim = request.claim if request else None
    if claim is None:
        return work, None
    answer = None
    if waiting is None:
        answer = context.render(claim.surface, decision.state, subject_id)
    now = work.order.updated_at
    stored = Claim(
        scope=claim.scope,
        key=claim.key,
        fingerprint=claim.fingerprint,
        surface=claim.surface,
        operation_id=waiting.id if waiting else None,
        answer=answer,
        created_at=now,
        expires_at=now + timedelta(seconds=context.idempotency_seconds),
    )
    return replace(work, claim=stored), answer


async def commit(
    context: OrderContext, work: UnitOfWork, deadline_seconds: float | None = None
) -> None:
    """Return when the work is durable. Raises as `Journal.commit`, AlreadyClaimed for KeyTaken."""
    try:
        await context.commit(work, deadline_seconds)
    except KeyTaken:
        raise AlreadyClaimed("The idempotency key is in use") from None
