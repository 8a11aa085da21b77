"""API keys: made, read, listed, changed, rotated, revoked. A secret is answered this once."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from gateway.domain.representation import timestamp
from gateway.domain.work import StoredAnswer
from gateway.storage.journal import Connection
from gateway.storage.reads_keys import KeyRow, page_of_keys
from gateway.web import key_changes
from gateway.web.api.common import found
from gateway.web.bodies import read_body
from gateway.web.calls import call_of
from gateway.web.key_changes import KeyChange, KeyRights
from gateway.web.keys import forget_keys, key_permissions
from gateway.web.queries import list_response, page_of, unknown_start
from gateway.web.responses import json_answer, json_response
from gateway.web.schemas import KeyBody, KeyChanges, KeyRotationBody
from gateway.web.writes import write_once

__all__ = ["change_key", "create_key", "get_key", "list_keys", "revoke_key", "rotate_key"]

_KEY = re.compile(r"key_(?:test|live)_[A-Za-z0-9]{1,32}", re.ASCII)


async def create_key(request: web.Request) -> web.Response:
    """`POST /keys`: a new key of the same mode; its secret is answered this once."""
    body = await read_body(request)
    fields = body.as_model(KeyBody)
    change = _change(request)
    rights = KeyRights(
        role=fields.role,
        permissions=tuple(sorted(set(fields.permissions))),
        expires_at=fields.expires_at,
    )
    rights.check(key_permissions(request.app), change.now)

    async def create(connection: Connection) -> StoredAnswer:
        key, made = await key_changes.make_key(connection, change, rights)
        return json_answer(201, {**_key_object(key, change), "secret": made.secret})

    return await write_once(request, body, "key.created", create, sealed=True)


async def list_keys(request: web.Request) -> web.Response:
    """`GET /keys`: keys, newest first, also those that no longer hold."""
    change = _change(request)
    page = page_of(request, lambda given: _KEY.fullmatch(given) is not None)
    async with call_of(request).services.pool.acquire() as connection:
        listed = await page_of_keys(connection, change.author.scope, page)
    if listed is None:
        raise unknown_start()
    keys, listing = listed
    return list_response([_key_object(each, change) for each in keys], listing, page)


async def get_key(request: web.Request) -> web.Response:
    """`GET /keys/{id}`: one key."""
    change, key_id = _change(request), _path_key(request)
    async with call_of(request).services.pool.acquire() as connection:
        key = await key_changes.merchant_key_of(connection, change, key_id)
    return json_response(_key_object(key, change))


async def change_key(request: web.Request) -> web.Response:
    """`PATCH /keys/{id}`: other rights or another expiry; what is not named stays."""
    change, key_id = _change(request), _path_key(request)
    fields = (await read_body(request)).as_model(KeyChanges)
    async with call_of(request).services.pool.acquire() as connection, connection.transaction():
        key = await key_changes.merchant_key_of(connection, change, key_id)
        rights = _changed_rights(key, fields)
        rights.check(key_permissions(request.app), change.now)
        key = await key_changes.change_key(connection, change, key_id, rights)
    await forget_keys(request.app, [key_id])
    return json_response(_key_object(key, change))


async def rotate_key(request: web.Request) -> web.Response:
    """`POST /keys/{id}/rotate`: a new key and secret; the old ones hold for a while."""
    change, key_id = _change(request), _path_key(request)
    body = await read_body(request)
    overlap_seconds = body.as_model(KeyRotationBody).overlap_seconds
    if overlap_seconds is None:
        overlap_seconds = call_of(request).services.settings.api_key_overlap_seconds

    async def rotate(connection: Connection) -> StoredAnswer:
        new, made, old = await key_changes.rotate_key(
            connection, change, key_id, overlap_seconds=overlap_seconds
        )
        shown = {"secret": made.secret, "replaces": _key_object(old, change)}
        return json_answer(201, {**_key_object(new, change), **shown})

    async def forget() -> None:
        await forget_keys(request.app, [key_id])

    return await write_once(request, body, "key.rotated", rotate, committed=forget, sealed=True)


async def revoke_key(request: web.Request) -> web.Response:
    """`DELETE /keys/{id}`: refused from now on."""
    change, key_id = _change(request), _path_key(request)
    async with call_of(request).services.pool.acquire() as connection, connection.transaction():
        key = await key_changes.remove_key(connection, change, key_id)
    await forget_keys(request.app, [key_id])
    return json_response(_key_object(key, change))


def _change(request: web.Request) -> KeyChange:
    call = call_of(request)
    services = call.services
    return KeyChange(
        vault=services.vault,
        author=call.author,
        now=services.clock.now(),
        keys_max=services.settings.api_keys_max,
        key=call.caller.key,
    )


def _path_key(request: web.Request) -> str:
    text = request.match_info["id"]
    return found(text if _KEY.fullmatch(text) else None, "Key")


def _changed_rights(key: KeyRow, fields: KeyChanges) -> KeyRights:
    role = fields.role or key.role
    permissions = key.permissions if role == "restricted" else ()
    if fields.permissions is not None:
        permissions = tuple(sorted(set(fields.permissions)))
    has_expiry = "expires_at" in fields.model_fields_set
    return KeyRights(
        role=role,
        permissions=permissions,
        expires_at=fields.expires_at if has_expiry else key.expires_at,
    )


def _key_object(key: KeyRow, change: KeyChange) -> dict[str, Any]:
    return {
        "id": key.id,
        "mode": key.mode,
        "role": key.role,
        "permissions": list(key.permissions),
        "status": key.state(change.now),
        "replaced_by": key.replaced_by,
        "expires_at": timestamp(key.expires_at),
        "revoked_at": timestamp(key.revoked_at),
        "last_used_at": timestamp(key.last_used_at),
        "created_at": timestamp(key.created_at),
    }
