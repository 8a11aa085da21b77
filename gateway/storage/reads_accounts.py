"""API keys and merchants: who asks, and what is set for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from gateway.domain.routing import Rule
from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Scope
from gateway.storage.routing_rules import rules_from_json, rules_of

__all__ = ["KeyRecord", "MerchantRecord", "find_key", "find_merchant", "oldest_key_id"]

_KEY = f"""
SELECT api_keys.id, api_keys.merchant_id, api_keys.mode, api_keys.role, api_keys.permissions,
       api_keys.secret_hash, api_keys.expires_at, api_keys.last_used_at,
       merchants.default_capture, merchants.enabled_methods, merchants.api_version,
       {rules_of("api_keys.merchant_id", "api_keys.mode")} AS routing_rules
FROM api_keys JOIN merchants ON merchants.id = api_keys.merchant_id
WHERE api_keys.id = $1 AND api_keys.revoked_at IS NULL AND merchants.active
"""  # noqa: S608 - our own text
_MERCHANT = """
SELECT id, name, email, default_capture, enabled_methods, allowed_origins, return_url,
       brand_color, logo_url, api_version, created_at, updated_at
FROM merchants WHERE id = $1
"""
_OLDEST_KEY = """
SELECT id FROM api_keys
WHERE merchant_id = $1 AND mode = $2 AND revoked_at IS NULL
  AND (expires_at IS NULL OR expires_at > $3)
ORDER BY created_at, id LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """A key that was not revoked, of a merchant that is active, with the merchant's settings.

    `routing_rules` are those that are active, in order.
    """

    id: str
    merchant_id: UUID
    mode: str
    role: str
    permissions: frozenset[str]
    secret_hash: bytes = field(repr=False)
    expires_at: datetime | None
    last_used_at: datetime | None
    default_capture: str
    enabled_methods: frozenset[str]
    api_version: str
    routing_rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantRecord:
    """A merchant's profile and settings."""

    id: UUID
    name: str
    email: str
    default_capture: str
    enabled_methods: tuple[str, ...]
    allowed_origins: tuple[str, ...]
    return_url: str | None
    brand_color: str | None
    logo_url: str | None
    api_version: str
    created_at: datetime
    updated_at: datetime


async def find_key(connection: Connection, key_id: str) -> KeyRecord | None:
    """The key; None when there is none, it was revoked, or its merchant is disabled."""
    row = await connection.fetchrow(_KEY, key_id)
    if row is None:
        return None
    fields = dict(row)
    fields["permissions"] = frozenset(fields["permissions"])
    fields["enabled_methods"] = frozenset(fields["enabled_methods"])
    fields["routing_rules"] = rules_from_json(fields["routing_rules"])
    return KeyRecord(**fields)


async def find_merchant(connection: Connection, merchant_id: UUID) -> MerchantRecord | None:
    """The merchant, active or not."""
    row = await connection.fetchrow(_MERCHANT, merchant_id)
    if row is None:
        return None
    fields = dict(row)
    fields["enabled_methods"] = tuple(fields["enabled_methods"])
    fields["allowed_origins"] = tuple(fields["allowed_origins"])
    return MerchantRecord(**fields)


async def oldest_key_id(connection: Connection, scope: Scope, now: datetime) -> str | None:
    """The id of the merchant's oldest key that still holds: the one the checkout signs with."""
    found: str | None = await connection.fetchval(_OLDEST_KEY, scope.merchant_id, scope.mode, now)
    return found
