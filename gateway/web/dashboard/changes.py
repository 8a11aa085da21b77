"""`GET /dashboard/changes`: tells an open page that something has happened to the merchant.

It carries no data: the page asks for itself again, as whoever is signed in then. So a stream that
is still open after its session has ended tells nothing worth having.
"""

from __future__ import annotations

from aiohttp import web

from gateway.queue.notifications import merchant_changes
from gateway.storage.reads_webhooks import newest_event_id
from gateway.web.calls import call_of
from gateway.web.following import Feed, follow
from gateway.web.streams import Snapshot

__all__ = ["stream_changes"]

_PAUSE_SECONDS = 5.0  # a busy merchant's pages are renewed no more often


async def stream_changes(request: web.Request) -> web.StreamResponse:
    """An event at the beginning, and one whenever something has happened since, live."""
    call = call_of(request)
    services, scope = call.services, call.member.scope

    async def look() -> Snapshot:
        async with services.pool.acquire() as connection:
            newest = await newest_event_id(connection, scope)
        return Snapshot.of("change", {"newest": newest})

    feed = Feed(
        subject=merchant_changes(scope.merchant_id),
        subject_max=services.settings.streams_per_merchant_max,
        ids=(merchant_changes(scope.merchant_id),),
        look=look,
        pause_seconds=_PAUSE_SECONDS,
    )
    return await follow(request, feed)
