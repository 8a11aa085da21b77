"""The one clock. Everything that is stored is stamped by it; tests can move it forward."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

__all__ = ["Clock"]


class Clock:
    """Tells the time in UTC, moved forward by as many seconds as tests have asked for.

    Leases are about processes that are alive or dead, so they use `real_now`, which nobody moves.
    """

    def __init__(self) -> None:
        self._offset = timedelta()
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> datetime:
        """The time to store, aware, in UTC."""
        moment = datetime.now(UTC)
        return moment + self._offset if self._offset else moment

    def real_now(self) -> datetime:
        """The machine's time, whatever the tests have done, aware, in UTC."""
        return datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds` and wake everybody who waits for a moment.

        Raises ValueError for a negative number: stored times never run backwards.
        """
        if seconds < 0:
            raise ValueError("the clock only moves forward")
        self._offset += timedelta(seconds=seconds)
        for listener in tuple(self._listeners):
            listener()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` whenever the clock is moved; the answer ends the subscription."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def seconds_until(self, moment: datetime) -> float:
        """Seconds from now to `moment`; zero when it has passed."""
        return max(0.0, (moment - self.now()) / timedelta(seconds=1))
