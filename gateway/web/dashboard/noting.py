"""The audit trail of the dashboard's own: accounts and teams, which have no mode."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from aiohttp import web

from gateway.domain.work import Audit
from gateway.storage.administration import insert_audit
from gateway.storage.journal import Connection
from gateway.storage.users import UserRecord
from gateway.web.calls import call_of
from gateway.web.client_addresses import client_address

__all__ = ["note_account"]


async def note_account(
    request: web.Request,
    connection: Connection,
    user: UserRecord,
    action: str,
    subject_id: str | None = None,
    **details: Any,
) -> None:
    """Leave a line about what `user` did to the account or the team; no secret in `details`.

    The line is seen in both modes. What belongs to one of them is noted with `Call.author`.
    """
    call = call_of(request)
    audit = Audit(
        id=uuid4(),
        merchant_id=user.merchant_id,
        mode=None,
        actor=f"user:{user.id}",
        action=action,
        subject_id=subject_id or str(user.id),
        details=json.dumps(details),
        request_id=call.request_id,
        address=client_address(request, call.services.settings.trusted_proxies),
        created_at=call.services.clock.now(),
    )
    await insert_audit(connection, audit)
