"""One account of a merchant at a processor: added, changed, checked, put in or out of use, removed.

The rules are those of the API. What was entered as a secret is on no page again, not even on the
one that says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.domain.errors import InvalidRequest, InvalidState, NotFound, Rejected, Unavailable
from gateway.domain.outcomes import Credential, ProcessorTraits
from gateway.domain.processor_accounts import CheckResult
from gateway.storage.processor_accounts import ProcessorAccount, list_accounts
from gateway.web import processor_account_changes as changes
from gateway.web.api.common import changed_by, path_uuid
from gateway.web.bodies import validated
from gateway.web.calls import call_of
from gateway.web.dashboard.frame import dashboard_response, said_and_done
from gateway.web.dashboard.processors import PATH
from gateway.web.dashboard.writing import writer_of
from gateway.web.forms import Form, read_form
from gateway.web.processor_account_changes import Entered
from gateway.web.schemas import ProcessorAccountBody, ProcessorAccountChanges

__all__ = [
    "add_account",
    "check_account",
    "remove_account",
    "save_account",
    "show_account",
    "show_new_account",
    "switch_account",
]

_SAID: Mapping[CheckResult, str] = {
    CheckResult.ACCEPTED: "The processor takes its credentials.",
    CheckResult.REFUSED: "The processor refuses its credentials.",
    CheckResult.UNCHECKED: "The processor could not be asked about its credentials.",
}


async def show_new_account(request: web.Request) -> web.Response:
    """`GET /dashboard/processors/new?processor=`."""
    return _new_page(request, _taker(request, request.query.get("processor", "")))


async def add_account(request: web.Request) -> web.Response:
    """`POST /dashboard/processors/accounts`: used at once where no other account is."""
    call, form = call_of(request), await read_form(request)
    traits = _taker(request, form.text("processor"))
    try:
        fields = validated(ProcessorAccountBody, _members(form, traits))
        entered = await changes.enter_credentials(
            call.services, call.member.mode, traits.name, fields.credentials
        )
        account = await _made(request, entered, fields.name)
    except (InvalidRequest, InvalidState, Unavailable) as refusal:
        return _new_page(request, traits, form, _faults(refusal, traits))
    await changes.accounts_changed(call.services)
    use = "New payments go there." if account.active else "It is not in use yet."
    notice = f"The account was added. {_SAID[account.check_result]} {use}"
    return await said_and_done(request, PATH, notice)


async def show_account(request: web.Request) -> web.Response:
    """`GET /dashboard/processors/accounts/{id}`."""
    return _page(request, await _account(request))


async def save_account(request: web.Request) -> web.Response:
    """`POST /dashboard/processors/accounts/{id}`: a secret that is left empty stays."""
    call, account, form = call_of(request), await _account(request), await read_form(request)
    traits = call.services.policy.processors.get(account.processor)
    try:
        members = _members(form, traits)
        given = {name: value for name, value in members["credentials"].items() if value}
        fields = validated(
            ProcessorAccountChanges, {"name": members["name"], "credentials": given or None}
        )
        entered = None
        if fields.credentials is not None:
            entered = await changes.enter_again(call.services, account, fields.credentials)
        await _change(request, account, name=fields.name, entered=entered)
    except (InvalidRequest, InvalidState, Unavailable) as refusal:
        return _page(request, account, form, _faults(refusal, traits))
    said = "" if entered is None else f" {_SAID[entered.checked.result]}"
    return await said_and_done(request, _path(account), f"The account was saved.{said}")


async def check_account(request: web.Request) -> web.Response:
    """`POST /dashboard/processors/accounts/{id}/check`: ask the processor."""
    call, account = call_of(request), await _account(request)
    try:
        checked = await changes.check_account(call.services, account)
    except (InvalidState, Unavailable) as refusal:
        return _page(request, account, faults={"": refusal.description})
    async with call.services.pool.acquire() as connection, connection.transaction():
        await changes.record_check(connection, changed_by(request), account, checked)
    return await said_and_done(request, _path(account), _SAID[checked.result])


async def switch_account(request: web.Request) -> web.Response:
    """`POST /dashboard/processors/accounts/{id}/active`: in use instead of another, or not."""
    account = await _account(request)
    active = (await read_form(request)).text("active") == "true"
    try:
        await _change(request, account, active=active)
    except InvalidState as refusal:
        return _page(request, account, faults={"": refusal.description})
    notice = "New payments go to this account." if active else "No new payments go there."
    return await said_and_done(request, _path(account), notice)


async def remove_account(request: web.Request) -> web.Response:
    """`POST /dashboard/processors/accounts/{id}/delete`."""
    call, account = call_of(request), await _account(request)
    async with call.services.pool.acquire() as connection, connection.transaction():
        deleted = await changes.remove_account(connection, changed_by(request), account.id)
    await changes.accounts_changed(call.services)
    notice = "The account was deleted."
    if not deleted:
        notice = "The account is kept for the payments made with it, and takes no new ones."
    return await said_and_done(request, PATH, notice)


async def _made(request: web.Request, entered: Entered, name: str | None) -> ProcessorAccount:
    """The new account, in use unless another one is."""
    call = call_of(request)
    limit = call.services.settings.processor_accounts_max
    async with call.services.pool.acquire() as connection, connection.transaction():
        listed = await list_accounts(connection, call.member.scope, limit)
        taken = any(each.active and each.processor == entered.traits.name for each in listed)
        return await changes.make_account(
            connection, changed_by(request), entered, name=name, active=not taken
        )


async def _change(
    request: web.Request,
    account: ProcessorAccount,
    *,
    name: str | None = None,
    entered: Entered | None = None,
    active: bool | None = None,
) -> None:
    services = call_of(request).services
    async with services.pool.acquire() as connection, connection.transaction():
        await changes.change_account(
            connection, changed_by(request), account, name=name, entered=entered, active=active
        )
    await changes.accounts_changed(services)


async def _account(request: web.Request) -> ProcessorAccount:
    """The one of the path; raises NotFound for another merchant's or mode's."""
    call, account_id = call_of(request), path_uuid(request, "Processor account")
    async with call.services.pool.acquire() as connection:
        return await changes.account_of(connection, call.member.scope, account_id)


def _taker(request: web.Request, processor: str) -> ProcessorTraits:
    call = call_of(request)
    traits = changes.takers(call.services, call.member.mode).get(processor)
    if traits is None:
        raise NotFound("Processor not found")
    return traits


def _members(form: Form, traits: ProcessorTraits | None) -> dict[str, Any]:
    """The form as the API's body."""
    credentials = traits.credentials if traits is not None else ()
    return {
        "processor": traits.name if traits is not None else "",
        "name": form.text("name"),
        "credentials": {
            each.name: form.text(f"credentials.{each.name}")
            for each in credentials
            if f"credentials.{each.name}" in form
        },
    }


def _faults(refusal: Rejected, traits: ProcessorTraits | None) -> Mapping[str, str]:
    """What is wrong by field; what is wrong with no field of the form has none."""
    credentials = traits.credentials if traits is not None else ()
    labels = {f"credentials.{each.name}": each.label for each in credentials} | {"name": "Name"}
    errors = getattr(refusal, "errors", ())
    faults = {each.field: each.description for each in errors if each.field in labels}
    if not faults:
        return {"": f"{refusal.description}."}
    return {path: f"{text.replace(path, labels[path], 1)}." for path, text in faults.items()}


def _path(account: ProcessorAccount) -> str:
    return f"{PATH}/accounts/{account.id}"


def _new_page(
    request: web.Request,
    traits: ProcessorTraits,
    form: Form | None = None,
    faults: Mapping[str, str] | None = None,
) -> web.Response:
    context = {
        "processor": traits.name,
        "credentials": traits.credentials,
        "shown": {},
        "values": _sent(form, traits.credentials),
        "faults": faults or {},
    }
    return dashboard_response(
        request,
        "dashboard/processor_account_new.html",
        context,
        active="processors",
        status=400 if faults else 200,
    )


def _page(
    request: web.Request,
    account: ProcessorAccount,
    form: Form | None = None,
    faults: Mapping[str, str] | None = None,
) -> web.Response:
    traits = call_of(request).services.policy.processors.get(account.processor)
    credentials = traits.credentials if traits is not None else ()
    values = _sent(form, ()) if form is not None else {"name": account.name}
    context = {
        "write": writer_of(request),
        "account": account,
        "path": _path(account),
        "credentials": credentials,
        "shown": account.credentials,
        "values": values,
        "faults": faults or {},
    }
    return dashboard_response(
        request,
        "dashboard/processor_account.html",
        context,
        active="processors",
        status=400 if faults else 200,
    )


def _sent(form: Form | None, credentials: tuple[Credential, ...]) -> Mapping[str, str]:
    """What was entered and is shown again: no secret."""
    if form is None:
        return {}
    names = [f"credentials.{each.name}" for each in credentials if not each.is_secret]
    return {name: form.text(name) for name in ("name", *names)}
