"""Errors as the document describes them: the envelope, and which statuses a call can answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field

from gateway.domain.errors import (
    IdempotencyMismatch,
    InvalidRequest,
    NotFound,
    OperationInProgress,
    Unavailable,
)
from gateway.web.api.answers import Answer
from gateway.web.errors import (
    PROBLEM_JSON,
    NotAuthenticated,
    NotPermitted,
    OperationFailed,
    envelope,
    problem_of,
    problem_of_status,
)
from gateway.web.routes import Access, Route

__all__ = ["Problem", "problem_responses", "problem_statuses"]

Code = Literal[
    "AUTHENTICATION_ERROR",
    "PERMISSION_ERROR",
    "BAD_REQUEST_ERROR",
    "INVALID_VPA",
    "INVALID_CARD",
    "EXPIRED_CARD",
    "NOT_FOUND_ERROR",
    "PAYMENT_FAILED",
    "RATE_LIMIT_ERROR",
    "GATEWAY_ERROR",
    "SERVER_ERROR",
]


class ErrorDetails(Answer):
    """What went wrong."""

    code: Code
    description: Annotated[str, Field(examples=["amount must be at least 100"])]
    """For people; what programs go by is `code` and `reason`."""
    field: Annotated[str | None, Field(examples=["amount"])]
    """The field that is wrong; all of them stand in `metadata.errors`."""
    reason: Annotated[str, Field(examples=["input_validation_failed"])]
    source: Annotated[str, Field(examples=["business"])]
    step: Annotated[str, Field(examples=["payment_initiation"])]
    metadata: Annotated[dict[str, Any], Field(examples=[{}])]


class Problem(Answer):
    """The envelope of every error."""

    error: ErrorDetails
    type: Annotated[str, Field(examples=["about:blank"])]
    title: Annotated[str, Field(examples=["Bad Request"])]
    status: Annotated[int, Field(ge=400, le=599, examples=[400])]
    request_id: Annotated[str | None, Field(examples=["5f0c7d0e"])]


_PAYMENT = {"payment_id": "pay_9A33XWu170gUtmQe"}

# Status: what it means, and one error that has it.
_PROBLEMS: Mapping[int, tuple[str, Exception | None]] = {
    400: (
        "The request is wrong, or the state does not allow it",
        InvalidRequest("amount must be at least 100", field="amount"),
    ),
    401: ("The credentials, or the signature, are missing or wrong", NotAuthenticated()),
    402: (
        "The processor declined",
        OperationFailed(
            "Payment processing failed", status=402, metadata=_PAYMENT, reason="payment_failed"
        ),
    ),
    403: ("The key's role does not allow it", NotPermitted()),
    404: ("There is no such thing, or it is another merchant's", NotFound("Order not found")),
    409: (
        "Something else is in progress: another operation, or the first request with this key",
        OperationInProgress("Another operation is in progress"),
    ),
    413: ("The body is too long", None),
    422: (
        "The Idempotency-Key was used for another request",
        IdempotencyMismatch(
            "The Idempotency-Key was used for another request", field="Idempotency-Key"
        ),
    ),
    429: ("Too many requests; Retry-After says when to come back", None),
    500: ("A fault of ours", None),
    502: (
        "The processor failed; surely nothing was done",
        OperationFailed(
            "Payment processing failed", status=502, metadata=_PAYMENT, reason="processor_failed"
        ),
    ),
    503: (
        "The database is away or work piles up; nothing was done",
        Unavailable("The gateway cannot serve the request at the moment"),
    ),
    504: (
        "The outcome is not known yet and is being clarified",
        OperationFailed(
            "The processor has not confirmed the outcome, it is being clarified",
            status=504,
            metadata=_PAYMENT,
            reason="outcome_unknown",
        ),
    ),
}
_WITH_RETRY_AFTER = (409, 429, 503)


def problem_statuses(route: Route, *, has_body: bool, waits: bool) -> Iterator[int]:
    """The statuses of errors that a call may answer, ascending."""
    keyed, signed = route.access is Access.KEY, route.access is Access.PROCESSOR
    bodied = (has_body and not signed) or route.method == "DELETE"
    wanted = {
        400: True,
        401: keyed or signed,
        402: waits,
        403: keyed,
        404: not signed and ("{" in route.path or has_body or not keyed),
        409: bodied,
        413: has_body,
        422: route.method == "POST" and not signed,
        429: True,
        500: True,
        502: waits,
        503: True,
        504: waits,
    }
    return (status for status, included in wanted.items() if included)


def problem_responses() -> dict[str, Any]:
    """`components.responses`: one for each status, named after it."""
    return {str(status): _response(status) for status in _PROBLEMS}


def _response(status: int) -> dict[str, Any]:
    meaning, error = _PROBLEMS[status]
    problem = (problem_of(error) if error is not None else None) or problem_of_status(status)
    headers = {
        name: {"$ref": f"#/components/headers/{name}"}
        for name in ("X-Request-Id", "Gateway-Version")
    }
    if status in _WITH_RETRY_AFTER:
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    return {
        "description": meaning,
        "headers": headers,
        "content": {
            PROBLEM_JSON: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": orjson.loads(envelope(problem, "5f0c7d0e")),
            }
        },
    }
