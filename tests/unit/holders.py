"""Those who hold jobs: they begin, call the model bank, and tell; some stall or tell twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.decisions import Acknowledge, LookUp, Proceed
from gateway.domain.entities import AttemptState, Operation, OperationKind, Payment
from gateway.domain.outcomes import (
    Approved,
    CardDataLost,
    Declined,
    FailedSurely,
    Outcome,
    Unknown,
)
from tests.unit.bank import Bank
from tests.unit.scenario import CARD, LEASE_SECONDS, Scenario

PAYMENT_KINDS = ("charge", "authorize")
VERDICTS = (
    "approve",
    "decline",
    "action",
    "not_reached",
    "breaker_open",
    "not_begun",
    "swallowed",
    "lost",
    "answer_lost",
    "card_lost",
)
LEASE = timedelta(seconds=LEASE_SECONDS)


@dataclass
class Hold:
    """A job in somebody's hands: what to do, and what came of it."""

    instruction: Proceed | LookUp
    outcome: Outcome | None = None
    asked_at: datetime | None = None


class Holders:
    """What is in whose hands, and what the operator was told of differences to the bank.

    A call ends with its lease, and the answer of a lookup is told before a lease that was taken
    after it could have passed.
    """

    def __init__(self, order: Scenario) -> None:
        self.order = order
        self.bank = Bank()
        self.holds: list[Hold] = []
        self.told: list[tuple[str, Outcome]] = []
        self.unreconciled: Counter[str] = Counter()
        self.unreleased: set[str] = set()
        self._cards_lost: set[str] = set()

    def work(self, operation: Operation, verdict: str) -> None:
        """Begin, perform and tell, until there is nothing more to do."""
        hold = self.claim(operation)
        while hold is not None:
            self.perform(hold, verdict)
            hold = self.tell(hold)

    def claim(self, operation: Operation) -> Hold | None:
        """Begin; None when there is nothing to do."""
        instruction = self.order.begin(operation.id)
        if isinstance(instruction, Acknowledge):
            return None
        hold = Hold(instruction)
        self.holds.append(hold)
        return hold

    def perform(self, hold: Hold, verdict: str) -> None:
        """Call the bank, with this result."""
        instruction = hold.instruction
        if isinstance(instruction, LookUp) or instruction.resume:
            self._ask(hold, verdict)
        elif instruction.attempt.lease_until <= self.order.real_now:
            self.holds.remove(hold)
        else:
            hold.outcome = self._call(instruction, verdict)

    def _call(self, instruction: Proceed, verdict: str) -> Outcome:
        operation, payment = instruction.operation, instruction.payment
        if operation.kind in PAYMENT_KINDS and payment.instrument == CARD:
            if verdict == "card_lost":
                self._cards_lost.add(payment.id)
            if payment.id in self._cards_lost:
                return CardDataLost()
        if verdict == "not_reached":
            return FailedSurely(reason="connection_refused")
        if verdict == "not_begun":
            return FailedSurely(reason="lease_too_short", is_ours=True)
        if verdict == "breaker_open":
            return FailedSurely(reason="circuit_open", retry_after_seconds=60)
        if verdict in ("swallowed", "lost"):
            return Unknown(reason="timeout")
        answer = "declined" if verdict == "decline" else "approved"
        if verdict == "action" and operation.kind in PAYMENT_KINDS:
            answer = "action"
        outcome = self.bank.send(instruction.attempt, operation, payment, answer)
        return Unknown(reason="timeout") if verdict == "answer_lost" else outcome

    def _ask(self, hold: Hold, verdict: str) -> None:
        hold.asked_at = self.order.real_now
        if verdict in ("not_reached", "not_begun", "lost", "answer_lost"):
            hold.outcome = Unknown(reason="timeout")
        elif verdict == "breaker_open":
            hold.outcome = Unknown(reason="circuit_open", retry_after_seconds=60)
        else:
            attempt = hold.instruction.attempt
            hold.outcome = self.bank.lookup(attempt.id, attempt.processor)

    def tell(self, hold: Hold) -> Hold | None:
        """Tell twice, as one does whose first answer got lost; the next thing to do, if any."""
        instruction, outcome = hold.instruction, hold.outcome
        if hold not in self.holds or outcome is None:
            return None
        self.holds.remove(hold)
        if hold.asked_at is not None and self.order.real_now - hold.asked_at > LEASE:
            return None
        reference, operation = instruction.attempt.id, instruction.operation
        if reference in self.order.state.replaced:
            self.tell_replaced(reference, outcome)
            return None
        next_one = self._tell_first(operation, reference, outcome)
        self.told.append((reference, outcome))
        if self._is_known(reference):
            self.order.tell(outcome, reference)
            assert not self.order.wrote, "told twice, written twice"
        if next_one is None:
            return None
        self.holds.append(Hold(next_one))
        return self.holds[-1]

    def tell_replaced(self, reference: str, outcome: Outcome) -> None:
        """The outcome of an attempt that a newer one has replaced: only an approval matters, once.

        It touches nothing of the payment, and what moved money is given back.
        """
        before = self.order.state
        attempt = before.replaced[reference]
        operation = before.operations[attempt.operation_id]
        self.order.tell(outcome, reference)
        if not isinstance(outcome, Approved) or attempt.state == AttemptState.APPROVED:
            assert not self.order.wrote
            return
        after = self.order.state
        assert ["late_approval"] == self.order.audits
        assert (before.payments, before.refunds) == (after.payments, after.refunds)
        assert before.operations.items() <= after.operations.items()
        begun = [each for each in after.operations.values() if each.id not in before.operations]
        if operation.kind in (*PAYMENT_KINDS, "capture"):
            assert [(operation.amount, "reversal", reference)] == [
                (each.amount, each.purpose, each.reverses) for each in begun
            ]
        else:
            assert begun == []
            self.note_difference(operation, -1)
        self.order.tell(outcome, reference)
        assert not self.order.wrote, "told twice, written twice"

    def _is_known(self, reference: str) -> bool:
        return reference in {each.id for each in self.order.state.attempts.values()}

    def _tell_first(self, operation: Operation, reference: str, outcome: Outcome) -> Proceed | None:
        before = self.order.state.payments[operation.payment_id]
        was_pending = self.order.state.operations[operation.id].is_pending
        next_one = self.order.tell(outcome, reference)
        self._check_move(before, next_one, outcome)
        now = self.order.state.operations[operation.id]
        if was_pending and isinstance(outcome, Approved | Declined):
            assert ("done" if isinstance(outcome, Approved) else "failed") == now.state
        if "reversal_failed" in self.order.audits:
            self.note_difference(now, 1)
        return next_one

    def _check_move(self, before: Payment, next_one: Proceed | None, outcome: Outcome) -> None:
        """A payment changes its processor for a sure failure alone, to the next of its route."""
        after = self.order.state.payments[before.id]
        if after.processor == before.processor:
            assert before.route == after.route
            return
        assert isinstance(outcome, FailedSurely)
        assert not outcome.is_ours
        assert before.route == (after.processor, *after.route)
        assert next_one is not None
        assert (after.processor, after) == (next_one.attempt.processor, next_one.payment)

    def note_difference(self, operation: Operation, sign: int) -> None:
        """What an operator was told about: the bank has more, or less, than the payment says."""
        if operation.kind == OperationKind.REFUND:
            self.unreconciled[operation.payment_id] += sign * operation.amount
        self.unreleased.add(operation.payment_id)
