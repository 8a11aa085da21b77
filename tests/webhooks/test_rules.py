"""The published rules, as pure functions: when again, when never, when the endpoint goes off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.delivery import (
    STANDARD_SCHEDULE,
    TEST_SCHEDULE,
    AttemptOutcome,
    DeliveryStatus,
    RetrySchedule,
    disabling_reason,
    retry_schedule,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAYS_5 = 5 * 86_400


def outcome(status: int | None = 500, *, took_seconds: float = 0, **fields: Any) -> AttemptOutcome:
    answered_at = NOW + timedelta(seconds=took_seconds)
    return AttemptOutcome(requested_at=NOW, answered_at=answered_at, status=status, **fields)


def waits(schedule: RetrySchedule) -> list[float | None]:
    """The wait that follows each attempt, when all of them fail at once."""
    verdicts = [schedule.decide(number, outcome()) for number in range(schedule.attempts_max)]
    return [
        None if each.next_retry_at is None else (each.next_retry_at - NOW).total_seconds()
        for each in verdicts
    ]


def test_the_schedules_are_the_published_ones() -> None:
    """+1 min, +5 min, +30 min, +2 h, then no more; with the setting 5, 10, 15, 20 s."""
    assert [60, 300, 1_800, 7_200, None] == waits(STANDARD_SCHEDULE)
    assert [5, 10, 15, 20, None] == waits(TEST_SCHEDULE)
    assert STANDARD_SCHEDULE is retry_schedule(test_intervals=False)
    assert TEST_SCHEDULE is retry_schedule(test_intervals=True)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_success(status: int) -> None:
    """Whatever the number of the attempt, and though it came late."""
    for attempts_before in range(5):
        verdict = STANDARD_SCHEDULE.decide(attempts_before, outcome(status, took_seconds=5))
        assert DeliveryStatus.SUCCESS == verdict.status
        assert verdict.next_retry_at is None


@pytest.mark.parametrize("status", [100, 199, 300, 301, 307, 400, 404, 429, 500, 503, 599])
def test_everything_else_is_tried_again(status: int) -> None:
    """Redirects and refusals too: a merchant may have deployed something broken."""
    verdict = STANDARD_SCHEDULE.decide(0, outcome(status))

    assert DeliveryStatus.PENDING == verdict.status


@pytest.mark.parametrize("final", [outcome(410), outcome(None, error="No", is_permanent=True)])
def test_what_cannot_get_better_fails_at_once(final: AttemptOutcome) -> None:
    """410 Gone, and what is no URL."""
    verdict = STANDARD_SCHEDULE.decide(0, final)

    assert DeliveryStatus.FAILED == verdict.status
    assert final.description == verdict.reason


def test_the_wait_is_counted_from_the_attempt_before() -> None:
    """A receiver that takes its five seconds sees the same intervals as a quick one."""
    slow = STANDARD_SCHEDULE.decide(0, outcome(None, took_seconds=5, error="No answer"))

    assert NOW + timedelta(seconds=60) == slow.next_retry_at


@given(
    number=st.integers(0, 3),
    retry_after=st.integers(0, 10**9),
    took=st.floats(0, 5),
)
def test_retry_after_never_shortens_and_lengthens_to_two_hours(
    number: int, retry_after: int, took: float
) -> None:
    """Between the schedule's moment and two hours after the answer, whatever the header says."""
    answer = outcome(429, took_seconds=took, retry_after_seconds=retry_after)
    scheduled = STANDARD_SCHEDULE.decide(number, outcome(429)).next_retry_at
    asked = STANDARD_SCHEDULE.decide(number, answer).next_retry_at

    assert scheduled is not None
    assert asked is not None
    latest = max(scheduled, answer.answered_at + timedelta(hours=2))
    assert scheduled <= asked <= latest
    wanted = answer.answered_at + timedelta(seconds=min(retry_after, 7_200))
    assert asked >= wanted


@pytest.mark.parametrize(
    ("status", "failing_days", "disabled"),
    [
        (410, None, True),
        (500, None, False),
        (500, 4.999, False),
        (500, 5, True),
        (None, 6, True),
        (200, 6, False),
        (410, 1, True),
    ],
)
def test_when_an_endpoint_goes_off(
    status: int | None, failing_days: float | None, disabled: bool
) -> None:
    """By 410 at once; by failures when the first of them is five days old."""
    since = None if failing_days is None else NOW - timedelta(days=failing_days)
    reason = disabling_reason(outcome(status, error=None), since, DAYS_5)

    assert disabled is (reason is not None)
