"""What a payment processor is to the gateway, and how it is called.

    class MyBank(Processor):
        traits = ProcessorTraits(name="mybank", timeout_seconds=30)

        async def charge(self, transaction: Transaction) -> Outcome: ...

A processor answers with an `Outcome` and raises only when it does not know what happened. `call`,
`look_up` and `resume` are how the gateway talks to it: they bound the time and turn whatever goes
wrong into `Unknown`, which is clarified by a lookup before anything is sent again (P2). What is
raised, and `FailedSurely`, count against the processor until a circuit breaker opens; an `Unknown`
that it answers itself, such as a payment held for review, does not.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import asyncpg

from gateway.domain.clock import Clock
from gateway.domain.outcomes import (
    Account,
    Approved,
    AttemptNotFound,
    Declined,
    FailedSurely,
    Outcome,
    ProcessorTraits,
    RequiresAction,
    Transaction,
    Unknown,
)

__all__ = [
    "CredentialsRefused",
    "Finding",
    "InvalidNotification",
    "NotSupported",
    "Notification",
    "Pool",
    "Processor",
    "ProcessorContext",
    "call",
    "clarify",
    "forget",
    "look_up",
    "resume",
]

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


class NotSupported(Exception):
    """The processor has no such service."""


class CredentialsRefused(Exception):
    """The processor does not take these credentials; the message says why and names no secret."""


class InvalidNotification(Exception):
    """The message is not the processor's: no or a wrong signature, or not its form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorContext:
    """What the gateway gives a processor at its start.

    `settings` are those that the processor declares, by their names without `GATEWAY_`, in lower
    case: the gateway's own as they were read, a plugin's as text. `pool` is None where the gateway
    offers no tables.
    """

    clock: Clock
    pool: Pool | None = None
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """News that a processor sent by itself. Nothing in it is believed: `clarify` asks.

    `id` names the message, so that one that comes twice is handled once; `reference` is the
    processor's name for the transaction, None when the message is about none.
    """

    id: str
    kind: str
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a processor says of the transaction that a notification is about.

    `attempt` is the reference under which we sent it, None when it was not ours; `reference` is the
    processor's own name for the transaction.
    """

    reference: str
    attempt: str | None
    outcome: Outcome


class Processor(ABC):
    """One payment processor; made without arguments, used between `start` and `close`.

    `traits.name` is the entry point's name. `setting_names` are the settings it reads. An instance
    serves many calls at once on one event loop. A call may be cancelled at any time.

    The reference of a transaction is to be passed on as the processor's idempotency key, so that
    the same one never moves money twice. Answer `Declined` only if the money certainly did not and
    will not move, and `FailedSurely` only if the processor certainly never heard of it.
    """

    traits: ProcessorTraits
    setting_names: ClassVar[frozenset[str]] = frozenset()

    async def start(self, context: ProcessorContext) -> None:  # noqa: B027 - not all need it
        """Make ready. `traits` are read after this. Raises ValueError for wrong settings."""

    async def close(self) -> None:  # noqa: B027 - not all need it
        """Give back what `start` took; may be called twice or before `start`."""

    @abstractmethod
    async def charge(self, transaction: Transaction) -> Outcome:
        """Authorize and capture in one step."""

    @abstractmethod
    async def authorize(self, transaction: Transaction) -> Outcome:
        """Reserve the amount; `Approved.reference` is the `original` of what follows."""

    @abstractmethod
    async def capture(self, transaction: Transaction) -> Outcome:
        """Take the amount from the authorization `original`."""

    @abstractmethod
    async def void(self, transaction: Transaction) -> Outcome:
        """Give back what was authorized under `original` and not captured."""

    @abstractmethod
    async def refund(self, transaction: Transaction) -> Outcome:
        """Pay the amount back from what was captured under `original`."""

    @abstractmethod
    async def lookup(self, transaction: Transaction) -> Outcome:
        """What became of the attempt `reference`; `AttemptNotFound` if it was never heard of.

        It speaks of the attempt, not of the asking: raise when the processor cannot be asked.
        """

    async def resume(self, transaction: Transaction) -> Outcome:
        """Go on after the shopper's challenge; asks how it ended unless a processor needs more."""
        return await self.lookup(transaction)

    async def forget(
        self,
        stored: str,
        account: Account | None,  # noqa: ARG002 - for those that can
    ) -> None:
        """Keep what `Approved.stored` named no longer. What it does not know is forgotten already.

        `account` is the one that it was kept with. Needed with `traits.stores_instruments`;
        whatever is raised, it is asked again later. Raises NotSupported.
        """
        raise NotSupported(f"{self.traits.name} keeps no cards ({len(stored)})")

    async def check(self, account: Account | None) -> None:  # noqa: B027 - not all can be asked
        """Ask whether the credentials are taken: the account's, else those of the settings.

        Moves nothing. Raises CredentialsRefused; anything else when it could not be asked.
        """

    def parse_notification(
        self,
        headers: Mapping[str, str],
        body: bytes,
        account: Account | None,  # noqa: ARG002 - for those that can
    ) -> Sequence[Notification]:
        """Read a message of the processor after checking its signature with the account's key.

        Header names are in lower case. Raises InvalidNotification, NotSupported.
        """
        raise NotSupported(f"{self.traits.name} sends nothing ({len(headers)}, {len(body)})")

    async def clarify(
        self,
        notification: Notification,
        account: Account | None,  # noqa: ARG002 - for those that can
    ) -> Finding | None:
        """Ask what became of the transaction a notification is about; None when there is none.

        Raises NotSupported; anything else when the processor could not be asked.
        """
        raise NotSupported(f"{self.traits.name} cannot be asked about {notification.kind}")


_Method: TypeAlias = Callable[[Transaction], Awaitable[Outcome]]

# What may be answered. Anything else is a fault of the processor's code and proves nothing: an
# attempt sent just now is not "not found", and a question that failed says nothing of the attempt.
_OF_A_CALL = (Approved, Declined, RequiresAction, FailedSurely, Unknown)
_OF_A_QUESTION = (Approved, Declined, RequiresAction, AttemptNotFound, Unknown)


async def call(processor: Processor, transaction: Transaction) -> Outcome:
    """Have the processor do what `transaction.kind` says.

    Ends within the processor's timeout. Raises ValueError for a kind that no processor does, and
    CancelledError; everything else is an outcome.
    """
    methods: dict[str, _Method] = {
        "charge": processor.charge,
        "authorize": processor.authorize,
        "capture": processor.capture,
        "void": processor.void,
        "refund": processor.refund,
    }
    if transaction.kind not in methods:
        raise ValueError(f"{transaction.kind} is nothing a processor does")
    return await _bounded(processor, methods[transaction.kind], transaction, _OF_A_CALL)


async def look_up(processor: Processor, transaction: Transaction) -> Outcome:
    """Ask what became of an attempt; never says that it failed surely. Bounded as `call` is."""
    return await _bounded(processor, processor.lookup, transaction, _OF_A_QUESTION)


async def resume(processor: Processor, transaction: Transaction) -> Outcome:
    """Go on with an attempt after its challenge. Bounded as `call` is."""
    return await _bounded(processor, processor.resume, transaction, _OF_A_QUESTION)


async def forget(processor: Processor, stored: str, account: Account | None) -> str | None:
    """Have the processor forget a card; None when it has, else the name of what went wrong.

    Bounded as `call` is.
    """
    try:
        async with asyncio.timeout(processor.traits.timeout_seconds):
            await processor.forget(stored, account)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is asked again
        return type(error).__name__
    return None


async def clarify(
    processor: Processor, notification: Notification, account: Account | None
) -> Finding | None:
    """Ask about a notification's transaction, as `Processor.clarify`; raises TimeoutError too."""
    async with asyncio.timeout(processor.traits.timeout_seconds):
        return await processor.clarify(notification, account)


async def _bounded(
    processor: Processor,
    method: _Method,
    transaction: Transaction,
    answers: tuple[type[Outcome], ...],
) -> Outcome:
    try:
        async with asyncio.timeout(processor.traits.timeout_seconds):
            outcome = await method(transaction)
    except TimeoutError:
        return Unknown(reason="timeout", answered=False)
    except Exception as error:  # noqa: BLE001 - whatever it is, the money may have moved
        # The name alone: the message may quote what was sent, and so a card.
        return Unknown(reason=type(error).__name__, answered=False)
    if not isinstance(outcome, answers):
        return Unknown(reason=f"invalid_outcome_{type(outcome).__name__}", answered=False)
    return outcome
