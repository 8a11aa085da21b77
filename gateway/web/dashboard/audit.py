"""The audit trail: who did what and when, with filters, page after page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from gateway.storage.reads_audit import AuditFilter, AuditRow, list_audits
from gateway.storage.users import list_users
from gateway.web.api.common import uuid_of
from gateway.web.calls import call_of
from gateway.web.dashboard.frame import dashboard_response

__all__ = ["ACTIONS", "show_audit"]

ACTIONS: Mapping[str, str] = {
    "user.signed_in": "Signed in",
    "user.signed_out_everywhere": "Signed out everywhere",
    "user.session_ended": "Signed a browser out",
    "user.password_changed": "Changed the password",
    "user.password_reset": "Reset a password",
    "user.renamed": "Changed the own name",
    "user.created": "Made a user",
    "team.invited": "Invited somebody",
    "team.invitation_withdrawn": "Withdrew an invitation",
    "team.joined": "Joined the team",
    "team.role_changed": "Changed a role",
    "team.deactivated": "Deactivated somebody",
    "team.activated": "Activated somebody",
    "key.created": "Made an API key",
    "key.changed": "Changed an API key",
    "key.replaced": "Rotated an API key",
    "key.revoked": "Revoked an API key",
    "key.rotated": "Exchanged the encryption key",
    "key.revealed": "Looked at a key's secret",
    "merchant.created": "Opened the account",
    "merchant.changed": "Changed settings",
    "merchant.disabled": "Closed the account",
    "processor_account.created": "Added a processor account",
    "processor_account.changed": "Changed a processor account",
    "processor_account.checked": "Checked a processor account",
    "processor_account.deactivated": "Took a processor account out of use",
    "processor_account.deleted": "Deleted a processor account",
    "routing_rule.created": "Added a routing rule",
    "routing_rule.changed": "Changed a routing rule",
    "routing_rule.deleted": "Deleted a routing rule",
    "routing_rules.ordered": "Changed the order of routing rules",
    "webhook_endpoint.created": "Added a webhook endpoint",
    "webhook_endpoint.changed": "Changed a webhook endpoint",
    "webhook_endpoint.disabled": "Switched off a dead webhook endpoint",
    "webhook_endpoint.deleted": "Removed a webhook endpoint",
    "webhook_endpoint.secret_rotated": "Exchanged a webhook secret",
    "webhook_endpoint.secret_revealed": "Looked at a webhook secret",
    "webhook_endpoint.tested": "Sent a test webhook",
    "webhook.retried": "Sent a webhook again",
    "webhooks.replayed": "Replayed webhooks",
    "payment.capture_requested": "Captured a payment",
    "payment.void_requested": "Voided a payment",
    "payment.refund_requested": "Refunded a payment",
    "order.cancel_requested": "Cancelled an order",
    "dead_letter.replayed": "Had a dead letter tried again",
    "operation.resolved": "Settled an unknown outcome",
    "notification.replayed": "Had a processor's notification handled again",
    "customer.deleted": "Deleted a customer",
    "token.deleted": "Deleted a saved card",
    "late_approval": "Reversed a late approval",
    "reversal_failed": "A reversal failed",
    "expiry_failed": "A void at expiry failed",
}
"""What the page calls the actions; one that is not here is shown by its own name."""

_PAGE_ROWS = 50
# Actors that are no users of the merchant: what the filter calls them, and how they begin.
_OTHER_ACTORS: Mapping[str, tuple[str, str]] = {
    "keys": ("API keys", r"key\_%"),
    "operators": ("Operators", "operator%"),
    "shoppers": ("Shoppers", "shopper"),
    "gateway": ("The gateway itself", "gateway"),
}


async def show_audit(request: web.Request) -> web.Response:
    """`GET /dashboard/audit?actor=&action=&from=&to=&after=`: what makes no sense is left out."""
    call, query = call_of(request), request.query
    scope, maximum = call.member.scope, call.services.settings.team_members_max
    async with call.services.pool.acquire() as connection:
        users = await list_users(connection, scope.merchant_id, users_max=maximum)
        known = {f"user:{user.id}": user.shown_name for user in users}
        chosen = _filter(query, known)
        rows = await list_audits(connection, scope, chosen, limit=_PAGE_ROWS + 1)
    shown = rows[:_PAGE_ROWS]
    older = _link(query, str(shown[-1].id)) if len(rows) > _PAGE_ROWS else ""
    context = {
        "rows": [_row(each) for each in shown],
        "older": older,
        "newest": _link(query, "") if chosen.after else "",
        "actors": [*known.items(), *((key, name) for key, (name, _) in _OTHER_ACTORS.items())],
        "actions": ACTIONS,
        "query": {name: query.get(name, "") for name in ("actor", "action", "from", "to")},
        "is_filtered": replace(chosen, after=None) != AuditFilter(),
    }
    return dashboard_response(request, "dashboard/audit.html", context, active="audit")


def _filter(query: Mapping[str, str], users: Mapping[str, str]) -> AuditFilter:
    actor, action = query.get("actor", ""), query.get("action", "")
    pattern = _OTHER_ACTORS[actor][1] if actor in _OTHER_ACTORS else None
    last = _day(query.get("to", ""))
    return AuditFilter(
        actor=actor if actor in users else pattern,
        action=action if action in ACTIONS else None,
        since=_day(query.get("from", "")),
        until=None if last is None else last + timedelta(days=1),
        after=uuid_of(query.get("after", "")),
    )


def _day(text: str) -> datetime | None:
    """The beginning of the day in UTC."""
    try:
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, tzinfo=UTC) if day.year < 9999 else None
    except ValueError:
        return None


def _link(query: Mapping[str, str], after: str) -> str:
    kept = {name: query[name] for name in ("actor", "action", "from", "to") if query.get(name)}
    parameters = urlencode({**kept, **({"after": after} if after else {})})
    return f"/dashboard/audit?{parameters}" if parameters else "/dashboard/audit"


def _row(row: AuditRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "who": row.actor_name or row.actor,
        "is_person": row.actor_name is not None,
        "what": ACTIONS.get(row.action, row.action),
        "action": row.action,
        "subject": row.subject_id or "",
        "details": _details(row.details),
        "request_id": row.request_id or "",
        "address": row.address or "",
        "when": row.created_at,
    }


def _details(text: str) -> list[tuple[str, str]]:
    value = json.loads(text)
    return [
        (name.replace("_", " "), ", ".join(map(str, each)) if isinstance(each, list) else str(each))
        for name, each in value.items()
    ]
