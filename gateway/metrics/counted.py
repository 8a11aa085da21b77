"""What is counted and timed as it happens. An observation costs a microsecond or two.

Looking up a labelled child costs more than counting with it, so children are kept by their labels.
Labels are few by construction; where a caller could invent them, the number is limited.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.domain.entities import Payment
from gateway.domain.work import Event, UnitOfWork

__all__ = ["Counted"]

_CHILDREN_MAX = 1_000
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "other"

_REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_CALL_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60)
_WAIT_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
_BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)

_PAYMENT_ENDS = {
    "payment.success": "success",
    "payment.failed": "failed",
    "payment.cancelled": "cancelled",
    "payment.expired": "expired",
}
_REFUND_ENDS = {"refund.processed": "processed", "refund.failed": "failed"}

Key = TypeVar("Key", bound=Hashable)
Child = TypeVar("Child", Counter, Histogram)


class _Children(Generic[Child, Key]):
    """The children of one metric, by what they were asked for with."""

    def __init__(self, metric: Child, labels: Callable[[Key], tuple[str, ...]]) -> None:
        self._bind: Callable[..., Child] = metric.labels
        self._labels = labels
        self._kept: dict[Key, Child] = {}

    def __getitem__(self, key: Key) -> Child:
        child = self._kept.get(key)
        return child if child is not None else self._make(key)

    def _make(self, key: Key) -> Child:
        labels = self._labels(key)
        if len(self._kept) >= _CHILDREN_MAX:
            return self._bind(*([_OTHER] * len(labels)))
        child = self._kept[key] = self._bind(*labels)
        return child


class Counted:
    """One method for each thing that `gateway.observers.Observers` are told of."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._count_outcomes(registry)
        self._count_work(registry)
        self._watch_books(registry)

    def _count_outcomes(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        accepted = counter(
            "gateway_payments_accepted", "Payments that were accepted.", "mode", "method"
        )
        payments = counter(
            "gateway_payments", "Payments by their outcome.", "mode", "method", "status"
        )
        refunds = counter("gateway_refunds", "Refunds by their outcome.", "mode", "status")
        events = counter("gateway_events", "Events that were committed.", "type")
        self._accepted = _Children[Counter, tuple[str, ...]](accepted, _as_it_is)
        self._payments = _Children[Counter, tuple[str, ...]](payments, _as_it_is)
        self._refunds = _Children[Counter, tuple[str, ...]](refunds, _as_it_is)
        self._events = _Children[Counter, str](events, _alone)
        self._late = counter(
            "gateway_late_approvals", "Approvals of what was final already; they are reversed."
        )
        self._limited = _Children[Counter, str](
            counter("gateway_requests_limited", "Requests refused by a rate limit.", "limit"),
            _alone,
        )
        self._cards_refused = _Children[Counter, str](
            counter("gateway_card_attempts_refused", "Cards refused after declines.", "guard"),
            _alone,
        )
        notifications = counter(
            "gateway_notifications",
            "Messages of processors as they came, and what came of what they told.",
            "processor",
            "outcome",
        )
        self._notifications = _Children[Counter, tuple[str, ...]](notifications, _as_it_is)
        self._units = counter("gateway_units_committed", "Units of work that were committed.")

    def _watch_books(self, registry: CollectorRegistry) -> None:
        self._differences = Gauge(
            "gateway_books_differences",
            "Differences that this process' last check of the books found.",
            registry=registry,
        )
        self._checked_at = Gauge(
            "gateway_books_checked_timestamp_seconds",
            "When this process last checked the books.",
            registry=registry,
        )

    def _count_work(self, registry: CollectorRegistry) -> None:
        def histogram(
            name: str, text: str, buckets: Sequence[float], labels: tuple[str, ...] = ()
        ) -> Histogram:
            return Histogram(name, text, labels, buckets=buckets, registry=registry)

        self._batch_units = histogram(
            "gateway_journal_batch_units", "Units of work in one transaction.", _BATCH_BUCKETS
        )
        self._batch_wait = histogram(
            "gateway_journal_wait_seconds", "Wait of a batch's oldest unit.", _WAIT_BUCKETS
        )
        calls = histogram(
            "gateway_processor_call_seconds",
            "Calls to payment processors.",
            _CALL_BUCKETS,
            ("processor", "verb", "outcome"),
        )
        jobs = histogram(
            "gateway_job_seconds", "Jobs carried out.", _CALL_BUCKETS, ("kind", "outcome")
        )
        deliveries = histogram(
            "gateway_delivery_seconds", "Webhook delivery attempts.", _REQUEST_BUCKETS, ("outcome",)
        )
        responses = histogram(
            "gateway_http_response_seconds",
            "Responses to HTTP requests.",
            _REQUEST_BUCKETS,
            ("route", "method", "status"),
        )
        self._calls = _Children[Histogram, tuple[str, ...]](calls, _as_it_is)
        self._jobs = _Children[Histogram, tuple[str, ...]](jobs, _as_it_is)
        self._deliveries = _Children[Histogram, str](deliveries, _alone)
        self._responses = _Children[Histogram, tuple[str, str, int]](responses, _response_labels)

    def journal_batch(self, size: int, waited_seconds: float) -> None:
        """A batch of `size` units begins to be committed."""
        self._batch_units.observe(size)
        self._batch_wait.observe(waited_seconds)

    def processor_call(self, processor: str, verb: str, outcome: str, seconds: float) -> None:
        """A call to a payment processor has ended."""
        self._calls[processor, verb, outcome].observe(seconds)

    def job(self, kind: str, outcome: str, seconds: float) -> None:
        """A job was carried out."""
        self._jobs[str(kind), outcome].observe(seconds)

    def delivery(self, outcome: str, seconds: float) -> None:
        """An attempt to deliver a webhook has ended."""
        self._deliveries[outcome].observe(seconds)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered. `route` is a template, and fixed for what has no route."""
        self._responses[route, method, status].observe(seconds)

    def limited(self, limit: str) -> None:
        """A rate limit has refused a request."""
        self._limited[limit].inc()

    def card_refused(self, guard: str) -> None:
        """A guard against card testing has refused an attempt."""
        self._cards_refused[guard].inc()

    def notification(self, processor: str, outcome: str) -> None:
        """A message came in (accepted, duplicate, refused), or what it told was handled."""
        self._notifications[processor, outcome].inc()

    def books(self, differences: int, ended_at: float) -> None:
        """The books were looked through; `ended_at` in unix seconds."""
        self._differences.set(differences)
        self._checked_at.set(ended_at)

    def committed(self, units: Sequence[UnitOfWork]) -> None:
        """These units are durable. Each event happens once, so outcomes are counted by events."""
        self._units.inc(len(units))
        for unit in units:
            for event in unit.events:
                self._events[event.type].inc()
                self._count(event, unit)
            for audit in unit.audits:
                if audit.action == "late_approval":
                    self._late.inc()

    def _count(self, event: Event, unit: UnitOfWork) -> None:
        if event.type == "payment.created":
            self._accepted[event.mode, _method_of(event, unit)].inc()
        elif status := _PAYMENT_ENDS.get(event.type):
            self._payments[event.mode, _method_of(event, unit), status].inc()
        elif status := _REFUND_ENDS.get(event.type):
            self._refunds[event.mode, status].inc()


def _as_it_is(key: tuple[str, ...]) -> tuple[str, ...]:
    return key


def _alone(key: str) -> tuple[str, ...]:
    return (key,)


def _response_labels(key: tuple[str, str, int]) -> tuple[str, ...]:
    route, method, status = key
    return route, method if method in _METHODS else _OTHER, f"{status // 100}xx"


def _method_of(event: Event, unit: UnitOfWork) -> str:
    for entity in (*unit.updates, *unit.inserts):
        if isinstance(entity, Payment) and entity.id == event.payment_id:
            return entity.instrument.method
    return "unknown"
