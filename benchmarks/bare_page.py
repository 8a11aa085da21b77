"""The reference of pages: aiohttp-jinja2 that renders a list of rows it has in memory.

`/25` has 25 of them, so that a page can stand beside one of its own length. A row has as much
markup and as many values as one of the dashboard's lists.
"""

from __future__ import annotations

from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web

from benchmarks.serving import serve

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Payments</title></head>
<body><main><h1>Payments</h1>
<table><thead><tr>{% for name in names %}<th>{{ name }}</th>{% endfor %}</tr></thead><tbody>
{% for row in rows %}
<tr data-test-id="transaction-row" data-payment-id="{{ row.id }}">
  <td class="mono id" data-label="Payment" data-test-id="payment-id">
    <a class="row-link" href="/dashboard/transactions/{{ row.id }}">{{ row.id }}</a>
  </td>
  <td class="mono id" data-label="Order" data-test-id="order-id">
    <a class="row-link" href="/dashboard/orders/{{ row.order_id }}">{{ row.order_id }}</a>
  </td>
  <td class="amount strong first" data-label="Amount" data-test-id="amount">{{ row.amount }}</td>
  <td class="one-line under" data-label="Method">
    <span class="upper" data-test-id="method">{{ row.method }}</span>
  </td>
  <td class="side" data-label="Status">
    <span class="badge word {{ row.status }}" data-test-id="status">{{ row.status }}</span>
  </td>
  <td class="moment" data-label="Made" data-test-id="created-at">
    <time datetime="{{ row.made }}" title="{{ row.made }}">{{ row.made }}</time>
  </td>
</tr>
{% endfor %}
</tbody></table></main></body></html>
"""
_NAMES = ("Payment", "Order", "Amount", "Method", "Status", "Made")
_ROWS = [
    {
        "id": f"pay_{number:016}",
        "order_id": f"order_{number:016}",
        "amount": f"₹{number + 100}.00",
        "method": "upi",
        "status": "success",
        "made": "2026-11-25T10:18:23Z",
    }
    for number in range(1_000)
]


@aiohttp_jinja2.template("page")
async def show(request: web.Request) -> dict[str, Any]:
    return {"names": _NAMES, "rows": _ROWS[: int(request.match_info["rows"])]}


def main() -> None:
    application = web.Application()
    aiohttp_jinja2.setup(
        application, loader=jinja2.DictLoader({"page": _PAGE}), autoescape=True, auto_reload=False
    )
    application.router.add_get(r"/{rows:[0-9]+}", show)
    serve(application)


if __name__ == "__main__":
    main()
