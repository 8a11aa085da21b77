"""What the end of a checkout needs to know: where to go back to, and which key signs.

The shopper knows the payment by its unguessable id alone; there is no scope to ask for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from gateway.storage.journal import Connection

__all__ = [
    "CheckoutPayment",
    "SigningKey",
    "find_checkout_payment",
    "find_holding_keys",
    "find_signing_key",
]

_PAYMENT = """
SELECT payments.id, payments.order_id, payments.merchant_id, payments.mode, payments.status,
       payments.next_action, payments.card_network, payments.card_last4,
       coalesce(orders.return_url, merchants.return_url) AS return_url,
       merchants.name AS merchant_name, merchants.allowed_origins
FROM payments
JOIN orders ON orders.id = payments.order_id
JOIN merchants ON merchants.id = payments.merchant_id
WHERE payments.id = $1 AND merchants.active
"""
_SIGNING_KEY = """
SELECT id, secret_sealed FROM api_keys
WHERE merchant_id = $1 AND mode = $2 AND revoked_at IS NULL
  AND (expires_at IS NULL OR expires_at > $3)
ORDER BY (id = $4) IS TRUE DESC, created_at, id LIMIT 1
"""
_HOLDING_KEYS = """
SELECT id, secret_sealed FROM api_keys
WHERE merchant_id = $1 AND mode = $2 AND revoked_at IS NULL
  AND (expires_at IS NULL OR expires_at > $3)
ORDER BY created_at, id LIMIT $4
"""
_KEYS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutPayment:
    """A payment on its way through the checkout, to its bank and back to the shop.

    `return_url` is the order's, else the merchant's.
    """

    id: str
    order_id: str
    merchant_id: UUID
    mode: str
    status: str
    next_action: str | None
    card_network: str | None
    card_last4: str | None
    return_url: str | None
    merchant_name: str
    allowed_origins: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """An API key that holds, with its sealed secret."""

    id: str
    secret_sealed: bytes = field(repr=False)


async def find_checkout_payment(connection: Connection, payment_id: str) -> CheckoutPayment | None:
    """The payment; None also when its merchant was disabled."""
    row = await connection.fetchrow(_PAYMENT, payment_id)
    return None if row is None else CheckoutPayment(**row)


async def find_signing_key(
    connection: Connection, merchant_id: UUID, mode: str, *, preferred: str | None, now: datetime
) -> SigningKey | None:
    """The key `preferred` if it is the merchant's, of this mode, and holds; else their oldest."""
    row = await connection.fetchrow(_SIGNING_KEY, merchant_id, mode, now, preferred)
    return None if row is None else SigningKey(**row)


async def find_holding_keys(
    connection: Connection, merchant_id: UUID, mode: str, *, now: datetime
) -> Sequence[SigningKey]:
    """The merchant's keys that hold, the oldest first, not more than a hundred."""
    rows = await connection.fetch(_HOLDING_KEYS, merchant_id, mode, now, _KEYS_MAX)
    return [SigningKey(**row) for row in rows]
