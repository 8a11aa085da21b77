"""When what has no outcome yet is worked on again.

A bank that comes back must not be met by everybody at the same moment, so each wait differs a
little: by the attempt's id, which makes it the same however often it is worked out.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zlib import crc32

from gateway.domain.decisions._belief import PAYMENT_KINDS
from gateway.domain.decisions._transition import Policy
from gateway.domain.entities import Attempt, Operation
from gateway.domain.outcomes import FailedSurely, Unknown

__all__ = ["ask_at", "send_at"]

# Each wait for a processor that takes nothing is at least this part of the time already waited:
# a day is a few dozen attempts, and not one a minute.
_PART_OF_WAITED = 0.25


def send_at(
    operation: Operation, attempt: Attempt, outcome: FailedSurely, now: datetime, policy: Policy
) -> datetime | None:
    """When what surely did not happen is sent again; None when that was tried long enough."""
    if outcome.retry_after_seconds is not None:
        patience_seconds = (
            policy.payment_patience_seconds
            if operation.kind in PAYMENT_KINDS
            else policy.follow_up_patience_seconds
        )
        waited = now - operation.created_at
        if waited >= timedelta(seconds=patience_seconds):
            return None
        return now + _put_off(outcome.retry_after_seconds, waited, attempt, policy)
    delays = policy.sure_failure_delays_seconds
    if operation.retries >= len(delays):
        return None
    return now + timedelta(seconds=delays[operation.retries] * (1 - _jitter(attempt, policy)))


def ask_at(
    attempt: Attempt, outcome: Unknown, asked: int, now: datetime, policy: Policy
) -> datetime | None:
    """When an unknown outcome is asked for again, after `asked` questions; None: by nobody."""
    delays = policy.lookup_delays_seconds
    if outcome.retry_after_seconds is not None:
        waited = now - attempt.sent_at
        if waited >= timedelta(seconds=sum(delays)):
            return None
        return now + _put_off(outcome.retry_after_seconds, waited, attempt, policy)
    return now + timedelta(seconds=delays[asked]) if asked < len(delays) else None


def _put_off(
    retry_after_seconds: float, waited: timedelta, attempt: Attempt, policy: Policy
) -> timedelta:
    """Never before it is worth it."""
    wait_seconds = max(retry_after_seconds, waited.total_seconds() * _PART_OF_WAITED)
    return timedelta(seconds=wait_seconds * (1 + _jitter(attempt, policy)))


def _jitter(attempt: Attempt, policy: Policy) -> float:
    """A part of the wait, evenly spread over attempts, whose ids are random."""
    return crc32(attempt.id.encode()) / 2**32 * policy.jitter_percent / 100
