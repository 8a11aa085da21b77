"""Calls that are many, cut off, or never answered, and processors that are closed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, ClassVar

from gateway.domain.outcomes import (
    Approved,
    AttemptNotFound,
    FailedSurely,
    Outcome,
    Transaction,
    Unknown,
)
from gateway.processors import protocol
from gateway.processors.conformance.bench import Bench, require

__all__ = ["InterruptionChecks"]

_MARGIN_SECONDS = 1.0


@dataclass(slots=True)
class _CutOff(Awaitable[Outcome]):
    """A call whose task is cancelled where it waits for the `at`-th time; 0 is the first."""

    call: Awaitable[Outcome]
    at: int
    waits: int = field(default=0)

    def __await__(self) -> Generator[Any, Any, Outcome]:
        inner = self.call.__await__()
        raised: BaseException | None = None
        while True:
            try:
                waited_for = inner.send(None) if raised is None else inner.throw(raised)
            except StopIteration as end:
                outcome: Outcome = end.value
                return outcome
            raised = None
            if self.waits == self.at:
                _cancel_this_task()
            self.waits += 1
            try:
                yield waited_for
            except BaseException as error:  # noqa: BLE001 - passed on to where it belongs
                raised = error


class InterruptionChecks(Bench):
    """`cut_off_waits_max`: at how many of a call's waits it is cut off, one after the other."""

    cut_off_waits_max: ClassVar[int] = 20

    async def test_a_payment_can_be_cut_off(self) -> None:
        """Cancelled wherever it waits, it ends at once, happens at most once, and can be asked."""
        for at in range(self.cut_off_waits_max):
            payment = replace(self.approved(), kind=self.payment_kind())
            if not await self._cut_off(payment, at):
                return

    async def test_a_capture_can_be_cut_off(self) -> None:
        """Likewise."""
        for at in range(self.cut_off_waits_max):
            payment, approved = await self.authorized()
            if not await self._cut_off(self.following(payment, approved, "capture"), at):
                return

    async def test_a_void_can_be_cut_off(self) -> None:
        """Likewise."""
        for at in range(self.cut_off_waits_max):
            payment, approved = await self.authorized()
            if not await self._cut_off(self.following(payment, approved, "void"), at):
                return

    async def test_a_refund_can_be_cut_off(self) -> None:
        """Likewise; a second refund would be a loss that nobody asked for."""
        for at in range(self.cut_off_waits_max):
            payment, approved = await self.captured()
            part = payment.amount // 4
            refund = self.following(payment, approved, "refund", amount=part)
            if not await self._cut_off(refund, at):
                return

    async def test_many_calls_at_once(self) -> None:
        """One instance serves them all, and mixes none up."""
        kind = self.payment_kind()
        payments = [replace(self.approved(), kind=kind) for _ in range(self.calls_max)]
        outcomes = await asyncio.gather(*(self.send(payment) for payment in payments))
        for outcome in outcomes:
            require(
                isinstance(outcome, Approved | FailedSurely),
                f"{self.calls_max} payments at once: each is to be Approved, or FailedSurely where "
                f"nobody takes it now; one is {outcome!r}",
            )
        pairs = zip(payments, outcomes, strict=True)
        done = [(sent, told) for sent, told in pairs if isinstance(told, Approved)]
        require(bool(done), f"of {self.calls_max} payments at once none was approved")
        names = {told.reference for _, told in done}
        require(len(names) == len(done), "payments at once got the same Approved.reference")
        for sent, told in done:
            await self.expect_booked(sent, [sent.amount], f"{told.reference} is booked once")

    async def test_silence_ends_in_time(self) -> None:
        """Without an answer a call ends within the timeout, and claims to know nothing."""
        stall = self.stalled()
        if stall is None:
            self._skip("stalled() gives none")
        payment = replace(self.approved(), kind=self.payment_kind())
        limit = self.processor.traits.timeout_seconds + _MARGIN_SECONDS
        async with stall:
            started = monotonic()
            outcome = await protocol.call(self.processor, payment)
            took = monotonic() - started
            asked = replace(payment, card=None, nonce=None)
            found = await protocol.look_up(self.processor, asked)
        require(
            took <= limit,
            f"a call without an answer took {took:.1f} s, and traits.timeout_seconds is "
            f"{self.processor.traits.timeout_seconds}: is a cancellation swallowed?",
        )
        require(
            isinstance(outcome, Unknown | FailedSurely),
            f"a call without an answer is {outcome!r}: it is to be Unknown, or to raise",
        )
        require(
            isinstance(found, Unknown),
            f"lookup() without an answer is {found!r}: it is to raise, for it says nothing of the "
            "attempt",
        )
        await self._expect_once(payment, outcome)

    async def test_closing_is_harmless(self) -> None:
        """It may be closed before its start and twice, and another one goes on."""
        never_started = type(self.processor)()
        other = await self.start_processor()
        for processor in (never_started, other, other):
            try:
                await processor.close()
            except Exception as error:
                raise AssertionError(
                    f"close() raised {type(error).__name__}; it is to be harmless before start() "
                    "and when repeated"
                ) from error
        payment = replace(self.approved(), kind=self.payment_kind())
        await self.approve(payment, "a payment after another instance was closed")

    async def _cut_off(self, transaction: Transaction, at: int) -> bool:
        """Whether the call was still waiting then; false: it was over before."""
        call = _CutOff(getattr(self.processor, transaction.kind)(transaction), at)
        task = asyncio.ensure_future(_result(call))
        done, _ = await asyncio.wait({task}, timeout=self.processor.traits.timeout_seconds)
        where = f"{transaction.kind}, cancelled where it waits for the {at + 1}. time,"
        require(bool(done), f"{where} goes on: a cancellation is to be passed on")
        if call.waits <= at:
            await task
            return False
        outcome = self._outcome_of_cut_off(task, where)
        if outcome is None:
            await asyncio.sleep(self.lease_seconds)
            outcome = await self.look_up(transaction)
        await self._expect_once(transaction, outcome)
        return True

    def _outcome_of_cut_off(self, task: asyncio.Task[Outcome], where: str) -> Outcome | None:
        if task.cancelled():
            return None
        error = task.exception()
        if error is not None:
            raise AssertionError(
                f"{where} raised {type(error).__name__}; CancelledError is to be passed on"
            ) from error
        outcome = task.result()
        require(
            isinstance(outcome, Approved),
            f"{where} answered {outcome!r}; CancelledError is to be passed on, unless the money "
            "has moved for certain",
        )
        return outcome

    async def _expect_once(self, transaction: Transaction, outcome: Outcome) -> None:
        """As the gateway goes on, the money moves once; never is it said that it cannot."""
        ended = await self.clarified(transaction, outcome)
        require(
            isinstance(ended, Approved | Unknown | AttemptNotFound | FailedSurely),
            f"{transaction.kind} was cut off, asked about and sent again where it was not found; "
            f"it came to {ended!r}, and the sandbox would have approved it",
        )
        booked = await self.booked(transaction)
        if booked is not None:
            require(
                len(booked) <= 1,
                f"{transaction.kind} was cut off and moved money {len(booked)} times",
            )


async def _result(call: Awaitable[Outcome]) -> Outcome:
    return await call


def _cancel_this_task() -> None:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a call runs in a task")
    task.cancel()
