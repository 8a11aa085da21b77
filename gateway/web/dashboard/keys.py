"""API keys: made, looked at, revoked. A secret is shown when it is made, later only to owners."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from aiohttp import web

from gateway.domain.errors import InvalidRequest, NotFound
from gateway.security.credentials import ApiCredentials, Mode, hash_secret, new_api_key
from gateway.security.records import api_key_record
from gateway.storage.administration import insert_key, revoke_key, write_audit
from gateway.storage.reads_keys import KeyRow, count_keys, list_keys, sealed_secret
from gateway.web.api import PERMISSIONS
from gateway.web.calls import call_of
from gateway.web.dashboard.confirming import ask_password
from gateway.web.dashboard.credentials import masked
from gateway.web.dashboard.frame import dashboard_response, said_and_done
from gateway.web.forms import Form, read_form
from gateway.web.keys import KEY_CACHE

__all__ = ["create_key", "reveal_key", "revoke", "show_keys"]

_PATH = "/dashboard/keys"
_KEY = re.compile(r"key_(?:test|live)_[A-Za-z0-9]{1,32}")
_ROLE_NAMES: Mapping[str, str] = {
    "full": "Full access",
    "read_only": "Read only",
    "restricted": "Restricted",
}
_EXPIRIES: Mapping[str, int] = {"": 0, "30": 30, "90": 90, "365": 365}  # days; 0 is never


async def show_keys(request: web.Request) -> web.Response:
    """`GET /dashboard/keys`."""
    return await _page(request)


async def create_key(request: web.Request) -> web.Response:
    """`POST /dashboard/keys`: the secret is on the page that answers, and on no other."""
    form = await read_form(request)
    try:
        made = await _create(request, form)
    except InvalidRequest as refusal:
        return await _page(request, form=form, error=refusal.description)
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
    call, key_id = call_of(request), _key_id(request)
    now = call.services.clock.now()
    async with call.services.pool.acquire() as connection, connection.transaction():
        if not await revoke_key(connection, call.member.scope, key_id, now):
            raise NotFound("Key not found")
        await write_audit(connection, call.author, "key.revoked", key_id, now)
    request.app[KEY_CACHE].forget([key_id])
    await call.services.revoke_keys([key_id])
    return await said_and_done(request, _PATH, f"{key_id} is refused from now on.")


async def _create(request: web.Request, form: Form) -> ApiCredentials:
    call = call_of(request)
    services, scope = call.services, call.member.scope
    role, permissions, days = _chosen(form)
    mode: Mode = "live" if scope.mode == "live" else "test"
    made, now = new_api_key(mode), services.clock.now()
    maximum: int = services.settings.api_keys_max
    async with services.pool.acquire() as connection, connection.transaction():
        if await count_keys(connection, scope) >= maximum:
            raise InvalidRequest(f"There are {maximum} keys already. Revoke one first.")
        await insert_key(
            connection,
            scope,
            key_id=made.key_id,
            role=role,
            permissions=permissions,
            secret_hash=hash_secret(services.vault, made.secret),
            secret_sealed=services.vault.seal(
                made.secret.encode(), record=api_key_record(made.key_id)
            ),
            expires_at=now + timedelta(days=days) if days else None,
            now=now,
        )
        details = {"role": role, "permissions": permissions, "expires_in_days": days}
        await write_audit(connection, call.author, "key.created", made.key_id, now, details=details)
    return made


def _chosen(form: Form) -> tuple[str, list[str], int]:
    """Role, permissions and days; raises InvalidRequest with a text for the form."""
    role, expiry = form.text("role"), form.text("expiry")
    if role not in _ROLE_NAMES or expiry not in _EXPIRIES:
        raise InvalidRequest("Choose what the key may do, and how long it holds.")
    permissions = sorted(set(form.all("permissions"))) if role == "restricted" else []
    if not PERMISSIONS.issuperset(permissions):
        raise InvalidRequest("There is no such permission.")
    if role == "restricted" and not permissions:
        raise InvalidRequest("Choose at least one permission for a restricted key.")
    return role, permissions, _EXPIRIES[expiry]


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
        "permissions": sorted(PERMISSIONS),
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
