"""Stores that somebody else runs: Debian's packages, over TCP, with TLS and passwords."""

from __future__ import annotations

import ssl

import asyncpg
import pytest
import redis.exceptions
from redis.asyncio import Redis

from gateway.domain.clock import Clock
from gateway.storage.migrations import load, migrate
from gateway.storage.pool import is_unavailable, open_pool
from tests.stores.debian import DebianStores


async def test_postgres_with_verified_tls(debian_stores: DebianStores) -> None:
    """The pool speaks TLS to the server that the certificate names, and the schema fits it."""
    pool = await open_pool(debian_stores.database_url(), size_min=1, size_max=2)
    async with pool.acquire() as connection:
        assert await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        assert connection.get_server_version().major < 18
        assert load() == await migrate(connection, Clock())
        assert 0 == await connection.fetchval("SELECT count(*) FROM payments")
    await pool.close()


async def test_postgres_under_another_name(debian_stores: DebianStores) -> None:
    """A certificate for another name than the one in the URL is refused."""
    with pytest.raises(ssl.SSLCertVerificationError, match=r"127\.0\.0\.1"):
        await open_pool(debian_stores.database_url(host="127.0.0.1"), size_min=1)


async def test_postgres_without_tls(debian_stores: DebianStores) -> None:
    """A server that wants TLS refuses the URL that turns it off."""
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError) as refused:
        await open_pool(debian_stores.database_url(sslmode="disable"), size_min=1)
    assert not is_unavailable(refused.value)


async def test_redis_with_verified_tls(debian_stores: DebianStores) -> None:
    """A `rediss` URL with the authority's certificate is all that TLS and password take."""
    async with Redis.from_url(debian_stores.redis_url(), decode_responses=True) as client:
        assert await client.set("key", "value")
        assert "value" == await client.get("key")
        assert not (await client.info("server"))["redis_version"].startswith("6.")


async def test_redis_under_another_name(debian_stores: DebianStores) -> None:
    """A certificate for another name than the one in the URL is refused."""
    async with Redis.from_url(debian_stores.redis_url(host="127.0.0.1")) as client:
        with pytest.raises(redis.exceptions.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.ping()


async def test_redis_without_tls(debian_stores: DebianStores) -> None:
    """A port that wants TLS answers nothing to a `redis` URL."""
    async with Redis.from_url(debian_stores.redis_url(scheme="redis")) as client:
        with pytest.raises(redis.exceptions.ConnectionError):
            await client.ping()
