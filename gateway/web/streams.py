"""The live streams of a process: how many may be open, and how each is ended.

A stream is server-sent events (HTML living standard, 9.2) that show how something stands, and again
whenever that has changed: the newest state, not a history, so whoever lost one just opens another.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import orjson

from gateway.domain.errors import Unavailable

__all__ = ["HEARTBEAT", "Place", "Snapshot", "Streams", "TooManyStreams"]

HEARTBEAT = b":\n\n"
"""A comment: it keeps proxies from closing a stream that is quiet, and finds dead connections."""


class TooManyStreams(Unavailable):
    """As many streams are open as may be; pages go on by asking again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """How something stands. Nothing follows a final one; `data` is JSON, without line breaks."""

    event: str
    data: bytes
    is_final: bool = False

    @classmethod
    def of(cls, event: str, content: object, *, is_final: bool = False) -> Snapshot:
        """The snapshot that shows `content`."""
        return cls(event=event, data=orjson.dumps(content), is_final=is_final)

    def message(self, *, retry_seconds: float | None = None) -> bytes:
        """The bytes on the wire; `retry_seconds` is after how long a lost stream is reopened."""
        retry = b"" if retry_seconds is None else b"retry: %d\n" % round(retry_seconds * 1000)
        return retry + b"event: %b\ndata: %b\n\n" % (self.event.encode(), self.data)


class Place:
    """One open stream. `over` is set when the client or the process has gone."""

    __slots__ = ("over",)

    def __init__(self) -> None:
        self.over = asyncio.Event()

    async def pause(self, seconds: float) -> None:
        """Wait, unless the stream is over before."""
        try:
            async with asyncio.timeout(seconds):
                await self.over.wait()
        except TimeoutError:
            return


class Streams:
    """The streams that are open: `total_max` at once, and as many of a subject as its feed says."""

    def __init__(self, *, total_max: int = 1_000) -> None:
        self._total_max = total_max
        self._places: set[Place] = set()
        self._of_subject: Counter[str] = Counter()
        self._closed = False

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._places)

    def of_subject(self, subject: str) -> int:
        """How many show this."""
        return self._of_subject[subject]

    @contextmanager
    def place(self, subject: str, *, subject_max: int) -> Iterator[Place]:
        """A place for a stream of `subject`. Raises TooManyStreams when there is none."""
        if self._closed:
            raise TooManyStreams("The process is stopping")
        if len(self._places) >= self._total_max or self._of_subject[subject] >= subject_max:
            raise TooManyStreams("Too many live streams are open")
        place = Place()
        self._places.add(place)
        self._of_subject[subject] += 1
        try:
            yield place
        finally:
            self._places.discard(place)
            self._of_subject[subject] -= 1
            if not self._of_subject[subject]:
                del self._of_subject[subject]

    def close(self) -> None:
        """End all streams and take no more: the process is stopping."""
        self._closed = True
        for place in self._places:
            place.over.set()
