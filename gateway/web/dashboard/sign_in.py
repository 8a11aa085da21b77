"""Signing in and out, and which mode is looked at.

Nobody learns from text, status or time whether an address has an account.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from aiohttp import web

from gateway.queue.client import is_redis_unavailable
from gateway.queue.throttle import Limit
from gateway.storage.users import UserRecord, end_sessions, find_login, note_sign_in, store_hash
from gateway.web.calls import call_of
from gateway.web.client_addresses import client_address, client_network
from gateway.web.dashboard.frame import home_of, redirect, visitor_response
from gateway.web.dashboard.noting import note_account
from gateway.web.forms import Form, read_form
from gateway.web.services import Services
from gateway.web.sessions import SESSIONS, is_dashboard_path

__all__ = ["begin", "change_mode", "show_sign_in", "sign_in", "sign_out", "sign_out_everywhere"]

logger = structlog.get_logger(__name__)

_EMAIL_CHARACTERS_MAX = 254
_WRONG = "This e-mail address and password do not belong together."
_AWAY = "Signing in is not possible at the moment. Please try again in a minute."
_MODES = ("test", "live")
_CHALLENGE = {"WWW-Authenticate": 'Form realm="dashboard"'}


async def show_sign_in(request: web.Request) -> web.Response:
    """`GET /login`: the form, or straight on for who is signed in already."""
    try:
        member = await request.app[SESSIONS].find(request)
    except Exception as error:
        if not is_redis_unavailable(error):
            raise
        return _page(request, Form([]), error=_AWAY, status=503, headers={"Retry-After": "30"})
    if member is not None:
        return redirect(_next(request, request.query.get("next", ""), member.role))
    return _page(request, Form([("next", request.query.get("next", ""))]))


async def sign_in(request: web.Request) -> web.Response:
    """`POST /login`."""
    services, form = call_of(request).services, await read_form(request)
    limits, now = _limits(request, services, form), services.clock.now()
    wait_seconds = await services.throttle.charge(limits, now)
    if wait_seconds:
        minutes = -(-wait_seconds // 60)
        text = f"There were too many attempts. Please try again in {minutes} minutes."
        return _page(
            request, form, error=text, status=429, headers={"Retry-After": str(wait_seconds)}
        )
    user = await _verified(services, form)
    if user is None:
        logger.warning("sign_in_failed", request_id=call_of(request).request_id)
        return _page(request, form, error=_WRONG, status=401, headers=_CHALLENGE)
    await services.throttle.clear(limits[0], now)
    await services.throttle.give_back(limits[1:], now)
    response = redirect(_next(request, form.text("next"), user.role))
    try:
        await request.app[SESSIONS].open(request, response, user)
    except Exception as error:
        if not is_redis_unavailable(error):
            raise
        return _page(request, form, error=_AWAY, status=503, headers={"Retry-After": "30"})
    await _note(request, user)
    return response


async def begin(request: web.Request) -> web.Response:
    """`GET /`: a person who types the gateway's name only wants the dashboard; programs nothing."""
    if "text/html" not in request.headers.get("Accept", ""):
        raise web.HTTPNotFound
    return redirect("/login")


async def sign_out(request: web.Request) -> web.Response:
    """`POST /logout`: this browser."""
    response = redirect("/login")
    await request.app[SESSIONS].close(response, call_of(request).member)
    return response


async def sign_out_everywhere(request: web.Request) -> web.Response:
    """`POST /dashboard/account/sign-out-everywhere`: all browsers, this one too."""
    services, user = call_of(request).services, call_of(request).member.user
    async with services.pool.acquire() as connection, connection.transaction():
        await end_sessions(connection, user.id, services.clock.now())
        await note_account(request, connection, user, "user.signed_out_everywhere")
    return redirect("/login")


async def change_mode(request: web.Request) -> web.Response:
    """`POST /dashboard/mode`: look at test or at live data from now on."""
    form, member = await read_form(request), call_of(request).member
    mode, path = form.text("mode"), form.text("next")
    if mode in _MODES:
        await request.app[SESSIONS].set_mode(member, mode)
    # A record of one mode is not there in the other: go to the page's list, not to the record.
    parts = path.partition("?")[0].split("/")[:3]
    return redirect(_next(request, "/".join(parts), member.role))


async def _verified(services: Services, form: Form) -> UserRecord | None:
    """Whose address and password they are; always after the same work."""
    email, password = form.text("email").lower(), form.raw("password")
    login = None
    if len(email) <= _EMAIL_CHARACTERS_MAX:
        async with services.pool.acquire() as connection:
            login = await find_login(connection, email)
    matches = await services.passwords.verify(login.password_hash if login else None, password)
    if login is None or not matches or not login.user.active:
        return None
    if services.passwords.needs_rehash(login.password_hash):
        made = await services.passwords.hash(password)
        async with services.pool.acquire() as connection:
            await store_hash(connection, login.user.id, made)
    return login.user


async def _note(request: web.Request, user: UserRecord) -> None:
    services = call_of(request).services
    async with services.pool.acquire() as connection, connection.transaction():
        await note_sign_in(connection, user.id, services.clock.now())
        await note_account(request, connection, user, "user.signed_in")


def _limits(request: web.Request, services: Services, form: Form) -> list[Limit]:
    """What an attempt counts against: first the account, then where it comes from."""
    settings = services.settings
    address = client_address(request, settings.trusted_proxies)
    return [
        Limit(
            name="sign-in",
            subject=form.text("email").lower(),
            attempts_max=settings.sign_in_attempts_max,
            window_seconds=settings.sign_in_window_seconds,
        ),
        Limit(
            name="sign-in-from",
            subject=client_network(address),
            attempts_max=settings.sign_in_address_attempts_max,
            window_seconds=settings.sign_in_window_seconds,
        ),
    ]


def _next(request: web.Request, path: str, role: str) -> str:
    return path if is_dashboard_path(path) else home_of(request, role)


def _page(
    request: web.Request,
    form: Form,
    *,
    error: str = "",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    context = {
        "email": form.text("email")[:_EMAIL_CHARACTERS_MAX],
        "next": form.text("next"),
        "error": error,
    }
    response = visitor_response(request, "dashboard/sign_in.html", context, status=status)
    response.headers.update(headers or {})
    return response
