"""When a webhook is sent again, and when its endpoint is switched off: the published rules, pure.

The wait before each attempt is counted from the attempt before, so that a receiver sees exactly the
published intervals, however long its answers take.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.domain.evolution import directly_made

__all__ = [
    "STANDARD_SCHEDULE",
    "TEST_SCHEDULE",
    "AttemptOutcome",
    "DeliveryStatus",
    "RetrySchedule",
    "Verdict",
    "disabling_reason",
    "retry_schedule",
]

_GONE = 410
_SECONDS_PER_DAY = 86_400


class DeliveryStatus(StrEnum):
    """pending → success, failed; failed → pending by a retry."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILED = "failed"


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptOutcome:
    """What came of one request: a status, or no answer and an `error` for people.

    `is_permanent` says that no repetition can have another outcome.
    """

    requested_at: datetime
    answered_at: datetime
    status: int | None = None
    error: str | None = None
    retry_after_seconds: int | None = None
    is_permanent: bool = False

    @property
    def succeeded(self) -> bool:
        """Any 2xx; a redirect is a failure."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def description(self) -> str:
        """What went wrong, for the merchant."""
        return self.error or f"The endpoint answered {self.status}"


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the delivery is after an attempt; `reason` stands in the dead letter."""

    status: DeliveryStatus
    next_retry_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """The wait before each attempt, the first one included; there are no more attempts than waits.

    `Retry-After` may lengthen a wait, to `retry_after_seconds_max` at most, never shorten it.
    """

    waits_seconds: tuple[int, ...]
    retry_after_seconds_max: int = 7_200

    @property
    def attempts_max(self) -> int:
        """How many attempts a delivery gets before it is a dead letter."""
        return len(self.waits_seconds)

    def decide(self, attempts_before: int, outcome: AttemptOutcome) -> Verdict:
        """What follows from an attempt that `attempts_before` others preceded."""
        if outcome.succeeded:
            return Verdict(status=DeliveryStatus.SUCCESS)
        if outcome.is_permanent or outcome.status == _GONE:
            return Verdict(status=DeliveryStatus.FAILED, reason=outcome.description)
        number = attempts_before + 1
        if number >= self.attempts_max:
            reason = f"{number} attempts failed, at last: {outcome.description}"
            return Verdict(status=DeliveryStatus.FAILED, reason=reason)
        return Verdict(
            status=DeliveryStatus.PENDING, next_retry_at=self._next_retry_at(number, outcome)
        )

    def _next_retry_at(self, number: int, outcome: AttemptOutcome) -> datetime:
        scheduled = outcome.requested_at + timedelta(seconds=self.waits_seconds[number])
        if outcome.retry_after_seconds is None:
            return scheduled
        asked_seconds = min(outcome.retry_after_seconds, self.retry_after_seconds_max)
        return max(scheduled, outcome.answered_at + timedelta(seconds=asked_seconds))


STANDARD_SCHEDULE = RetrySchedule((0, 60, 300, 1_800, 7_200))
"""At once, +1 min, +5 min, +30 min, +2 h: promise P7."""

TEST_SCHEDULE = RetrySchedule((0, 5, 10, 15, 20))
"""With `WEBHOOK_RETRY_INTERVALS_TEST`."""


def retry_schedule(*, test_intervals: bool) -> RetrySchedule:
    """The schedule that the setting `WEBHOOK_RETRY_INTERVALS_TEST` chooses."""
    return TEST_SCHEDULE if test_intervals else STANDARD_SCHEDULE


def disabling_reason(
    outcome: AttemptOutcome, failing_since: datetime | None, disable_after_seconds: float
) -> str | None:
    """Why the endpoint is to be switched off, for the merchant; None when it is not.

    `failing_since` is the time of the first failure after the last success.
    """
    if outcome.succeeded:
        return None
    if outcome.status == _GONE:
        return "The endpoint answered 410 Gone"
    if failing_since is None:
        return None
    if outcome.requested_at - failing_since < timedelta(seconds=disable_after_seconds):
        return None
    days = disable_after_seconds / _SECONDS_PER_DAY
    return f"Every delivery failed for {days:g} days, at last: {outcome.description}"
