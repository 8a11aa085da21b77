"""Further merchants and keys, as an administrator would make them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from gateway.domain.clock import Clock
from gateway.domain.processor_accounts import CheckResult
from gateway.security.credentials import hash_secret, new_api_key
from gateway.security.records import api_key_record, processor_account_record
from gateway.security.vault import Vault
from gateway.settings import Settings
from gateway.storage.administration import insert_key
from gateway.storage.pool import Pool
from gateway.storage.processor_accounts import ProcessorAccount, insert_account
from gateway.storage.reads_pages import Scope


@dataclass(frozen=True)
class Credentials:
    """A merchant's key with its secret."""

    merchant_id: UUID
    key: str
    secret: str


class Administrator:
    """Makes merchants and keys in the test's own database."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self.pool = pool
        self._vault = Vault([settings.encryption_key.get_secret_value()])
        self._clock = Clock()

    async def merchant(self, *, active: bool = True) -> UUID:
        """A new merchant."""
        merchant_id = uuid4()
        await self.pool.execute(
            "INSERT INTO merchants (id, name, email, active, api_version, created_at, updated_at)"
            " VALUES ($1, 'Other', $2, $3, '2026-11-01', $4, $4)",
            merchant_id,
            f"{merchant_id}@example.com",
            active,
            self._clock.now(),
        )
        return merchant_id

    async def key(
        self,
        merchant_id: UUID,
        *,
        mode: str = "test",
        role: str = "full",
        permissions: tuple[str, ...] = (),
        expires_at: datetime | None = None,
    ) -> Credentials:
        """A new key of the merchant."""
        made = new_api_key(mode)
        async with self.pool.acquire() as connection:
            await insert_key(
                connection,
                Scope(merchant_id=merchant_id, mode=mode),
                key_id=made.key_id,
                role=role,
                permissions=list(permissions),
                secret_hash=hash_secret(self._vault, made.secret),
                secret_sealed=self._vault.seal(
                    made.secret.encode(), record=api_key_record(made.key_id)
                ),
                expires_at=expires_at,
                now=self._clock.now(),
            )
        return Credentials(merchant_id, made.key_id, made.secret)

    async def processor_account(
        self, merchant_id: UUID, *, processor: str = "elsewhere", mode: str = "test"
    ) -> str:
        """The id of an account of the merchant, at a processor that need not be there."""
        now = self._clock.now()
        account = ProcessorAccount(
            id=uuid4(),
            mode=mode,
            processor=processor,
            name="Main",
            credentials={},
            active=True,
            check_result=CheckResult.UNCHECKED,
            check_message=None,
            last_checked_at=None,
            created_at=now,
            updated_at=now,
        )
        sealed = self._vault.seal(b"{}", record=processor_account_record(account.id))
        async with self.pool.acquire() as connection:
            await insert_account(
                connection, Scope(merchant_id=merchant_id, mode=mode), account, sealed
            )
        return str(account.id)
