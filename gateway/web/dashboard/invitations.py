"""Invitations: made by an owner, accepted by whoever has the link, once."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta
from uuid import UUID

import asyncpg
import structlog
from aiohttp import web

from gateway.queue.client import is_redis_unavailable
from gateway.storage.administration_accounts import insert_user
from gateway.storage.invitations import (
    Invitation,
    accept_invitation,
    add_invitation,
    find_invitation,
)
from gateway.storage.journal import Connection
from gateway.storage.users import UserRecord, find_user, note_sign_in, rename_user
from gateway.web.calls import call_of
from gateway.web.dashboard.frame import ROLE_NAMES, home_of, redirect, visitor_response
from gateway.web.dashboard.noting import note_account
from gateway.web.dashboard.passwords import password_fault
from gateway.web.forms import Form, read_form
from gateway.web.sessions import SESSIONS

__all__ = ["accept", "invite", "link_to", "show_invitation"]

logger = structlog.get_logger(__name__)

_TOKEN_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_NAME_CHARACTERS_MAX = 100


async def invite(request: web.Request, connection: Connection, email: str, role: str) -> str:
    """Invite the address to the team of who is signed in; the token, which is kept nowhere."""
    call = call_of(request)
    user, now = call.member.user, call.services.clock.now()
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    invitation_id = await add_invitation(
        connection,
        merchant_id=call.member.merchant_id,
        email=email,
        role=role,
        token_hash=_hash(token),
        invited_by=user.id,
        expires_at=now + timedelta(seconds=call.services.settings.invitation_seconds),
        now=now,
    )
    await note_account(
        request, connection, user, "team.invited", str(invitation_id), email=email, role=role
    )
    return token


def link_to(request: web.Request, token: str) -> str:
    """Where the invitation is accepted."""
    public_url: str | None = call_of(request).services.settings.public_url
    return f"{public_url or f'{request.scheme}://{request.host}'}/invitations/{token}"


async def show_invitation(request: web.Request) -> web.Response:
    """`GET /invitations/{token}`."""
    invitation = await _find(request)
    return _gone(request) if invitation is None else _page(request, invitation, Form([]))


async def accept(request: web.Request) -> web.Response:
    """`POST /invitations/{token}`: a new user, who is signed in at once."""
    invitation, form = await _find(request), await read_form(request)
    if invitation is None:
        return _gone(request)
    services, name = call_of(request).services, form.text("name")
    fault = password_fault(services.settings, form, invitation.email)
    if len(name) > _NAME_CHARACTERS_MAX or not name.isprintable():
        fault = f"A name has at most {_NAME_CHARACTERS_MAX} printable characters."
    if fault is not None:
        return _page(request, invitation, form, error=fault)
    password_hash = await services.passwords.hash(form.raw("new_password"))
    try:
        user = await _join(request, invitation, name, password_hash)
    except asyncpg.UniqueViolationError:
        fault = "There is a user with this address already."
        return _page(request, invitation, form, error=fault)
    if user is None:
        return _gone(request)
    response = redirect(home_of(request, user.role))
    try:
        await request.app[SESSIONS].open(request, response, user)
    except Exception as error:
        if not is_redis_unavailable(error):
            raise
        response = redirect("/login")
    return response


async def _join(
    request: web.Request, invitation: Invitation, name: str, password_hash: str
) -> UserRecord | None:
    """Make the user; None when the invitation was used or withdrawn in the meantime."""
    services = call_of(request).services
    now = services.clock.now()
    async with services.pool.acquire() as connection, connection.transaction():
        if not await accept_invitation(connection, invitation.id, now):
            return None
        user_id: UUID = await insert_user(
            connection,
            merchant_id=invitation.merchant_id,
            email=invitation.email,
            password_hash=password_hash,
            role=invitation.role,
            now=now,
        )
        await rename_user(connection, user_id, name, now)
        await note_sign_in(connection, user_id, now)
        user = await find_user(connection, user_id)
        if user is None:
            raise AssertionError("the user was just made")
        await note_account(request, connection, user, "team.joined", role=user.role)
    return user


async def _find(request: web.Request) -> Invitation | None:
    token, services = request.match_info["token"], call_of(request).services
    if not _TOKEN.fullmatch(token):
        return None
    async with services.pool.acquire() as connection:
        return await find_invitation(connection, _hash(token), services.clock.now())


def _hash(token: str) -> bytes:
    """256 random bits need no slow hash and no salt."""
    return hashlib.sha256(token.encode()).digest()


def _page(
    request: web.Request, invitation: Invitation, form: Form, *, error: str = ""
) -> web.Response:
    context = {
        "invitation": invitation,
        "role_name": ROLE_NAMES[invitation.role],
        "name": form.text("name")[:_NAME_CHARACTERS_MAX],
        "error": error,
        "characters_min": call_of(request).services.settings.password_characters_min,
    }
    status = 400 if error else 200
    return visitor_response(request, "dashboard/invitation.html", context, status=status)


def _gone(request: web.Request) -> web.Response:
    """Used, withdrawn, too old, mistyped: nobody learns which."""
    return visitor_response(request, "dashboard/invitation_gone.html", {}, status=404)
