"""How many calls to processors are under way, as the gateway's own gauge tells."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

from benchmarks.client import fetch

__all__ = ["JobsGauge"]

_GAUGE = re.compile(r"^gateway_jobs_running(?:\{[^}]*\})? ([0-9.e+]+)", re.MULTILINE)


class JobsGauge:
    """Reads the gauge of one server as long as it is entered; `most` is the highest reading."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._watching: asyncio.Task[None] | None = None
        self.most = 0.0

    async def __aenter__(self) -> JobsGauge:
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching

    async def _watch(self) -> None:
        while True:
            answer = await fetch(self._port, "/metrics")
            found = _GAUGE.search(str(answer.content))
            if found:
                self.most = max(self.most, float(found[1]))
            await asyncio.sleep(0.25)
