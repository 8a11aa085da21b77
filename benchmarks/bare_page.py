"""The reference of pages: aiohttp-jinja2 that renders a list of rows it has in memory.

`/25` has 25 of them, so that a page can stand beside one of its own length.
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
<tr data-payment-id="{{ row.id }}">
<td><a href="/payments/{{ row.id }}">{{ row.id }}</a></td><td>{{ row.order_id }}</td>
<td>{{ row.amount }}</td><td>{{ row.method }}</td>
<td><span class="badge {{ row.status }}">{{ row.status }}</span></td>
<td><time datetime="{{ row.made }}">{{ row.made }}</time></td>
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
