"""The simulated bank: a processor for tests and demonstrations, with books of its own.

It takes its time, then books, and answers only what is committed in its books. The same reference
always gets the same answer and moves nothing twice; the money of an authorization or a charge is
captured, voided and refunded at most once, whatever the gateway asks. `_answers` has the fixed
instruments. It never serves live keys.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

from gateway.domain.clock import Clock
from gateway.domain.outcomes import (
    Account,
    Approved,
    AttemptNotFound,
    FailedSurely,
    Outcome,
    ProcessorTraits,
    Transaction,
    Unknown,
)
from gateway.processors import _chance
from gateway.processors._answers import ACCEPT, REFUSE, Verdict, fixed_verdict, outcome_of
from gateway.processors._books import APPROVED, DECLINED, REQUIRES_ACTION, Entry
from gateway.processors._chance import Delay, draw
from gateway.processors._grouping import TooBusy
from gateway.processors._kept_cards import KeptCards, kept_reference, verdict_on
from gateway.processors._ledger import Ledger
from gateway.processors.protocol import Processor, ProcessorContext

__all__ = ["Challenge", "SimulatedBank"]

_AMOUNT_MAX = 2**63 - 1  # a bigint's


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What the bank asked a shopper to confirm, for its page; `amount` in minor units.

    `ends_at` is until when an open one can be passed.
    """

    reference: str
    payment_id: str
    amount: int
    currency: str
    state: Literal["open", "overdue", "passed", "failed"]
    ends_at: datetime


class SimulatedBank(Processor):
    """A bank that decides by instrument, by setting or by chance.

    `group_max`: entries written in one statement; `pending_max`: entries that may wait to be
    written; `write_seconds_max`: the longest one write may take.
    """

    traits = ProcessorTraits(
        name="simulator",
        timeout_seconds=30,
        idempotent_by_reference=True,
        stores_instruments=True,
        modes=frozenset({"test"}),
    )
    setting_names: ClassVar[frozenset[str]] = frozenset(
        {
            "test_mode",
            "test_processing_delay",
            "test_payment_success",
            "simulator_payment_seconds",
            "simulator_refund_seconds",
            "simulator_upi_success_percent",
            "simulator_card_success_percent",
            "simulator_timeout_seconds",
            "simulator_delay",
            "action_seconds",
        }
    )

    def __init__(
        self, *, group_max: int = 500, pending_max: int = 20_000, write_seconds_max: float = 10.0
    ) -> None:
        self._group_max = group_max
        self._pending_max = pending_max
        self._write_seconds_max = write_seconds_max
        self._ledger: Ledger | None = None
        self._cards: KeptCards | None = None
        self._clock = Clock()
        self._policy = _Policy({})

    async def start(self, context: ProcessorContext) -> None:
        """Take the settings. Raises ValueError for wrong ones, and without a pool."""
        if context.pool is None:
            raise ValueError("the simulated bank keeps its books in Postgres and needs a pool")
        self._policy = _Policy(context.settings)
        self.traits = replace(self.traits, timeout_seconds=self._policy.timeout_seconds)
        self._clock = context.clock
        self._cards = KeptCards(context.pool)
        self._ledger = Ledger(
            context.pool,
            group_max=self._group_max,
            pending_max=self._pending_max,
            write_seconds_max=self._write_seconds_max,
        )

    async def close(self) -> None:
        """Finish writing; what was answered is committed anyway."""
        ledger, self._ledger = self._ledger, None
        if ledger is not None:
            await ledger.close()

    async def charge(self, transaction: Transaction) -> Outcome:
        """Decide and book; nothing but the instrument, the settings and the reference counts."""
        return await self._pay(transaction)

    async def authorize(self, transaction: Transaction) -> Outcome:
        """Decide and book as for a charge."""
        return await self._pay(transaction)

    async def capture(self, transaction: Transaction) -> Outcome:
        """Declined unless the authorization has as much left. Takes no time."""
        return await self._follow(transaction)

    async def void(self, transaction: Transaction) -> Outcome:
        """Declined unless the authorization has as much left. Takes no time."""
        return await self._follow(transaction)

    async def refund(self, transaction: Transaction) -> Outcome:
        """Declined unless as much is captured and not refunded yet."""
        await _wait(self._policy.refund_delay(transaction.reference))
        return await self._follow(transaction)

    async def lookup(self, transaction: Transaction) -> Outcome:
        """What the books say. Asking about a challenge whose time is over ends it."""
        entry = await self._books.find(transaction.reference)
        if entry is not None and self._is_overdue(entry):
            return await self.complete_challenge(entry.reference, passed=False)
        return AttemptNotFound() if entry is None else await self._answer(transaction, entry)

    async def forget(self, stored: str, account: Account | None) -> None:  # noqa: ARG002 - has none
        """Keep the card no longer."""
        await self._kept.forget(stored)

    async def challenge(self, reference: str) -> Challenge | None:
        """The challenge of a payment as the shopper sees it; None for what the bank never saw."""
        entry = await self._books.find(reference)
        if entry is None or entry.original is not None:
            return None
        state: Literal["open", "overdue", "passed", "failed"] = "failed"
        if entry.outcome == REQUIRES_ACTION:
            state = "overdue" if self._is_overdue(entry) else "open"
        elif entry.outcome == APPROVED:
            state = "passed"
        return Challenge(
            reference=entry.reference,
            payment_id=entry.payment_id,
            amount=entry.amount,
            currency=entry.currency,
            state=state,
            ends_at=self._ends_at(entry),
        )

    async def complete_challenge(self, reference: str, *, passed: bool) -> Outcome:
        """The shopper's answer; the attempt's outcome afterwards. A second answer changes nothing.

        Too late is not passed: the gateway gives such a payment up, and must not be charged then.
        """
        entry = await self._books.find(reference)
        if entry is not None and entry.outcome == REQUIRES_ACTION:
            confirmed = passed and not self._is_overdue(entry)
            reason = None if confirmed else "authentication_failed"
            entry = await self._books.complete(reference, reason, self._clock.now())
            if entry is not None and entry.outcome == DECLINED:
                await self._kept.forget(kept_reference(reference))
        return AttemptNotFound() if entry is None else outcome_of(entry)

    @property
    def _books(self) -> Ledger:
        if self._ledger is None:
            raise RuntimeError("the simulated bank is not started")
        return self._ledger

    @property
    def _kept(self) -> KeptCards:
        if self._cards is None:
            raise RuntimeError("the simulated bank is not started")
        return self._cards

    def _is_overdue(self, entry: Entry) -> bool:
        return entry.outcome == REQUIRES_ACTION and self._ends_at(entry) <= self._clock.now()

    def _ends_at(self, entry: Entry) -> datetime:
        """The bank counts from its booking, so it gives up before the gateway does."""
        return entry.created_at + timedelta(seconds=self._policy.challenge_seconds)

    async def _pay(self, transaction: Transaction) -> Outcome:
        await _wait(self._policy.payment_delay(transaction.reference))
        verdict = await self._verdict(transaction)
        entry = self._entry(transaction, verdict)
        if transaction.store_for is not None and verdict.outcome != DECLINED:
            # Before the payment: it counts for nothing until that is approved.
            await self._kept.keep(transaction, self._clock.now())
        try:
            booked = await self._books.book(entry)
        except TooBusy:
            return FailedSurely(reason="bank_busy")
        if booked.is_new and verdict.answer_lost:
            return Unknown(reason="bank_timeout")
        return await self._answer(transaction, booked.entry)

    async def _verdict(self, transaction: Transaction) -> Verdict:
        if transaction.stored is None:
            return self._policy.verdict(transaction, fixed_verdict(transaction))
        kept = await self._kept.find(transaction.stored)
        return self._policy.verdict(transaction, verdict_on(kept, self._clock.now()))

    async def _answer(self, transaction: Transaction, entry: Entry) -> Outcome:
        outcome = outcome_of(entry)
        if transaction.store_for is None or not isinstance(outcome, Approved):
            return outcome
        kept = await self._kept.find(kept_reference(transaction.reference))
        return outcome if kept is None else replace(outcome, stored=kept.reference)

    async def _follow(self, transaction: Transaction) -> Outcome:
        entry = self._entry(transaction, ACCEPT, original=transaction.original or "")
        try:
            booked = await self._books.book_follower(entry)
        except TooBusy:
            return FailedSurely(reason="bank_busy")
        return outcome_of(booked.entry)

    def _entry(
        self, transaction: Transaction, verdict: Verdict, original: str | None = None
    ) -> Entry:
        if not 0 < transaction.amount <= _AMOUNT_MAX:
            raise ValueError(f"{transaction.amount} is no amount of money")
        return Entry(
            reference=transaction.reference,
            kind=transaction.kind,
            outcome=verdict.outcome,
            reason=verdict.reason,
            payment_id=transaction.payment_id,
            refund_id=transaction.refund_id,
            original=original,
            amount=transaction.amount,
            currency=transaction.currency,
            created_at=self._clock.now(),
        )


class _Policy:
    """What the settings make of the bank; those left out are as in `gateway.settings`."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        test_mode = settings.get("test_mode", False)
        self.timeout_seconds: float = settings.get("simulator_timeout_seconds", 30)
        self.challenge_seconds: float = settings.get("action_seconds", 900)
        self._by_chance = not test_mode
        self._forced: bool | None = settings.get("test_payment_success") if test_mode else None
        self._upi_percent: int = settings.get("simulator_upi_success_percent", 90)
        self._card_percent: int = settings.get("simulator_card_success_percent", 95)
        self.payment_delay, self.refund_delay = _delays(settings, test_mode=test_mode)

    def verdict(self, transaction: Transaction, fixed: Verdict | None) -> Verdict:
        """The test setting decides, else the instrument, else chance outside test mode."""
        if self._forced is not None:
            return ACCEPT if self._forced else REFUSE
        if fixed is not None:
            return fixed
        percent = self._upi_percent if transaction.method == "upi" else self._card_percent
        unlucky = draw(transaction.reference, "verdict") * 100 > percent
        return REFUSE if self._by_chance and unlucky else ACCEPT


def _delays(settings: Mapping[str, Any], *, test_mode: bool) -> tuple[Delay, Delay]:
    """Of payments, and of refunds."""
    if distribution := settings.get("simulator_delay"):
        delay = _chance.parse(distribution)
        return delay, delay
    if test_mode:
        delay = _chance.fixed(settings.get("test_processing_delay", 1000) / 1000)
        return delay, delay
    return (
        _chance.uniform(*settings.get("simulator_payment_seconds", (5, 10))),
        _chance.uniform(*settings.get("simulator_refund_seconds", (3, 5))),
    )


async def _wait(seconds: float) -> None:
    if seconds > 0:
        await asyncio.sleep(seconds)
