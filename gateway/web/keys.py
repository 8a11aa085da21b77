"""Where the cache of API keys is found, and how its entries are made to be read anew."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from gateway.web.authentication import KeyCache
from gateway.web.services import SERVICES

__all__ = ["KEY_CACHE", "forget_merchant"]

KEY_CACHE: web.AppKey[KeyCache] = web.AppKey("key_cache", KeyCache)


async def forget_merchant(application: web.Application, merchant_id: UUID) -> None:
    """The merchant's settings were changed: other processes learn of it, too."""
    cache = application[KEY_CACHE]
    key_ids = cache.keys_of(merchant_id)
    cache.forget(key_ids)
    if key_ids:
        await application[SERVICES].revoke_keys(key_ids)
