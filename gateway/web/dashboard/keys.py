"""API keys: made, looked at, rotated, revoked. An old secret is shown to owners only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from gateway.domain.errors import InvalidRequest, InvalidState, NotFound
from gateway.security.credentials import ApiCredentials
from gateway.security.records import api_key_record
from gateway.storage.administration import write_audit
from gateway.storage.reads_keys import KeyRow, list_keys, sealed_secret
from gateway.web import key_changes
from gateway.web.calls import call_of
from gateway.web.dashboard.confirming import ask_password
from gateway.web.dashboard.credentials import masked
from gateway.web.dashboard.frame import dashboard_response, said_and_done
from gateway.web.forms import Form, read_form
from gateway.web.key_changes import KEY_ROLES, KeyChange, KeyRights
from gateway.web.keys import forget_keys, key_permissions

__all__ = ["create_key", "reveal_key", "revoke", "rotate", "show_keys"]

_PATH = "/dashboard/keys"
_KEY = re.compile(r"key_(?:test|live)_[A-Za-z0-9]{1,32}")
_ROLE_NAMES: Mapping[str, str] = {
    "full": "Full access",
    "read_only": "Read only",
    "restricted": "Restricted",
}
_EXPIRIES: Mapping[str, int] = {"": 0, "30": 30, "90": 90, "365": 365}  # days; 0 is never
# Seconds that the key before goes on holding, and how they are called.
_OVERLAPS: Mapping[str, str] = {
    "86400": "For a day",
    "3600": "For an hour",
    "604800": "For a week",
    "0": "Not at all: it has leaked",
}


async def show_keys(request: web.Request) -> web.Response:
    """`GET /dashboard/keys`."""
    return await _page(request)


async def create_key(request: web.Request) -> web.Response:
    """`POST /dashboard/keys`: the secret is on the page that answers, and on no other."""
    form, change = await read_form(request), _change(request)
    try:
        rights = _chosen(form, change.now)
        rights.check(key_permissions(request.app), change.now)
        async with call_of(request).services.pool.acquire() as connection, connection.transaction():
            _, made = await key_changes.make_key(connection, change, rights)
    except (InvalidRequest, InvalidState) as refusal:
        return await _page(request, form=form, error=refusal.description)
    return await _page(request, made=made)


async def rotate(request: web.Request) -> web.Response:
    """`POST /dashboard/keys/{id}/rotate`: the new key is on the page that answers."""
    key_id, overlap = _key_id(request), (await read_form(request)).text("overlap")
    if overlap not in _OVERLAPS:
        return await _page(request, error="Choose how long the old key goes on holding.")
    try:
        async with call_of(request).services.pool.acquire() as connection, connection.transaction():
            _, made, _ = await key_changes.rotate_key(
                connection, _change(request), key_id, overlap_seconds=int(overlap)
            )
    except InvalidState as refusal:
        return await _page(request, error=refusal.description)
    await forget_keys(request.app, [key_id])
    return await _page(request, made=made)


async def reveal_key(request: web.Request) -> web.Response:
    """`POST /dashboard/keys/{id}/reveal`: the secret, after the password."""
    call, key_id = call_of(request), _key_id(request)
    asked = await ask_password(
        request, title=f"Show the secret of {key_id}", back=_PATH, active="keys"
    )
    if asked is not None:
        return asked
    async with call.services.pool.acquire() as connection, connection.transaction():
        sealed = await sealed_secret(connection, call.member.scope, key_id)
        if sealed is None:
            raise NotFound("Key not found")
        now = call.services.clock.now()
        await write_audit(connection, call.author, "key.revealed", key_id, now)
    secret = call.services.vault.open(sealed, record=api_key_record(key_id)).decode()
    return await _page(request, revealed={key_id: secret})


async def revoke(request: web.Request) -> web.Response:
    """`POST /dashboard/keys/{id}/revoke`: refused from now on, by all processes."""
    key_id = _key_id(request)
    try:
        async with call_of(request).services.pool.acquire() as connection, connection.transaction():
            await key_changes.remove_key(connection, _change(request), key_id)
    except InvalidState:
        raise NotFound("Key not found") from None
    await forget_keys(request.app, [key_id])
    return await said_and_done(request, _PATH, f"{key_id} is refused from now on.")


def _change(request: web.Request) -> KeyChange:
    call = call_of(request)
    services = call.services
    return KeyChange(
        vault=services.vault,
        author=call.author,
        now=services.clock.now(),
        keys_max=services.settings.api_keys_max,
    )


def _chosen(form: Form, now: datetime) -> KeyRights:
    """What was ticked; raises InvalidRequest with a text for the form."""
    role, expiry = form.text("role"), form.text("expiry")
    if role not in KEY_ROLES or expiry not in _EXPIRIES:
        raise InvalidRequest("Choose what the key may do, and how long it holds.")
    permissions = tuple(sorted(set(form.all("permissions")))) if role == "restricted" else ()
    if role == "restricted" and not permissions:
        raise InvalidRequest("Choose at least one permission for a restricted key.")
    days = _EXPIRIES[expiry]
    return KeyRights(
        role=role,
        permissions=permissions,
        expires_at=now + timedelta(days=days) if days else None,
    )


def _key_id(request: web.Request) -> str:
    key_id = request.match_info["id"]
    if not _KEY.fullmatch(key_id):
        raise NotFound("Key not found")
    return key_id


async def _page(
    request: web.Request,
    *,
    made: ApiCredentials | None = None,
    revealed: Mapping[str, str] | None = None,
    form: Form | None = None,
    error: str = "",
) -> web.Response:
    call = call_of(request)
    services, sent = call.services, form or Form([])
    now, maximum = services.clock.now(), 2 * services.settings.api_keys_max
    async with services.pool.acquire() as connection:
        keys = await list_keys(connection, call.member.scope, keys_max=maximum)
    context = {
        "keys": [_shown(key, key.state(now), (revealed or {}).get(key.id)) for key in keys],
        "made": made,
        "role_names": _ROLE_NAMES,
        "permissions": sorted(key_permissions(request.app)),
        "overlaps": _OVERLAPS,
        "chosen_role": sent.text("role") or "full",
        "chosen_permissions": sent.all("permissions"),
        "error": error,
    }
    status = 400 if error else 200
    return dashboard_response(request, "dashboard/keys.html", context, active="keys", status=status)


def _shown(key: KeyRow, state: str, secret: str | None) -> dict[str, Any]:
    return {
        "row": key,
        "state": state,
        "role": _ROLE_NAMES[key.role],
        "secret": secret or masked(key.id),
        "is_revealed": secret is not None,
    }
