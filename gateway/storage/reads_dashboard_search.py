"""What a search term means in each list, as a condition on its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.storage.journal import Connection
from gateway.storage.reads_dashboard_query import Query, exact_amount
from gateway.storage.reads_dashboard_terms import Term
from gateway.storage.reads_pages import Scope

__all__ = ["Sought", "order_conditions", "payment_conditions", "refund_conditions"]

_RECEIPTS_MAX = 1_000
# Scope and receipt in a form that leaves the planner only the search index.
_OF_RECEIPT = f"""
SELECT id FROM orders
WHERE (merchant_id = $1) IS TRUE AND (mode = $2) IS TRUE AND receipt = $3
ORDER BY created_at DESC, id DESC LIMIT {_RECEIPTS_MAX}
"""  # noqa: S608 - a number of ours
_OF_REFUND = "SELECT payment_id FROM refunds WHERE id = $3 AND merchant_id = $1 AND mode = $2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """`condition` is what a row must fulfil. `is_direct`: by an id, so that few rows can.

    `is_plain`: no index knows it, so the newest rows are looked through. `nothing`: no row can.
    """

    condition: str = ""
    is_direct: bool = False
    is_plain: bool = False
    nothing: bool = False


_NOTHING = Sought(nothing=True)


async def payment_conditions(
    connection: Connection, scope: Scope, query: Query, term: Term
) -> Sought:
    """Payments by their id, order, refund, receipt, payer's e-mail, card's end, or amount."""
    if term.payment_id is not None:
        return _direct("id", query, term.payment_id)
    if term.order_id is not None:
        return _direct("order_id", query, term.order_id)
    if term.refund_id is not None:
        payment_id = await connection.fetchval(
            _OF_REFUND, scope.merchant_id, scope.mode, term.refund_id
        )
        return _NOTHING if payment_id is None else _direct("id", query, payment_id)
    order_ids = await _orders_of_receipt(connection, scope, term.receipt)
    possible = [f"order_id = ANY({query.argument(order_ids)}::text[])"] if order_ids else []
    direct = len(possible)
    if term.email is not None:
        possible.append(f"lower(payer_email) = lower({query.argument(term.email)}::text)")
    if term.last4 is not None:
        possible.append(f"card_last4 = {query.argument(term.last4)}")
    if term.amount is not None:
        possible.append(exact_amount(query, term.amount))
    if not possible:
        return _NOTHING
    return Sought(condition=_any(possible), is_direct=len(possible) == direct)


async def order_conditions(
    connection: Connection, scope: Scope, query: Query, term: Term
) -> Sought:
    """Orders by their id, a payment or refund of theirs, receipt, or amount."""
    if term.order_id is not None:
        return _direct("id", query, term.order_id)
    if term.payment_id is not None or term.refund_id is not None:
        table = "payments" if term.payment_id is not None else "refunds"
        order_id = await connection.fetchval(
            f"SELECT order_id FROM {table} WHERE id = $3 AND merchant_id = $1 AND mode = $2",  # noqa: S608 - our own names
            scope.merchant_id,
            scope.mode,
            term.payment_id or term.refund_id,
        )
        return _NOTHING if order_id is None else _direct("id", query, order_id)
    possible = [f"receipt = {query.argument(term.receipt)}"]
    if term.amount is not None:
        possible.append(exact_amount(query, term.amount))
    return Sought(condition=_any(possible))


async def refund_conditions(
    connection: Connection, scope: Scope, query: Query, term: Term
) -> Sought:
    """Refunds by their id, their payment's or order's, the order's receipt, or amount."""
    if term.refund_id is not None:
        return _direct("id", query, term.refund_id)
    if term.payment_id is not None:
        return _direct("payment_id", query, term.payment_id)
    order_ids = (
        [term.order_id]
        if term.order_id is not None
        else await _orders_of_receipt(connection, scope, term.receipt)
    )
    possible: list[str] = []
    if order_ids:
        ids = query.argument(order_ids)
        possible.append(
            f"payment_id IN (SELECT id FROM payments WHERE order_id = ANY({ids}::text[]))"  # noqa: S608 - our own names
        )
    if term.amount is not None:
        possible.append(exact_amount(query, term.amount))
    if not possible:
        return _NOTHING
    return Sought(
        condition=_any(possible), is_direct=term.amount is None, is_plain=term.amount is not None
    )


async def _orders_of_receipt(
    connection: Connection, scope: Scope, receipt: str | None
) -> Sequence[str]:
    if receipt is None:
        return []
    rows = await connection.fetch(_OF_RECEIPT, scope.merchant_id, scope.mode, receipt)
    return [row["id"] for row in rows]


def _direct(column: str, query: Query, value: str) -> Sought:
    return Sought(condition=f"{column} = {query.argument(value)}", is_direct=True)


def _any(conditions: Sequence[str]) -> str:
    return f"({' OR '.join(conditions)})"
