"""What the address of a checkout page says besides the order; none of it is believed unchecked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from gateway.domain.ids import is_id
from gateway.web.checkout.addresses import kept_parameters

__all__ = ["Options", "options_of"]

_METHOD = re.compile(r"upi|card|netbanking|wallet", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`kept` are the values that go on from page to page; `method` is the one to begin with."""

    order_id: str | None
    payment_id: str | None
    method: str | None
    kept: Mapping[str, str]

    @property
    def is_embedded(self) -> bool:
        """Whether the page says that it is shown in a frame of checkout.js."""
        return "embedded" in self.kept

    def get(self, name: str) -> str | None:
        """One of the values that are kept."""
        return self.kept.get(name)

    def address(self, order_id: str, **changed: str | None) -> str:
        """This checkout's address with some values changed; None takes one away."""
        values = {"order_id": order_id, **self.kept, **changed}
        return "/checkout?" + urlencode(
            {name: value for name, value in values.items() if value is not None}
        )


def options_of(request: web.Request) -> Options:
    """The options of a request; what has not the form it should have counts as not given."""
    query = request.query
    order_id, payment_id = query.get("order_id", ""), query.get("payment_id", "")
    method = query.get("method", "")
    return Options(
        order_id=order_id if is_id(order_id, "order") else None,
        payment_id=payment_id if is_id(payment_id, "pay") else None,
        method=method if _METHOD.fullmatch(method) else None,
        kept=kept_parameters(query),
    )
