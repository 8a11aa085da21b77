"""The way back from a bank's challenge: the payment goes on, and the checkout shows where it is."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from aiohttp import web

from gateway.actors.messages import ResumePayment
from gateway.domain.entities import PaymentStatus
from gateway.domain.errors import InvalidState
from gateway.storage.reads_checkout import CheckoutPayment, find_checkout_payment
from gateway.web.api.common import found
from gateway.web.calls import call_of
from gateway.web.checkout.addresses import (
    back_to_checkout,
    challenge_reference,
    kept_parameters,
    payment_in,
)
from gateway.web.routes import Access, Route
from gateway.web.services import Services

__all__ = ["come_back", "return_routes", "see_other"]


def return_routes() -> Iterable[Route]:
    """Where banks send shoppers."""
    yield Route(
        method="GET",
        path="/checkout/return",
        handler=come_back,
        access=Access.SHOPPER,
        surface="pages",
    )


async def come_back(request: web.Request) -> web.Response:
    """`GET /checkout/return`: the shopper is back from their bank, for the first time or again.

    The bank is asked how it ended, once: whoever comes after that, from another tab or with the
    back button, is shown what became of it.
    """
    services = call_of(request).services
    payment_id = payment_in(request)
    async with services.pool.acquire() as connection:
        payment = found(await find_checkout_payment(connection, payment_id), "Payment")
    if request.method == "GET" and await _is_answered(services, payment):
        # Refused when another tab was first, or the deadline: it goes on already, or is over.
        with suppress(InvalidState):
            await services.orders.ask(
                payment.order_id,
                ResumePayment(payment_id=payment.id),
                deadline_seconds=services.settings.ask_seconds,
            )
    return see_other(back_to_checkout(payment.order_id, payment.id, kept_parameters(request.query)))


def see_other(address: str) -> web.Response:
    """The answer that sends a browser to another page of ours."""
    headers = {"Location": address, "Cache-Control": "no-store", "Referrer-Policy": "strict-origin"}
    return web.Response(status=303, headers=headers)


async def _is_answered(services: Services, payment: CheckoutPayment) -> bool:
    """Whether there is something to ask the bank.

    Each question costs a commit and may tell the merchant of a challenge anew, so our own bank is
    not asked on behalf of a shopper who has only looked. Others say themselves what they know.
    """
    if payment.status != PaymentStatus.REQUIRES_ACTION:
        return False
    reference = challenge_reference(payment.next_action)
    if reference is None or services.bank_challenges is None:
        return True
    challenge = await services.bank_challenges.challenge(reference)
    return challenge is None or challenge.state != "open"
