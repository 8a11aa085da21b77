"""What is done to API keys, for the merchant API, the dashboard and the command line alike.

Everything runs inside the caller's transaction; afterwards `gateway.web.keys.forget_keys` tells all
processes which keys they know no longer as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gateway.domain.errors import InvalidRequest, InvalidState, NotFound
from gateway.security.credentials import ApiCredentials, Mode, hash_secret, new_api_key
from gateway.security.records import api_key_record
from gateway.security.vault import Vault
from gateway.storage.administration import Author, insert_key, revoke_key, write_audit
from gateway.storage.administration_keys import lock_keys, replace_key, update_key
from gateway.storage.journal import Connection
from gateway.storage.reads_accounts import KeyRecord
from gateway.storage.reads_keys import KeyRow, count_keys, find_merchant_key
from gateway.web.errors import NotPermitted

__all__ = [
    "KEY_ROLES",
    "KeyChange",
    "KeyRights",
    "change_key",
    "make_key",
    "merchant_key_of",
    "remove_key",
    "rotate_key",
]

KEY_ROLES = ("full", "read_only", "restricted")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRights:
    """What a key may do, and until when; never, where `expires_at` is None."""

    role: str
    permissions: tuple[str, ...] = ()
    expires_at: datetime | None = None

    def check(self, known: Collection[str], now: datetime) -> None:
        """Raise InvalidRequest unless a key can have these. `known` are all permissions."""
        if self.role != "restricted" and self.permissions:
            raise InvalidRequest("permissions are a restricted key's", field="permissions")
        if self.role == "restricted" and not self.permissions:
            raise InvalidRequest("A restricted key needs permissions", field="permissions")
        if not set(self.permissions) <= set(known):
            raise InvalidRequest(
                f"permissions must be of {', '.join(sorted(known))}", field="permissions"
            )
        if self.expires_at is not None and self.expires_at <= now:
            raise InvalidRequest("expires_at must be in the future", field="expires_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """Who changes keys, and when. `key` is the API key that asks, if it is one.

    `keys_max` is how many of the merchant's keys may hold at once in a mode.
    """

    vault: Vault = field(repr=False)
    author: Author
    now: datetime
    keys_max: int
    key: KeyRecord | None = None

    def check_within(self, role: str, permissions: Collection[str]) -> None:
        """Raise NotPermitted where a key would hand out more than it may do itself."""
        if self.key is None or self.key.role == "full":
            return
        if role != "restricted" or not self.key.permissions.issuperset(permissions):
            raise NotPermitted("An API key cannot give rights that it has not")


async def merchant_key_of(connection: Connection, change: KeyChange, key_id: str) -> KeyRow:
    """The merchant's key; raises NotFound."""
    found = await find_merchant_key(connection, change.author.scope, key_id)
    if found is None:
        raise NotFound("Key not found")
    return found


async def make_key(
    connection: Connection, change: KeyChange, rights: KeyRights
) -> tuple[KeyRow, ApiCredentials]:
    """A new key and its secret.

    Raises InvalidState when the merchant has as many as allowed, NotPermitted for rights that the
    asking key has not.
    """
    change.check_within(rights.role, rights.permissions)
    await lock_keys(connection, change.author.scope)
    await _check_room(connection, change, change.keys_max)
    made = await _insert(connection, change, rights)
    await _audit(connection, change, "key.created", made.key_id, _told(rights))
    return await merchant_key_of(connection, change, made.key_id), made


async def change_key(
    connection: Connection, change: KeyChange, key_id: str, rights: KeyRights
) -> KeyRow:
    """Other rights for a key that holds. Raises InvalidState for one that does not."""
    await lock_keys(connection, change.author.scope)
    await _holding(connection, change, key_id)
    change.check_within(rights.role, rights.permissions)
    await update_key(
        connection,
        change.author.scope,
        key_id,
        role=rights.role,
        permissions=rights.permissions,
        expires_at=rights.expires_at,
    )
    await _audit(connection, change, "key.changed", key_id, _told(rights))
    return await merchant_key_of(connection, change, key_id)


async def rotate_key(
    connection: Connection, change: KeyChange, key_id: str, *, overlap_seconds: int
) -> tuple[KeyRow, ApiCredentials, KeyRow]:
    """A key with the same rights in the place of this one: the new one, its secret, the old one.

    The old one holds for `overlap_seconds` more; the new one as long as the old one was meant to.
    Raises InvalidState for a key that was rotated before or does not hold, NotPermitted for one
    with rights that the asking key has not.
    """
    await lock_keys(connection, change.author.scope)
    old = await _holding(connection, change, key_id)
    change.check_within(old.role, old.permissions)
    # Those that are about to end come on top, so that a merchant with all its keys can rotate.
    await _check_room(connection, change, 2 * change.keys_max)
    lifetime = old.expires_at - old.created_at if old.expires_at is not None else None
    rights = KeyRights(
        role=old.role,
        permissions=old.permissions,
        expires_at=change.now + lifetime if lifetime is not None else None,
    )
    made = await _insert(connection, change, rights)
    await replace_key(
        connection,
        change.author.scope,
        key_id,
        replaced_by=made.key_id,
        holds_until=change.now + timedelta(seconds=overlap_seconds),
    )
    details = {"replaced_by": made.key_id, "overlap_seconds": overlap_seconds}
    await _audit(connection, change, "key.replaced", key_id, details)
    new = await merchant_key_of(connection, change, made.key_id)
    return new, made, await merchant_key_of(connection, change, key_id)


async def remove_key(connection: Connection, change: KeyChange, key_id: str) -> KeyRow:
    """Refuse the key from now on. Raises InvalidState when it was revoked before."""
    await merchant_key_of(connection, change, key_id)
    if not await revoke_key(connection, change.author.scope, key_id, change.now):
        raise InvalidState("The key was revoked already", reason="key_revoked")
    await _audit(connection, change, "key.revoked", key_id)
    return await merchant_key_of(connection, change, key_id)


async def _holding(connection: Connection, change: KeyChange, key_id: str) -> KeyRow:
    found = await merchant_key_of(connection, change, key_id)
    if found.state(change.now) != "active":
        raise InvalidState("The key no longer holds", reason="key_not_active")
    if found.replaced_by is not None:
        raise InvalidState("The key was rotated already", reason="key_rotated")
    return found


async def _check_room(connection: Connection, change: KeyChange, keys_max: int) -> None:
    if await count_keys(connection, change.author.scope, change.now) >= keys_max:
        raise InvalidState(
            f"There are {keys_max} keys already. Revoke one first.", reason="too_many_keys"
        )


async def _insert(connection: Connection, change: KeyChange, rights: KeyRights) -> ApiCredentials:
    scope = change.author.scope
    mode: Mode = "live" if scope.mode == "live" else "test"
    made = new_api_key(mode)
    await insert_key(
        connection,
        scope,
        key_id=made.key_id,
        role=rights.role,
        permissions=list(rights.permissions),
        secret_hash=hash_secret(change.vault, made.secret),
        secret_sealed=change.vault.seal(made.secret.encode(), record=api_key_record(made.key_id)),
        expires_at=rights.expires_at,
        now=change.now,
    )
    return made


def _told(rights: KeyRights) -> Mapping[str, Any]:
    ends = rights.expires_at.isoformat() if rights.expires_at is not None else None
    permissions: Sequence[str] = rights.permissions
    return {"role": rights.role, "permissions": list(permissions), "expires_at": ends}


async def _audit(
    connection: Connection,
    change: KeyChange,
    action: str,
    key_id: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    await write_audit(connection, change.author, action, key_id, change.now, details=details)
