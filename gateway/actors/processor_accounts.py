"""Merchants' own accounts at processors, in memory.

Which account is active is known for all merchants, so that a payment is accepted without asking the
database. Credentials are unsealed when a call first needs them, and kept for a while. A change is
told to all processes; one that missed it reads everything anew with the next interval.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import UUID

import asyncpg
import orjson

from gateway.actors.periodic import Periodic
from gateway.domain.errors import Unavailable
from gateway.domain.outcomes import Account
from gateway.domain.processor_accounts import CheckResult
from gateway.processors.protocol import CredentialsRefused, Processor
from gateway.security.records import processor_account_record
from gateway.security.vault import SealBroken, Vault
from gateway.storage.pool import DATABASE_ERRORS, is_connection_lost, is_unavailable
from gateway.storage.processor_accounts import (
    ActiveAccounts,
    SealedAccount,
    find_sealed,
    load_active,
    sealed_of_processor,
)

__all__ = [
    "ACCOUNTS_CHANGED",
    "AccountUnreadable",
    "Checked",
    "MerchantAccount",
    "ProcessorAccounts",
]

ACCOUNTS_CHANGED = "processor_accounts"
"""What is told to all processes after a change."""

_MESSAGE_CHARACTERS_MAX = 300


class AccountUnreadable(Exception):
    """The account is not there, or is sealed with a key that is not among ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantAccount:
    """One of a merchant's accounts, with its credentials."""

    id: UUID
    mode: str
    credentials: Account = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a processor said of credentials; `message` names no secret."""

    result: CheckResult
    message: str | None = None


class ProcessorAccounts(Periodic):
    """A unit that knows the accounts before the first payment is accepted.

    At most `unsealed_max` accounts' credentials are kept in the clear, for `interval_seconds` each
    at most; `checks_max` checks are under way at once, each for `check_seconds`.
    """

    def __init__(
        self,
        *,
        pool: asyncpg.Pool,
        vault: Vault,
        processors: Mapping[str, Processor],
        interval_seconds: float,
        unsealed_max: int,
        check_seconds: float,
        checks_max: int,
        per_merchant_max: int,
    ) -> None:
        super().__init__(
            "processor_accounts", self.load, interval_seconds=interval_seconds, at_start=True
        )
        self._pool = pool
        self._vault = vault
        self._processors = processors
        self._unsealed_max = unsealed_max
        self._check_seconds = check_seconds
        self._checks = asyncio.Semaphore(checks_max)
        self._per_merchant_max = per_merchant_max
        self._active: ActiveAccounts = {}
        self._unsealed: OrderedDict[UUID, Account] = OrderedDict()
        self._loading = asyncio.Lock()

    async def load(self) -> None:
        """Read the active accounts anew, and unseal anew what is needed. Raises asyncpg's errors.

        Until it has succeeded what is known stays.
        """
        # One after the other: the last to have read is the last to say.
        async with self._loading, self._pool.acquire() as connection:
            self._active = await load_active(connection)
            # What is being read now goes into the one before, and is forgotten with it.
            self._unsealed = OrderedDict()

    def active(self, merchant_id: UUID, mode: str, processor: str) -> UUID | None:
        """The account that the merchant's new payments go to; None for the gateway's own."""
        return self._active.get((merchant_id, mode, processor))

    async def credentials(self, account_id: UUID) -> Account:
        """What calls are made with, for an account that is not active any more too.

        Raises AccountUnreadable, and Unavailable while the database is away.
        """
        unsealed = self._unsealed
        known = unsealed.get(account_id)
        if known is not None:
            return known
        credentials = await self.stored_credentials(account_id)
        while len(unsealed) >= self._unsealed_max:
            unsealed.popitem(last=False)
        unsealed[account_id] = credentials
        return credentials

    async def stored_credentials(self, account_id: UUID) -> Account:
        """The same as they are stored now, for who is about to change them."""
        try:
            async with self._pool.acquire() as connection:
                sealed = await find_sealed(connection, account_id)
        except DATABASE_ERRORS as error:
            if not (is_unavailable(error) or is_connection_lost(error)):
                raise
            raise Unavailable("The database is not available") from None
        if sealed is None:
            raise AccountUnreadable
        return self._opened(sealed)

    async def of_merchant(self, merchant_id: UUID, processor: str) -> Sequence[MerchantAccount]:
        """The merchant's accounts at a processor in both modes, newest first, active or not.

        Left out are those that cannot be unsealed. Raises asyncpg's errors.
        """
        async with self._pool.acquire() as connection:
            sealed = await sealed_of_processor(
                connection, merchant_id, processor, 2 * self._per_merchant_max
            )
        accounts = []
        for each in sealed:
            try:
                credentials = self._opened(each)
            except AccountUnreadable:
                continue
            accounts.append(MerchantAccount(id=each.id, mode=each.mode, credentials=credentials))
        return accounts

    async def check(self, processor: str, account: Account) -> Checked:
        """Ask the processor whether it takes the credentials. Raises Unavailable when busy."""
        asked = self._processors[processor]
        if type(asked).check is Processor.check:
            return Checked(result=CheckResult.UNCHECKED, message="This processor cannot be asked")
        if self._checks.locked():
            raise Unavailable("Too many credentials are being checked")
        async with self._checks:
            try:
                async with asyncio.timeout(self._check_seconds):
                    await asked.check(account)
            except CredentialsRefused as refusal:
                message = str(refusal)[:_MESSAGE_CHARACTERS_MAX]
                return Checked(result=CheckResult.REFUSED, message=message)
            except Exception:  # noqa: BLE001 - foreign code; its message may quote what was sent
                return Checked(
                    result=CheckResult.UNCHECKED, message="The processor could not be reached"
                )
        return Checked(result=CheckResult.ACCEPTED)

    def _opened(self, sealed: SealedAccount) -> Account:
        record = processor_account_record(sealed.id)
        try:
            opened = self._vault.open(sealed.credentials_sealed, record=record)
        except SealBroken:
            raise AccountUnreadable from None
        return MappingProxyType(orjson.loads(opened))
