"""The gateway as Razorpay's unmodified client libraries know one: `/v1` and `/v2/accounts/…`.

A wire format is translation only: bodies become commands of the merchant API, its objects become
entities, and every rule stays where it was. The contract is docs/razorpay.md.

A resource is a module here with handlers and a table `ROUTES` of `WireRoute`, and it is named in
`RESOURCES` below. A handler

- reads a body by `await wire_fields(request, Model)`, the model a `WireModel` of kinds of `fields`,
  which take numbers as texts, flags as 0 and 1, notes in either form;
- reads a list's `count`, `skip`, `from`, `to` by `page_of(request)`, and `expand` by `expanded`;
- answers `json_response(entity)`, a list `collection_response(entities)`, and a command to an order
  `await command_answer(request, command)`, whose surface is registered in `answers`;
- raises what the rest of the gateway raises; `errors` writes it in the three codes that the
  libraries know, `NotFound` as an id that does not exist.

Trailing and doubled slashes are taken away before a route is looked for (`paths`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.web.razorpay import (
    customers,
    disputes,
    invoices,
    items,
    methods,
    orders,
    payment_creation,
    payment_links,
    payments,
    recurring,
    refunds,
    settlements,
    tokens,
    webhooks,
)
from gateway.web.razorpay.errors import razorpay_error
from gateway.web.razorpay.paths import add_lenient_paths
from gateway.web.razorpay.wire import SURFACE, WireRoute
from gateway.web.routes import Route

__all__ = ["PREFIXES", "RESOURCES", "add_lenient_paths", "razorpay_error", "razorpay_routes"]

RESOURCES: tuple[tuple[WireRoute, ...], ...] = (
    orders.ROUTES,
    payments.ROUTES,
    payment_creation.ROUTES,
    recurring.ROUTES,
    customers.ROUTES,
    tokens.ROUTES,
    refunds.ROUTES,
    methods.ROUTES,
    webhooks.ROUTES,
    payment_links.ROUTES,
    items.ROUTES,
    invoices.ROUTES,
    disputes.ROUTES,
    settlements.ROUTES,
)

PREFIXES: Mapping[str, str] = dict.fromkeys(("/v1/", "/v2/", "//v1/", "//v2/"), SURFACE)
"""How paths begin whose errors are in this format, routes or none."""


def razorpay_routes() -> Iterable[Route]:
    """The routes of all resources."""
    for routes in RESOURCES:
        for route in routes:
            yield route.as_route()
