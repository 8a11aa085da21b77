"""A circuit breaker: whether calls to somebody who keeps failing are to be made at all.

    closed → open          at too many errors among enough calls within the window
    open → half_open       when its time is over: one call is let through as a trial
    half_open → closed     the trial went well
    half_open → open       it did not

It reads no clock: `now` is any moment that only grows, in seconds. This is code of our own because
a breaker library that was tried let ten of ten calls through as trials at once, and others hold a
lock or a task for each.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

__all__ = ["BreakerLimits", "BreakerState", "CircuitBreaker", "Permit"]

Permit = NewType("Permit", int)
"""What a call was let through with: says which stretch between two changes it belongs to."""

# The window moves in this many steps: memory does not grow with the calls.
_STEPS = 10
# How long a trial takes is not known; whoever is refused meanwhile comes again soon.
_TRIAL_SECONDS = 1.0


class BreakerState(StrEnum):
    """What a breaker does with calls."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerLimits:
    """It opens when, of at least `calls_min` calls, `error_percent` or more have failed."""

    window_seconds: float = 60.0
    calls_min: int = 20
    error_percent: int = 50
    open_seconds: float = 60.0


@dataclass(slots=True)
class _Step:
    number: int
    calls: int = 0
    errors: int = 0


class CircuitBreaker:
    """One breaker. Who asks `admit` and gets a permit tells `record` how the call ended."""

    def __init__(self, limits: BreakerLimits) -> None:
        self._limits = limits
        self._steps: deque[_Step] = deque()
        self._opened_at: float | None = None
        self._trial = False
        self._stretch = 0

    def state(self, now: float) -> BreakerState:
        """What it would do with a call now."""
        if self._opened_at is None:
            return BreakerState.CLOSED
        is_over = now >= self._opened_at + self._limits.open_seconds
        return BreakerState.HALF_OPEN if is_over else BreakerState.OPEN

    def wait_seconds(self, now: float) -> float:
        """After how long it is worth asking again; 0 when a call would be let through."""
        if self._opened_at is None:
            return 0.0
        if self._trial:
            return _TRIAL_SECONDS
        return max(0.0, self._opened_at + self._limits.open_seconds - now)

    def counts(self, now: float) -> tuple[int, int]:
        """Calls and errors within the window since it last closed."""
        self._forget(now)
        return sum(step.calls for step in self._steps), sum(step.errors for step in self._steps)

    def admit(self, now: float) -> Permit | None:
        """Let a call through, or not. Half open, one trial is under way at a time."""
        state = self.state(now)
        if state == BreakerState.CLOSED:
            return Permit(self._stretch)
        if state == BreakerState.OPEN or self._trial:
            return None
        self._trial = True
        self._stretch += 1
        return Permit(self._stretch)

    def record(self, permit: Permit, is_error: bool | None, now: float) -> BreakerState | None:
        """How the call ended; None: it was not made after all. Answers what the breaker became.

        None where it stays as it is. What began before the last change says nothing about the time
        after it.
        """
        if permit != self._stretch:
            return None
        if self._trial:
            self._trial = False
            return None if is_error is None else self._change(is_error, now)
        if is_error is None:
            return None
        self._count(is_error, now)
        return self._change(is_error, now) if is_error and self._is_too_much(now) else None

    def _change(self, opens: bool, now: float) -> BreakerState:
        self._opened_at = now if opens else None
        self._steps.clear()
        self._stretch += 1
        return BreakerState.OPEN if opens else BreakerState.CLOSED

    def _is_too_much(self, now: float) -> bool:
        calls, errors = self.counts(now)
        limits = self._limits
        return calls >= limits.calls_min and errors * 100 >= calls * limits.error_percent

    def _count(self, is_error: bool, now: float) -> None:
        number = self._number(now)
        if not self._steps or self._steps[-1].number < number:
            self._steps.append(_Step(number))
        self._steps[-1].calls += 1
        self._steps[-1].errors += is_error

    def _forget(self, now: float) -> None:
        oldest = self._number(now) - _STEPS
        while self._steps and self._steps[0].number <= oldest:
            self._steps.popleft()

    def _number(self, now: float) -> int:
        return int(now * _STEPS / self._limits.window_seconds)
