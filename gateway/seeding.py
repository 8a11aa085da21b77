"""The test merchant that TEST_MODE seeds. Its credentials are public: they are for sandboxes."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from gateway.domain.clock import Clock
from gateway.domain.ids import new_id
from gateway.domain.versions import VERSIONS
from gateway.security.credentials import hash_secret
from gateway.security.passwords import PasswordHasher
from gateway.security.records import api_key_record, endpoint_record
from gateway.security.vault import Vault

__all__ = [
    "TEST_EMAIL",
    "TEST_KEY",
    "TEST_MERCHANT_ID",
    "TEST_PASSWORD",
    "TEST_SECRET",
    "seed_test_merchant",
]

TEST_MERCHANT_ID = UUID("550e8400-e29b-41d4-a716-446655440000")
TEST_EMAIL = "test@example.com"
TEST_KEY = "key_test_abc123"
TEST_SECRET = "secret_test_xyz789"  # noqa: S105 - published in the contract of test mode
TEST_WEBHOOK_SECRET = "whsec_test_abc123"  # noqa: S105 - as above
TEST_PASSWORD = "test-password"  # noqa: S105 - as above


async def seed_test_merchant(
    connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy,
    vault: Vault,
    passwords: PasswordHasher,
    clock: Clock,
) -> None:
    """Make the test merchant unless it is there."""
    if await connection.fetchval("SELECT 1 FROM merchants WHERE id = $1", TEST_MERCHANT_ID):
        return
    now = clock.now()
    password_hash = await passwords.hash(TEST_PASSWORD)
    sealed = vault.seal(TEST_SECRET.encode(), record=api_key_record(TEST_KEY))
    async with connection.transaction():
        await connection.execute(
            "INSERT INTO merchants (id, name, email, api_version, created_at, updated_at)"
            " VALUES ($1, 'Test Merchant', $2, $3, $4, $4) ON CONFLICT DO NOTHING",
            TEST_MERCHANT_ID,
            TEST_EMAIL,
            VERSIONS.current,
            now,
        )
        await connection.execute(
            "INSERT INTO users (id, merchant_id, email, password_hash, role, created_at,"
            " updated_at) VALUES (gen_random_uuid(), $1, $2, $3, 'owner', $4, $4)"
            " ON CONFLICT DO NOTHING",
            TEST_MERCHANT_ID,
            TEST_EMAIL,
            password_hash,
            now,
        )
        await connection.execute(
            "INSERT INTO api_keys (id, merchant_id, mode, role, secret_hash, secret_sealed,"
            " created_at) VALUES ($1, $2, 'test', 'full', $3, $4, $5) ON CONFLICT DO NOTHING",
            TEST_KEY,
            TEST_MERCHANT_ID,
            hash_secret(vault, TEST_SECRET),
            sealed,
            now,
        )
        await _seed_endpoint(connection, vault, clock)


async def _seed_endpoint(
    connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy, vault: Vault, clock: Clock
) -> None:
    """The default endpoint, inactive until it gets a URL."""
    endpoint_id = new_id("we")
    await connection.execute(
        "INSERT INTO webhook_endpoints (id, merchant_id, mode, secret_sealed, active,"
        " is_default, created_at, updated_at) VALUES ($1, $2, 'test', $3, false, true, $4, $4)"
        " ON CONFLICT DO NOTHING",
        endpoint_id,
        TEST_MERCHANT_ID,
        vault.seal(TEST_WEBHOOK_SECRET.encode(), record=endpoint_record(endpoint_id)),
        clock.now(),
    )
