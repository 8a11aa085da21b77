"""The order actor: one writer an order. It decides, commits, and only then answers.

It holds nothing that is not stored: a crash or a passivation only forgets, and the next message
reads the order anew. Across processes the order's version decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any, TypeVar

from gateway.actors import messages
from gateway.actors.messages import Done, Request
from gateway.actors.order_context import OrderContext, claimed, commit, moment_of
from gateway.actors.runtime import Actor, handles
from gateway.domain import decisions
from gateway.domain.awaited import decisive_operation
from gateway.domain.decisions import Decision, Instruction, Moment, Proceed
from gateway.domain.entities import Operation, OrderState
from gateway.domain.errors import NotFound, Rejected, StaleVersion, Unavailable
from gateway.domain.work import StoredAnswer, UnitOfWork

__all__ = ["OrderActor"]

Result = TypeVar("Result")

# Each try reads the order anew; somebody else would have to win every time in between.
_TRIES_MAX = 20


class OrderActor(Actor):
    """Decides everything about one order."""

    def __init__(self, order_id: str, context: OrderContext) -> None:
        super().__init__()
        self._order_id = order_id
        self._context = context
        self._state = context.recall(order_id)

    @handles(messages.PayOrder)
    async def pay(self, message: messages.PayOrder) -> Done:
        """Accept a payment."""
        decision, answer = await self._command(
            message.request,
            lambda state, moment: decisions.create_payment(
                state, message.command, moment, self._context.policy
            ),
            message.command.payment_id,
            waits=message.waits,
        )
        return Done(
            order=decision.state.order,
            payment=decision.result,
            operation=_begun(decision.work) if message.waits else None,
            answer=answer,
        )

    @handles(messages.MakeAndPayOrder)
    async def make_and_pay(self, message: messages.MakeAndPayOrder) -> Done:
        """Make the order together with its first payment; nobody else knows its id yet."""
        request = message.request
        asked_at, moment = monotonic(), moment_of(self._context.clock, request, waits=True)
        try:
            decision = decisions.create_order_with_payment(
                message.order, message.payment, moment, self._context.policy
            )
            answer = await self._accept(
                request, decision, moment, asked_at, message.payment.payment_id, waits=True
            )
        except Rejected:
            self.passivate()
            raise
        return Done(
            order=decision.state.order,
            payment=decision.result,
            operation=_begun(decision.work),
            answer=answer,
        )

    @handles(messages.CapturePayment)
    async def capture(self, message: messages.CapturePayment) -> Done:
        """Begin a capture."""
        return await self._operation(
            message.request,
            message.payment_id,
            lambda state, moment: decisions.capture_payment(
                state, message.payment_id, message.amount, moment, self._context.policy
            ),
        )

    @handles(messages.VoidPayment)
    async def void(self, message: messages.VoidPayment) -> Done:
        """Begin a void."""
        return await self._operation(
            message.request,
            message.payment_id,
            lambda state, moment: decisions.void_payment(
                state, message.payment_id, moment, self._context.policy
            ),
        )

    @handles(messages.MakeRefund)
    async def refund(self, message: messages.MakeRefund) -> Done:
        """Accept a refund."""
        command = message.command
        decision, answer = await self._command(
            message.request,
            lambda state, moment: decisions.refund_payment(
                state, command, moment, self._context.policy
            ),
            command.refund_id,
            waits=message.waits,
        )
        self._ask_about_unknown(decision.state)
        return Done(
            order=decision.state.order,
            payment=decision.state.payments[command.payment_id],
            refund=decision.result,
            operation=_begun(decision.work) if message.waits else None,
            answer=answer,
        )

    @handles(messages.MakeDispute)
    async def make_dispute(self, message: messages.MakeDispute) -> Done:
        """Set aside what the shopper's bank wants back."""
        decision, answer = await self._command(
            message.request,
            lambda state, moment: decisions.open_dispute(
                state, message.command, moment, self._context.policy
            ),
            message.command.dispute_id,
        )
        return Done(order=decision.state.order, dispute=decision.result, answer=answer)

    @handles(messages.ChangeDispute)
    async def change_dispute(self, message: messages.ChangeDispute) -> Done:
        """Accept, contest, decide or expire a dispute."""
        decision, answer = await self._command(
            message.request,
            lambda state, moment: decisions.change_dispute(
                state, message.dispute_id, message.change, moment
            ),
            message.dispute_id,
        )
        return Done(order=decision.state.order, dispute=decision.result, answer=answer)

    @handles(messages.CancelOrder)
    async def cancel(self, message: messages.CancelOrder) -> Done:
        """Cancel the order, or begin the void that comes first."""
        return await self._operation(
            message.request,
            None,
            lambda state, moment: decisions.cancel_order(state, moment, self._context.policy),
        )

    @handles(messages.ChangeNotes)
    async def change_notes(self, message: messages.ChangeNotes) -> Done:
        """Replace the notes of the order, or of a payment or a refund of it."""
        subject_id = message.subject_id or self._order_id
        decision, _ = await self._command(
            message.request,
            lambda state, moment: decisions.change_notes(state, subject_id, message.notes, moment),
            subject_id,
        )
        state = decision.state
        refund = state.refunds.get(subject_id)
        payment = state.payments.get(refund.payment_id if refund else subject_id)
        return Done(order=state.order, payment=payment, refund=refund)

    @handles(messages.ResumePayment)
    async def resume(self, message: messages.ResumePayment) -> Done:
        """Go on after a challenge."""
        decision, _ = await self._command(
            None,
            lambda state, moment: decisions.resume_payment(
                state, message.payment_id, moment, self._context.policy
            ),
            message.payment_id,
        )
        return Done(order=decision.state.order, payment=decision.result)

    @handles(messages.ExpireOrder)
    async def expire_order(self, _message: messages.ExpireOrder) -> bool:
        """Expire the order when nothing speaks against it."""
        decision, _ = await self._command(None, decisions.expire_order, self._order_id)
        return decision.result

    @handles(messages.ExpirePayment)
    async def expire_payment(self, message: messages.ExpirePayment) -> Operation | None:
        """Release what was not captured in time."""
        decision, _ = await self._command(
            None,
            lambda state, moment: decisions.expire_payment(
                state, message.payment_id, moment, self._context.policy
            ),
            message.payment_id,
        )
        return decision.result

    @handles(messages.ForgetPayer)
    async def forget_payer(self, message: messages.ForgetPayer) -> None:
        """Take away who paid."""
        await self._command(
            None,
            lambda state, moment: decisions.forget_payer(state, message.customer_id, moment),
            self._order_id,
        )

    @handles(messages.AskAboutUnknown)
    async def ask_about_unknown(self, _message: messages.AskAboutUnknown) -> tuple[Operation, ...]:
        """Have the processor asked now; what may be refused until it has answered."""
        unknown = self._ask_about_unknown(await self._current(None))
        return tuple(operation for operation in unknown if operation.is_exclusive)

    @handles(messages.BeginOperation)
    async def begin(self, message: messages.BeginOperation) -> Instruction:
        """Say what the holder of a job is to do, when that is durable."""
        decision, _ = await self._command(
            None,
            lambda state, moment: self._answered(
                decisions.begin_operation(state, message.operation_id, moment, self._context.policy)
            ),
            message.operation_id,
        )
        return decision.result

    @handles(messages.RecordOutcome)
    async def record(self, message: messages.RecordOutcome) -> Proceed | None:
        """Make the processor's answer true."""
        decision, _ = await self._command(
            None,
            lambda state, moment: self._answered(
                decisions.record_outcome(
                    state, message.attempt_id, message.outcome, moment, self._context.policy
                )
            ),
            message.attempt_id,
        )
        return decision.result

    async def _operation(
        self,
        request: Request,
        payment_id: str | None,
        decide: Callable[[OrderState, Moment], Decision[Any]],
    ) -> Done:
        """A command whose answer has to wait for the operation it begins."""
        decision, answer = await self._command(request, decide, self._order_id, waits=True)
        operation: Operation | None = decision.result
        state = decision.state
        payment = state.payments.get(payment_id or (operation.payment_id if operation else ""))
        return Done(order=state.order, payment=payment, operation=operation, answer=answer)

    async def _command(
        self,
        request: Request | None,
        decide: Callable[[OrderState, Moment], Decision[Result]],
        subject_id: str,
        *,
        waits: bool = False,
    ) -> tuple[Decision[Result], StoredAnswer | None]:
        """Decide on the order as it is, and commit; decide again when somebody else was first.

        Before it refuses or does nothing, the actor makes sure that it knows the newest version.
        """
        for _ in range(_TRIES_MAX):
            fresh = self._state is None
            state = await self._current(request)
            asked_at, moment = monotonic(), moment_of(self._context.clock, request, waits=waits)
            try:
                decision = decide(state, moment)
            except Rejected:
                if fresh or await self._is_current(state):
                    raise
                continue
            if decision.work is None:
                if fresh or await self._is_current(state):
                    return decision, None
                continue
            try:
                answer = await self._accept(
                    request, decision, moment, asked_at, subject_id, waits=waits
                )
            except StaleVersion:
                self._state = None
                continue
            return decision, answer
        raise Unavailable("The order is being changed elsewhere")

    async def _accept(
        self,
        request: Request | None,
        decision: Decision[Any],
        moment: Moment,
        asked_at: float,
        subject_id: str,
        *,
        waits: bool,
    ) -> StoredAnswer | None:
        """Commit the decision under the request's key; the answer, where that stands at once."""
        waiting = _begun(decision.work) if waits else None
        work, answer = claimed(self._context, request, decision, subject_id, waiting)
        if request is not None and work.jobs and self._context.hands().take_place():
            self._state = await self._begin(decision.state, work, moment, asked_at)
        else:
            await commit(self._context, work)
            self._state = decision.state
        return answer

    async def _begin(
        self, accepted: OrderState, work: UnitOfWork, moment: Moment, asked_at: float
    ) -> OrderState:
        """Commit what a request asks of a processor, begun at once in the place kept for it.

        Returns the order as it is then. Without a place its job goes to the queue, where any
        process may take it.
        """
        hands = self._context.hands()
        begun = None
        try:
            begun = decisions.begin_at_once(accepted, work, moment, self._context.policy)
            await commit(self._context, begun.work if begun is not None and begun.work else work)
        finally:
            hands.give_back_place()
        if begun is None:
            return accepted
        hands.carry_out(work.jobs[0], begun.result, asked_at)
        return begun.state

    async def _current(self, request: Request | None) -> OrderState:
        if self._state is None:
            self._state = await self._context.load(self._order_id)
        state = self._state
        if state is None:
            # Nothing to hold on to: identities that do not exist must not fill the region.
            self.passivate()
            raise NotFound("Order not found")
        if request is not None and (request.merchant_id, request.mode) != (
            state.order.merchant_id,
            state.order.mode,
        ):
            raise NotFound("Order not found")
        return state

    async def _is_current(self, state: OrderState) -> bool:
        if await self._context.load_version(self._order_id) == state.order.version:
            return True
        self._state = None
        return False

    def _answered(self, decision: Decision[Result]) -> Decision[Result]:
        """The decision with the final answers of requests that wait for what it ends."""
        work, state = decision.work, decision.state
        if work is None:
            return decision
        ended = {
            each.id for each in work.updates if isinstance(each, Operation) and not each.is_pending
        }
        answers = tuple(
            (each.id, self._context.render(each.surface, state, each.id))
            for each in state.operations.values()
            if ended and each.surface and decisive_operation(state, each).id in ended
        )
        if not answers:
            return decision
        return replace(decision, work=replace(work, answers=answers))

    def _ask_about_unknown(self, state: OrderState) -> Sequence[Operation]:
        """Have the processor asked before its time about what is unknown; what that is."""
        unknown = [each for each in state.operations.values() if each.state == "unknown"]
        for operation in unknown:
            self._context.ask_again(operation)
        return unknown


def _begun(work: UnitOfWork | None) -> Operation | None:
    """The operation that a command has begun, if it has."""
    if work is None:
        return None
    return next((each for each in work.inserts if isinstance(each, Operation)), None)
