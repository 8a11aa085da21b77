"""The checkout's page: every state of an order and its payment, rendered here and whole.

The page's script makes it live; without it the form is posted here and the page reloads itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import orjson
from aiohttp import web

from gateway.actors.messages import Request
from gateway.domain.errors import InvalidRequest, NotFound
from gateway.storage.reads_checkout import find_checkout_payment
from gateway.storage.reads_checkout_page import (
    CheckoutOrder,
    find_checkout_order,
    find_order_of_payment,
)
from gateway.web.api.payments import payment_command
from gateway.web.bodies import Body, validated
from gateway.web.calls import call_of
from gateway.web.checkout.form import errors_of, members_of, shown_again
from gateway.web.checkout.inventory import get_inventory
from gateway.web.checkout.live import result_of
from gateway.web.checkout.options import Options, options_of
from gateway.web.checkout.rendering import Posted, checkout_response, unknown_response
from gateway.web.checkout.returning import see_other
from gateway.web.checkout.saved_cards import remove_card, saved_cards
from gateway.web.commands import command_response
from gateway.web.errors import problem_of
from gateway.web.forms import Form, read_form
from gateway.web.idempotency import make_key
from gateway.web.pages.page import page_response
from gateway.web.routes import Access, Route
from gateway.web.schemas import CheckoutPaymentBody
from gateway.web.surfaces import PUBLIC_PAYMENT_CREATED
from gateway.web.vouching import is_vouched_for

__all__ = ["page_routes"]

_STATE_REFUSED = "invalid_state"


def page_routes() -> Iterable[Route]:
    """The page, its two shortcuts, and the list of its scripts."""
    for method, path, handler in (
        ("GET", "/checkout", show_checkout),
        ("POST", "/checkout", pay_by_form),
        ("GET", "/success", show_success),
        ("GET", "/failure", show_failure),
        ("GET", "/checkout/scripts.json", get_inventory),
    ):
        yield Route(
            method=method,
            path=path,
            handler=handler,
            access=Access.SHOPPER,
            step="checkout",
            surface="pages",
        )


async def show_checkout(request: web.Request) -> web.Response:
    """`GET /checkout`: the order, or where its payment stands."""
    options = options_of(request)
    return await _shown(request, options, options.order_id)


async def show_success(request: web.Request) -> web.Response:
    """`GET /success?payment_id=`: where the payment stands; a success only if it is one."""
    options = options_of(request)
    order_id = None
    if options.payment_id is not None:
        async with call_of(request).services.pool.acquire() as connection:
            order_id = await find_order_of_payment(connection, options.payment_id)
    return await _shown(request, options, order_id)


async def show_failure(request: web.Request) -> web.Response:
    """`GET /failure`: a payment that failed, with its reason where the payment is named."""
    options = options_of(request)
    if options.payment_id is not None:
        return await show_success(request)
    # Without an order there is a page that says where to open it: at the shop.
    retry = options.address(options.order_id) if options.order_id else "/checkout"
    return page_response(request, "checkout/failure.html", {"retry": retry})


async def pay_by_form(request: web.Request) -> web.Response:
    """`POST /checkout`: the form of a browser without script; on to where the payment stands."""
    options = options_of(request)
    found = await _find(request, options.order_id, None)
    if found is None:
        return unknown_response(request, options)
    form = await read_form(request)
    if form.text("remove"):
        with suppress(NotFound):  # a second click
            await remove_card(request, found, options, form.text("remove"))
        return see_other(options.address(found.order.id))
    try:
        payment_id = await _pay(request, found, form, options)
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        if problem.reason == _STATE_REFUSED:  # paid, cancelled or under way by now: show that
            return see_other(options.address(found.order.id))
        errors = error.errors if isinstance(error, InvalidRequest) else ()
        shown = Posted(
            errors=errors_of(problem, errors),
            values=shown_again(form),
            method=form.text("method"),
            status=problem.status,
        )
        saved = await saved_cards(request, found, options)
        return checkout_response(request, found, options, saved=saved, posted=shown)
    return see_other(options.address(found.order.id, payment_id=payment_id))


async def _shown(request: web.Request, options: Options, order_id: str | None) -> web.Response:
    found = await _find(request, order_id, options.payment_id)
    if found is None:
        return unknown_response(request, options)
    # In a frame the script tells the shop, which stays where it is.
    leads_back = found.named is not None and not options.is_embedded
    return_url = await _return_url(request, options) if leads_back else None
    saved = await saved_cards(request, found, options)
    return checkout_response(request, found, options, saved=saved, return_url=return_url)


async def _return_url(request: web.Request, options: Options) -> str | None:
    """The merchant's page with the signature of a success, for browsers without script."""
    services = call_of(request).services
    async with services.pool.acquire() as connection:
        payment = await find_checkout_payment(connection, options.payment_id or "")
        if payment is None:
            return None
        result = await result_of(connection, services, payment, options.get("key"))
        return result["returnUrl"]


async def _find(
    request: web.Request, order_id: str | None, payment_id: str | None
) -> CheckoutOrder | None:
    if order_id is None:
        return None
    async with call_of(request).services.pool.acquire() as connection:
        return await find_checkout_order(connection, order_id, payment_id)


async def _pay(request: web.Request, found: CheckoutOrder, form: Form, options: Options) -> str:
    """The id of the payment that was made, now or by an earlier click on the same button."""
    call, order = call_of(request), found.order
    signature = options.get("customer_signature")
    body = Body(members_of(form, order.id, signature))
    attempt = form.text("attempt")
    key = make_key(request, call.services, order.id, attempt, body) if attempt else None
    async with call.services.pool.acquire() as connection:
        is_vouched = await is_vouched_for(connection, call.services, order, signature)
    command = payment_command(
        call.services,
        validated(CheckoutPaymentBody, body.members),
        enabled_methods=found.shop.enabled_methods,
        rules=found.routing_rules,
        request=Request(merchant_id=order.merchant_id, mode=order.mode, request_id=call.request_id),
        surface=PUBLIC_PAYMENT_CREATED,
        key=key,
        is_vouched=is_vouched,
    )
    response = await command_response(request.app, call.services, command)
    if not isinstance(response.body, bytes):
        raise TypeError("commands are answered with bytes")
    return str(orjson.loads(response.body)["id"])
