"""The cards that a checkout offers to a shopper whom the shop vouches for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from gateway.domain.customers import Token
from gateway.domain.errors import NotFound
from gateway.domain.ids import is_id
from gateway.storage.administration import Author
from gateway.storage.reads_checkout_page import CheckoutOrder
from gateway.storage.reads_pages import Page, Scope
from gateway.storage.tokens import list_tokens
from gateway.web.calls import call_of
from gateway.web.checkout.methods import NETWORKS
from gateway.web.checkout.options import Options
from gateway.web.customer_changes import remove_token
from gateway.web.vouching import can_save, is_vouched_for
from gateway.web.webhook_changes import Changed

__all__ = ["NO_CARDS", "SavedCard", "SavedCards", "remove_card", "saved_cards"]

_SHOWN_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedCard:
    """A card as the shopper knows it; `id` is the token's."""

    id: str
    network: str
    brand: str
    last4: str
    expiry: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedCards:
    """`cards` can be charged; `can_save` says whether another one can be saved."""

    cards: Sequence[SavedCard] = ()
    can_save: bool = False


NO_CARDS = SavedCards()


async def saved_cards(request: web.Request, found: CheckoutOrder, options: Options) -> SavedCards:
    """What the order's customer has saved; nothing where nobody vouches for the shopper."""
    order, services = found.order, call_of(request).services
    if order.customer_id is None or "card" not in found.shop.enabled_methods:
        return NO_CARDS
    scope = Scope(merchant_id=order.merchant_id, mode=order.mode)
    async with services.pool.acquire() as connection:
        signature = options.get("customer_signature")
        if not await is_vouched_for(connection, services, order, signature):
            return NO_CARDS
        listed = await list_tokens(connection, scope, Page(limit=_SHOWN_MAX), order.customer_id)
    now = services.clock.now()
    tokens = [token for token in (listed[0] if listed else []) if not token.is_expired(now)]
    return SavedCards(
        cards=[_card(token) for token in tokens],
        can_save=can_save(services, order, found.routing_rules),
    )


async def remove_card(
    request: web.Request, found: CheckoutOrder, options: Options, token_id: str
) -> None:
    """The shopper wants a card kept no longer. Raises NotFound for one that is not theirs."""
    call, order = call_of(request), found.order
    scope = Scope(merchant_id=order.merchant_id, mode=order.mode)
    author = Author(scope=scope, name="shopper", request_id=call.request_id)
    changed = Changed(services=call.services, author=author, now=call.services.clock.now())
    async with call.services.pool.acquire() as connection, connection.transaction():
        signature = options.get("customer_signature")
        vouched = await is_vouched_for(connection, call.services, order, signature)
        if not vouched or order.customer_id is None or not is_id(token_id, "tok"):
            raise NotFound("Token not found")
        deliveries = await remove_token(connection, changed, order.customer_id, token_id)
    call.services.forget()
    await call.services.webhooks.deliver_now(deliveries)


def _card(token: Token) -> SavedCard:
    card = token.instrument
    month, year = card.card_expiry_month or 0, card.card_expiry_year or 0
    return SavedCard(
        id=token.id,
        network=card.card_network or "",
        brand=NETWORKS.get(card.card_network or "", ""),
        last4=card.card_last4 or "",
        expiry=f"{month:02}/{year % 100:02}",
    )
