"""Random lives of one order: several payments, stalled holders, lost answers and a moving clock.

After every step the invariants hold (`tests.unit.invariants`, `tests.unit.ledger_invariants`), and
what the model bank did agrees with what the payments and the books say. The bank is not idempotent:
it fails the test when it is sent anything a second time.

Everything may be told late, twice or never, within the two bounds that `Holders` names.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.domain.decisions import (
    AcceptDispute,
    ContestDispute,
    DecideDispute,
    DisputeChange,
    ExpireDispute,
)
from gateway.domain.disputes import DisputeStatus
from gateway.domain.entities import (
    Attempt,
    Operation,
    OperationState,
    OrderStatus,
    Payment,
    PaymentStatus,
    RefundStatus,
)
from gateway.domain.errors import Rejected
from gateway.domain.fees import FREE, FeePlan
from gateway.domain.outcomes import (
    Approved,
    AttemptNotFound,
    Declined,
)
from tests.unit.holders import PAYMENT_KINDS, VERDICTS, Holders
from tests.unit.ledger_invariants import balances
from tests.unit.recovery import finish
from tests.unit.scenario import (
    CARD,
    LEASE_SECONDS,
    POLICY,
    PROCESSORS,
    UPI,
    Scenario,
    Step,
    with_policy,
)

HOLDS_MAX = 4
DISPUTE_CHANGES: list[DisputeChange] = [
    AcceptDispute(),
    ExpireDispute(),
    ContestDispute(summary="proof", submit=True),
    ContestDispute(summary=None, submit=True),
    ContestDispute(summary="draft", submit=False),
    *(DecideDispute(status=DisputeStatus(status)) for status in ("won", "lost", "closed")),
]
CUSTOMER = "cust_0000000000000001"
BEGINNINGS = [
    "nothing",
    "pending",
    "challenged",
    "worked",
    "approved",
    "released",
    "captured",
    "part captured",
]

indices = st.integers(0, 1_000)
verdicts = st.sampled_from([*VERDICTS, "approve", "approve", "approve", "decline", "action"])
parts = st.sampled_from(["all", "rest", "part", "part", "one", "over", "zero", "negative"])


routes = st.lists(st.sampled_from(sorted(PROCESSORS)), min_size=1, max_size=3, unique=True)


def can_save(processors: list[str]) -> bool:
    """Whether one of them keeps cards: the others are left out then."""
    return any(PROCESSORS[name].stores_instruments for name in processors)


def wanted(part: str, left: int) -> int | None:
    """An amount to ask for, of which `left` is left."""
    choices = {"rest": left, "part": left // 2, "one": 1, "over": left + 1, "zero": 0}
    return None if part == "all" else choices.get(part, -left)


class OrderMachine(RuleBasedStateMachine):
    """See the module."""

    @initialize(
        amount=st.integers(100, 1_000),
        capture=st.sampled_from(["manual", "automatic"]),
        expires_in=st.sampled_from([None, None, 60.0, 86_400.0]),
        processors=routes,
        begun=st.sampled_from(BEGINNINGS),
        verdict=verdicts,
        customer_id=st.sampled_from([None, CUSTOMER]),
        plan=st.sampled_from([FREE, FeePlan(basis_points=333, fixed=7, tax_basis_points=1_800)]),
    )
    def create(
        self,
        amount: int,
        capture: str,
        expires_in: float | None,
        processors: list[str],
        begun: str,
        verdict: str,
        customer_id: str | None,
        plan: FeePlan,
    ) -> None:
        self.order = Scenario(
            amount=amount,
            capture=capture,
            expires_in_seconds=expires_in,
            customer_id=customer_id,
            policy=with_policy(
                payments_per_order_max=5,
                refunds_per_payment_max=6,
                fee_plan=lambda _merchant_id, _currency: plan,
            ),
        )
        self.holders = Holders(self.order)
        self.bank = self.holders.bank
        if begun != "nothing":
            saves = customer_id is not None and can_save(processors)
            self.order.pay(CARD, processor=processors[0], route=processors[1:], save=saves)
        first = {"worked": verdict, "challenged": "action"}.get(begun, "approve")
        if begun not in ("nothing", "pending"):
            self.holders.work(self.order.operation, first)
        if begun == "released" and self._capturable():
            self.order.give_back(1)
        if begun in ("captured", "part captured") and self._capturable():
            processor = PROCESSORS[self.order.payment.processor]
            whole = begun == "captured" or not processor.partial_capture
            self.order.capture(None if whole else amount // 3)
            self.holders.work(self.order.operation, verdict)

    # What merchants and shoppers do

    @rule(
        processors=routes,
        card=st.booleans(),
        capture=st.sampled_from([None, "manual", "automatic"]),
        save=st.booleans(),
        customer_id=st.sampled_from([None, CUSTOMER, "cust_somebody_else"]),
    )
    def pay(
        self,
        processors: list[str],
        card: bool,
        capture: str | None,
        save: bool = False,
        customer_id: str | None = None,
    ) -> None:
        order, state = self.order.order, self.order.state
        expected = (
            order.status in (OrderStatus.CREATED, OrderStatus.ATTEMPTED)
            and state.alive_payment is None
            and not (order.expires_at and order.expires_at <= self.order.now)
            and order.attempts < self.order.policy.payments_per_order_max
            and (not save or can_save(processors))
            and (not save or (order.customer_id or customer_id) is not None)
            and (customer_id is None or order.customer_id in (None, customer_id))
        )
        self._command(
            lambda it: it.pay(
                CARD if card else UPI,
                processor=processors[0],
                route=processors[1:],
                capture=capture,
                save=save,
                customer_id=customer_id,
            ),
            expected,
        )

    @precondition(lambda self: self.order.state.payments)
    @rule(index=indices, part=parts)
    def capture(self, index: int, part: str) -> None:
        payment = self._payment(index)
        left = payment.amount_capturable
        amount = wanted(part, left)
        asked = left if amount is None else amount
        expected = (
            payment.status == PaymentStatus.SUCCESS
            and self.order.state.pending_operation(payment.id) is None
            and 1 <= asked <= left
            and (asked == payment.amount or PROCESSORS[payment.processor].partial_capture)
        )
        self._command(lambda it: it.capture(amount, payment.id), expected)

    @precondition(lambda self: self.order.state.payments)
    @rule(index=indices, part=parts)
    def refund(self, index: int, part: str) -> None:
        payment = self._payment(index)
        left = payment.amount_refundable if payment.captured else payment.amount_capturable
        amount = wanted(part, left)
        asked = left if amount is None else amount
        refunds = [r for r in self.order.state.refunds.values() if r.payment_id == payment.id]
        busy = self.order.state.pending_operation(payment.id) is not None
        expected = (
            payment.status == PaymentStatus.SUCCESS
            and (payment.captured or not busy)
            and 1 <= asked <= left
            and len(refunds) < self.order.policy.refunds_per_payment_max
        )
        self._command(lambda it: it.give_back(amount, payment.id), expected)

    @precondition(lambda self: self.order.state.payments)
    @rule(index=indices)
    def void(self, index: int) -> None:
        payment = self._payment(index)
        self._command(lambda it: it.void(payment.id), self._is_voidable(payment))

    @precondition(lambda self: self._is_worth_ending())
    @rule()
    def cancel_order(self) -> None:
        alive = self.order.state.alive_payment
        over = self.order.order.status not in (OrderStatus.CREATED, OrderStatus.ATTEMPTED)
        expected = not over and (alive is None or self._is_voidable(alive))
        self._command(lambda it: it.cancel(), expected)

    @precondition(lambda self: self._is_worth_ending())
    @rule()
    def expire_order(self) -> None:
        order = self.order.order
        expected = (
            order.expires_at is not None
            and order.expires_at <= self.order.now
            and order.status in (OrderStatus.CREATED, OrderStatus.ATTEMPTED)
            and self.order.state.alive_payment is None
        )
        assert expected == self.order.expire()

    @precondition(lambda self: self.order.state.payments)
    @rule(index=indices)
    def expire_payment(self, index: int) -> None:
        payment = self._payment(index)
        expires_at = payment.capture_expires_at
        begun = self.order.expire_payment(payment.id)
        if begun is not None:
            assert expires_at is not None
            assert expires_at <= self.order.now
            assert payment.amount - payment.amount_captured == begun.amount

    @precondition(lambda self: self._challenges())
    @rule(index=indices, answer=st.sampled_from(["approved", "declined", "action"]))
    def shopper_returns(self, index: int, answer: str) -> None:
        challenges = self._challenges()
        reference = challenges[index % len(challenges)]
        self.bank.decide(reference, answer)
        payment = self.order.state.payments[self.bank.books[reference].payment_id]
        if payment.status == PaymentStatus.REQUIRES_ACTION:
            self.order.resume(payment.id)
            assert self.order.operation.is_pending

    @precondition(lambda self: self.order.state.payments)
    @rule(index=indices, part=parts)
    def bank_disputes(self, index: int, part: str) -> None:
        payment = self._payment(index)
        left = payment.amount_refundable
        amount = wanted(part, left)
        asked = left if amount is None else amount
        undecided = any(
            it.payment_id == payment.id and it.is_undecided
            for it in self.order.state.disputes.values()
        )
        expected = payment.captured and not undecided and 1 <= asked <= left
        self._command(lambda it: it.dispute(amount, payment.id), expected)

    @precondition(lambda self: self.order.state.disputes)
    @rule(index=indices, change=st.sampled_from(DISPUTE_CHANGES))
    def dispute_goes_on(self, index: int, change: DisputeChange) -> None:
        disputes = list(self.order.state.disputes.values())
        dispute = disputes[index % len(disputes)]
        in_time = self.order.now < dispute.respond_by
        match change:
            case ExpireDispute():
                expected = True
            case DecideDispute(status=status):
                closing = status == DisputeStatus.CLOSED and dispute.status == DisputeStatus.OPEN
                expected = closing or dispute.status == DisputeStatus.UNDER_REVIEW
            case ContestDispute(summary=summary, submit=submit):
                enough = bool(summary or dispute.summary) or not submit
                expected = dispute.status == DisputeStatus.OPEN and in_time and enough
            case _:
                expected = dispute.status == DisputeStatus.OPEN and in_time
        self._command(lambda it: it.change_dispute(change, dispute.id), expected)

    @rule(seconds=st.sampled_from([1, 11, 40, 61, 301, 3_601, 86_401, 8 * 86_400]))
    def wait(self, seconds: int) -> None:
        self.order.wait(seconds)

    @rule(seconds=st.sampled_from([11, 61, 901, 86_401]))
    def move_clock(self, seconds: int) -> None:
        self.order.move_clock(seconds)

    # What processor actors do

    @precondition(lambda self: self.order.state.operations)
    @rule(index=indices, verdict=verdicts)
    def work(self, index: int, verdict: str) -> None:
        operations = list(self.order.state.operations.values())
        pending = [each for each in operations if each.is_pending] or operations
        self.holders.work(pending[index % len(pending)], verdict)

    @precondition(lambda self: self._pending())
    @rule(index=indices)
    def work_as_usual(self, index: int) -> None:
        pending = self._pending()
        self.holders.work(pending[index % len(pending)], "approve")

    @precondition(lambda self: self._pending())
    @rule(
        index=indices,
        times=st.integers(1, 12),
        verdict=st.sampled_from(
            ["not_reached", "breaker_open", "not_begun", "swallowed", "lost", "answer_lost"]
        ),
    )
    def bank_is_silent(self, index: int, times: int, verdict: str) -> None:
        pending = self._pending()
        operation = pending[index % len(pending)]
        for _ in range(times):
            due_at = self.order.state.operations[operation.id].due_at
            if due_at is not None:
                wait = max(due_at - self.order.now, timedelta(seconds=LEASE_SECONDS))
                self.order.wait(wait.total_seconds())
                self.holders.work(operation, verdict)

    @precondition(lambda self: self._capturable())
    @rule(part=parts, verdict=verdicts)
    def capture_at_once(self, part: str, verdict: str) -> None:
        before = len(self.order.state.operations)
        self.capture(index=1, part=part)
        if len(self.order.state.operations) > before:
            self.holders.work(self.order.operation, verdict)

    @precondition(lambda self: self._capturable())
    @rule(part=parts, verdict=verdicts)
    def refund_at_once(self, part: str, verdict: str) -> None:
        before = len(self.order.state.operations)
        self.refund(index=1, part=part)
        if len(self.order.state.operations) > before:
            self.holders.work(self.order.operation, verdict)

    @precondition(lambda self: self._capturable())
    @rule(verdict=verdicts, order_too=st.booleans())
    def void_at_once(self, verdict: str, order_too: bool) -> None:
        if order_too:
            self.cancel_order()
        else:
            self.void(index=1)
        self.holders.work(self.order.operation, verdict)

    @precondition(lambda self: self.order.state.alive_payment is None and self._pending() == [])
    @rule(processors=routes, verdict=verdicts)
    def try_another(self, processors: list[str], verdict: str) -> None:
        self.pay(processors, card=True, capture=None)
        if self._pending():
            self.holders.work(self.order.operation, verdict)

    @precondition(lambda self: self.order.state.operations and len(self.holders.holds) < HOLDS_MAX)
    @rule(index=indices)
    def claim(self, index: int) -> None:
        operations = list(self.order.state.operations.values())
        self.holders.claim(operations[index % len(operations)])

    @precondition(lambda self: any(each.outcome is None for each in self.holders.holds))
    @rule(index=indices, verdict=verdicts)
    def perform(self, index: int, verdict: str) -> None:
        waiting = [each for each in self.holders.holds if each.outcome is None]
        self.holders.perform(waiting[index % len(waiting)], verdict)

    @precondition(lambda self: any(each.outcome is not None for each in self.holders.holds))
    @rule(index=indices)
    def tell(self, index: int) -> None:
        performed = [each for each in self.holders.holds if each.outcome is not None]
        self.holders.tell(performed[index % len(performed)])

    @precondition(lambda self: self.holders.holds)
    @rule(index=indices)
    def crash(self, index: int) -> None:
        self.holders.holds.pop(index % len(self.holders.holds))

    @precondition(lambda self: self.holders.told)
    @rule(index=indices)
    def tell_again_later(self, index: int) -> None:
        reference, outcome = self.holders.told[index % len(self.holders.told)]
        current = {each.id for each in self.order.state.attempts.values()}
        if reference in current and isinstance(outcome, Approved | Declined):
            self.order.tell(outcome, reference)
            assert not self.order.wrote

    @precondition(lambda self: self._regrettable())
    @rule(index=indices)
    def bank_changes_its_mind(self, index: int) -> None:
        candidates = self._regrettable()
        operation = candidates[index % len(candidates)]
        reference = self.order.state.attempts[operation.id].id
        if not self.bank.approve_late(reference):
            return
        before = self.order.state
        self.order.tell(self.bank.lookup(reference), reference)
        assert ["late_approval"] == self.order.audits
        assert before.order.status == self.order.order.status
        assert before.refunds == self.order.state.refunds
        begun = [
            each
            for key, each in self.order.state.operations.items()
            if key not in before.operations
        ]
        if operation.kind in (*PAYMENT_KINDS, "capture") and operation.purpose != "reversal":
            assert [(operation.amount, "reversal")] == [(it.amount, it.purpose) for it in begun]
        else:
            assert begun == []
            self.holders.note_difference(operation, -1)

    @precondition(lambda self: self._denied())
    @rule(index=indices)
    def bank_did_what_surely_failed(self, index: int) -> None:
        denied = self._denied()
        attempt = denied[index % len(denied)]
        operation = self.order.state.operations[attempt.operation_id]
        payment = self.order.state.payments[attempt.payment_id]
        kind = str(operation.kind)
        if kind in PAYMENT_KINDS:
            at_once = payment.capture == "automatic" and PROCESSORS[attempt.processor].single_step
            kind = "charge" if at_once else "authorize"
        if self.bank.do_after_all(attempt, operation, kind):
            self.holders.tell_replaced(attempt.id, self.bank.lookup(attempt.id))

    # What holds after every step

    @invariant()
    def bank_and_payments_agree(self) -> None:
        state = self.order.state
        for payment in state.payments.values():
            if any(o.payment_id == payment.id and o.is_pending for o in state.operations.values()):
                continue
            said = payment.amount_captured - payment.amount_refunded
            assert self.bank.net(payment.id) == said + self.holders.unreconciled[payment.id]
            booked = [each for each in self.order.ledger if each.payment_id == payment.id]
            lost = sum(
                each.amount_deducted
                for each in state.disputes.values()
                if each.payment_id == payment.id
            )
            # The model bank knows nothing of what another bank has taken back.
            assert self.bank.net(payment.id) == balances(booked)["processor"] + lost
            if payment.id in self.bank.contradicted | self.holders.unreleased:
                continue
            over = payment.status not in (PaymentStatus.SUCCESS, PaymentStatus.PENDING)
            assert not over or self.bank.held(payment.id) == 0
            if payment.status == PaymentStatus.SUCCESS:
                authorized = self.bank.total(payment.id, "authorize", "charge")
                assert payment.amount == payment.amount_authorized == authorized

    @invariant()
    def cards_are_kept_for_payments_that_went_through(self) -> None:
        """A token comes with its payment's approval; of any other the processor is to forget it."""
        payments = self.order.state.payments
        active = {each.payment_id: each.id for each in self.order.tokens if each.state == "active"}
        assert active == {key: it.token_id for key, it in payments.items() if it.token_id}
        known = sorted(each.payment_id for each in self.order.tokens)
        assert len(set(known)) == len(known)
        assert set(known) <= set(self.bank.kept_cards)

    @invariant()
    def impossible_things_are_refused(self) -> None:
        """Asked at every moment; a refusal changes nothing, so this costs no step."""
        state = self.order.state
        for payment in state.payments.values():
            left = payment.amount_refundable if payment.captured else payment.amount_capturable
            for amount in (payment.amount_capturable + 1, 0, -1):
                self._refused(partial(Scenario.capture, amount=amount, payment_id=payment.id))
            for amount in (left + 1, 0, -1):
                self._refused(partial(Scenario.give_back, amount=amount, payment_id=payment.id))
            if state.pending_operation(payment.id) is not None:
                for step in (Scenario.capture, Scenario.void):
                    self._refused(partial(step, payment_id=payment.id))
        if state.alive_payment is not None:
            self._refused(Scenario.pay)

    @invariant()
    def retries_are_limited(self) -> None:
        retries = [each.retries for each in self.order.state.operations.values()]
        assert max(retries, default=0) <= len(POLICY.sure_failure_delays_seconds)

    def teardown(self) -> None:
        """Everything that was begun comes to an end, by nothing but the times written down."""
        if not hasattr(self, "order"):
            return
        self.holders.holds.clear()
        finish(self.holders)
        state = self.order.state
        assert self._pending() == []
        final = {RefundStatus.PROCESSED, RefundStatus.FAILED}
        assert {each.status for each in state.refunds.values()} <= final
        for payment in state.payments.values():
            kept = payment.captured or payment.id in self.bank.contradicted
            assert payment.status in (("success",) if kept else ()) or payment.status in (
                PaymentStatus.FAILED,
                PaymentStatus.CANCELLED,
                PaymentStatus.EXPIRED,
            )
        self.bank_and_payments_agree()
        # What the bank keeps, a token says, or is to have deleted.
        assert self.bank.kept_cards == sorted(each.payment_id for each in self.order.tokens)

    # How it is done

    def _refused(self, step: Step) -> None:
        self._command(step, expected=False)

    def _command(self, step: Step, expected: bool) -> None:
        before = self.order.state
        try:
            step(self.order)
        except Rejected:
            if expected:
                raise
            assert before is self.order.state
        else:
            assert expected, "accepted what should be refused"

    def _pending(self) -> list[Operation]:
        return [each for each in self.order.state.operations.values() if each.is_pending]

    def _capturable(self) -> bool:
        """Whether the last payment is an authorization of which something is left."""
        payments = list(self.order.state.payments.values())
        return bool(payments) and payments[-1].amount_capturable > 0 and not self._pending()

    def _is_worth_ending(self) -> bool:
        """An order that ends before anything has happened shows little."""
        return self.order.order.attempts > 1 or self.order.state.alive_payment is not None

    def _payment(self, index: int) -> Payment:
        payments = list(self.order.state.payments.values())
        # The last one is where things happen.
        return payments[-1] if index % 4 else payments[index % len(payments)]

    def _is_voidable(self, payment: Payment) -> bool:
        return (
            payment.status == PaymentStatus.SUCCESS
            and not payment.captured
            and payment.amount_capturable > 0
            and self.order.state.pending_operation(payment.id) is None
        )

    def _challenges(self) -> list[str]:
        operations = self.order.state.operations
        return [
            each.reference
            for each in self.bank.books.values()
            if each.answer == "action" and operations[each.operation_id].is_pending
        ]

    def _denied(self) -> list[Attempt]:
        """Attempts that surely failed, and that newer ones have replaced."""
        replaced = self.order.state.replaced.values()
        return [each for each in replaced if each.id not in self.bank.books]

    def _regrettable(self) -> list[Operation]:
        """What failed here although the bank has it in its books."""
        state = self.order.state
        return [
            each
            for each in state.operations.values()
            if each.state == OperationState.FAILED
            and not isinstance(
                self.bank.lookup(state.attempts[each.id].id), AttemptNotFound | Approved
            )
        ]


OrderMachine.TestCase.settings = settings(max_examples=500, stateful_step_count=50)
TestOrder = OrderMachine.TestCase
