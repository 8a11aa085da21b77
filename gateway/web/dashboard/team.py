"""The team: who belongs to it, what they may, who is invited. Only owners change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiohttp import web

from gateway.domain.emails import is_email
from gateway.domain.errors import NotFound
from gateway.domain.roles import MERCHANT_ROLES
from gateway.storage.invitations import Invitation, list_invitations, withdraw_invitation
from gateway.storage.journal import Connection
from gateway.storage.users import UserRecord, find_user, list_users, lock_owners, set_active
from gateway.storage.users import set_role as store_role
from gateway.web.api.common import path_uuid
from gateway.web.calls import call_of
from gateway.web.dashboard.frame import ROLE_NAMES, dashboard_response, said_and_done
from gateway.web.dashboard.invitations import invite, link_to
from gateway.web.dashboard.noting import note_account
from gateway.web.forms import read_form
from gateway.web.mail import MailNotSent

__all__ = ["activate", "deactivate", "invite_member", "set_role", "show_team", "withdraw"]

_PATH = "/dashboard/team"
_LAST_OWNER = "A team needs an owner who can sign in. Make somebody else an owner first."


class _LastOwner(Exception):
    """The change would leave the team without an owner who can sign in."""


async def show_team(request: web.Request) -> web.Response:
    """`GET /dashboard/team`."""
    return await _page(request)


async def invite_member(request: web.Request) -> web.Response:
    """`POST /dashboard/team/invitations`: the link goes out by mail, or is shown this once."""
    call, form = call_of(request), await read_form(request)
    email, role = form.text("email").lower(), form.text("role")
    if not is_email(email):
        return await _page(request, error="That is no e-mail address.", email=email)
    if role not in MERCHANT_ROLES:
        return await _page(request, error="Choose what they may do.", email=email)
    async with call.services.pool.acquire() as connection, connection.transaction():
        fault = await _invitation_fault(request, connection, email)
        token = None if fault else await invite(request, connection, email, role)
    if token is None:
        return await _page(request, error=str(fault), email=email)
    link = link_to(request, token)
    mailer = call.services.mailer
    if mailer is None:
        return await _page(request, link=link, invited=email)
    try:
        await mailer.send(email, _subject(call.member.user), _mail(request, link))
    except MailNotSent:
        return await _page(request, link=link, invited=email, mail_failed=True)
    return await said_and_done(request, _PATH, f"An invitation is on its way to {email}.")


async def withdraw(request: web.Request) -> web.Response:
    """`POST /dashboard/team/invitations/{id}/withdraw`."""
    call, invitation_id = call_of(request), path_uuid(request, "Invitation")
    merchant_id, now = call.member.merchant_id, call.services.clock.now()
    async with call.services.pool.acquire() as connection, connection.transaction():
        email = await withdraw_invitation(connection, merchant_id, invitation_id, now)
        if email is None:
            raise NotFound("Invitation not found")
        await note_account(
            request,
            connection,
            call.member.user,
            "team.invitation_withdrawn",
            str(invitation_id),
            email=email,
        )
    return await said_and_done(request, _PATH, f"The invitation of {email} no longer holds.")


async def set_role(request: web.Request) -> web.Response:
    """`POST /dashboard/team/{id}/role`."""
    call, role = call_of(request), (await read_form(request)).text("role")
    if role not in MERCHANT_ROLES:
        return await _page(request, error="Choose what they may do.")
    try:
        async with call.services.pool.acquire() as connection, connection.transaction():
            user = await _colleague(request, connection, stays_owner=role == "owner")
            now = call.services.clock.now()
            await store_role(connection, call.member.merchant_id, user.id, role, now)
            change = {"before": user.role, "after": role}
            await _note(request, connection, "team.role_changed", user, change)
    except _LastOwner:
        return await _page(request, error=_LAST_OWNER)
    return await said_and_done(request, _PATH, f"{user.shown_name} is now: {ROLE_NAMES[role]}.")


async def deactivate(request: web.Request) -> web.Response:
    """`POST /dashboard/team/{id}/deactivate`: signed out everywhere, and not let in again."""
    try:
        user = await _set_active(request, active=False)
    except _LastOwner:
        return await _page(request, error=_LAST_OWNER)
    notice = (
        f"{user.shown_name} was signed out and cannot come in any more."
        " API keys they know still work: revoke them where needed."
    )
    return await said_and_done(request, _PATH, notice)


async def activate(request: web.Request) -> web.Response:
    """`POST /dashboard/team/{id}/activate`: let in again."""
    user = await _set_active(request, active=True)
    return await said_and_done(request, _PATH, f"{user.shown_name} may sign in again.")


async def _set_active(request: web.Request, *, active: bool) -> UserRecord:
    call = call_of(request)
    async with call.services.pool.acquire() as connection, connection.transaction():
        user = await _colleague(request, connection, stays_owner=active)
        now = call.services.clock.now()
        await set_active(connection, call.member.merchant_id, user.id, now, active=active)
        action = "team.activated" if active else "team.deactivated"
        await _note(request, connection, action, user, {"email": user.email})
    return user


async def _colleague(
    request: web.Request, connection: Connection, *, stays_owner: bool
) -> UserRecord:
    """The user in the path; another merchant's does not exist.

    Raises _LastOwner when nobody else could own the team after the change.
    """
    merchant_id = call_of(request).member.merchant_id
    owners = await lock_owners(connection, merchant_id)
    user = await find_user(connection, path_uuid(request, "User"))
    if user is None or user.merchant_id != merchant_id:
        raise NotFound("User not found")
    if not stays_owner and list(owners) == [user.id]:
        raise _LastOwner
    return user


async def _note(
    request: web.Request,
    connection: Connection,
    action: str,
    user: UserRecord,
    details: Mapping[str, str],
) -> None:
    author = call_of(request).member.user
    await note_account(request, connection, author, action, str(user.id), **details)


async def _invitation_fault(request: web.Request, connection: Connection, email: str) -> str | None:
    users, invitations = await _team(request, connection)
    if email in {user.email for user in users}:
        return f"{email} belongs to your team already."
    others = [each for each in invitations if each.email != email]
    maximum: int = call_of(request).services.settings.team_members_max
    if len(users) + len(others) >= maximum:
        return f"A team has at most {maximum} people, invited ones included."
    return None


async def _team(
    request: web.Request, connection: Connection
) -> tuple[Sequence[UserRecord], Sequence[Invitation]]:
    call = call_of(request)
    merchant_id, maximum = call.member.merchant_id, call.services.settings.team_members_max
    users = await list_users(connection, merchant_id, users_max=maximum)
    invitations = await list_invitations(
        connection, merchant_id, call.services.clock.now(), invitations_max=maximum
    )
    return users, invitations


async def _page(
    request: web.Request,
    *,
    error: str = "",
    email: str = "",
    link: str = "",
    invited: str = "",
    mail_failed: bool = False,
) -> web.Response:
    services = call_of(request).services
    async with services.pool.acquire() as connection:
        users, invitations = await _team(request, connection)
    context = {
        "users": users,
        "invitations": invitations,
        "roles": [(role, ROLE_NAMES[role]) for role in MERCHANT_ROLES],
        "role_names": ROLE_NAMES,
        "error": error,
        "email": email,
        "link": link,
        "invited": invited,
        "mail_failed": mail_failed,
        "days": services.settings.invitation_seconds // 86_400,
    }
    status = 400 if error else 200
    return dashboard_response(request, "dashboard/team.html", context, active="team", status=status)


def _subject(user: UserRecord) -> str:
    """One line, whatever the merchant calls itself."""
    return " ".join(f"Join {user.merchant_name}".split())


def _mail(request: web.Request, link: str) -> str:
    user = call_of(request).member.user
    return (
        f"{user.shown_name} invites you to the payments dashboard of {user.merchant_name}.\n\n"
        f"Choose a password here, the link works once:\n\n{link}\n\n"
        "If you expected no invitation, there is nothing you need to do.\n"
    )
