"""What a payment says of saved cards: the token to charge, the customer, whether to save."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.actors.messages import Request
from gateway.domain.customers import Token
from gateway.domain.errors import InvalidRequest, NotFound
from gateway.domain.instruments import TOKEN, Instrument
from gateway.storage.reads_pages import Scope
from gateway.storage.tokens import find_token
from gateway.web.customer_changes import customer_of
from gateway.web.schemas import MeansBody, MerchantsPart
from gateway.web.services import Services

__all__ = ["Saved", "saved_of", "token_instrument"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """The payment's own customer, the token that is charged, whether the card is to be kept."""

    customer_id: str | None = None
    token: Token | None = None
    save: bool = False


async def saved_of(
    services: Services, request: Request, fields: MeansBody, *, is_vouched: bool
) -> Saved:
    """Reads only where a payment names a customer or a token; the order's own rules come later.

    Raises InvalidRequest for what does not go together, NotFound for what is not the merchant's.
    Without a merchant's credentials the shop has to vouch for the shopper.
    """
    if fields.method == TOKEN and fields.token_id is None:
        raise InvalidRequest("token_id is required for method token", field="token_id")
    if fields.method != TOKEN and fields.token_id is not None:
        raise InvalidRequest("token_id is for method token alone", field="token_id")
    if fields.save and fields.method != "card":
        raise InvalidRequest("Only cards can be saved", field="save")
    if not is_vouched and (fields.save or fields.token_id is not None):
        raise InvalidRequest(
            "customer_signature of the order and its customer is required for saved cards",
            field="customer_signature",
        )
    customer_id = fields.customer_id if isinstance(fields, MerchantsPart) else None
    if customer_id is None and fields.token_id is None:
        return Saved(save=fields.save)
    scope = Scope(merchant_id=request.merchant_id, mode=request.mode)
    token = None
    async with services.pool.acquire() as connection:
        if customer_id is not None:
            await customer_of(connection, scope, customer_id, field="customer_id")
        if fields.token_id is not None:
            token = await find_token(connection, scope, fields.token_id)
            if token is None:
                raise NotFound("Token not found", field="token_id")
    return Saved(customer_id=customer_id, token=token, save=fields.save)


def token_instrument(token: Token, enabled_methods: frozenset[str]) -> Instrument:
    """The card that is charged. Raises InvalidRequest when the merchant takes no cards."""
    if token.instrument.method not in enabled_methods:
        raise InvalidRequest("Invalid payment method", field="method")
    return token.instrument
