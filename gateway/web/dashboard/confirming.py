"""Asking for the password again before something secret is shown.

A handler begins with `asked = await ask_password(request, …)` and answers with that unless it is
None. The form it shows posts to the same path, so the handler is called again with the password.
"""

from __future__ import annotations

from aiohttp import web

from gateway.web.calls import call_of
from gateway.web.dashboard.account import is_own_password
from gateway.web.dashboard.frame import dashboard_response
from gateway.web.forms import read_form
from gateway.web.sessions import SESSIONS

__all__ = ["ask_password"]


async def ask_password(
    request: web.Request, *, title: str, back: str, active: str = ""
) -> web.Response | None:
    """The page that asks; None when the password was entered lately, or came with this form.

    `title` says what for, `back` is where to go instead, `active` the place in the navigation.
    """
    sessions, member = request.app[SESSIONS], call_of(request).member
    if sessions.is_confirmed(member):
        return None
    form, error = await read_form(request), ""
    if "password" in form:
        if await is_own_password(request, form.raw("password")):
            await sessions.confirm(member)
            return None
        error = "That is not your password, or there were too many attempts."
    context = {"title": title, "back": back, "error": error, "path": request.rel_url.raw_path}
    return dashboard_response(
        request,
        "dashboard/confirm.html",
        context,
        active=active,
        status=400 if error else 200,
    )
