"""The frame that all pages of the dashboard live in, and the answers their handlers give.

A template extends `dashboard/frame.html` and fills the blocks `heading`, `content` and, where it
has any, `actions`. It knows `page` (as every page does), `frame` (this module's `Frame`), `may(…)`
and `csrf_field`, which every form that changes something has to hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from markupsafe import Markup

from gateway.domain.roles import may
from gateway.web.calls import Member, call_of
from gateway.web.csrf import FIELD
from gateway.web.pages.headers import Policy
from gateway.web.pages.page import page_of, page_response
from gateway.web.routes import PAGES
from gateway.web.sessions import SESSIONS

__all__ = [
    "ROLE_NAMES",
    "Frame",
    "csrf_field",
    "dashboard_response",
    "home_of",
    "redirect",
    "said_and_done",
    "visitor_response",
]

ROLE_NAMES: Mapping[str, str] = {
    "owner": "Owner",
    "developer": "Developer",
    "support": "Support",
    "read_only": "Read only",
    "operator": "Operator",
}

# What stands in the navigation where there is such a page: key, label, path, and the permission it
# takes to see it. The key is also the name of the icon in templates/dashboard/_icons.html.
_NAVIGATION: tuple[tuple[str, str, str, str], ...] = (
    ("overview", "Overview", "/dashboard", "overview:read"),
    ("transactions", "Transactions", "/dashboard/transactions", "payments:read"),
    ("orders", "Orders", "/dashboard/orders", "orders:read"),
    ("refunds", "Refunds", "/dashboard/refunds", "refunds:read"),
    ("customers", "Customers", "/dashboard/customers", "customers:read"),
    ("webhooks", "Webhooks", "/dashboard/webhooks", "webhooks:read"),
    ("routing", "Routing", "/dashboard/routing", "processors:read"),
    ("processors", "Processors", "/dashboard/processors", "processors:read"),
    ("keys", "API keys", "/dashboard/keys", "keys:read"),
    ("docs", "Docs", "/dashboard/docs", "docs:read"),
    ("team", "Team", "/dashboard/team", "team:read"),
    ("settings", "Settings", "/dashboard/settings", "merchant:read"),
    ("audit", "Audit trail", "/dashboard/audit", "audit:read"),
    ("operators", "Operators", "/dashboard/operators", "gateway:read"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the navigation."""

    key: str
    label: str
    path: str
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the frame shows: who is signed in, where they are, where else they may go."""

    member: Member
    navigation: tuple[Entry, ...]
    home: str
    here: str
    role_name: str

    @property
    def title(self) -> str:
        """Whose dashboard it is."""
        return self.member.user.merchant_name or "Gateway"


def dashboard_response(
    request: web.Request,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    active: str = "",
    status: int = 200,
    policy: Policy | None = None,
) -> web.Response:
    """A page of the dashboard for who is signed in; `active` is a key of the navigation."""
    member = call_of(request).member
    everything = {
        **(context or {}),
        "frame": _frame(request, member, active),
        "csrf_field": csrf_field(member.csrf_token),
        "may": lambda permission: may(member.role, permission),
    }
    return page_response(
        request,
        template,
        everything,
        status=status,
        policy=policy,
        page=page_of(request, "en"),
    )


def visitor_response(
    request: web.Request, template: str, context: Mapping[str, Any], *, status: int = 200
) -> web.Response:
    """A page for people who are not signed in; its forms hold `csrf_field`, too."""
    token, keep = request.app[SESSIONS].visitors.token_for(request)
    everything = {**context, "csrf_field": csrf_field(token)}
    response = page_response(
        request, template, everything, status=status, page=page_of(request, "en")
    )
    keep(response)
    return response


def redirect(path: str) -> web.Response:
    """See `path` now, by GET: the answer to a form that did its work."""
    return web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})


async def said_and_done(request: web.Request, path: str, notice: str) -> web.Response:
    """See `path` now, which will say `notice` once."""
    await request.app[SESSIONS].say(call_of(request).member, notice)
    return redirect(path)


def csrf_field(token: str) -> Markup:
    """The hidden field that shows a form to be ours."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, token)


def home_of(request: web.Request, role: str) -> str:
    """Where somebody with this role begins: the first page that is there for them."""
    return next((entry.path for entry in _entries(request, role, "")), "/dashboard/account")


def _entries(request: web.Request, role: str, active: str) -> Iterator[Entry]:
    pages = request.app[PAGES]
    for key, label, path, permission in _NAVIGATION:
        if path in pages and may(role, permission):
            yield Entry(key=key, label=label, path=path, active=key == active)


def _frame(request: web.Request, member: Member, active: str) -> Frame:
    return Frame(
        member=member,
        navigation=tuple(_entries(request, member.role, active)),
        home=home_of(request, member.role),
        here=request.rel_url.raw_path_qs if request.method == "GET" else request.rel_url.raw_path,
        role_name=ROLE_NAMES[member.role],
    )
