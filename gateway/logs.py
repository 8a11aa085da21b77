"""Logs: one line an event, JSON or for a terminal, on standard output, in UTC.

No line holds the text of an exception, a local variable or a request body, because each of them
may quote a card: of an exception its type and its frames are kept, of a foreign library's record
its template without what was to be filled in.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import sys
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, BinaryIO, Literal, TextIO, TypeAlias

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

__all__ = ["configure_logging", "describe_exception", "log_loop_exceptions"]

Level = Literal["debug", "info", "warning", "error"]
ExceptionInfo: TypeAlias = (
    "tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]"
)

_FRAMES_MAX = 30
_CAUSES_MAX = 5
_TEXT_CHARACTERS_MAX = 200
_REQUEST_LEVELS = ("aiohttp.access",)  # every request has a line of our own


def configure_logging(
    *,
    level: Level,
    format_: Literal["json", "console"] | None,
    stream: TextIO | None = None,
    cache_loggers: bool = True,
) -> None:
    """Send structlog's and the standard library's records to `stream`, standard output if None.

    Without a format: `console` when that is a terminal, `json` otherwise. Cached loggers are
    quicker and stay as they are.
    """
    output = stream or sys.stdout
    is_json = (format_ or ("console" if output.isatty() else "json")) == "json"
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=_processors(is_json=is_json),
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=_LineLoggerFactory(output.buffer),
        cache_logger_on_first_use=cache_loggers,
    )
    _route_standard_library(threshold)


def log_loop_exceptions(loop: asyncio.AbstractEventLoop) -> None:
    """Log what nobody awaited as any other failure; asyncio would quote it in full."""
    logger = structlog.get_logger("asyncio")

    def log(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        task = context.get("task") or context.get("future")
        logger.error(
            "loop_exception",
            text=_first_line(str(context.get("message", ""))),
            task=task.get_name() if isinstance(task, asyncio.Task) else None,
            exc_info=error if isinstance(error, BaseException) else None,
        )

    loop.set_exception_handler(log)


def describe_exception(error: BaseException) -> list[dict[str, Any]]:
    """An exception and its causes: types and frames, no messages, no values."""
    described: list[dict[str, Any]] = []
    current: BaseException | None = error
    while current is not None and len(described) < _CAUSES_MAX:
        frames = traceback.extract_tb(current.__traceback__, limit=-_FRAMES_MAX)
        kind = type(current)
        entry: dict[str, Any] = {
            "type": f"{kind.__module__}.{kind.__qualname__}",
            "frames": [f"{each.filename}:{each.lineno} {each.name}" for each in frames],
        }
        if isinstance(current, BaseExceptionGroup):
            entry["group"] = sorted({type(each).__qualname__ for each in current.exceptions})
        described.append(entry)
        hidden = None if current.__suppress_context__ else current.__context__
        current = current.__cause__ or hidden
    return described


class _LineLogger:
    """Writes lines, those of one turn of the event loop together: to wake a reader costs 13 µs.

    Errors, and whatever is said outside of a loop, are written at once. Where nobody reads any
    more, lines are dropped: payments go on.
    """

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._lines: deque[bytes] = deque()

    def msg(self, line: bytes) -> None:
        """Write it at the end of this turn."""
        waiting = bool(self._lines)
        self._lines.append(line)
        if waiting:
            return
        try:
            asyncio.get_running_loop().call_soon(self.flush)
        except RuntimeError:
            self.flush()

    def msg_now(self, line: bytes) -> None:
        """Write it before anything else happens."""
        self._lines.append(line)
        self.flush()

    def flush(self) -> None:
        """Write what waits."""
        lines = b"".join([self._lines.popleft() for _ in range(len(self._lines))])
        with suppress(OSError, ValueError):  # a closed pipe or file
            self._output.write(lines)
            self._output.flush()

    debug = info = warning = msg
    error = critical = exception = msg_now


class _LineLoggerFactory:
    def __init__(self, output: BinaryIO) -> None:
        self._logger = _LineLogger(output)
        atexit.register(self._logger.flush)

    def __call__(self, *_names: Any) -> _LineLogger:
        return self._logger


def _processors(*, is_json: bool) -> list[Processor]:
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _strip_exception,
        structlog.processors.add_log_level,
    ]
    if is_json:
        return [*common, _as_json]
    common.append(structlog.processors.TimeStamper(fmt="iso", utc=True))
    console = structlog.dev.ConsoleRenderer(colors=True, exception_formatter=_no_exception)
    return [*common, _frames_as_lines, _encoded(console)]


def _strip_exception(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace `exc_info` by what may be shown of it."""
    given = event.pop("exc_info", None)
    if given is None or given is False:
        return event
    error = given if isinstance(given, BaseException) else None
    if isinstance(given, tuple):
        error = given[1]
    elif given is True:
        error = sys.exc_info()[1]
    if error is not None:
        event["exception"] = describe_exception(error)
    return event


def _as_json(_: WrappedLogger, __: str, event: EventDict) -> bytes:
    # orjson writes a time in a tenth of what it takes Python.
    event["timestamp"] = datetime.now(UTC)
    return orjson.dumps(event, default=_safe, option=_JSON) + b"\n"


_JSON = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z


def _safe(value: object) -> str:
    """Of an object that JSON does not know its type alone: its repr may hold anything."""
    if isinstance(value, BaseException):
        return type(value).__qualname__
    return f"<{type(value).__qualname__}>"


def _frames_as_lines(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    described = event.pop("exception", None)
    if isinstance(described, list):
        lines = [f"{each['type']}\n    " + "\n    ".join(each["frames"]) for each in described]
        event["event"] = "\n  ".join([str(event.get("event", "")), *lines])
    return event


def _no_exception(*_: Any) -> None:
    """There is none left to be formatted."""


def _encoded(render: Callable[[WrappedLogger, str, EventDict], str]) -> Processor:
    def encode(logger: WrappedLogger, name: str, event: EventDict) -> bytes:
        return render(logger, name, event).encode("utf-8", "backslashreplace") + b"\n"

    return encode


class _StandardLibraryHandler(logging.Handler):
    """Hands records of other libraries to structlog, without what they would quote."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger()
        logger.log(
            record.levelno,
            "library",
            logger=record.name,
            text=_first_line(str(record.msg)),
            exc_info=record.exc_info[1] if record.exc_info else None,
        )


def _first_line(text: str) -> str:
    """asyncio puts the exceptions it reports on the lines below the first."""
    return text.partition("\n")[0][:_TEXT_CHARACTERS_MAX]


def _route_standard_library(threshold: int) -> None:
    root = logging.getLogger()
    root.handlers[:] = [_StandardLibraryHandler()]
    # Debug records of libraries hold headers and statements.
    root.setLevel(max(threshold, logging.INFO))
    for name in _REQUEST_LEVELS:
        logging.getLogger(name).setLevel(logging.WARNING)
