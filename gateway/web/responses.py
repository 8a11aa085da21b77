"""Answers: JSON bytes with a status, made once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from aiohttp import web

from gateway.domain.versions import VersionChange, back
from gateway.domain.work import StoredAnswer

__all__ = ["JSON", "answer", "json_answer", "json_response", "speak_older"]

JSON = "application/json; charset=utf-8"
_PROBLEM = "application/problem+json"
_FIRST_ERROR = 400


def json_answer(status: int, content: Any) -> StoredAnswer:
    """The bytes of an answer."""
    return StoredAnswer(status=status, body=orjson.dumps(content))


def json_response(content: Any, status: int = 200) -> web.Response:
    """An answer for this request alone."""
    return answer(StoredAnswer(status=status, body=orjson.dumps(content)))


def answer(
    stored: StoredAnswer, *, replayed: bool = False, headers: Mapping[str, str] | None = None
) -> web.Response:
    """The response with these bytes; `replayed` says that the caller has been told before."""
    # Answers show money and secrets: no cache on the way may keep them.
    all_headers = {
        "Content-Type": JSON if stored.status < _FIRST_ERROR else _PROBLEM,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    if replayed:
        all_headers["Idempotent-Replayed"] = "true"
    if headers:
        all_headers.update(headers)
    return web.Response(status=stored.status, body=stored.body, headers=all_headers)


def speak_older(response: web.StreamResponse, changes: Sequence[VersionChange]) -> None:
    """Bring an answer back to the caller's version; errors are the same in all of them."""
    if isinstance(response, web.Response) and response.status < _FIRST_ERROR:
        content = orjson.loads(response.body)  # type: ignore[arg-type]
        response.body = orjson.dumps(back(changes, content))
