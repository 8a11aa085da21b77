"""The lists of payments, orders and refunds."""

from __future__ import annotations

from aiohttp import web

from gateway.domain.entities import OrderStatus, PaymentStatus, RefundStatus
from gateway.storage.reads_dashboard import ORDER_LIST, PAYMENT_LIST, REFUND_LIST
from gateway.web.dashboard.lists import FilterNames, ListView, show_list
from gateway.web.dashboard.overview_charts import METHOD_NAMES

__all__ = ["PAYMENT_FILTERS", "show_orders", "show_refunds", "show_transactions"]

PAYMENT_FILTERS = FilterNames(statuses=tuple(PaymentStatus), methods=tuple(METHOD_NAMES))

_PAYMENTS = ListView(
    rows=PAYMENT_LIST,
    names=PAYMENT_FILTERS,
    template="dashboard/transactions.html",
    active="transactions",
)
_ORDERS = ListView(
    rows=ORDER_LIST,
    names=FilterNames(statuses=tuple(OrderStatus)),
    template="dashboard/orders.html",
    active="orders",
)
_REFUNDS = ListView(
    rows=REFUND_LIST,
    names=FilterNames(statuses=tuple(RefundStatus)),
    template="dashboard/refunds.html",
    active="refunds",
)


async def show_transactions(request: web.Request) -> web.Response:
    """`GET /dashboard/transactions`."""
    return await show_list(request, _PAYMENTS)


async def show_orders(request: web.Request) -> web.Response:
    """`GET /dashboard/orders`."""
    return await show_list(request, _ORDERS)


async def show_refunds(request: web.Request) -> web.Response:
    """`GET /dashboard/refunds`."""
    return await show_list(request, _REFUNDS)
