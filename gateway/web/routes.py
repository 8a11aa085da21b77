"""Routes as data: who may call each one is written beside it, never guessed from its path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from enum import Enum

from aiohttp import web

from gateway.domain.roles import PERMISSIONS

__all__ = [
    "PAGES",
    "ROUTES",
    "Access",
    "Handler",
    "Route",
    "RouteTable",
    "add_routes",
    "close_shadowed",
]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Access(Enum):
    """Who may call a route."""

    KEY = "a merchant with an API key"
    SESSION = "somebody who is signed in to the dashboard"
    PROCESSOR = "a payment processor, by the signature of what it sends"
    VISITOR = "anybody with a browser: pages that lead to a session"
    SHOPPER = "anybody who knows the order's or payment's id: the checkout"
    TESTER = "anybody, but only while the gateway runs in test mode"
    LOOPBACK = "tests of a running process, on the same machine"
    ANYBODY = "anybody: health, documents, pages with a login of their own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method of one path.

    `permission` is what a restricted key must have, or the role of whoever is signed in; one that
    ends in `:read` is also a read-only key's. With `Access.SESSION` and `Access.VISITOR` methods
    that change something need a CSRF token. `step` is what an error says it happened in. `surface`
    names the wire format of errors. `rate_class` is one of `gateway.web.rates.CLASSES`, or none.
    """

    method: str
    path: str
    handler: Handler
    access: Access
    permission: str = ""
    step: str = "payment_initiation"
    surface: str = "api"
    rate_class: str = field(init=False, default="")

    def __post_init__(self) -> None:
        what = f"{self.method} {self.path}"
        if (self.access in (Access.KEY, Access.SESSION)) != bool(self.permission):
            raise ValueError(f"{what}: a permission belongs to Access.KEY and Access.SESSION")
        if self.access is Access.SESSION and self.permission not in PERMISSIONS:
            raise ValueError(f"{what}: no role has the permission {self.permission}")
        object.__setattr__(self, "rate_class", self._rate_class())

    def _rate_class(self) -> str:
        reads = self.method == "GET"
        if self.access is Access.KEY:
            if self.permission == "payments:write":
                return "payment"
            return "read" if reads else "write"
        if self.access is Access.SHOPPER:
            return "public" if reads else "attempt"
        if self.access is Access.PROCESSOR:
            return "inbound"
        if self.access is Access.VISITOR:
            return "public" if reads else "sign_in"
        return ""


RouteTable = Mapping[web.AbstractRoute, Route]

ROUTES: web.AppKey[RouteTable] = web.AppKey("routes", dict)


PAGES: web.AppKey[frozenset[str]] = web.AppKey("pages", frozenset)
"""The paths that can be looked at: whoever leads somewhere leads to one of these."""


def close_shadowed(table: RouteTable) -> RouteTable:
    """Answer 405 for the other methods of paths that a path with a parameter would take.

    `GET /webhooks/config` asks with a wrong method; it is not about a webhook called config.
    """
    resources = {added.resource for added in table}
    templates = [each for each in resources if isinstance(each, web.DynamicResource)]
    plain: dict[str, list[web.AbstractRoute]] = {}
    for added in table:
        if isinstance(added.resource, web.PlainResource):
            plain.setdefault(added.resource.canonical, []).append(added)
    closed: dict[web.AbstractRoute, Route] = {}
    for path, routes in plain.items():
        last = routes[-1].resource
        shadowed = any(each.get_info()["pattern"].fullmatch(path) for each in templates)
        if shadowed and isinstance(last, web.Resource):
            handler = _refuse_method({route.method for route in routes})
            closed[last.add_route("*", handler)] = replace(
                table[routes[-1]],
                method="*",
                handler=handler,
                access=Access.ANYBODY,
                permission="",
            )
    return closed


def _refuse_method(allowed: Set[str]) -> Handler:
    async def refuse(request: web.Request) -> web.StreamResponse:
        raise web.HTTPMethodNotAllowed(request.method, allowed)

    return refuse


def add_routes(router: web.UrlDispatcher, routes: Iterable[Route]) -> RouteTable:
    """Add the routes, GET for HEAD too, and answer which is which."""
    table: dict[web.AbstractRoute, Route] = {}
    for route in routes:
        added = router.add_route(route.method, route.path, route.handler)
        table[added] = route
        if route.method == "GET":
            table[router.add_route("HEAD", route.path, route.handler)] = route
    return table
