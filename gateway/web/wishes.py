"""Whether a request wants a page to look at, or an answer for a program."""

from __future__ import annotations

from aiohttp import web

__all__ = ["wants_page"]

_PROGRAMS = ("application/json", "text/event-stream")


def wants_page(request: web.Request) -> bool:
    """Whether a person waits for a page: a navigation, or a client that does not say otherwise."""
    mode = request.headers.get("Sec-Fetch-Mode")
    if mode is not None:
        return mode == "navigate"
    accepted = request.headers.get("Accept", "")
    return "text/html" in accepted or not any(kind in accepted for kind in _PROGRAMS)
