"""One order, driven through its decisions by a clock of its own; every step is checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from gateway.domain import decisions
from gateway.domain.books import LedgerTransaction
from gateway.domain.customers import Token
from gateway.domain.decisions import (
    CreateOrder,
    CreatePayment,
    Decision,
    Moment,
    Policy,
    Proceed,
    RefundPayment,
)
from gateway.domain.disputes import Dispute
from gateway.domain.entities import (
    Attempt,
    Operation,
    Order,
    Payment,
    Refund,
)
from gateway.domain.ids import new_id
from gateway.domain.instruments import Instrument
from gateway.domain.outcomes import Approved, Outcome, ProcessorTraits
from gateway.domain.routing import Rule
from tests.unit.invariants import check_decision, check_state
from tests.unit.ledger_invariants import balances, check_books

Result = TypeVar("Result")

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MERCHANT = UUID("550e8400-e29b-41d4-a716-446655440000")
UPI = Instrument(method="upi", vpa="success@bank")
CARD = Instrument(
    method="card",
    card_network="visa",
    card_last4="4242",
    card_expiry_month=12,
    card_expiry_year=2030,
)
TIMEOUT_SECONDS = 30.0
PROCESSORS = {
    traits.name: traits
    for traits in (
        ProcessorTraits(name="bank", timeout_seconds=TIMEOUT_SECONDS, stores_instruments=True),
        ProcessorTraits(name="two_step", timeout_seconds=TIMEOUT_SECONDS, single_step=False),
        ProcessorTraits(
            name="one_capture", timeout_seconds=TIMEOUT_SECONDS, multiple_captures=False
        ),
        ProcessorTraits(
            name="whole", timeout_seconds=TIMEOUT_SECONDS, partial_capture=False, single_step=False
        ),
    )
}
POLICY = Policy(processors=PROCESSORS)
LEASE_SECONDS = TIMEOUT_SECONDS + POLICY.lease_margin_seconds
AMOUNT = 50_000


def rules_to(*processors: str) -> tuple[Rule, ...]:
    """One rule, which sends every payment there."""
    return (Rule(id="rule_1", position=1, name="All", processors=processors),)


class Scenario:
    """An order and the time; `decision` is the last one, `tokens` are those of all decisions."""

    def __init__(
        self,
        *,
        amount: int = AMOUNT,
        capture: str = "manual",
        expires_in_seconds: float | None = None,
        processor: str = "bank",
        policy: Policy = POLICY,
        customer_id: str | None = None,
    ) -> None:
        self.now = self.real_now = START
        self.processor = processor
        self.policy = policy
        expires = None if expires_in_seconds is None else timedelta(seconds=expires_in_seconds)
        command = CreateOrder(
            order_id=new_id("order"),
            merchant_id=MERCHANT,
            mode="test",
            amount=amount,
            currency="INR",
            capture=capture,
            customer_id=customer_id,
            expires_at=None if expires is None else START + expires,
        )
        self.ledger: list[LedgerTransaction] = []
        self.decision: Decision[Any] = decisions.create_order(command, self.moment(), policy)
        self.state = self.decision.state
        self.tokens: list[Token] = []
        self.works = [self.decision.work]
        check_state(self.state)

    def moment(self, *, surface: str | None = None) -> Moment:
        """Now, by both clocks."""
        return Moment(now=self.now, real_now=self.real_now, request_id="req_1", surface=surface)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.real_now += timedelta(seconds=seconds)
        self.move_clock(seconds)

    def move_clock(self, seconds: float) -> None:
        """Move the clock that tests may move; leases do not notice."""
        self.now += timedelta(seconds=seconds)

    def decide(self, decision: Decision[Result]) -> Result:
        """Check the decision, then go on from its state."""
        check_decision(self.state, decision)
        self.decision, self.state = decision, decision.state
        if decision.work is not None:
            self.works.append(decision.work)
            self.ledger += decision.work.ledger
            self.tokens += decision.work.tokens
        check_state(self.state)
        check_books(self.state, self.ledger)
        return decision.result

    @property
    def order(self) -> Order:
        """The order as it is."""
        return self.state.order

    @property
    def payment(self) -> Payment:
        """The last payment as it is."""
        return list(self.state.payments.values())[-1]

    @property
    def refund(self) -> Refund:
        """The last refund as it is."""
        return list(self.state.refunds.values())[-1]

    @property
    def operation(self) -> Operation:
        """The last operation as it is."""
        return list(self.state.operations.values())[-1]

    @property
    def attempt(self) -> Attempt:
        """The last attempt of the last operation."""
        return self.state.attempts[self.operation.id]

    @property
    def events(self) -> list[str]:
        """The events of the last decision."""
        work = self.decision.work
        return [] if work is None else [event.type for event in work.events]

    @property
    def bodies(self) -> list[Any]:
        """What the last decision's events tell."""
        work = self.decision.work
        return [] if work is None else [json.loads(event.body) for event in work.events]

    @property
    def audits(self) -> list[str]:
        """What the last decision leaves for the operator."""
        work = self.decision.work
        return [] if work is None else [audit.action for audit in work.audits]

    @property
    def balances(self) -> dict[str, int]:
        """The accounts of the ledger that are not zero."""
        return {name: amount for name, amount in balances(self.ledger).items() if amount}

    @property
    def wrote(self) -> bool:
        """Whether the last decision has anything to write."""
        return self.decision.work is not None

    def pay(
        self,
        instrument: Instrument = UPI,
        *,
        processor: str | None = None,
        route: Sequence[str] = (),
        capture: str | None = None,
        save: bool = False,
        customer_id: str | None = None,
        token: Token | None = None,
    ) -> Payment:
        """Accept a payment at this processor, with those of `route` in reserve."""
        command = CreatePayment(
            payment_id=new_id("pay"),
            instrument=instrument,
            rules=rules_to(processor or self.processor, *route),
            capture=capture,
            save=save,
            customer_id=customer_id,
            token=token,
        )
        return self.decide(
            decisions.create_payment(self.state, command, self.moment(), self.policy)
        )

    def begin(self, operation_id: str | None = None) -> decisions.Instruction:
        """What the holder of the operation's job is to do."""
        chosen = operation_id or self.operation.id
        return self.decide(
            decisions.begin_operation(self.state, chosen, self.moment(), self.policy)
        )

    def tell(self, outcome: Outcome, attempt_id: str | None = None) -> Proceed | None:
        """Tell the outcome of the last attempt, or of the one named; what is to be sent now."""
        chosen = attempt_id or self.attempt.id
        return self.decide(
            decisions.record_outcome(self.state, chosen, outcome, self.moment(), self.policy)
        )

    def send(self) -> Attempt:
        """Begin the last operation; it must be one to send."""
        instruction = self.begin()
        assert isinstance(instruction, Proceed)
        return instruction.attempt

    def carry_out(self, outcome: Outcome | None = None) -> None:
        """Begin the last operation and tell its outcome, by default an approval."""
        self.send()
        self.tell(outcome or Approved(reference=new_id("bank")))

    def capture(self, amount: int | None = None, payment_id: str | None = None) -> Operation:
        """Begin a capture."""
        chosen = payment_id or self.payment.id
        return self.decide(
            decisions.capture_payment(self.state, chosen, amount, self.moment(), self.policy)
        )

    def void(self, payment_id: str | None = None) -> Operation:
        """Begin a void."""
        chosen = payment_id or self.payment.id
        return self.decide(decisions.void_payment(self.state, chosen, self.moment(), self.policy))

    def give_back(self, amount: int | None = None, payment_id: str | None = None) -> Refund:
        """Accept a refund."""
        command = RefundPayment(
            refund_id=new_id("rfnd"), payment_id=payment_id or self.payment.id, amount=amount
        )
        return self.decide(
            decisions.refund_payment(self.state, command, self.moment(), self.policy)
        )

    def dispute(self, amount: int | None = None, payment_id: str | None = None) -> Dispute:
        """The shopper's bank opens a dispute."""
        command = decisions.OpenDispute(payment_id=payment_id or self.payment.id, amount=amount)
        return self.decide(decisions.open_dispute(self.state, command, self.moment(), self.policy))

    def change_dispute(
        self, change: decisions.DisputeChange, dispute_id: str | None = None
    ) -> Dispute:
        """Accept, contest, decide or expire the last dispute, or the one named."""
        chosen = dispute_id or list(self.state.disputes)[-1]
        return self.decide(decisions.change_dispute(self.state, chosen, change, self.moment()))

    def cancel(self) -> Operation | None:
        """Cancel the order."""
        return self.decide(decisions.cancel_order(self.state, self.moment(), self.policy))

    def expire(self) -> bool:
        """Expire the order."""
        return self.decide(decisions.expire_order(self.state, self.moment()))

    def expire_payment(self, payment_id: str | None = None) -> Operation | None:
        """Expire the authorization."""
        chosen = payment_id or self.payment.id
        return self.decide(decisions.expire_payment(self.state, chosen, self.moment(), self.policy))

    def resume(self, payment_id: str | None = None) -> Payment:
        """The shopper is back."""
        chosen = payment_id or self.payment.id
        return self.decide(decisions.resume_payment(self.state, chosen, self.moment(), self.policy))

    def change_notes(self, notes: str, subject_id: str | None = None) -> None:
        """Other notes, of the order or of what has the id."""
        subject_id = subject_id or self.order.id
        self.decide(decisions.change_notes(self.state, subject_id, notes, self.moment()))


def authorized(**options: Any) -> Scenario:
    """An order with an authorization that was not captured."""
    scenario = Scenario(**options)
    scenario.pay(capture="manual")
    scenario.carry_out()
    return scenario


def captured(amount: int | None = None, **options: Any) -> Scenario:
    """An order whose authorization was captured, whole or in part."""
    scenario = authorized(**options)
    scenario.capture(amount)
    scenario.carry_out()
    return scenario


def with_policy(**changes: Any) -> Policy:
    """The policy with other limits."""
    return replace(POLICY, **changes)


def amounts(payment: Payment) -> dict[str, int]:
    """The sums of a payment that are not zero, by their short names."""
    names = ("authorized", "captured", "capture_pending", "released", "refunded", "refund_pending")
    sums = {name: getattr(payment, f"amount_{name}") for name in names}
    return {name: amount for name, amount in sums.items() if amount}


Step = Callable[[Scenario], object]
