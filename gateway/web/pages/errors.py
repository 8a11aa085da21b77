"""Errors of pages are pages: what happened, in the viewer's language, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from gateway.web.errors import Problem
from gateway.web.pages.catalogue import message
from gateway.web.pages.page import page_response
from gateway.web.routes import Route

__all__ = ["page_error"]

_TEXTS: Mapping[int, tuple[str, str]] = {
    401: (message("Please sign in"), message("You need to be signed in to see this page.")),
    403: (message("Not allowed"), message("You do not have permission to do this.")),
    404: (
        message("Page not found"),
        message("The address may be mistyped, or the page is no longer there."),
    ),
    405: (message("Not possible here"), message("This page cannot be used in this way.")),
    429: (message("Too many requests"), message("Please wait a moment, then try again.")),
    503: (
        message("Just a moment"),
        message("We cannot serve this page right now. Please try again in a few seconds."),
    ),
}
_TOO_OLD = (
    message("This page is too old"),
    message("Please go back, load the page again and repeat what you did."),
)
_BAD_REQUEST = (
    message("Something is not right"),
    message("The request could not be understood. Please go back and try again."),
)
_FAULT = (
    message("Something went wrong"),
    message("The fault is on our side. Nothing was changed by this; please try again."),
)
_FIRST_FAULT = 500


def page_error(problem: Problem, request: web.Request, _route: Route) -> web.Response:
    """A problem as a page: the writer of the surface `pages`."""
    fallback = _FAULT if problem.status >= _FIRST_FAULT else _BAD_REQUEST
    title, text = _TEXTS.get(problem.status, fallback)
    if problem.reason == "csrf":  # mostly a form that outlived its session
        title, text = _TOO_OLD
    response = page_response(
        request,
        "shared/error.html",
        {"status": problem.status, "title": title, "text": text},
        status=problem.status,
    )
    response.headers.update(problem.headers)
    return response
