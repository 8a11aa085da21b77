"""Against the testing of stolen cards: after some declines no further card is tried for a while.

Declines are counted by card (a keyed hash of its number, PCI DSS 3.5.1.1), by order and by the
shopper's address, in Redis only. Attempts that are refused here reach no bank. The refusal is the
same whatever it is about, so that it tells a tester nothing; the log says which guard it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from gateway.actors.messages import Request
from gateway.domain.entities import Payment
from gateway.domain.work import UnitOfWork
from gateway.queue.counters import Counters
from gateway.security.vault import Vault
from gateway.web.rates import LimitReached, chosen, subject_of_address

__all__ = ["CardAttempt", "CardGuard"]

logger = structlog.get_logger(__name__)

_GUARDS = ("card", "order", "address")
_PURPOSE = "card fingerprint"
_FAILED = "payment.failed"
# The bank has judged no card where the processor or the gateway broke.
_NO_DECLINES = frozenset({"GATEWAY_ERROR", "SERVER_ERROR", "CARD_DATA_LOST"})
_NOTES_MAX = 1_000
_REFUSAL = "This card payment cannot be made now. Try another way to pay, or try again later."


@dataclass(frozen=True, slots=True)
class CardAttempt:
    """A card payment that is to be made; `address` is the shopper's, if it is known.

    `card` tells cards apart: a number, or the id of a saved one.
    """

    payment_id: str
    order_id: str
    card: str = field(repr=False)
    address: str | None


class CardGuard:
    """Looks at card payments before they are accepted, and is told how they end.

    `observe` is told of each refusal: the guard.
    """

    def __init__(
        self, settings: Any, counters: Counters, vault: Vault, observe: Callable[[str], None]
    ) -> None:
        self._counters = counters
        self._vault = vault
        self._observe = observe
        self._block_seconds: int = settings.card_guard_block_seconds
        self._declines_max = {
            guard: chosen(settings, name, getattr(settings, name), 0)
            for guard in _GUARDS
            for name in (f"card_guard_{guard}_declines",)
        }
        self._notes: set[asyncio.Task[None]] = set()

    @property
    def is_on(self) -> bool:
        """Whether there is any threshold at all."""
        return any(self._declines_max.values())

    async def admit(self, attempt: CardAttempt, request: Request) -> None:
        """Raise LimitReached after too many declines.

        What the payment counts for, should it be declined, is kept until it has ended.
        """
        if not self.is_on:
            return
        names = self._names(attempt, request)
        kept = ("SET", self._attempt(attempt.payment_id), " ".join(names.values()))
        commands = [("GET", name) for name in names.values()]
        replies = await self._counters.exchange([*commands, (*kept, "EX", self._block_seconds)])
        if replies is None:
            return
        for guard, reply in zip(names, replies, strict=False):
            if isinstance(reply, bytes) and int(reply) >= self._declines_max[guard]:
                self._observe(guard)
                logger.warning("card_attempt_refused", guard=guard, order=attempt.order_id)
                raise LimitReached(self._block_seconds, _REFUSAL, reason="too_many_declines")

    def committed(self, units: Sequence[UnitOfWork]) -> None:
        """Count the declines among what was committed, off the path of the payments."""
        if not self.is_on:
            return
        for unit in units:
            for event in unit.events:
                if event.type == _FAILED and event.payment_id is not None:
                    self._note(unit, event.payment_id)

    async def close(self) -> None:
        """Let the notes that are under way end; each has a time limit."""
        if self._notes:
            await asyncio.wait(self._notes)

    def _names(self, attempt: CardAttempt, request: Request) -> dict[str, str]:
        """The counters of the attempt by their guards, as far as these are on."""
        data = f"{request.mode}:{request.merchant_id}:{attempt.card}".encode()
        subjects = {
            "card": self._vault.keyed_hash(_PURPOSE, data).hex(),
            "order": attempt.order_id,
        }
        if attempt.address is not None:
            subjects["address"] = f"{request.mode}:{subject_of_address(attempt.address)}"
        return {
            guard: self._counters.key(f"declined:{guard}:{subject}")
            for guard, subject in subjects.items()
            if self._declines_max[guard]
        }

    def _note(self, unit: UnitOfWork, payment_id: str) -> None:
        if len(self._notes) >= _NOTES_MAX or not _is_declined_card(unit, payment_id):
            return
        task = asyncio.create_task(self._count(payment_id), name="note a decline")
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _count(self, payment_id: str) -> None:
        replies = await self._counters.exchange([("GETDEL", self._attempt(payment_id))])
        kept = replies[0] if replies else None
        if isinstance(kept, bytes):
            names = kept.decode().split()
            counts = [("INCR", name) for name in names]
            ends = [("EXPIRE", name, self._block_seconds) for name in names]
            await self._counters.exchange([*counts, *ends])

    def _attempt(self, payment_id: str) -> str:
        return self._counters.key(f"attempt:{payment_id}")


def _is_declined_card(unit: UnitOfWork, payment_id: str) -> bool:
    for entity in (*unit.updates, *unit.inserts):
        if isinstance(entity, Payment) and entity.id == payment_id:
            is_card = entity.instrument.method == "card"
            return is_card and entity.error_code not in _NO_DECLINES
    return False
