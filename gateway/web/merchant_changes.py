"""What is done to a merchant's settings, for the merchant API and the dashboard alike."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from aiohttp import web

from gateway.domain.errors import InvalidRequest
from gateway.domain.work import Audit
from gateway.storage.administration import insert_audit, update_merchant
from gateway.web.calls import call_of
from gateway.web.keys import forget_merchant
from gateway.web.schemas import MerchantChanges

__all__ = ["change_settings"]

_LISTS = ("enabled_methods", "allowed_origins")
_BRANDING = {"color": "brand_color", "logo_url": "logo_url"}


async def change_settings(request: web.Request, fields: MerchantChanges) -> None:
    """Store what was sent; all processes work by it at once. Raises InvalidRequest for nothing."""
    call = call_of(request)
    changes = _columns(fields)
    if not changes:
        raise InvalidRequest("There is nothing to change")
    author, now = call.author, call.services.clock.now()
    merchant_id = author.scope.merchant_id
    audit = Audit(
        id=uuid4(),
        merchant_id=merchant_id,
        mode=None,  # the settings are those of both
        actor=author.name,
        action="merchant.changed",
        subject_id=str(merchant_id),
        details=json.dumps({"fields": sorted(changes)}),
        request_id=author.request_id,
        address=author.address,
        created_at=now,
    )
    async with call.services.pool.acquire() as connection, connection.transaction():
        await update_merchant(connection, merchant_id, changes, now)
        await insert_audit(connection, audit)
    await forget_merchant(request.app, merchant_id)


def _columns(fields: MerchantChanges) -> dict[str, Any]:
    """What is to be changed, by column."""
    changes: dict[str, Any] = {name: getattr(fields, name) for name in fields.model_fields_set}
    for name in _LISTS:
        if name in changes:
            changes[name] = list(dict.fromkeys(changes[name]))
    branding = changes.pop("branding", None)
    if branding is not None:
        chosen = branding.model_fields_set
        changes |= {_BRANDING[name]: getattr(branding, name) for name in chosen}
    return changes
