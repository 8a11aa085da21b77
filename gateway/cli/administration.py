"""What the account commands do, each in one transaction with its line in the audit log."""

from __future__ import annotations

import getpass
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

import asyncpg
import click
from redis.exceptions import RedisError

from gateway.cli.execution import Opened, open_stores
from gateway.domain.clock import Clock
from gateway.domain.errors import InvalidState
from gateway.domain.fees import FeePlan
from gateway.domain.ids import new_id
from gateway.domain.versions import VERSIONS
from gateway.queue.client import Keys, open_redis
from gateway.queue.notifications import Changes
from gateway.security.credentials import (
    ApiCredentials,
    Mode,
    hash_secret,
    new_api_key,
    new_webhook_secret,
)
from gateway.security.passwords import PasswordHasher
from gateway.security.records import api_key_record, endpoint_record
from gateway.settings import Settings, load_settings
from gateway.storage import administration_accounts as accounts
from gateway.storage.administration import Author, insert_key
from gateway.storage.fee_plans import set_fee_plan
from gateway.storage.reads_pages import Scope
from gateway.web import key_changes
from gateway.web.key_changes import KeyChange

__all__ = ["Administration", "MadeMerchant", "operator_name"]

Result = TypeVar("Result")

_PASSWORD_BYTES = 18  # 144 bits, 24 characters
_MODES: tuple[Mode, ...] = ("test", "live")


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeMerchant:
    """A new merchant with everything that is shown this once."""

    merchant_id: UUID
    keys: Sequence[ApiCredentials] = field(repr=False)
    password: str = field(repr=False)


def operator_name() -> str:
    """Who runs the command, for the audit log."""
    with suppress(OSError, KeyError):
        return f"operator:{getpass.getuser()}"
    return "operator"


class Administration:
    """The work of the commands on opened stores."""

    def __init__(self, settings: Settings, opened: Opened) -> None:
        self._settings = settings
        self._connection = opened.connection
        self._redis_url = opened.redis_url
        self._vault = opened.vault
        self._clock = Clock()
        self._operator = operator_name()
        self._revoked: list[str] = []

    @classmethod
    async def run(cls, work: Callable[[Administration], Awaitable[Result]]) -> Result:
        """Open the stores, do the work in one transaction, close them."""
        settings = load_settings()
        async with open_stores(settings) as opened:
            administration = cls(settings, opened)
            async with opened.connection.transaction():
                result = await work(administration)
            # Not before the commit: they would read the keys as they were.
            await administration._tell(administration._revoked)
        return result

    async def create_merchant(self, name: str, email: str) -> MadeMerchant:
        """A merchant, a key for each mode, its default endpoints and its owner."""
        now = self._clock.now()
        merchant = accounts.NewMerchant(name=name, email=email, api_version=VERSIONS.current)
        try:
            await accounts.insert_merchant(self._connection, merchant, now)
        except asyncpg.UniqueViolationError:
            raise click.ClickException(f"{email} belongs to another merchant") from None
        keys = []
        for mode in _MODES:
            keys.append(await self._insert_key(merchant.id, mode, "full", (), None))
            await self._insert_endpoint(merchant.id, mode)
        password = await self._insert_user(email, merchant.id, "owner")
        await self._audit("merchant.created", str(merchant.id), merchant.id)
        return MadeMerchant(merchant_id=merchant.id, keys=keys, password=password)

    async def list_merchants(self) -> Sequence[accounts.MerchantRow]:
        """All merchants, oldest first."""
        return await accounts.list_merchants(self._connection)

    async def disable_merchant(self, merchant_id: UUID) -> None:
        """Close its account; running gateways are told."""
        key_ids = await accounts.disable_merchant(self._connection, merchant_id, self._clock.now())
        if key_ids is None:
            raise click.ClickException("There is no such merchant")
        await self._audit("merchant.disabled", str(merchant_id), merchant_id)
        self._revoked += key_ids

    async def set_fee_plan(self, merchant_id: UUID, currency: str, plan: FeePlan) -> None:
        """What the merchant pays in that currency from now on."""
        now = self._clock.now()
        try:
            await set_fee_plan(self._connection, merchant_id, currency, plan, now)
        except asyncpg.ForeignKeyViolationError:
            raise click.ClickException("There is no such merchant") from None
        await self._audit(f"merchant.fees_set:{currency}", str(merchant_id), merchant_id)

    async def create_user(self, email: str, merchant_id: UUID | None, role: str) -> str:
        """A user; the password."""
        password = await self._insert_user(email, merchant_id, role)
        await self._audit("user.created", email, merchant_id)
        return password

    async def reset_password(self, email: str) -> str:
        """The new password."""
        password, password_hash = await self._new_password()
        changed = await accounts.set_password(
            self._connection, email, password_hash, self._clock.now()
        )
        if changed is None:
            raise click.ClickException("There is no such user")
        await self._audit("user.password_reset", email, changed[1])
        return password

    async def create_key(
        self,
        merchant_id: UUID,
        mode: Mode,
        role: str,
        permissions: Sequence[str],
        expires_in_days: int | None,
    ) -> ApiCredentials:
        """A key with its secret."""
        try:
            made = await self._insert_key(merchant_id, mode, role, permissions, expires_in_days)
        except asyncpg.ForeignKeyViolationError:
            raise click.ClickException("There is no such merchant") from None
        await self._audit("key.created", made.key_id, merchant_id, mode)
        return made

    async def revoke_key(self, key_id: str) -> None:
        """Close a key; running gateways are told."""
        change = await self._change_of(key_id)
        try:
            await key_changes.remove_key(self._connection, change, key_id)
        except InvalidState as refusal:
            raise click.ClickException(refusal.description) from None
        self._revoked.append(key_id)

    async def rotate_key(self, key_id: str, overlap_seconds: int) -> ApiCredentials:
        """A key in the place of this one, with its secret; running gateways are told."""
        change = await self._change_of(key_id)
        try:
            _, made, _ = await key_changes.rotate_key(
                self._connection, change, key_id, overlap_seconds=overlap_seconds
            )
        except InvalidState as refusal:
            raise click.ClickException(refusal.description) from None
        self._revoked.append(key_id)
        return made

    async def _change_of(self, key_id: str) -> KeyChange:
        owner = await accounts.find_key_owner(self._connection, key_id)
        if owner is None:
            raise click.ClickException("There is no such key")
        scope = Scope(merchant_id=owner[0], mode=owner[1])
        return KeyChange(
            vault=self._vault,
            author=Author(scope=scope, name=self._operator, request_id=None),
            now=self._clock.now(),
            keys_max=self._settings.api_keys_max,
        )

    async def _insert_key(
        self,
        merchant_id: UUID,
        mode: Mode,
        role: str,
        permissions: Sequence[str],
        expires_in_days: int | None,
    ) -> ApiCredentials:
        made, now = new_api_key(mode), self._clock.now()
        await insert_key(
            self._connection,
            Scope(merchant_id=merchant_id, mode=mode),
            key_id=made.key_id,
            role=role,
            permissions=list(permissions),
            secret_hash=hash_secret(self._vault, made.secret),
            secret_sealed=self._vault.seal(
                made.secret.encode(), record=api_key_record(made.key_id)
            ),
            expires_at=now + timedelta(days=expires_in_days) if expires_in_days else None,
            now=now,
        )
        return made

    async def _insert_endpoint(self, merchant_id: UUID, mode: str) -> None:
        endpoint_id = new_id("we")
        await accounts.insert_default_endpoint(
            self._connection,
            merchant_id,
            mode,
            endpoint_id=endpoint_id,
            secret_sealed=self._vault.seal(
                new_webhook_secret().encode(), record=endpoint_record(endpoint_id)
            ),
            now=self._clock.now(),
        )

    async def _insert_user(self, email: str, merchant_id: UUID | None, role: str) -> str:
        password, password_hash = await self._new_password()
        try:
            await accounts.insert_user(
                self._connection,
                merchant_id=merchant_id,
                email=email,
                password_hash=password_hash,
                role=role,
                now=self._clock.now(),
            )
        except asyncpg.UniqueViolationError:
            raise click.ClickException(f"{email} is another user's login") from None
        except asyncpg.ForeignKeyViolationError:
            raise click.ClickException("There is no such merchant") from None
        return password

    @staticmethod
    async def _new_password() -> tuple[str, str]:
        """A random password and its hash."""
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        hasher = PasswordHasher(threads=1)
        try:
            return password, await hasher.hash(password)
        finally:
            hasher.close()

    async def _audit(
        self, action: str, subject_id: str, merchant_id: UUID | None, mode: str | None = None
    ) -> None:
        await accounts.audit_operator(
            self._connection,
            self._operator,
            action,
            subject_id,
            self._clock.now(),
            merchant_id=merchant_id,
            mode=mode,
        )

    async def _tell(self, key_ids: Sequence[str]) -> None:
        """Tell running gateways. They read keys anew every second, so Redis may be away."""
        if not key_ids or self._redis_url is None:
            return
        seconds = self._settings.redis_timeout_seconds
        redis = open_redis(self._redis_url, timeout_seconds=seconds, connections_max=1)
        changes = Changes(
            redis, Keys(self._settings.redis_prefix), "operator", timeout_seconds=seconds
        )
        with suppress(RedisError, OSError, TimeoutError):
            await changes.revoke(key_ids)
        await redis.aclose()
