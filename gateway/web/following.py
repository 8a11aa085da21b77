"""Serves a live stream: looks whenever something was changed, and tells what is new.

News come through the hub of changes; Postgres is looked into every second as well, for those that
were lost. A stream ends with a final snapshot, with its time, with the client, and with the
process; whoever still wants to know opens another one.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from aiohttp import web

from gateway.domain.errors import Rejected, Unavailable
from gateway.queue.notifications import Subscription
from gateway.storage.pool import DATABASE_ERRORS, is_unavailable
from gateway.web.calls import call_of
from gateway.web.middleware import log_fault
from gateway.web.server import Connection
from gateway.web.services import Services
from gateway.web.streams import HEARTBEAT, Place, Snapshot

__all__ = ["Feed", "follow"]

logger = structlog.get_logger(__name__)

_LOOK_EVERY_SECONDS = 1.0
_MOMENTS_A_SECOND = 10
_RETRY_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What a stream shows.

    `subject` is what places are counted by, `subject_max` of them; `ids` are those whose changes
    the hub tells of. `look` reads how it stands; what it raises at first is the answer to the
    request, later a refusal ends the stream. `pause_seconds` lie between two looks at least, where
    changes come in quick succession.
    """

    subject: str
    subject_max: int
    ids: tuple[str, ...]
    look: Callable[[], Awaitable[Snapshot]]
    pause_seconds: float = 0.0


async def follow(request: web.Request, feed: Feed) -> web.StreamResponse:
    """Stream what `feed` shows for as long as somebody listens.

    Raises TooManyStreams, and what the feed refuses with, while nothing was sent.
    """
    call = call_of(request)
    services = call.services
    with (
        services.streams.place(feed.subject, subject_max=feed.subject_max) as place,
        services.changes.subscribe(*feed.ids) as changes,
    ):
        first = await feed.look()
        response = _response(call.request_id)
        await response.prepare(request)
        call.streaming_since = time.perf_counter()
        if request.method == "HEAD":
            return response
        with _told_when_lost(request, place, changes):
            try:
                await _Stream(services, feed, place, changes, response).run(first)
            except Rejected:
                pass  # it is not there any more; another request is told why
            except (ConnectionError, TimeoutError):
                _abort(request)
            except Exception as error:  # noqa: BLE001 - an answer that has begun takes no other
                log_fault(error, call.request_id)
                _abort(request)
    return response


class _Stream:
    """One stream while it runs."""

    def __init__(
        self,
        services: Services,
        feed: Feed,
        place: Place,
        changes: Subscription,
        response: web.StreamResponse,
    ) -> None:
        self._services = services
        self._feed = feed
        self._place = place
        self._changes = changes
        self._response = response
        self._heartbeat_seconds: float = services.settings.stream_heartbeat_seconds
        self._spoken_at = 0.0

    async def run(self, seen: Snapshot) -> None:
        """Tell how it stands, and what is new, until the stream ends. Raises what ends it early."""
        ends_at = _now() + self._services.settings.stream_seconds_max
        await self._send(seen.message(retry_seconds=_RETRY_SECONDS))
        while not seen.is_final and (left := ends_at - _now()) > 0:
            await self._changes.wait(min(_until_next_look(), self._heartbeat_seconds, left))
            if self._place.over.is_set() or self._services.changes.closed:
                return
            newer = await self._look()
            if newer is not None and newer != seen:
                seen = newer
                await self._send(seen.message())
            elif _now() - self._spoken_at >= self._heartbeat_seconds:
                await self._send(HEARTBEAT)
            if self._feed.pause_seconds:
                await self._place.pause(self._feed.pause_seconds)

    async def _look(self) -> Snapshot | None:
        """How it stands; None while that cannot be read."""
        try:
            return await self._feed.look()
        except Unavailable:
            return None
        except DATABASE_ERRORS as error:
            if not is_unavailable(error):
                raise
            logger.warning("stream_cannot_look", error=type(error).__name__)
            return None

    async def _send(self, content: bytes) -> None:
        """A client that does not read what was sent is treated as one that has gone."""
        async with asyncio.timeout(self._heartbeat_seconds):
            await self._response.write(content)
        self._spoken_at = _now()


def _response(request_id: str) -> web.StreamResponse:
    return web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-store, no-transform",
            "X-Accel-Buffering": "no",  # nginx passes each event on at once
            "X-Content-Type-Options": "nosniff",
            "X-Request-Id": request_id,
        }
    )


@contextmanager
def _told_when_lost(request: web.Request, place: Place, changes: Subscription) -> Iterator[None]:
    """A client that hangs up ends the stream at once."""

    def lost() -> None:
        place.over.set()
        changes.wake()

    connection = request.protocol
    if not isinstance(connection, Connection):
        raise TypeError("streams are served by our own connections")
    connection.tell_when_lost(lost)
    if connection.transport is None:
        lost()
    try:
        yield
    finally:
        connection.tell_when_lost(None)


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _until_next_look() -> float:
    """About a second, ending at one of few moments that all streams share.

    Streams that look at the same moment can share a query; not all of them do, or the loop would
    be held up once a second.
    """
    moment = math.ceil((_now() + _LOOK_EVERY_SECONDS) * _MOMENTS_A_SECOND) / _MOMENTS_A_SECOND
    return moment - _now()


def _now() -> float:
    return asyncio.get_running_loop().time()
