"""Answers: JSON bytes with a status, made once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from gateway.domain.versions import VersionChange, back
from gateway.domain.work import StoredAnswer

__all__ = ["JSON", "Answer", "answer", "json_answer", "json_response", "speak_older"]

JSON = "application/json; charset=utf-8"
_PROBLEM = "application/problem+json"
_FIRST_ERROR = 400
# Answers show money and secrets: no cache on the way may keep them.
_NEVER_KEPT = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
# Names that are known to be names, from which a response copies its own.
_ANSWER_HEADERS = CIMultiDict({"Content-Type": JSON, **_NEVER_KEPT})
_PROBLEM_HEADERS = CIMultiDict({"Content-Type": _PROBLEM, **_NEVER_KEPT})
_STATUS_LINES = {each.value: f"HTTP/1.1 {each.value} {each.phrase}" for each in HTTPStatus}


class Answer(web.Response):
    """Bytes that were made before, as the answer to an ordinary request by HTTP/1.1.

    aiohttp asks a dozen questions before it sends: of compression, chunks, cookies, versions. Here
    they are answered already, which takes half the time. Whatever is special goes aiohttp's way.
    """

    _is_plain = False

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection goes on."""
        return True if self._is_plain else super().keep_alive

    @property
    def _may_be_plain(self) -> bool:
        return super().keep_alive is None and not self._cookies and not self.prepared

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Make the head; it is sent together with the body."""
        body = self.body
        if not isinstance(body, bytes) or not self._may_be_plain or not _is_ordinary(request):
            return await super().prepare(request)
        self._is_plain = True
        headers = self.headers
        headers[hdrs.CONTENT_LENGTH] = str(len(body))
        headers[hdrs.DATE] = _http_date(int(time.time()))
        writer = self._payload_writer = request.writer
        await writer.write_headers(_STATUS_LINES[self.status], headers)
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Send it."""
        body, writer = self.body, self._payload_writer
        if writer is None or not self._is_plain or not isinstance(body, bytes):
            return await super().write_eof(data)
        await writer.write_eof(body)
        self._eof_sent = True
        self._payload_writer = None
        return None


def _is_ordinary(request: web.BaseRequest) -> bool:
    return (
        request.keep_alive and request.version == HttpVersion11 and request.method != hdrs.METH_HEAD
    )


@lru_cache(maxsize=1)
def _http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


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
    usual = _ANSWER_HEADERS if stored.status < _FIRST_ERROR else _PROBLEM_HEADERS
    response = Answer(status=stored.status, body=stored.body, headers=usual)
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    if headers:
        response.headers.update(headers)
    return response


def speak_older(response: web.StreamResponse, changes: Sequence[VersionChange]) -> None:
    """Bring an answer back to the caller's version; errors are the same in all of them."""
    if isinstance(response, web.Response) and response.status < _FIRST_ERROR:
        content = orjson.loads(response.body)  # type: ignore[arg-type]
        response.body = orjson.dumps(back(changes, content))
