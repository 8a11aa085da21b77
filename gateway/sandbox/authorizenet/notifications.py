"""Webhooks: who wants to know what, what was sent, and the sending."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import uuid
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

import aiohttp
import orjson

from gateway.sandbox.authorizenet.accounts import Account, Event
from gateway.sandbox.authorizenet.options import Options
from gateway.sandbox.authorizenet.wire import Members

__all__ = ["Courier", "DeliveryStatus", "Mailbox", "Notification", "Webhook", "is_deliverable"]


class DeliveryStatus(StrEnum):
    """How far a notification has got."""

    PENDING = "Pending"
    RETRY_PENDING = "RetryPending"
    DELIVERED = "Delivered"
    FAILED = "Failed"


@dataclass(slots=True, kw_only=True)
class Webhook:
    """An endpoint that a merchant has registered."""

    id: str
    name: str
    url: str
    event_types: tuple[str, ...]
    is_active: bool


@dataclass(slots=True, kw_only=True)
class Notification:
    """One event on its way to one webhook."""

    id: str
    webhook: Webhook
    event: Event
    happened_at: datetime
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: int = 0

    def body(self) -> bytes:
        """The bytes that are signed and sent."""
        return orjson.dumps(self.representation())

    def representation(self) -> Members:
        """As it is sent; the fraction of a second has seven digits."""
        moment = self.happened_at
        return {
            "notificationId": self.id,
            "eventType": self.event.type,
            "eventDate": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}0Z",
            "webhookId": self.webhook.id,
            "payload": self.event.payload,
        }


class Mailbox:
    """The webhooks of one account, and what was sent to them: the newest so many."""

    def __init__(self, options: Options) -> None:
        self.webhooks: dict[str, Webhook] = {}
        self.sent: deque[Notification] = deque(maxlen=options.notifications_max)

    def find(self, notification_id: str) -> Notification | None:
        """The notification of that id."""
        return next((each for each in self.sent if each.id == notification_id), None)


@dataclass(slots=True)
class Habits:
    """How tests want notifications to be sent."""

    held: bool = False
    copies: int = 1
    before_answer: bool = False


class Courier:
    """Signs and posts notifications, many at once and in no particular order."""

    def __init__(self, options: Options) -> None:
        self.habits = Habits()
        self._options = options
        self._mailboxes: dict[str, Mailbox] = {}
        self._held: list[tuple[Account, Notification]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(options.deliveries_at_once)
        self._session: aiohttp.ClientSession | None = None

    def mailbox(self, account: Account) -> Mailbox:
        """The webhooks of an account."""
        return self._mailboxes.setdefault(account.login_id, Mailbox(self._options))

    async def start(self) -> None:
        """Get ready to post."""
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._options.delivery_timeout_seconds)
        )

    async def stop(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def send(self, account: Account, events: list[Event], now: datetime) -> None:
        """Notify all active webhooks; waits only where tests want it sent before the answer."""
        started = []
        for event in events:
            for webhook in self.mailbox(account).webhooks.values():
                if webhook.is_active and event.type in webhook.event_types:
                    started += self.notify(account, webhook, event, now)
        if self.habits.before_answer and started:
            await asyncio.wait(started)

    def notify(
        self, account: Account, webhook: Webhook, event: Event, now: datetime
    ) -> list[asyncio.Task[None]]:
        """Send one notification, or keep it while they are held."""
        notification = Notification(
            id=str(uuid.uuid4()), webhook=webhook, event=event, happened_at=now
        )
        self.mailbox(account).sent.append(notification)
        if self.habits.held:
            if len(self._held) < self._options.deliveries_max:
                self._held.append((account, notification))
            else:
                notification.status = DeliveryStatus.FAILED
            return []
        return self.post(account, notification, self.habits.copies)

    def release(self, *, newest_first: bool) -> int:
        """Send what was held, and hold no more; how many there were."""
        self.habits.held = False
        held, self._held = self._held, []
        for account, notification in reversed(held) if newest_first else held:
            self.post(account, notification, self.habits.copies)
        return len(held)

    def post(
        self, account: Account, notification: Notification, copies: int
    ) -> list[asyncio.Task[None]]:
        """Send a notification so many times, as it is: same id, same bytes."""
        started = []
        for _ in range(copies):
            if len(self._tasks) >= self._options.deliveries_max:
                notification.status = DeliveryStatus.FAILED
                break
            task = asyncio.create_task(self._deliver(account, notification))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            started.append(task)
        return started

    def under_way(self) -> int:
        """How many deliveries have not come to their end."""
        return len(self._tasks)

    def held(self) -> int:
        """How many notifications are held."""
        return len(self._held)

    async def _deliver(self, account: Account, notification: Notification) -> None:
        body = notification.body()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "X-ANET-Signature": f"sha512={_signature(account, body)}",
            "X-Request-Id": secrets.token_hex(16),
        }
        pause = self._options.delivery_retry_seconds
        for attempt in range(self._options.delivery_attempts_max):
            if attempt:
                notification.status = DeliveryStatus.RETRY_PENDING
                await asyncio.sleep(pause)
                pause *= 2
            notification.attempts += 1
            async with self._places:
                if await self._posted(notification.webhook.url, body, headers):
                    notification.status = DeliveryStatus.DELIVERED
                    return
        notification.status = DeliveryStatus.FAILED

    async def _posted(self, url: str, body: bytes, headers: dict[str, str]) -> bool:
        assert self._session is not None  # noqa: S101 - started before anything is answered
        try:
            async with self._session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as response:
                return 200 <= response.status < 300
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False


def is_deliverable(url: str, options: Options) -> bool:
    """Whether a webhook may be registered for this address: this machine's own, unless allowed."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host:
        return False
    return options.deliver_anywhere or host == "localhost" or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _signature(account: Account, body: bytes) -> str:
    """Over the raw body alone, with the key as the text that merchants are shown."""
    key = account.signature_key.encode()
    return hmac.new(key, body, hashlib.sha512).hexdigest().upper()
