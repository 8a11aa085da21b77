"""What handlers work with: put together once in `gateway.app`, found on the application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

import asyncpg
from aiohttp import web

from gateway.actors.bills import BillKeeper
from gateway.actors.breakers import BreakerView
from gateway.actors.kept_answers import KeptAnswers
from gateway.actors.processor_accounts import ProcessorAccounts
from gateway.domain.clock import Clock
from gateway.domain.decisions import Policy
from gateway.domain.versions import Versions
from gateway.queue.jobs import JobQueue
from gateway.queue.notifications import ChangeHub
from gateway.queue.sealed import SealedCards
from gateway.queue.sessions import SessionStore
from gateway.queue.throttle import Throttle
from gateway.security.outbound import OutboundGuard
from gateway.security.passwords import PasswordHasher
from gateway.security.vault import Vault
from gateway.web.card_guard import CardGuard
from gateway.web.mail import Mailer
from gateway.web.rates import RateLimits
from gateway.web.streams import Streams

__all__ = [
    "SERVICES",
    "ArmFault",
    "BankChallenges",
    "BankLedger",
    "Notifications",
    "Orders",
    "Services",
    "Webhooks",
]


class Orders(Protocol):
    """The region of order actors, as handlers see it."""

    async def ask(self, identity: str, message: Any, *, deadline_seconds: float) -> Any:
        """Ask the order's actor; raises what it refuses with, `Unavailable` when it cannot be."""
        ...


class Webhooks(Protocol):
    """The deliverer, as handlers see it."""

    async def deliver_now(self, delivery_ids: list[str]) -> None:
        """These deliveries are committed as due at once: have them sent."""
        ...

    def forget_endpoint(self, endpoint_id: str) -> None:
        """The endpoint was changed: read it anew before the next post."""
        ...


class Notifications(Protocol):
    """Where messages of processors come in, as handlers see it.

    `arrived(processor)`: there is something to be handled, new or once more.
    """

    @property
    def arrived(self) -> Callable[[str], None]: ...

    async def receive(
        self, name: str, merchant_id: UUID | None, headers: Mapping[str, str], body: bytes
    ) -> bool:
        """Keep what the processor `name` sends; whether its signature is believed."""
        ...


class BankLedger(Protocol):
    """The books of the simulated bank, for `GET /api/v1/test/bank/ledger`."""

    async def __call__(self, *, limit: int, offset: int) -> Any:
        """An object with `rows` (dataclasses) and `total`."""
        ...


class BankChallenges(Protocol):
    """The simulated bank as shoppers meet it who are to confirm a payment."""

    async def challenge(self, reference: str) -> Any:
        """None, or an object with `payment_id`, `amount`, `currency`, `ends_at` and `state`:
        `open`, `overdue`, `passed` or `failed`.
        """
        ...

    async def complete_challenge(self, reference: str, *, passed: bool) -> Any:
        """The shopper's answer; a second one, or one that is too late to pass, changes nothing."""
        ...


class ArmFault(Protocol):
    """The fault points of a running process, for `POST /api/v1/test/faults`."""

    def __call__(self, point: str, action: str, *, after: int) -> None:
        """Raises ValueError for a point or an action that does not exist."""
        ...


def _unobserved(_route: str, _method: str, _status: int, _seconds: float) -> None:
    """Nobody counts requests."""


async def _nobody_to_tell(_key_ids: Sequence[str]) -> None:
    """There is no other process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a handler may use. `settings` is `gateway.settings.Settings`.

    `reading_pool` is for what people ask for: it only reads, within a time limit, and leaves the
    connections of `pool` to payments. `shown_settings` has a variable, its value (secrets hidden)
    and what sets it for each setting. `forget` is called when a deletion is committed that
    processors and payments have to follow. `breakers` are the circuit breakers of this process.
    `observe` is told of every request: route template, method, status, seconds. `revoke_keys` tells
    all processes which keys no longer hold, or have other settings, `publish` which other things
    were changed. `arm_fault` raises ValueError for what it does not know; it and `bank_ledger` are
    there in test mode only, `bank_challenges` wherever the simulated bank is.
    """

    settings: Any
    clock: Clock
    pool: asyncpg.Pool
    reading_pool: asyncpg.Pool
    orders: Orders
    kept_answers: KeptAnswers
    webhooks: Webhooks
    bills: BillKeeper
    notifications: Notifications
    vault: Vault
    sealed: SealedCards
    jobs: JobQueue
    changes: ChangeHub
    guard: OutboundGuard
    sessions: SessionStore
    throttle: Throttle
    rates: RateLimits
    card_guard: CardGuard
    passwords: PasswordHasher
    mailer: Mailer | None
    supervision_tree: Callable[[], Any]
    breakers: Callable[[], Sequence[BreakerView]]
    is_draining: Callable[[], bool]
    worker_is_running: Callable[[], bool]
    redis_is_connected: Callable[[], Awaitable[bool]]
    policy: Policy
    versions: Versions
    accounts: ProcessorAccounts
    shown_settings: Callable[[], Iterable[tuple[str, str, str | None]]]
    forget: Callable[[], None]
    observe: Callable[[str, str, int, float], None] = _unobserved
    revoke_keys: Callable[[Sequence[str]], Awaitable[None]] = _nobody_to_tell
    publish: Callable[[Sequence[str]], Awaitable[None]] = _nobody_to_tell
    streams: Streams = field(default_factory=Streams)
    bank_ledger: BankLedger | None = None
    bank_challenges: BankChallenges | None = None
    arm_fault: ArmFault | None = None


SERVICES: web.AppKey[Services] = web.AppKey("services", Services)
