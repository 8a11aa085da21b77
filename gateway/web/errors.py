"""What goes wrong, as callers see it: one table from error classes to codes, and the envelope.

The web layer's own refusals stand here too:

Refused                   a code, a status and a text for the caller
├── NotAuthenticated      401, the same text whatever is wrong
├── NotSignedIn           401, of the dashboard
├── NotSigned             401, of what processors send
├── NotPermitted          403
└── OperationFailed       402 declined, 502 surely not attempted, 504 outcome unknown
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web

from gateway.actors.errors import ActorError
from gateway.actors.journal import CommitUnknown
from gateway.actors.messages import AlreadyClaimed
from gateway.domain.errors import (
    ExpiredCard,
    IdempotencyInProgress,
    IdempotencyMismatch,
    InvalidCard,
    InvalidRequest,
    InvalidState,
    InvalidVpa,
    NotFound,
    OperationInProgress,
    Rejected,
    StaleVersion,
    Unavailable,
)
from gateway.queue.client import is_redis_unavailable
from gateway.storage.pool import DATABASE_ERRORS, is_unavailable

__all__ = [
    "PROBLEM_JSON",
    "NotAuthenticated",
    "NotPermitted",
    "NotSigned",
    "NotSignedIn",
    "OperationFailed",
    "Problem",
    "Refused",
    "envelope",
    "problem_of",
    "problem_of_status",
]

PROBLEM_JSON = "application/problem+json"

_BAD_REQUEST = "BAD_REQUEST_ERROR"
_NOT_FOUND = "NOT_FOUND_ERROR"
_SERVER_ERROR = "SERVER_ERROR"

# The first class that fits counts, so the narrower ones stand first.
_REJECTIONS: tuple[tuple[type[Rejected], str, int], ...] = (
    (InvalidVpa, "INVALID_VPA", 400),
    (ExpiredCard, "EXPIRED_CARD", 400),
    (InvalidCard, "INVALID_CARD", 400),
    (InvalidRequest, _BAD_REQUEST, 400),
    (InvalidState, _BAD_REQUEST, 400),
    (OperationInProgress, _BAD_REQUEST, 409),
    (IdempotencyMismatch, _BAD_REQUEST, 422),
    (IdempotencyInProgress, _BAD_REQUEST, 409),
    (AlreadyClaimed, _BAD_REQUEST, 409),
    (NotFound, _NOT_FOUND, 404),
)
_RETRY_AFTER: Mapping[str, str] = {"Retry-After": "1"}
_FRAMEWORK_TEXTS = {
    400: "Bad request",
    404: "The requested URL was not found",
    405: "Method not allowed",
    413: "Request body is too large",
    417: "Expectation failed",
}


class Refused(Exception):
    """A refusal of the web layer; the class has code and status."""

    code = _BAD_REQUEST
    status = 400
    reason = "request_rejected"
    headers: Mapping[str, str] = {}

    def __init__(
        self, description: str, *, reason: str | None = None, field: str | None = None
    ) -> None:
        super().__init__(description)
        self.description = description
        self.field = field
        if reason is not None:
            self.reason = reason


class NotAuthenticated(Refused):
    """The credentials are missing or wrong; the caller is not told which."""

    code = "AUTHENTICATION_ERROR"
    status = 401
    reason = "authentication_failed"
    headers: Mapping[str, str] = {"WWW-Authenticate": 'Basic realm="gateway"'}

    def __init__(self) -> None:
        super().__init__("Invalid API credentials")


class NotSignedIn(Refused):
    """There is no session, or it is over."""

    code = "AUTHENTICATION_ERROR"
    status = 401
    reason = "not_signed_in"

    def __init__(self) -> None:
        super().__init__("Please sign in")


class NotSigned(Refused):
    """No signature, a wrong one, or one of an account that nobody has; it is not told which."""

    code = "AUTHENTICATION_ERROR"
    status = 401
    reason = "signature_invalid"

    def __init__(self) -> None:
        super().__init__("The signature is missing or wrong")


class NotPermitted(Refused):
    """The role of the key, or of whoever is signed in, does not allow it."""

    code = "PERMISSION_ERROR"
    status = 403
    reason = "permission_denied"

    def __init__(self, description: str = "The API key is not permitted to do this") -> None:
        super().__init__(description)


class OperationFailed(Refused):
    """What the processor was asked for did not happen (402, 502), or nobody knows (504)."""

    def __init__(
        self, description: str, *, status: int, metadata: Mapping[str, Any], reason: str
    ) -> None:
        super().__init__(description, reason=reason)
        self.status = status
        self.code = "PAYMENT_FAILED" if status == HTTPStatus.PAYMENT_REQUIRED else "GATEWAY_ERROR"
        self.metadata = metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error as a caller sees it, whatever the wire format."""

    code: str
    status: int
    description: str
    reason: str
    field: str | None = None
    source: str = "business"
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


def problem_of(error: BaseException) -> Problem | None:
    """How to tell the caller; None for what is a fault of ours, without details for anybody."""
    if isinstance(error, Unavailable):
        return _unavailable(error.retry_after_seconds)
    if isinstance(error, Rejected):
        return _rejection(error)
    if isinstance(error, Refused):
        return Problem(
            code=error.code,
            status=error.status,
            description=error.description,
            reason=error.reason,
            field=error.field,
            source="gateway" if error.code == "GATEWAY_ERROR" else "business",
            metadata=getattr(error, "metadata", {}),
            headers=error.headers,
        )
    if isinstance(error, web.HTTPException):
        return _framework(error)
    return _unavailable(1) if _passes(error) else None


def _passes(error: BaseException) -> bool:
    """Whether a store, a queue or an actor cannot serve just now."""
    if isinstance(error, ActorError | CommitUnknown | StaleVersion):
        return True
    if isinstance(error, DATABASE_ERRORS):
        return is_unavailable(error)
    return isinstance(error, Exception) and is_redis_unavailable(error)


def problem_of_status(status: int) -> Problem:
    """What the framework found wrong before a handler was asked, or a fault of ours."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Problem(
            code=_SERVER_ERROR,
            status=status,
            description="Something went wrong on our side",
            reason="server_error",
            source="internal",
        )
    code = _NOT_FOUND if status == HTTPStatus.NOT_FOUND else _BAD_REQUEST
    text = _FRAMEWORK_TEXTS.get(status) or HTTPStatus(status).phrase
    return Problem(code=code, status=status, description=text, reason="request_rejected")


def envelope(
    problem: Problem, request_id: str | None, *, step: str = "payment_initiation"
) -> bytes:
    """The body of an error in `/api/v1` (the public contract, section 2; RFC 9457)."""
    return orjson.dumps(
        {
            "error": {
                "code": problem.code,
                "description": problem.description,
                "field": problem.field,
                "reason": problem.reason,
                "source": problem.source,
                "step": step,
                "metadata": problem.metadata,
            },
            "type": "about:blank",
            "title": HTTPStatus(problem.status).phrase,
            "status": problem.status,
            "request_id": request_id,
        }
    )


def _rejection(error: Rejected) -> Problem:
    code, status = next(
        ((code, status) for kind, code, status in _REJECTIONS if isinstance(error, kind)),
        (_BAD_REQUEST, 400),
    )
    waiting = isinstance(error, IdempotencyInProgress | AlreadyClaimed | OperationInProgress)
    metadata: dict[str, Any] = {}
    if isinstance(error, InvalidRequest) and len(error.errors) > 1:
        metadata["errors"] = [
            {"field": each.field, "description": each.description} for each in error.errors
        ]
    return Problem(
        code=code,
        status=status,
        description=error.description,
        reason=error.reason,
        field=error.field,
        source="customer"
        if isinstance(error, InvalidVpa | InvalidCard | ExpiredCard)
        else "business",
        metadata=metadata,
        headers=_RETRY_AFTER if waiting else {},
    )


def _framework(error: web.HTTPException) -> Problem | None:
    if error.status < HTTPStatus.BAD_REQUEST:
        return None
    problem = problem_of_status(error.status)
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return Problem(
            code=problem.code,
            status=problem.status,
            description=problem.description,
            reason=problem.reason,
            headers={"Allow": allowed},
        )
    return problem


def _unavailable(retry_after_seconds: int) -> Problem:
    return Problem(
        code=_SERVER_ERROR,
        status=503,
        description="The gateway cannot serve the request at the moment",
        reason="server_unavailable",
        source="internal",
        headers={"Retry-After": str(retry_after_seconds)},
    )
