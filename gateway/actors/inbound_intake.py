"""Where messages of processors come in: believed when signed, and kept before they are answered."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from gateway.actors.journal import FaultPoint, no_fault
from gateway.actors.processor_accounts import MerchantAccount, ProcessorAccounts
from gateway.domain.clock import Clock
from gateway.domain.errors import InvalidRequest
from gateway.domain.outcomes import Account, ProcessorTraits
from gateway.processors.protocol import (
    InvalidNotification,
    Notification,
    NotSupported,
    Processor,
)
from gateway.storage.inbound import NewMessage, NewNotification, keep_notifications

__all__ = ["NotificationIntake"]

_TEXT_CHARACTERS_MAX = 255
# A merchant has at most so many accounts in use at one processor: one a mode.
_ACCOUNTS = 2

Signer = tuple[MerchantAccount | None, Sequence[Notification]]


@dataclass(frozen=True, kw_only=True)
class NotificationIntake:
    """Takes messages for all processors that send any.

    `arrived(processor)` is told when there is something new, `observe(processor, result)` of every
    message: accepted, duplicate or refused. A message tells `notifications_max` things at most.
    """

    pool: asyncpg.Pool
    processors: Mapping[str, Processor]
    accounts: ProcessorAccounts
    clock: Clock
    notifications_max: int
    arrived: Callable[[str], None]
    observe: Callable[[str, str], None]
    fault: FaultPoint = no_fault

    async def receive(
        self, name: str, merchant_id: UUID | None, headers: Mapping[str, str], body: bytes
    ) -> bool:
        """Keep what a processor sends; whether it is believed.

        `merchant_id`: whose own account it is signed for; without, the gateway's. Header names are
        in lower case. What comes twice is kept once. Raises InvalidRequest for what cannot be kept,
        and what asyncpg raises.
        """
        processor = self.processors.get(name)
        if processor is None:
            return False
        signer = await self._signer(processor, merchant_id, headers, body)
        if signer is None:
            self.observe(name, "refused")
            return False
        message = self._message(name, merchant_id, signer, body)
        kept = await self._keep(message)
        if kept:
            self.arrived(name)
        self.observe(name, "accepted" if kept or not message.told else "duplicate")
        return True

    async def _signer(
        self,
        processor: Processor,
        merchant_id: UUID | None,
        headers: Mapping[str, str],
        body: bytes,
    ) -> Signer | None:
        """Whose key the message is signed with, and what it tells; None when with nobody's.

        A merchant without accounts takes as long as one whose keys do not fit: nobody outside is to
        learn who has any.
        """
        if merchant_id is None:
            told = _parsed(processor, headers, body, None)
            return None if told is None else (None, told)
        accounts = await self.accounts.of_merchant(merchant_id, processor.traits.name)
        found: Signer | None = None
        for account in accounts:
            told = _parsed(processor, headers, body, account.credentials)
            if told is not None and found is None:
                found = account, told
        for _ in range(len(accounts), _ACCOUNTS):
            _parsed(processor, headers, body, _nobodys(processor.traits))
        return found

    def _message(
        self, name: str, merchant_id: UUID | None, signer: Signer, body: bytes
    ) -> NewMessage:
        own, told = signer
        if len(told) > self.notifications_max:
            raise InvalidRequest(f"At most {self.notifications_max} notifications in one message")
        account = None
        if merchant_id is not None and own is not None:
            account = merchant_id, own.mode, own.id
        return NewMessage(
            processor=name,
            account=account,
            told=[_row(notification) for notification in told],
            body=body,
            received_at=self.clock.now(),
        )

    async def _keep(self, message: NewMessage) -> int:
        await self.fault("inbound.before_keep")
        async with self.pool.acquire() as connection:
            return await keep_notifications(connection, message)


def _parsed(
    processor: Processor, headers: Mapping[str, str], body: bytes, account: Account | None
) -> Sequence[Notification] | None:
    """What the message tells; None when it is not signed with the account's key."""
    try:
        return processor.parse_notification(headers, body, account)
    except (InvalidNotification, NotSupported):
        return None


def _nobodys(traits: ProcessorTraits) -> Account:
    return {credential.name: secrets.token_hex(64) for credential in traits.credentials}


def _row(notification: Notification) -> NewNotification:
    for text in (notification.id, notification.kind, notification.reference or ""):
        if len(text) > _TEXT_CHARACTERS_MAX or not text.isprintable():
            raise InvalidRequest("The notification's id, kind or reference is no plain short text")
    return NewNotification(
        id=notification.id, kind=notification.kind, reference=notification.reference
    )
