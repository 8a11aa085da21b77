"""Endpoint actors: one for each webhook endpoint that is being posted to.

Each has a limit of its own for concurrent requests, and for what waits for one of them. What does
not fit goes back into the schedule for some seconds, because the row in Postgres is the truth: so
an endpoint that hangs holds up nobody but itself.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

import aiohttp

from gateway.actors.errors import ActorError
from gateway.actors.runtime import Actor, handles
from gateway.actors.turn import log_crash
from gateway.domain.clock import Clock
from gateway.domain.delivery import AttemptOutcome, RetrySchedule
from gateway.security.outbound import Poster, Response, UrlInvalid
from gateway.security.records import endpoint_record
from gateway.security.signatures import Signer
from gateway.security.vault import Vault
from gateway.storage.deliveries import Attempt, Delivery, Endpoint

__all__ = ["BodyFormat", "Deliver", "EndpointActor", "EndpointContext", "ForgetEndpoint"]

_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")

BodyFormat = Callable[[Delivery], bytes]
"""Makes the body of an endpoint with a format of its own, the same bytes on every attempt."""

_WEIGHT = 0.1  # of the latest request in the average
_SECONDS_ASSUMED = 0.25  # of a request, before any was made
_BACKLOG_SECONDS = 2.0
_PAUSE_SECONDS_MIN = 1.0
_PAUSE_SECONDS_MAX = 20.0


@dataclass(frozen=True, slots=True)
class Deliver:
    """Deliveries to be sent. No reply; each is recorded or given back."""

    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class ForgetEndpoint:
    """The endpoint was changed: what waits is given back to be read anew. No reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointContext:
    """What all endpoint actors share.

    `posts` limits the requests of all of them together. `record` takes an attempt that was made,
    `give_back(delivery_id, seconds)` a delivery that is to come again after so many seconds.
    """

    session: aiohttp.ClientSession
    posts: asyncio.Semaphore
    clock: Clock
    vault: Vault = field(repr=False)
    schedule: RetrySchedule
    record: Callable[[Attempt], None]
    give_back: Callable[[str, float], None]
    is_stopping: Callable[[], bool]
    formats: Mapping[str, BodyFormat]
    user_agent: str
    concurrency: int
    backlog_max: int
    timeout_seconds: float
    response_characters_max: int


class EndpointActor(Actor):
    """Signs and posts. Its workers take from the backlog until it is empty, then end."""

    def __init__(self, endpoint_id: str, context: EndpointContext) -> None:
        # A worker that has ended counts until the loop's next turn.
        super().__init__(tasks_max=context.concurrency * 2)
        self._id = endpoint_id
        self._context = context
        self._backlog: deque[Delivery] = deque()
        self._workers = 0
        self._seconds_average = _SECONDS_ASSUMED
        self._room_at = 0.0
        self._keyring = _Keyring(context)

    @handles(Deliver)
    async def deliver(self, message: Deliver) -> None:
        """Take what there is room for."""
        for delivery in message.deliveries:
            self._take(delivery)

    @handles(ForgetEndpoint)
    async def forget(self, _message: ForgetEndpoint) -> None:
        """Let what waits be read anew."""
        self._keyring = _Keyring(self._context)
        self._give_back_backlog()

    async def on_failure(self, exception: Exception) -> None:  # noqa: ARG002 whatever it was
        self._give_back_backlog()

    def _give_back_backlog(self) -> None:
        while self._backlog:
            self._context.give_back(self._backlog.popleft().id, 0.0)

    def _take(self, delivery: Delivery) -> None:
        if len(self._backlog) >= self._backlog_limit:
            self._context.give_back(delivery.id, self._pause_seconds())
            return
        self._backlog.append(delivery)
        if self._workers >= self._context.concurrency:
            return
        try:
            self.spawn(self._work(), "webhook-posts")
        except ActorError:
            if not self._workers:
                self._give_back_backlog()
        else:
            self._workers += 1

    @property
    def _backlog_limit(self) -> int:
        """As much as is sent within two seconds, and a second round for a slow endpoint."""
        rounds = max(2.0, _BACKLOG_SECONDS / self._seconds_average)
        return min(self._context.backlog_max, int(rounds * self._context.concurrency))

    def _pause_seconds(self) -> float:
        """When there will be room: those given back before this one come first."""
        now = monotonic()
        each = self._seconds_average / self._context.concurrency
        self._room_at = max(self._room_at, now) + each
        return min(_PAUSE_SECONDS_MIN + self._room_at - now, _PAUSE_SECONDS_MAX)

    async def _work(self) -> None:
        try:
            while self._backlog:
                await self._send(self._backlog.popleft())
                while len(self._backlog) > self._backlog_limit:
                    self._context.give_back(self._backlog.pop().id, self._pause_seconds())
        finally:
            self._workers -= 1

    async def _send(self, delivery: Delivery) -> None:
        context = self._context
        try:
            async with context.posts:
                if context.is_stopping():
                    context.give_back(delivery.id, 0.0)
                    return
                attempt = await self._attempt(delivery)
        except asyncio.CancelledError:
            context.give_back(delivery.id, 0.0)
            raise
        except Exception as failure:  # noqa: BLE001 - one of them must not end the others' requests
            log_crash("delivery_crashed", self._id, failure)
            context.give_back(delivery.id, _PAUSE_SECONDS_MAX)
            return
        context.record(attempt)

    async def _attempt(self, delivery: Delivery) -> Attempt:
        """One request. Whatever goes wrong with it is an attempt, and follows the schedule."""
        clock = self._context.clock
        requested_at = clock.now()
        permanent = False
        try:
            response = await self._post(delivery)
        except UrlInvalid:
            response = Response(error="The URL is not valid", duration_milliseconds=0)
            permanent = True
        except Exception as failure:  # noqa: BLE001 - unrecorded it would be tried for ever
            log_crash("delivery_crashed", self._id, failure)
            response = Response(error="The request could not be made", duration_milliseconds=0)
        outcome = AttemptOutcome(
            requested_at=requested_at,
            answered_at=clock.now(),
            status=response.status,
            error=response.error,
            retry_after_seconds=response.retry_after_seconds,
            is_permanent=permanent,
        )
        return Attempt(
            delivery=delivery,
            outcome=outcome,
            verdict=self._context.schedule.decide(delivery.attempts, outcome),
            duration_milliseconds=response.duration_milliseconds,
            response_body=response.body or None,
        )

    async def _post(self, delivery: Delivery) -> Response:
        context, endpoint = self._context, delivery.endpoint
        body_format = context.formats.get(endpoint.format)
        body = body_format(delivery) if body_format is not None else delivery.body or b""
        poster, signer = self._keyring.of(endpoint)
        # The machine's time, not the clock that tests move: receivers compare it with their own.
        timestamp = int(context.clock.real_now().timestamp())
        headers = signer.headers(event_id=delivery.event_id, timestamp=timestamp, body=body)
        headers |= _trace_headers(delivery.request_id)
        response = await poster.post(
            body,
            headers,
            timeout_seconds=context.timeout_seconds,
            response_characters_max=context.response_characters_max,
        )
        seconds = response.duration_milliseconds / 1_000
        self._seconds_average += _WEIGHT * (max(seconds, 0.001) - self._seconds_average)
        return response


def _trace_headers(request_id: str | None) -> dict[str, str]:
    """Carry on the trace of the request an event came of (W3C Trace Context, 3.2).

    A request with a `traceparent`, and no id of its own, goes by the id of its trace.
    """
    if request_id is None or _TRACE_ID.fullmatch(request_id) is None:
        return {}
    return {"traceparent": f"00-{request_id}-{secrets.token_hex(8)}-01"}


class _Keyring:
    """The signer of one endpoint, made anew when its secrets or their validity change."""

    def __init__(self, context: EndpointContext) -> None:
        self._context = context
        self._endpoint: Endpoint | None = None
        self._signer: Signer | None = None
        self._url: str | None = None
        self._poster: Poster | None = None
        self._expires_at: datetime | None = None

    def of(self, endpoint: Endpoint) -> tuple[Poster, Signer]:
        """What posts and signs. Raises UrlInvalid, and SealBroken for a secret of another key."""
        signer = self._signer
        if signer is None or endpoint is not self._endpoint or self._has_expired():
            signer = self._renewed(endpoint)
        poster = self._poster
        if poster is None or endpoint.url != self._url:
            poster = self._poster = Poster(self._context.session, endpoint.url)
            self._url = endpoint.url
        return poster, signer

    def _has_expired(self) -> bool:
        return self._expires_at is not None and self._context.clock.now() >= self._expires_at

    def _renewed(self, endpoint: Endpoint) -> Signer:
        known = self._endpoint
        unchanged = known is not None and _secrets(known) == _secrets(endpoint)
        if self._signer is None or not unchanged or self._has_expired():
            self._signer = self._make(endpoint)
        self._endpoint = endpoint
        return self._signer

    def _make(self, endpoint: Endpoint) -> Signer:
        self._expires_at = None
        secrets = [self._opened(endpoint, endpoint.secret_sealed)]
        previous, expires_at = endpoint.previous_secret_sealed, endpoint.previous_secret_expires_at
        now = self._context.clock.now()
        if previous is not None and expires_at is not None and now < expires_at:
            secrets.append(self._opened(endpoint, previous))
            self._expires_at = expires_at
        return Signer(secrets, user_agent=self._context.user_agent)

    def _opened(self, endpoint: Endpoint, sealed: bytes) -> str:
        return self._context.vault.open(sealed, record=endpoint_record(endpoint.id)).decode()


def _secrets(endpoint: Endpoint) -> tuple[bytes, bytes | None, datetime | None]:
    return (
        endpoint.secret_sealed,
        endpoint.previous_secret_sealed,
        endpoint.previous_secret_expires_at,
    )
