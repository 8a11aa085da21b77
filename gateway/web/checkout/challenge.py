"""The simulated bank's own page, where a shopper confirms a payment, as 3-D Secure does it.

It stands outside of the checkout as a bank's would: it knows the payment by the reference under
which it was asked for, and sends the shopper back when they have answered. Who has the reference
may answer; a form that was not made here may not send an answer along with somebody's browser.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from gateway.domain.errors import InvalidRequest, NotFound
from gateway.domain.ids import is_id
from gateway.storage.reads_checkout import CheckoutPayment, find_checkout_payment
from gateway.web.api.common import found
from gateway.web.calls import call_of
from gateway.web.checkout.addresses import challenge_address, kept_parameters, shop_address
from gateway.web.checkout.framing import frame_ancestors
from gateway.web.checkout.returning import see_other
from gateway.web.errors import Refused
from gateway.web.forms import read_form
from gateway.web.pages.headers import Policy
from gateway.web.pages.page import page_response
from gateway.web.routes import Access, Route
from gateway.web.services import BankChallenges, Services

__all__ = ["answer_challenge", "challenge_routes", "show_challenge"]

_PURPOSE = "bank challenge form"
_ANSWERS = {"pass": True, "fail": False}


class _ForeignForm(Refused):
    """The form was not made by the page it is sent to."""

    code = "PERMISSION_ERROR"
    status = 403
    reason = "foreign_form"

    def __init__(self) -> None:
        super().__init__("The form was not sent from the bank's page")


def challenge_routes() -> Iterable[Route]:
    """The bank's page, and its form."""
    for method, handler in (("GET", show_challenge), ("POST", answer_challenge)):
        yield Route(
            method=method,
            path="/bank/challenge",
            handler=handler,
            access=Access.SHOPPER,
            step="payment_authentication",
            surface="pages",
        )


async def show_challenge(request: web.Request) -> web.Response:
    """`GET /bank/challenge`: what is to be confirmed, or that this is over."""
    services = call_of(request).services
    reference = request.query.get("reference", "")
    challenge, payment = await _asked(services, reference)
    kept = kept_parameters(request.query)
    context = {
        "challenge": challenge,
        "payment": payment,
        "token": _token(services, reference),
        "action": challenge_address(kept),
        "theme": kept.get("theme", "auto"),
        "back": shop_address(payment.id, kept),
    }
    # Every page around a frame has to be allowed, so the shop's is, as around the checkout.
    policy = Policy(frame_ancestors=frame_ancestors(payment.allowed_origins, payment.mode))
    return page_response(request, "checkout/challenge.html", context, policy=policy)


async def answer_challenge(request: web.Request) -> web.Response:
    """`POST /bank/challenge`: the shopper's answer; the first one counts, in time."""
    services = call_of(request).services
    form = await read_form(request)
    reference = form.raw("reference")
    _refuse_foreign(request.headers, services, reference, form.raw("token"))
    if form.raw("answer") not in _ANSWERS:
        raise InvalidRequest("answer must be pass or fail", field="answer")
    _, payment = await _asked(services, reference)
    bank = _bank(services)
    await bank.complete_challenge(reference, passed=_ANSWERS[form.raw("answer")])
    return see_other(shop_address(payment.id, kept_parameters(request.query)))


async def _asked(services: Services, reference: str) -> tuple[Any, CheckoutPayment]:
    """The challenge and its payment. Raises NotFound where there is none."""
    bank = _bank(services)
    if not is_id(reference, "att"):
        raise NotFound("Challenge not found")
    challenge = found(await bank.challenge(reference), "Challenge")
    async with services.pool.acquire() as connection:
        payment = await find_checkout_payment(connection, challenge.payment_id)
    return challenge, found(payment, "Challenge")


def _bank(services: Services) -> BankChallenges:
    return found(services.bank_challenges, "Challenge")


def _token(services: Services, reference: str) -> str:
    return services.vault.keyed_hash(_PURPOSE, reference.encode()).hex()


def _refuse_foreign(
    headers: Mapping[str, str], services: Services, reference: str, token: str
) -> None:
    """Raise unless the form is ours: by its token, and by what the browser says of its page.

    There is no cookie to bind it to: browsers keep none for a frame in another site's page.
    """
    try:
        given = bytes.fromhex(token)
    except ValueError:
        raise _ForeignForm from None
    if not services.vault.hash_matches(_PURPOSE, reference.encode(), given):
        raise _ForeignForm
    if headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise _ForeignForm
