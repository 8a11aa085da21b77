"""The metrics of one process: a registry of its own, what fills it, and how it is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from gateway.domain.jobs import JobKind
from gateway.metrics.counted import Counted
from gateway.metrics.state import StateCollector, Watched
from gateway.observers import Observers
from gateway.queue.client import is_redis_unavailable
from gateway.queue.jobs import Depth

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """Made before the gateway; `watch` tells it later what it can look at."""

    def __init__(self, *, depths_seconds: float = 0.5) -> None:
        """A Redis that does not answer within `depths_seconds` costs a scrape no more than that."""
        # A second series for each counter, which nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call] # not annotated
        self.registry = CollectorRegistry(auto_describe=False)
        self._depths_seconds = depths_seconds
        self._counted = Counted(self.registry)
        self._state = StateCollector()
        self.registry.register(self._state)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        build = Gauge("gateway_build_info", "Always 1.", ["version"], registry=self.registry)
        build.labels(version("payment-gateway")).set(1)

    @property
    def observers(self) -> Observers:
        """What the gateway is to tell what it does."""
        counted = self._counted
        return Observers(
            journal_batch=counted.journal_batch,
            committed=counted.committed,
            processor_call=counted.processor_call,
            delivery=counted.delivery,
            request=counted.request,
            job=counted.job,
            limited=counted.limited,
            card_refused=counted.card_refused,
            books=counted.books,
            notification=counted.notification,
        )

    def watch(self, watched: Watched) -> None:
        """Look at this from now on."""
        self._state.watched = watched

    async def exposition(self) -> bytes:
        """The metrics in the text format of Prometheus, as CONTENT_TYPE says."""
        self._state.depths = await self._depths()
        return generate_latest(self.registry)

    async def _depths(self) -> Mapping[JobKind, Depth] | None:
        watched = self._state.watched
        if watched is None:
            return None
        try:
            async with asyncio.timeout(self._depths_seconds):
                return await watched.queue.depths()
        except Exception as error:
            if isinstance(error, TimeoutError) or is_redis_unavailable(error):
                return None
            raise
