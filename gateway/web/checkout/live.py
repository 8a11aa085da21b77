"""How a payment on the checkout goes on: followed live, and its result for the shop."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from gateway.domain.entities import Payment, PaymentStatus
from gateway.domain.errors import NotFound
from gateway.security.records import api_key_record
from gateway.security.signatures import checkout_signature
from gateway.storage.journal import Connection
from gateway.storage.reads_checkout import (
    CheckoutPayment,
    find_checkout_payment,
    find_signing_key,
)
from gateway.storage.reads_pages import Scope
from gateway.web.api.common import found, path_id
from gateway.web.calls import call_of
from gateway.web.checkout.addresses import key_in, order_in, payment_in, return_address
from gateway.web.checkout.looks import PAYMENT_LOOKS
from gateway.web.following import Feed, follow
from gateway.web.responses import json_response
from gateway.web.routes import Access, Route
from gateway.web.services import Services
from gateway.web.streams import Snapshot
from gateway.web.surfaces import public_payment_object

__all__ = ["get_result", "live_routes", "result_of", "signing_secret", "stream_payment"]

FINAL = frozenset(
    {
        PaymentStatus.SUCCESS,
        PaymentStatus.FAILED,
        PaymentStatus.CANCELLED,
        PaymentStatus.EXPIRED,
    }
)
"""What the checkout waits for: after these the shopper has nothing more to see happen."""


def live_routes() -> Iterable[Route]:
    """What pages of the checkout ask while a payment runs, and when it is done."""
    for path, handler in (
        ("/checkout/payments/{id}/events", stream_payment),
        ("/checkout/result", get_result),
    ):
        yield Route(method="GET", path=path, handler=handler, access=Access.SHOPPER)


async def stream_payment(request: web.Request) -> web.StreamResponse:
    """`GET /checkout/payments/{id}/events`: a payment as its shopper may see it, live."""
    payment_id, order_id = path_id(request, "pay", "Payment"), order_in(request)

    looks = request.app[PAYMENT_LOOKS]
    shown: tuple[Payment, Snapshot] | None = None

    async def look() -> Snapshot:
        nonlocal shown
        payment = found(await looks.find(payment_id), "Payment")
        _refuse_unless_of(order_id, payment.order_id)
        if shown is None or shown[0] != payment:
            content, is_final = public_payment_object(payment), payment.status in FINAL
            shown = payment, Snapshot.of("payment", content, is_final=is_final)
        return shown[1]

    feed = Feed(
        subject=payment_id,
        subject_max=call_of(request).services.settings.streams_per_payment_max,
        ids=(payment_id,),
        look=look,
    )
    return await follow(request, feed)


async def get_result(request: web.Request) -> web.Response:
    """`GET /checkout/result`: how a payment ended, signed for the shop when it succeeded."""
    services = call_of(request).services
    payment_id, key = payment_in(request), key_in(request)
    async with services.pool.acquire() as connection:
        payment = found(await find_checkout_payment(connection, payment_id), "Payment")
        _refuse_unless_of(order_in(request), payment.order_id)
        return json_response(await result_of(connection, services, payment, key))


async def result_of(
    connection: Connection, services: Services, payment: CheckoutPayment, key: str | None
) -> dict[str, str | None]:
    """What the shop is told of a payment, signed when it succeeded; `key` is the script's."""
    signature = return_url = None
    # An address without a signature would let a shop take any visit for a payment.
    if payment.status == PaymentStatus.SUCCESS:
        signature = await _signature(connection, services, payment, key)
        return_url = return_address(
            payment.return_url,
            payment_id=payment.id,
            order_id=payment.order_id,
            signature=signature,
        )
    return {
        "status": payment.status,
        "paymentId": payment.id,
        "orderId": payment.order_id,
        "signature": signature,
        "returnUrl": return_url,
    }


def _refuse_unless_of(order_id: str | None, of_payment: str) -> None:
    """Raise NotFound for a payment of another order than the asker's, where they name one."""
    if order_id is not None and order_id != of_payment:
        raise NotFound("Payment not found")


async def _signature(
    connection: Connection, services: Services, payment: CheckoutPayment, key: str | None
) -> str | None:
    """None when the merchant has no key that holds: there is nobody who could check one."""
    scope = Scope(merchant_id=payment.merchant_id, mode=payment.mode)
    secret = await signing_secret(connection, services, scope, preferred=key)
    return None if secret is None else checkout_signature(payment.order_id, payment.id, secret)


async def signing_secret(
    connection: Connection, services: Services, scope: Scope, *, preferred: str | None = None
) -> str | None:
    """The secret that merchants check what shoppers bring them with; None without a key.

    It is that of the key `preferred` if it is the merchant's, else of their oldest one.
    """
    key = await find_signing_key(
        connection, scope.merchant_id, scope.mode, preferred=preferred, now=services.clock.now()
    )
    if key is None:
        return None
    return services.vault.open(key.secret_sealed, record=api_key_record(key.id)).decode()
