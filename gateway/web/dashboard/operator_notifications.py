"""What processors have sent, for operators: what became of it, and once more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from gateway.domain.inbound import NotificationState
from gateway.storage.administration import insert_audit
from gateway.storage.reads_inbound import (
    InboundRow,
    list_notifications,
    replay_notification,
)
from gateway.web.api.common import found, path_uuid, uuid_of
from gateway.web.calls import call_of
from gateway.web.dashboard.frame import dashboard_response, said_and_done
from gateway.web.dashboard.operators import PATH, operator_audit
from gateway.web.dashboard.writing import writer_of

__all__ = ["replay_told", "show_notifications"]

_PAGE = f"{PATH}/notifications"
_STATES: Sequence[str] = tuple(NotificationState)
_SHOWN_BYTES = 4096


async def show_notifications(request: web.Request) -> web.Response:
    """`GET /dashboard/operators/notifications?state=&after=`: newest first."""
    services, query = call_of(request).services, request.query
    state, limit = query.get("state", ""), services.settings.dashboard_page_rows
    state = state if state in _STATES else ""
    async with services.reading_pool.acquire() as connection:
        rows = await list_notifications(
            connection,
            state=state or None,
            after=uuid_of(query.get("after", "")),
            limit=limit + 1,
            shown_bytes=_SHOWN_BYTES,
        )
    context = {
        "tab": "notifications",
        "write": writer_of(request),
        "rows": [(row, _shown(row)) for row in rows[:limit]],
        "next_id": rows[limit - 1].id if len(rows) > limit else None,
        "state": state,
        "states": list(_STATES),
        "is_first": not query.get("after"),
    }
    return dashboard_response(
        request, "dashboard/operators_notifications.html", context, active="operators"
    )


async def replay_told(request: web.Request) -> web.Response:
    """`POST /dashboard/operators/notifications/{id}/replay`: it is handled anew, at once."""
    services, notification_id = call_of(request).services, path_uuid(request, "Notification")
    async with services.pool.acquire() as connection, connection.transaction():
        replayed = found(
            await replay_notification(connection, notification_id, services.clock.now()),
            "Notification to be handled again",
        )
        audit = operator_audit(
            request,
            "notification.replayed",
            str(notification_id),
            merchant_id=replayed.merchant_id,
            mode=replayed.mode,
        )
        await insert_audit(connection, audit)
    services.notifications.arrived(replayed.processor)
    return await said_and_done(request, _PAGE, "It is handled again now.")


def _shown(row: InboundRow) -> str:
    """The body for people: JSON laid out, anything else as the text that it is nearly."""
    text = row.body.decode(errors="replace")
    if row.length > len(row.body):
        return f"{text}…"
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return json.dumps(content, indent=2, ensure_ascii=False)
