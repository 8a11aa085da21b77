"""Whether the shop vouches for the shopper: only then a checkout shows and charges saved cards.

Whoever knows an order's id, a link that was passed on perhaps, is not its customer. The shop's
server says who is, by signing order and customer with the secret of one of its keys. The signature
is good for that order alone, so for as long as it can be paid.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.domain.decisions import merchant_places
from gateway.domain.entities import Order
from gateway.domain.routing import Facts, Rule, choose
from gateway.security.records import api_key_record
from gateway.security.signatures import verify_checkout_signature
from gateway.storage.journal import Connection
from gateway.storage.reads_checkout import find_holding_keys
from gateway.web.services import Services

__all__ = ["can_save", "is_vouched_for"]


async def is_vouched_for(
    connection: Connection, services: Services, order: Order, signature: str | None
) -> bool:
    """Whether one of the merchant's keys that hold signed `order_id|customer_id`."""
    customer_id = order.customer_id
    if customer_id is None or not signature:
        return False
    keys = await find_holding_keys(
        connection, order.merchant_id, order.mode, now=services.clock.now()
    )
    secrets = (
        services.vault.open(key.secret_sealed, record=api_key_record(key.id)).decode()
        for key in keys
    )
    return any(
        verify_checkout_signature(order.id, customer_id, signature=signature, secret=secret)
        for secret in secrets
    )


def can_save(services: Services, order: Order, rules: Sequence[Rule]) -> bool:
    """Whether a card that pays the order can be saved, as far as that is known without the card."""
    facts = Facts(
        mode=order.mode, amount=order.amount, currency=order.currency, method="card", saves=True
    )
    places = merchant_places(services.policy, order.merchant_id, order.mode)
    return bool(choose(rules, facts, places).processors)
