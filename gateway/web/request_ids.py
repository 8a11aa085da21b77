"""The id of a request: the caller's own where it is sane, and the trace it belongs to."""

from __future__ import annotations

import re

from multidict import CIMultiDictProxy

from gateway.domain.ids import new_id

__all__ = ["request_id_of", "traceparent_of"]

_SANE = re.compile(r"[A-Za-z0-9._:/+=@~-]{1,128}")
# W3C Trace Context, 3.2: version 00, and neither id may be all zeros.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_TRACE_ID = slice(3, 35)


def request_id_of(headers: CIMultiDictProxy[str], traceparent: str | None) -> str:
    """The caller's X-Request-Id or X-Correlation-Id, else the trace's id, else a new one."""
    given = headers.get("X-Request-Id") or headers.get("X-Correlation-Id")
    if given is not None and _SANE.fullmatch(given):
        return given
    if traceparent is not None:
        return traceparent[_TRACE_ID]
    return new_id("req")


def traceparent_of(headers: CIMultiDictProxy[str]) -> str | None:
    """The caller's traceparent when it is one."""
    given = headers.get("traceparent")
    return given if given is not None and _TRACEPARENT.fullmatch(given) else None
