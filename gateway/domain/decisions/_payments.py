"""Payments: accepted, and taken up again after a challenge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from gateway.domain.customers import Token, chargeable
from gateway.domain.decisions._orders import CreateOrder, create_order
from gateway.domain.decisions._routing import kind_for, processors_for
from gateway.domain.decisions._transition import Decision, Moment, Policy, Transition
from gateway.domain.entities import (
    NOBODY,
    AttemptState,
    Order,
    OrderState,
    OrderStatus,
    Payer,
    Payment,
    PaymentStatus,
    Purpose,
)
from gateway.domain.errors import InvalidRequest, InvalidState, NotFound
from gateway.domain.evolution import directly_made, evolve
from gateway.domain.instruments import Instrument
from gateway.domain.routing import Rule

__all__ = [
    "CreatePayment",
    "create_order_with_payment",
    "create_payment",
    "forget_payer",
    "resume_payment",
]


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePayment:
    """A shopper pays the order. Card data is not here: it is sealed under `payment_id`.

    `rules` are the merchant's, by which processors are chosen. `customer_id` is the payment's own,
    where the order has none. With `token` that is charged, by its processor; with `save` the card
    is kept for the customer. `amount` (minor units) and `currency` are what the merchant takes the
    order to be of, where they say it.
    """

    payment_id: str
    instrument: Instrument
    rules: tuple[Rule, ...] = ()
    payer: Payer = NOBODY
    customer_id: str | None = None
    token: Token | None = None
    save: bool = False
    notes: str = "{}"
    capture: str | None = None
    amount: int | None = None
    currency: str | None = None


def create_payment(
    state: OrderState, command: CreatePayment, moment: Moment, policy: Policy
) -> Decision[Payment]:
    """Accept a payment of the order's whole amount; its charge or authorization follows.

    Raises InvalidState when the order takes no payment now: it is over, paid, being paid, or has
    been tried too often. InvalidRequest when it is of another amount than the merchant says;
    InvalidRequest, NotFound and ExpiredCard as `_customer_of`, InvalidState and InvalidRequest as
    `processors_for`.
    """
    order = state.order
    _refuse_other_amount(order, command)
    _refuse_unless_payable(state, moment, policy)
    customer_id = _customer_of(order, command, moment)
    processor, *route = processors_for(order, command, policy)
    transition = Transition(state, moment)
    payment = Payment(
        id=command.payment_id,
        order_id=order.id,
        merchant_id=order.merchant_id,
        mode=order.mode,
        amount=order.amount,
        currency=order.currency,
        instrument=command.instrument,
        payer=command.payer,
        customer_id=customer_id,
        token_id=None if command.token is None else command.token.id,
        save=command.save,
        notes=command.notes,
        capture=command.capture or order.capture,
        processor=processor,
        processor_account_id=_account_of(order, command.token, processor, policy),
        route=tuple(route),
        created_at=moment.now,
        updated_at=moment.now,
    )
    transition.add_payment(payment)
    transition.add_operation(
        payment,
        kind_for(payment, policy),
        Purpose.PAYMENT,
        payment.amount,
        recovery_seconds=policy.recovery_seconds,
        surface=moment.surface,
    )
    transition.change_order(status=OrderStatus.ATTEMPTED, attempts=order.attempts + 1)
    transition.emit("payment.created", payment)
    transition.emit("payment.pending", payment)
    return transition.complete(payment)


def create_order_with_payment(
    wish: CreateOrder, command: CreatePayment, moment: Moment, policy: Policy
) -> Decision[Payment]:
    """A new order together with its first payment: one unit of work, so neither without the other.

    Raises what `create_order` and `create_payment` raise.
    """
    made = create_order(wish, moment, policy)
    paid = create_payment(made.state, command, moment, policy)
    if paid.work is None:
        raise AssertionError("a payment is written")
    # Nobody has seen the order before its payment: it begins with this version.
    order = evolve(paid.state.order, version=made.state.order.version)
    return Decision(
        state=evolve(paid.state, order=order),
        work=evolve(paid.work, order=order, expected_version=0),
        result=paid.result,
    )


def _account_of(order: Order, token: Token | None, processor: str, policy: Policy) -> UUID | None:
    """Where it is charged: a token only in the account that it is kept in."""
    if token is not None:
        return token.processor_account_id
    return policy.account(order.merchant_id, order.mode, processor)


def _customer_of(order: Order, command: CreatePayment, moment: Moment) -> str | None:
    """Who pays: the order's customer, else the payment's own.

    Raises InvalidRequest when these are two, or when a card is to be kept for nobody; NotFound and
    ExpiredCard as `chargeable`.
    """
    customer_id = order.customer_id or command.customer_id
    if command.customer_id not in (None, customer_id):
        raise InvalidRequest("The order is another customer's", field="customer_id")
    if command.token is not None:
        chargeable(command.token, customer_id, moment.now)
    if command.save and customer_id is None:
        raise InvalidRequest(
            "customer_id is required to save a payment method", field="customer_id"
        )
    return customer_id


def forget_payer(state: OrderState, customer_id: str, moment: Moment) -> Decision[None]:
    """Take away who paid from the payments of a customer who was deleted; the money stays."""
    transition = Transition(state, moment)
    known = [
        payment
        for payment in state.payments.values()
        if payment.customer_id == customer_id and payment.payer != NOBODY
    ]
    if not known:
        return transition.unchanged(None)
    for payment in known:
        transition.forget_payer(payment)
    return transition.complete(None)


def _refuse_other_amount(order: Order, command: CreatePayment) -> None:
    if command.amount not in (None, order.amount):
        raise InvalidRequest("amount is not the order's", field="amount")
    if command.currency not in (None, order.currency):
        raise InvalidRequest("currency is not the order's", field="currency")


def _refuse_unless_payable(state: OrderState, moment: Moment, policy: Policy) -> None:
    order = state.order
    if order.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED):
        raise InvalidState(f"Order is {order.status}")
    alive = state.alive_payment
    if order.status == OrderStatus.PAID or (alive and alive.status == PaymentStatus.SUCCESS):
        raise InvalidState("Order already paid")
    if alive is not None:
        raise InvalidState("Another payment is in progress")
    if order.expires_at is not None and order.expires_at <= moment.now:
        raise InvalidState("Order is expired")
    if order.attempts >= policy.payments_per_order_max:
        raise InvalidState("Order has been tried too often")


def resume_payment(
    state: OrderState, payment_id: str, moment: Moment, policy: Policy
) -> Decision[Payment]:
    """The shopper is back from the challenge: the processor is asked how it ended.

    Raises NotFound for another order's payment, InvalidState unless it is waiting for the shopper.
    """
    payment = state.payments.get(payment_id)
    if payment is None:
        raise NotFound("Payment not found")
    operation = state.pending_operation(payment_id)
    if payment.status != PaymentStatus.REQUIRES_ACTION or operation is None:
        raise InvalidState("Payment is not waiting for the shopper")
    transition = Transition(state, moment)
    payment = transition.change_payment(
        payment, status=PaymentStatus.PROCESSING, next_action=None, action_deadline=None
    )
    # No lease yet: nobody has it in hand until a processor actor begins it.
    transition.change_attempt(
        state.attempts[operation.id], state=AttemptState.RESUMED, lease_until=moment.real_now
    )
    operation = transition.change_operation(
        operation, due_at=moment.now + timedelta(seconds=policy.recovery_seconds)
    )
    transition.enqueue(operation)
    return transition.complete(payment)
