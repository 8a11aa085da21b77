"""The circuit breakers of a process: one for each processor and verb.

Where a merchant uses an account of its own, the breaker is that account's: wrong credentials of
one merchant stop nobody else. What a processor answers is no error, whatever it says; that it could
not be reached, did not answer or did not take the call is one.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

import structlog

from gateway.domain.breaker import BreakerLimits, BreakerState, CircuitBreaker
from gateway.domain.outcomes import FailedSurely, Outcome, Unknown

__all__ = ["BreakerKey", "BreakerView", "Breakers", "CircuitOpen", "WatchedCall"]

logger = structlog.get_logger(__name__)


class CircuitOpen(Exception):
    """The call is not to be made now."""

    def __init__(self, wait_seconds: float) -> None:
        """It is worth asking again in `wait_seconds`."""
        super().__init__(f"worth asking again in {wait_seconds:.1f} s")
        self.wait_seconds = wait_seconds


@dataclass(frozen=True, slots=True)
class BreakerKey:
    """Whose calls a breaker watches; `account` is a merchant's own, None the gateway's."""

    processor: str
    verb: str
    account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerView:
    """What is shown of a breaker: `calls` and `errors` are those of its window."""

    key: BreakerKey
    state: BreakerState
    calls: int
    errors: int
    wait_seconds: float


@dataclass(slots=True)
class WatchedCall:
    """A call that is let through: `outcome` is what came of it, None while it was not made."""

    outcome: Outcome | None = None


class Breakers:
    """All breakers, the least recently used dropped where there are too many."""

    def __init__(
        self,
        limits: BreakerLimits,
        *,
        breakers_max: int = 1_000,
        time: Callable[[], float] = monotonic,
    ) -> None:
        self._limits = limits
        self._max = breakers_max
        self._time = time
        self._breakers: OrderedDict[BreakerKey, CircuitBreaker] = OrderedDict()
        self.opened_total: Counter[tuple[str, str]] = Counter()
        self.refused_total: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def call(self, key: BreakerKey) -> Iterator[WatchedCall]:
        """Make a call inside, and say what came of it. Raises CircuitOpen before it is made."""
        breaker, now = self._breaker(key), self._time()
        permit = breaker.admit(now)
        if permit is None:
            self.refused_total[key.processor, key.verb] += 1
            raise CircuitOpen(breaker.wait_seconds(now))
        if breaker.state(now) == BreakerState.HALF_OPEN:
            self._tell(key, BreakerState.HALF_OPEN)
        watched = WatchedCall()
        try:
            yield watched
        finally:
            self._tell(key, breaker.record(permit, _is_error(watched.outcome), self._time()))

    def views(self) -> Sequence[BreakerView]:
        """All of them as they are now, by processor, verb and account."""
        now = self._time()
        views = []
        for key, breaker in self._breakers.items():
            calls, errors = breaker.counts(now)
            views.append(
                BreakerView(
                    key=key,
                    state=breaker.state(now),
                    calls=calls,
                    errors=errors,
                    wait_seconds=breaker.wait_seconds(now),
                )
            )
        return sorted(
            views, key=lambda view: (view.key.processor, view.key.verb, view.key.account or "")
        )

    def _breaker(self, key: BreakerKey) -> CircuitBreaker:
        breaker = self._breakers.get(key)
        if breaker is None:
            breaker = self._breakers[key] = CircuitBreaker(self._limits)
            if len(self._breakers) > self._max:
                self._breakers.popitem(last=False)
        else:
            self._breakers.move_to_end(key)
        return breaker

    def _tell(self, key: BreakerKey, state: BreakerState | None) -> None:
        if state is None:
            return
        if state == BreakerState.OPEN:
            self.opened_total[key.processor, key.verb] += 1
        logger.warning(
            "breaker_changed",
            processor=key.processor,
            verb=key.verb,
            account=key.account,
            state=str(state),
        )


def _is_error(outcome: Outcome | None) -> bool | None:
    if outcome is None:
        return None
    return isinstance(outcome, FailedSurely) or (
        isinstance(outcome, Unknown) and not outcome.answered
    )
