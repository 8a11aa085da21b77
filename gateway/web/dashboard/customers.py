"""Customers in the dashboard: found, shown with their payments and saved cards, deleted."""

from __future__ import annotations

from urllib.parse import urlencode

import orjson
from aiohttp import web

from gateway.domain.errors import NotFound
from gateway.domain.ids import is_id
from gateway.storage.reads_customers import payments_of_customer, search_customers
from gateway.storage.reads_pages import Page
from gateway.storage.tokens import list_tokens
from gateway.web.api.common import changed_by, path_id
from gateway.web.calls import call_of
from gateway.web.checkout.methods import NETWORKS
from gateway.web.customer_changes import customer_of, remove_customer, remove_token
from gateway.web.dashboard.frame import dashboard_response, said_and_done
from gateway.web.dashboard.writing import writer_of

__all__ = ["delete_customer", "delete_token", "show_customer", "show_customers"]

_LIST = "/dashboard/customers"
_SEARCH_CHARACTERS_MAX = 255
_PAYMENTS_SHOWN_MAX = 50
_TOKENS_SHOWN_MAX = 100


async def show_customers(request: web.Request) -> web.Response:
    """`GET /dashboard/customers?q=&after=`: those who fit, newest first."""
    call, query = call_of(request), request.query
    settings = call.services.settings
    asked, after = query.get("q", "").strip(), query.get("after", "")
    sane = len(asked) <= _SEARCH_CHARACTERS_MAX and asked.isprintable()
    rows_max = settings.dashboard_page_rows
    async with call.services.reading_pool.acquire() as connection:
        found = await search_customers(
            connection,
            call.member.scope,
            (asked or None) if sane else "",
            after=after if is_id(after, "cust") else None,
            limit=rows_max + 1,
        )
    shown = found[:rows_max] if sane else ()
    context = {
        "write": writer_of(request),
        "rows": shown,
        "asked": asked if sane else "",
        "older": _link(asked, shown[-1].id) if len(found) > rows_max and shown else "",
        "newest": _link(asked, "") if after else "",
    }
    return dashboard_response(request, "dashboard/customers.html", context, active="customers")


async def show_customer(request: web.Request) -> web.Response:
    """`GET /dashboard/customers/{id}`: who it is, what they saved, what they paid."""
    call = call_of(request)
    customer_id = path_id(request, "cust", "Customer")
    scope = call.member.scope
    async with call.services.reading_pool.acquire() as connection:
        customer = await customer_of(connection, scope, customer_id)
        listed = await list_tokens(connection, scope, Page(limit=_TOKENS_SHOWN_MAX), customer_id)
        payments = await payments_of_customer(
            connection, scope, customer_id, limit=_PAYMENTS_SHOWN_MAX
        )
    now = call.services.clock.now()
    context = {
        "write": writer_of(request),
        "customer": customer,
        "tokens": [(token, token.is_expired(now)) for token in (listed[0] if listed else ())],
        "networks": NETWORKS,
        "payments": payments,
        "payments_max": _PAYMENTS_SHOWN_MAX,
        "notes": {name: str(value) for name, value in orjson.loads(customer.notes).items()},
    }
    return dashboard_response(request, "dashboard/customer.html", context, active="customers")


async def delete_customer(request: web.Request) -> web.Response:
    """`POST /dashboard/customers/{id}/delete`: the person goes, the payments stay."""
    services = call_of(request).services
    customer_id = path_id(request, "cust", "Customer")
    async with services.pool.acquire() as connection, connection.transaction():
        await remove_customer(connection, changed_by(request), customer_id)
    services.forget()
    return await said_and_done(request, _LIST, "The customer was deleted.")


async def delete_token(request: web.Request) -> web.Response:
    """`POST /dashboard/customers/{id}/tokens/{token_id}/delete`: a saved card goes."""
    services = call_of(request).services
    customer_id, token_id = path_id(request, "cust", "Customer"), request.match_info["token_id"]
    if not is_id(token_id, "tok"):
        raise NotFound("Token not found")
    async with services.pool.acquire() as connection, connection.transaction():
        deliveries = await remove_token(connection, changed_by(request), customer_id, token_id)
    services.forget()
    await services.webhooks.deliver_now(deliveries)
    return await said_and_done(request, f"{_LIST}/{customer_id}", "The saved card was deleted.")


def _link(asked: str, after: str) -> str:
    parameters = urlencode({name: each for name, each in (("q", asked), ("after", after)) if each})
    return f"{_LIST}?{parameters}" if parameters else _LIST
