"""What handlers of the merchant API share."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from aiohttp import web

from gateway.domain.errors import NotFound
from gateway.domain.ids import is_id
from gateway.web.bodies import Body
from gateway.web.calls import call_of
from gateway.web.idempotency import Key, key_of
from gateway.web.webhook_changes import Changed
from gateway.web.writes import merchant_scope

__all__ = ["changed_by", "found", "merchant_key", "path_id", "path_uuid", "uuid_of"]

Found = TypeVar("Found")


def found(value: Found | None, what: str) -> Found:
    """The value; raises NotFound where there is none, or none of the caller's."""
    if value is None:
        raise NotFound(f"{what} not found")
    return value


def path_id(request: web.Request, prefix: str, what: str) -> str:
    """The id in the path; what has not its form does not exist."""
    text = request.match_info["id"]
    if not is_id(text, prefix):
        raise NotFound(f"{what} not found")
    return text


def path_uuid(request: web.Request, what: str) -> UUID:
    """The UUID in the path; what has not its form does not exist."""
    return found(uuid_of(request.match_info["id"]), what)


def uuid_of(text: str) -> UUID | None:
    """The UUID in its usual form."""
    try:
        value = UUID(text)
    except ValueError:
        return None
    return value if str(value) == text.lower() else None


def merchant_key(request: web.Request, body: Body, own: str | None = None) -> Key | None:
    """The idempotency key of a merchant's request; `own` is one that its body names."""
    if own is None and "Idempotency-Key" not in request.headers:
        return None
    return key_of(request, call_of(request).services, merchant_scope(request), body, own)


def changed_by(request: web.Request) -> Changed:
    """Who changes something with this request, and when."""
    call = call_of(request)
    return Changed(services=call.services, author=call.author, now=call.services.clock.now())
