"""Where a payment goes: chosen when it is accepted, with what its order says."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gateway.domain.decisions._transition import Policy
from gateway.domain.entities import OperationKind, Order, Payment
from gateway.domain.errors import InvalidRequest
from gateway.domain.evolution import evolve
from gateway.domain.routing import Facts, Place, choose, choose_for_token, demand, unusable

if TYPE_CHECKING:
    from gateway.domain.decisions._payments import CreatePayment

__all__ = ["kind_for", "merchant_places", "next_on_route", "processors_for"]


_NONE: Mapping[tuple[str, UUID | None], Collection[str]] = {}


def merchant_places(
    policy: Policy,
    merchant_id: UUID,
    mode: str,
    open_breakers: Mapping[tuple[str, UUID | None], Collection[str]] = _NONE,
) -> Mapping[str, Place]:
    """The processors that are there, as the merchant can use them in this mode.

    `open_breakers` are verbs by processor and account (None: the gateway's own).
    """
    accounts = {name: policy.account(merchant_id, mode, name) for name in policy.processors}
    return {
        name: Place(
            traits=policy.processors[name],
            has_account=account is not None,
            open_breakers=open_breakers.get((name, account), ()),
        )
        for name, account in accounts.items()
    }


def processors_for(order: Order, command: CreatePayment, policy: Policy) -> tuple[str, ...]:
    """The processors of a payment of the order, in the order in which they are tried.

    Raises InvalidState when there is none, InvalidRequest when none would keep the card, or take
    the nonce.
    """
    instrument = command.instrument
    facts = Facts(
        mode=order.mode,
        amount=order.amount,
        currency=order.currency,
        method=instrument.method,
        card_network=instrument.card_network,
        is_nonce=instrument.is_nonce,
        saves=command.save,
    )
    places = merchant_places(policy, order.merchant_id, order.mode)
    token = command.token
    if token is not None:
        place = places.get(token.processor)
        if place is not None:  # the account that keeps it, whichever is used for others by now
            place = evolve(place, has_account=token.processor_account_id is not None)
        return demand(choose_for_token(token.processor, facts, place)).processors
    choice = choose(command.rules, facts, places)
    if command.save and not choice.processors:
        demand(choose(command.rules, evolve(facts, saves=False), places))
        raise InvalidRequest("Payment methods cannot be saved", field="save")
    if facts.is_nonce and not choice.processors:
        demand(choose(command.rules, evolve(facts, is_nonce=False), places))
        raise InvalidRequest("No processor of this payment takes nonces", field="card.nonce")
    return demand(choice).processors


def next_on_route(payment: Payment, policy: Policy) -> Mapping[str, Any] | None:
    """What changes of the payment when it goes to the next processor of its route that can still be
    used; None when none is left.
    """
    if not payment.route:
        return None
    places = merchant_places(policy, payment.merchant_id, payment.mode)
    for number, name in enumerate(payment.route, 1):
        if name in places and unusable(places[name], payment.mode) is None:
            account_id = policy.account(payment.merchant_id, payment.mode, name)
            return {
                "processor": name,
                "processor_account_id": account_id,
                "route": payment.route[number:],
            }
    return None


def kind_for(payment: Payment, policy: Policy) -> OperationKind:
    """How the payment's processor is asked for the money: at once, or in two steps."""
    single_step = policy.processors[payment.processor].single_step
    at_once = payment.capture == "automatic" and single_step
    return OperationKind.CHARGE if at_once else OperationKind.AUTHORIZE
