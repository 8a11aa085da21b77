"""Errors in the three codes that Razorpay's libraries know; on any other some of them crash.

The body is that of `/api/v1`, which has all members that the libraries read, so it stays the one
that is documented. Codes and texts: https://razorpay.com/docs/errors, April 2026.
"""

from __future__ import annotations

import dataclasses
from http import HTTPStatus

from aiohttp import web

from gateway.domain.work import StoredAnswer
from gateway.web.calls import call_of
from gateway.web.errors import Problem, envelope
from gateway.web.responses import JSON, answer
from gateway.web.routes import Route

__all__ = ["REFUND_KEY", "in_known_codes", "razorpay_error"]

REFUND_KEY = "X-Refund-Idempotency"

_STEPS = frozenset(
    {"payment_initiation", "payment_authentication", "payment_authorization", "payment_capture"}
)
_CODES = frozenset({"BAD_REQUEST_ERROR", "GATEWAY_ERROR", "SERVER_ERROR"})
_NO_URL = "The requested URL was not found on the server."
_NO_ID = "The id provided does not exist"
_OTHER_REQUEST = "Different request with the same idempotency key has already been processed."


def razorpay_error(problem: Problem, request: web.Request, route: Route) -> web.Response:
    """A problem as the libraries read it."""
    shown = in_known_codes(problem)
    if problem.status == HTTPStatus.NOT_FOUND and route.path == "unknown":
        shown = dataclasses.replace(shown, description=_NO_URL)
    if problem.reason == "idempotency_key_reused" and REFUND_KEY in request.headers:
        shown = dataclasses.replace(
            shown, status=HTTPStatus.CONFLICT, description=_OTHER_REQUEST, field=REFUND_KEY
        )
    step = route.step if route.step in _STEPS else "payment_initiation"
    body = envelope(shown, call_of(request).request_id, step=step)
    headers = {**shown.headers, "Content-Type": JSON}
    return answer(StoredAnswer(status=shown.status, body=body), headers=headers)


def in_known_codes(problem: Problem) -> Problem:
    """The same with a code, a status and a text that Razorpay has for it."""
    if problem.status == HTTPStatus.UNAUTHORIZED:
        return dataclasses.replace(
            problem, code="BAD_REQUEST_ERROR", description="Authentication failed"
        )
    if problem.status == HTTPStatus.NOT_FOUND:
        return dataclasses.replace(
            problem,
            code="BAD_REQUEST_ERROR",
            status=HTTPStatus.BAD_REQUEST,
            description=_NO_ID,
            reason="input_validation_failed",
        )
    if problem.status == HTTPStatus.PAYMENT_REQUIRED:
        return dataclasses.replace(
            problem, code="BAD_REQUEST_ERROR", status=HTTPStatus.BAD_REQUEST, source="customer"
        )
    if problem.code not in _CODES:
        return dataclasses.replace(problem, code="BAD_REQUEST_ERROR")
    return problem
