"""One's own account: name, password, and where one is signed in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from aiohttp import web

from gateway.queue.throttle import Limit
from gateway.storage.users import change_password, find_login, rename_user
from gateway.web.calls import call_of
from gateway.web.dashboard.agents import agent_name
from gateway.web.dashboard.frame import dashboard_response, redirect, said_and_done
from gateway.web.dashboard.noting import note_account
from gateway.web.dashboard.passwords import password_fault
from gateway.web.forms import read_form
from gateway.web.sessions import SESSIONS, OpenSession

__all__ = ["change_name", "end_session", "is_own_password", "set_password", "show_account"]

_PATH = "/dashboard/account"
_NAME_CHARACTERS_MAX = 100


async def show_account(request: web.Request) -> web.Response:
    """`GET /dashboard/account`."""
    return await _page(request)


async def change_name(request: web.Request) -> web.Response:
    """`POST /dashboard/account/name`."""
    call, name = call_of(request), (await read_form(request)).text("name")
    if len(name) > _NAME_CHARACTERS_MAX or not name.isprintable():
        fault = f"A name has at most {_NAME_CHARACTERS_MAX} printable characters."
        return await _page(request, name_error=fault)
    user = call.member.user
    async with call.services.pool.acquire() as connection, connection.transaction():
        await rename_user(connection, user.id, name, call.services.clock.now())
        await note_account(request, connection, user, "user.renamed")
    return await said_and_done(request, _PATH, "Your name was saved.")


async def set_password(request: web.Request) -> web.Response:
    """`POST /dashboard/account/password`: all sessions end, and this one goes on anew."""
    call, form = call_of(request), await read_form(request)
    user, services = call.member.user, call.services
    if await is_own_password(request, form.raw("current_password")):
        fault = password_fault(services.settings, form, user.email)
    else:
        fault = "Your current password is another one."
    if fault is not None:
        return await _page(request, password_error=fault)
    made = await services.passwords.hash(form.raw("new_password"))
    async with services.pool.acquire() as connection, connection.transaction():
        epoch = await change_password(connection, user.id, made, services.clock.now())
        await note_account(request, connection, user, "user.password_changed")
    response = redirect(_PATH)
    changed = replace(user, session_epoch=epoch)
    await request.app[SESSIONS].open(
        request,
        response,
        changed,
        mode=call.member.mode,
        notice="Your password was changed. You were signed out everywhere else.",
    )
    return response


async def end_session(request: web.Request) -> web.Response:
    """`POST /dashboard/account/sessions/end`: one of one's own sessions."""
    call, form = call_of(request), await read_form(request)
    await request.app[SESSIONS].end(call.member, form.text("session"))
    user = call.member.user
    async with call.services.pool.acquire() as connection:
        await note_account(request, connection, user, "user.session_ended")
    return await said_and_done(request, _PATH, "That browser was signed out.")


async def is_own_password(request: web.Request, password: str) -> bool:
    """Whether it is the password of who is signed in; attempts are counted as for signing in."""
    call = call_of(request)
    services, user, settings = call.services, call.member.user, call.services.settings
    now = services.clock.now()
    limit = Limit(
        name="confirm",
        subject=str(user.id),
        attempts_max=settings.sign_in_attempts_max,
        window_seconds=settings.sign_in_window_seconds,
    )
    if await services.throttle.charge([limit], now):
        return False
    async with services.pool.acquire() as connection:
        login = await find_login(connection, user.email)
    matches = await services.passwords.verify(login.password_hash if login else None, password)
    if matches:
        await services.throttle.clear(limit, now)
    return matches


async def _page(
    request: web.Request, *, name_error: str = "", password_error: str = ""
) -> web.Response:
    call = call_of(request)
    sessions = await request.app[SESSIONS].list_of(call.member)
    context = {
        "name_error": name_error,
        "password_error": password_error,
        "characters_min": call.services.settings.password_characters_min,
        "sessions": [_shown(each) for each in sessions],
    }
    status = 400 if name_error or password_error else 200
    return dashboard_response(request, "dashboard/account.html", context, status=status)


def _shown(session: OpenSession) -> dict[str, object]:
    state = session.state
    return {
        "id": session.id,
        "current": session.current,
        "browser": agent_name(state.agent),
        "address": state.address,
        "started": datetime.fromtimestamp(state.started, UTC),
        "seen": datetime.fromtimestamp(state.seen, UTC),
    }
