"""What the checkout's page shows: an order, its merchant's face, and where its payment stands.

The shopper knows the order by its unguessable id alone; there is no scope to ask for. Payments are
looked for among the order's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from gateway.domain.entities import ALIVE, Order, Payment
from gateway.domain.routing import Rule
from gateway.storage.journal import Connection
from gateway.storage.orders import order_from_row, payment_from_row
from gateway.storage.routing_rules import rules_from_json, rules_of
from gateway.storage.rows import ORDERS, PAYMENTS

__all__ = ["CheckoutOrder", "Shop", "find_checkout_order", "find_order_of_payment", "find_shop"]

_SHOP = (
    "name",
    "enabled_methods",
    "allowed_origins",
    "brand_color",
    "logo_url",
)
_FIND_SHOP = f"SELECT {', '.join(_SHOP)} FROM merchants WHERE id = $1 AND active"  # noqa: S608
_ORDER = f"""
SELECT {", ".join(f"orders.{name}" for name in ORDERS.columns)},
       {", ".join(f"merchants.{name} AS shop_{name}" for name in _SHOP)},
       {rules_of("orders.merchant_id", "orders.mode")} AS routing_rules
FROM orders JOIN merchants ON merchants.id = orders.merchant_id
WHERE orders.id = $1 AND merchants.active
"""  # noqa: S608 - the names come from the tables in our code
_PAYMENTS = f"""
SELECT {", ".join(PAYMENTS.columns)} FROM payments
WHERE order_id = $1 AND merchant_id = $2 AND mode = $3
  AND (id = $4 OR status = ANY($5::text[]))
"""  # noqa: S608 - the names come from the tables in our code
_ORDER_OF_PAYMENT = """
SELECT payments.order_id
FROM payments JOIN merchants ON merchants.id = payments.merchant_id
WHERE payments.id = $1 AND merchants.active
"""
_ALIVE = sorted(ALIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A merchant as shoppers see it, and who may frame its checkout."""

    name: str
    enabled_methods: frozenset[str]
    allowed_origins: tuple[str, ...]
    brand_color: str | None
    logo_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutOrder:
    """An order on the checkout. `named` is the payment that was asked for, if it is the order's;
    `alive` the one that keeps the order from taking another; `routing_rules` are the active ones,
    in order."""

    order: Order
    shop: Shop
    routing_rules: tuple[Rule, ...]
    named: Payment | None
    alive: Payment | None


async def find_checkout_order(
    connection: Connection, order_id: str, payment_id: str | None
) -> CheckoutOrder | None:
    """The order with what its page shows; None also when its merchant was disabled."""
    row = await connection.fetchrow(_ORDER, order_id)
    if row is None:
        return None
    fields = dict(row)
    shop = _shop({name: fields.pop(f"shop_{name}") for name in _SHOP})
    rules = rules_from_json(fields.pop("routing_rules"))
    order = order_from_row(fields)
    payments = []
    if order.attempts:
        rows = await connection.fetch(
            _PAYMENTS, order.id, order.merchant_id, order.mode, payment_id, _ALIVE
        )
        payments = [payment_from_row(each) for each in rows]
    return CheckoutOrder(
        order=order,
        shop=shop,
        routing_rules=rules,
        named=next((each for each in payments if each.id == payment_id), None),
        alive=next((each for each in payments if each.status in ALIVE), None),
    )


async def find_shop(connection: Connection, merchant_id: UUID) -> Shop | None:
    """A merchant as shoppers see it; None also when it was disabled."""
    row = await connection.fetchrow(_FIND_SHOP, merchant_id)
    return None if row is None else _shop(dict(row))


def _shop(values: Mapping[str, Any]) -> Shop:
    return Shop(
        name=values["name"],
        enabled_methods=frozenset(values["enabled_methods"]),
        allowed_origins=tuple(values["allowed_origins"]),
        brand_color=values["brand_color"],
        logo_url=values["logo_url"],
    )


async def find_order_of_payment(connection: Connection, payment_id: str) -> str | None:
    """The id of the order that the payment belongs to."""
    found: str | None = await connection.fetchval(_ORDER_OF_PAYMENT, payment_id)
    return found
