"""Where the cache of API keys is found, and how its entries are made to be read anew."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import structlog
from aiohttp import web

from gateway.queue.client import is_redis_unavailable
from gateway.web.authentication import KeyCache
from gateway.web.services import SERVICES

__all__ = ["KEY_CACHE", "KEY_PERMISSIONS", "forget_keys", "forget_merchant", "key_permissions"]

logger = structlog.get_logger(__name__)

KEY_CACHE: web.AppKey[KeyCache] = web.AppKey("key_cache", KeyCache)

KEY_PERMISSIONS: web.AppKey[frozenset[str]] = web.AppKey("key_permissions", frozenset)
"""The permissions of all routes for keys."""


def key_permissions(application: web.Application) -> frozenset[str]:
    """What a restricted key can be given."""
    return application[KEY_PERMISSIONS]


async def forget_keys(application: web.Application, key_ids: Sequence[str]) -> None:
    """These were changed or revoked, and that is committed: all processes read them anew.

    While Redis is away other processes learn of it when they next read the keys, within
    `GATEWAY_KEY_CACHE_SECONDS`.
    """
    application[KEY_CACHE].forget(key_ids)
    if not key_ids:
        return
    try:
        await application[SERVICES].revoke_keys(key_ids)
    except Exception as error:
        if not is_redis_unavailable(error):
            raise
        logger.warning("revocation_not_told", keys=list(key_ids), error=type(error).__name__)


async def forget_merchant(application: web.Application, merchant_id: UUID) -> None:
    """The merchant's settings were changed: other processes learn of it, too."""
    await forget_keys(application, application[KEY_CACHE].keys_of(merchant_id))
