"""A merchant's own accounts at processors. Credentials go in and never come out again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from aiohttp import web

from gateway.domain.representation import timestamp
from gateway.domain.work import StoredAnswer
from gateway.storage.journal import Connection
from gateway.storage.processor_accounts import ProcessorAccount, list_accounts
from gateway.web import processor_account_changes as changes
from gateway.web.api.common import changed_by, path_uuid
from gateway.web.bodies import read_body
from gateway.web.calls import call_of
from gateway.web.processor_account_changes import Entered
from gateway.web.responses import json_answer, json_response
from gateway.web.schemas import EmptyBody, ProcessorAccountBody, ProcessorAccountChanges
from gateway.web.writes import write_once

__all__ = [
    "change_processor_account",
    "check_processor_account",
    "create_processor_account",
    "delete_processor_account",
    "get_processor_account",
    "list_processor_accounts",
]


async def create_processor_account(request: web.Request) -> web.Response:
    """`POST /processor-accounts`: the credentials are checked before anything is stored."""
    call = call_of(request)
    body = await read_body(request)
    fields = body.as_model(ProcessorAccountBody)
    entered: list[Entered] = []

    async def enter() -> None:
        mode = call.caller.mode
        entered.append(
            await changes.enter_credentials(
                call.services, mode, fields.processor, fields.credentials
            )
        )

    async def create(connection: Connection) -> StoredAnswer:
        account = await changes.make_account(
            connection, changed_by(request), entered[0], name=fields.name, active=fields.active
        )
        return json_answer(201, _account_object(account))

    async def tell() -> None:
        await changes.accounts_changed(call.services)

    return await write_once(
        request, body, "processor_account.created", create, before=enter, committed=tell
    )


async def list_processor_accounts(request: web.Request) -> web.Response:
    """`GET /processor-accounts`: all of them, there are few; newest first."""
    call = call_of(request)
    limit = call.services.settings.processor_accounts_max
    async with call.services.pool.acquire() as connection:
        listed = await list_accounts(connection, call.caller.scope, limit)
    return json_response(
        {
            "data": [_account_object(each) for each in listed],
            "total": len(listed),
            "limit": limit,
            "offset": 0,
            "has_more": False,
        }
    )


async def get_processor_account(request: web.Request) -> web.Response:
    """`GET /processor-accounts/{id}`: one account."""
    return json_response(_account_object(await _find(request)))


async def change_processor_account(request: web.Request) -> web.Response:
    """`PATCH /processor-accounts/{id}`: another name, other secrets, active or not."""
    call = call_of(request)
    seen = await _find(request)
    body = await read_body(request)
    fields = body.as_model(ProcessorAccountChanges)
    entered = None
    if fields.credentials is not None:
        entered = await changes.enter_again(call.services, seen, fields.credentials)
    async with call.services.pool.acquire() as connection, connection.transaction():
        account = await changes.change_account(
            connection,
            changed_by(request),
            seen,
            name=fields.name,
            entered=entered,
            active=fields.active,
        )
    await changes.accounts_changed(call.services)
    return json_response(_account_object(account))


async def check_processor_account(request: web.Request) -> web.Response:
    """`POST /processor-accounts/{id}/check`: ask the processor whether it takes them."""
    call = call_of(request)
    body = await read_body(request)
    body.as_model(EmptyBody)
    account = await _find(request)
    checked = await changes.check_account(call.services, account)
    async with call.services.pool.acquire() as connection, connection.transaction():
        account = await changes.record_check(connection, changed_by(request), account, checked)
    return json_response(_account_object(account))


async def delete_processor_account(request: web.Request) -> web.Response:
    """`DELETE /processor-accounts/{id}`: inactive only, where payments or saved cards need it."""
    call, account_id = call_of(request), _path_account(request)
    async with call.services.pool.acquire() as connection, connection.transaction():
        deleted = await changes.remove_account(connection, changed_by(request), account_id)
    await changes.accounts_changed(call.services)
    return json_response({"id": str(account_id), "deleted": deleted, "active": False})


async def _find(request: web.Request) -> ProcessorAccount:
    call, account_id = call_of(request), _path_account(request)
    async with call.services.pool.acquire() as connection:
        return await changes.account_of(connection, call.caller.scope, account_id)


def _path_account(request: web.Request) -> UUID:
    return path_uuid(request, "Processor account")


def _account_object(account: ProcessorAccount) -> dict[str, Any]:
    return {
        "id": str(account.id),
        "mode": account.mode,
        "processor": account.processor,
        "name": account.name,
        "credentials": account.credentials,
        "active": account.active,
        "check": {
            "result": account.check_result,
            "message": account.check_message,
            "checked_at": timestamp(account.last_checked_at),
        },
        "created_at": timestamp(account.created_at),
        "updated_at": timestamp(account.updated_at),
    }
