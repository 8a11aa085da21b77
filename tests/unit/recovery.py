"""Recovery as the domain sees it: what is due is worked on, and nothing else."""

from __future__ import annotations

from datetime import timedelta

from gateway.domain.entities import AttemptState, Operation, OperationState
from tests.unit.holders import Holders
from tests.unit.scenario import POLICY

ROUNDS_MAX = 200


def finish(holders: Holders) -> None:
    """Drive everything to its end, by nothing but the times that are written down."""
    for _ in range(ROUNDS_MAX):
        if not _go_on(holders):
            return
    raise AssertionError("it never ends")


def _go_on(holders: Holders) -> bool:
    """Do what is due; where nothing is, wait for the next moment. False at the end."""
    order = holders.order
    pending = [each for each in order.state.operations.values() if each.is_pending]
    expiring = [each for each in order.state.payments.values() if each.capture_expires_at]
    if not pending and not expiring:
        return False
    version = order.order.version
    for payment in expiring:
        order.expire_payment(payment.id)
    for operation in pending:
        if operation.due_at is None:
            _check_exhausted(holders, operation)
            holders.work(operation, "approve")
        elif operation.due_at <= order.now:
            holders.work(operation, "approve")
    if version == order.order.version:
        _wait_for_the_next_moment(holders)
    return True


def _check_exhausted(holders: Holders, operation: Operation) -> None:
    """An operator is left what was asked for in vain, or could not be for as long; only that."""
    assert OperationState.UNKNOWN == operation.state
    delays = POLICY.lookup_delays_seconds
    waited = holders.order.now - holders.order.state.attempts[operation.id].sent_at
    assert len(delays) <= operation.lookups or waited.total_seconds() >= sum(delays)


def _wait_for_the_next_moment(holders: Holders) -> None:
    order, state = holders.order, holders.order.state
    moments = [each.due_at for each in state.operations.values() if each.is_pending]
    moments += [each.capture_expires_at for each in state.payments.values()]
    later = [each for each in moments if each is not None and each > order.now]
    leases = [
        each.lease_until
        for each in state.attempts.values()
        if each.state in (AttemptState.SENT, AttemptState.UNKNOWN)
        and each.lease_until > order.real_now
    ]
    assert later or leases, "something is pending and nothing is due"
    until_lease = min(leases, default=order.real_now) - order.real_now
    until_due = min(later, default=order.now) - order.now
    order.wait(max(until_lease if leases else until_due, timedelta(0)).total_seconds())
