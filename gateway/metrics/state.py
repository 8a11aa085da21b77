"""What is looked up when somebody scrapes: actors, queues, connections. No table is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.actors.breakers import Breakers
from gateway.actors.enqueuer import Enqueuer
from gateway.actors.inbound import NotificationHandler
from gateway.actors.pool import ProcessorPool
from gateway.actors.recovery import Recovery
from gateway.actors.region import Region
from gateway.actors.supervisor import TreeNode
from gateway.domain.breaker import BreakerState
from gateway.domain.jobs import JobKind
from gateway.queue.jobs import Depth, JobQueue
from gateway.queue.sealed import SealedCards
from gateway.storage.pool import Pool

__all__ = ["StateCollector", "Watched"]

_REGION_COUNTERS = (
    ("gateway_entity_activations", "Entities that were activated.", "activations_total"),
    ("gateway_entity_passivations", "Idle entities that were forgotten.", "passivations_total"),
    ("gateway_entity_crashes", "Entities that crashed.", "crashes_total"),
)


class Degradable(Protocol):
    """A part that goes on trying while a store is away."""

    @property
    def degraded(self) -> bool:
        """Whether it is waiting for a store now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is looked at."""

    supervision_tree: Callable[[], TreeNode]
    regions: tuple[Region, ...]
    degradable: Mapping[str, Degradable]
    enqueuer: Enqueuer
    processors: ProcessorPool
    recovery: Recovery
    notifications: Mapping[str, NotificationHandler]
    breakers: Breakers
    sealed: SealedCards
    pool: Pool
    queue: JobQueue
    live_streams: Callable[[], int]


class StateCollector(Collector):
    """Reads the state on the event loop's own thread; nothing in it waits."""

    def __init__(self) -> None:
        self.watched: Watched | None = None
        self.depths: Mapping[JobKind, Depth] | None = None

    def collect(self) -> Iterable[Metric]:
        """All families, with what can be said of them now; they are listed even before a start."""
        yield from self._actors()
        yield from self._entities()
        yield from self._queues()
        yield from self._notifications()
        yield from self._breakers()
        yield from self._process()

    def _actors(self) -> Iterator[Metric]:
        alive = GaugeMetricFamily("gateway_actor_alive", "1 while it runs.", labels=["actor"])
        waiting = GaugeMetricFamily(
            "gateway_actor_mailbox_length", "Messages that wait for it.", labels=["actor"]
        )
        restarts = CounterMetricFamily(
            "gateway_actor_restarts", "Restarts after a failure.", labels=["actor"]
        )
        for name, node in self._nodes():
            alive.add_metric([name], node.alive)
            waiting.add_metric([name], node.mailbox_length)
            restarts.add_metric([name], node.restarts)
        degraded = GaugeMetricFamily(
            "gateway_degraded", "1 while the part waits for a store.", labels=["part"]
        )
        if self.watched is not None:
            for name, part in self.watched.degradable.items():
                degraded.add_metric([name], part.degraded)
        yield from (alive, waiting, restarts, degraded)

    def _entities(self) -> Iterator[Metric]:
        live = GaugeMetricFamily("gateway_live_entities", "Entities in memory.", labels=["region"])
        for name, node in self._nodes():
            if node.kind == "region":
                live.add_metric([name], node.live or 0)
        yield live
        regions = self.watched.regions if self.watched is not None else ()
        for name, text, attribute in _REGION_COUNTERS:
            counter = CounterMetricFamily(name, text, labels=["region"])
            for region in regions:
                counter.add_metric([region.name], getattr(region, attribute))
            yield counter

    def _queues(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "gateway_jobs_waiting", "Jobs in Redis that nobody has claimed.", labels=["kind"]
        )
        held = GaugeMetricFamily(
            "gateway_jobs_in_flight", "Jobs that some process has claimed.", labels=["kind"]
        )
        for kind, depth in (self.depths or {}).items():
            waiting.add_metric([str(kind)], depth.waiting)
            held.add_metric([str(kind)], depth.in_flight)
        up = GaugeMetricFamily("gateway_queue_up", "1 if Redis answered this scrape in time.")
        up.add_metric([], self.depths is not None)
        yield from (waiting, held, up)

    def _notifications(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "gateway_notifications_waiting",
            "What processors sent and nobody has handled, as of the last look.",
            labels=["processor"],
        )
        oldest = GaugeMetricFamily(
            "gateway_notifications_oldest_seconds",
            "For how long the oldest of these has waited.",
            labels=["processor"],
        )
        for name, handler in (self.watched.notifications if self.watched else {}).items():
            waiting.add_metric([name], handler.waiting)
            oldest.add_metric([name], handler.oldest_seconds)
        yield from (waiting, oldest)

    def _breakers(self) -> Iterator[Metric]:
        labels = ["processor", "verb"]
        states = GaugeMetricFamily(
            "gateway_breakers", "Circuit breakers by what they do.", labels=[*labels, "state"]
        )
        opened = CounterMetricFamily(
            "gateway_breaker_opened", "How often a circuit breaker opened.", labels=labels
        )
        refused = CounterMetricFamily(
            "gateway_breaker_refused", "Calls that an open breaker kept back.", labels=labels
        )
        if self.watched is not None:
            breakers = self.watched.breakers
            views = breakers.views()
            counted = Counter((each.key.processor, each.key.verb, each.state) for each in views)
            for processor, verb in sorted({(each.key.processor, each.key.verb) for each in views}):
                for state in BreakerState:
                    states.add_metric([processor, verb, state], counted[processor, verb, state])
            for names, count in breakers.opened_total.items():
                opened.add_metric(names, count)
            for names, count in breakers.refused_total.items():
                refused.add_metric(names, count)
        yield from (states, opened, refused)

    def _process(self) -> Iterator[Metric]:
        pending = GaugeMetricFamily("gateway_enqueuer_pending", "What waits to be sent to Redis.")
        dropped = CounterMetricFamily(
            "gateway_enqueuer_dropped", "Jobs left for Recovery to find, for want of room."
        )
        requeued = CounterMetricFamily("gateway_jobs_requeued", "Jobs that Recovery added anew.")
        calls = GaugeMetricFamily("gateway_jobs_running", "Jobs this process carries out.")
        sealed = GaugeMetricFamily(
            "gateway_sealed_cards_waiting", "Sealed card data in memory while Redis is away."
        )
        streams = GaugeMetricFamily("gateway_live_streams", "Pages that follow something live.")
        connections = GaugeMetricFamily(
            "gateway_database_connections", "Connections to Postgres.", labels=["state"]
        )
        watched = self.watched
        if watched is not None:
            pending.add_metric([], watched.enqueuer.pending)
            dropped.add_metric([], watched.enqueuer.dropped_total)
            requeued.add_metric([], watched.recovery.requeued_total)
            calls.add_metric([], watched.processors.in_flight)
            sealed.add_metric([], watched.sealed.waiting)
            streams.add_metric([], watched.live_streams())
            free = watched.pool.get_idle_size()
            connections.add_metric(["free"], free)
            connections.add_metric(["busy"], watched.pool.get_size() - free)
        yield from (pending, dropped, requeued, calls, sealed, streams, connections)

    def _nodes(self) -> Iterator[tuple[str, TreeNode]]:
        """The actors by their path below the root. Entities are no nodes, so there are few."""
        if self.watched is None:
            return
        waiting = [(node.name, node) for node in self.watched.supervision_tree().children]
        while waiting:
            name, node = waiting.pop()
            yield name, node
            waiting += [(f"{name}/{below.name}", below) for below in node.children]
