"""What must be true of the books at any time: they say what payments and refunds say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from gateway.domain.books import ACCOUNTS, LedgerTransaction, TransactionKind
from gateway.domain.disputes import Dispute
from gateway.domain.entities import Attempt, OperationKind, OrderState, Payment, Purpose


def balances(ledger: Iterable[LedgerTransaction]) -> Counter[str]:
    """The sum of the entries of each account."""
    return Counter({name: sum(getattr(each.entries, name) for each in ledger) for name in ACCOUNTS})


def check_books(state: OrderState, ledger: list[LedgerTransaction]) -> None:
    """Each change has exactly one transaction, and the accounts agree with the rows' sums."""
    sources = [(each.source_id, each.kind) for each in ledger]
    assert len(sources) == len(set(sources)), "booked twice"
    assert set(sources) == _expected_sources(state)
    for each in ledger:
        assert (
            state.order.merchant_id,
            state.order.mode,
            state.order.currency,
            state.order.id,
        ) == (
            each.merchant_id,
            each.mode,
            each.currency,
            each.order_id,
        )
    for payment in state.payments.values():
        disputes = [each for each in state.disputes.values() if each.payment_id == payment.id]
        own = [each for each in ledger if each.payment_id == payment.id]
        _check_payment(payment, disputes, own)


def _check_payment(
    payment: Payment, disputes: list[Dispute], ledger: list[LedgerTransaction]
) -> None:
    sums = balances(ledger)
    assert sum(sums.values()) == 0
    refunds = payment.amount_refunded + payment.amount_refund_pending
    held = sum(each.amount for each in disputes if each.is_undecided)
    lost = sum(each.amount_deducted for each in disputes)
    assert payment.amount_disputed == held + lost
    assert -sums["merchant"] == payment.amount_captured - payment.fee - refunds - held - lost
    assert -sums["disputes"] == held
    assert (-sums["fees"], -sums["tax"]) == (payment.fee - payment.tax, payment.tax)
    assert -sums["refunds"] == payment.amount_refund_pending
    known = payment.amount_captured - payment.amount_refunded - lost
    assert sums["processor"] == known - sums["suspense"]
    assert 0 <= payment.tax <= payment.fee <= payment.amount_captured


def _expected_sources(state: OrderState) -> set[tuple[str, str]]:
    expected: set[tuple[str, str]] = set()
    for operation in state.operations.values():
        attempt = state.attempts.get(operation.id)
        approved = attempt is not None and attempt.state == "approved"
        moves = operation.kind in (
            OperationKind.CHARGE,
            OperationKind.CAPTURE,
            OperationKind.REFUND,
        )
        if operation.purpose == Purpose.REVERSAL:
            if moves and approved:
                expected.add((operation.id, TransactionKind.REVERSAL))
            continue
        if moves and approved and operation.state == "failed":
            expected.add((operation.id, TransactionKind.LATE_APPROVAL))
        if operation.kind == OperationKind.REFUND:
            ends = {"done": "refund_processed", "failed": "refund_failed"}
            kinds = ["refund_accepted", *filter(None, [ends.get(operation.state)])]
            expected |= {(operation.refund_id or "", TransactionKind(kind)) for kind in kinds}
        elif moves and operation.state == "done":
            expected.add((operation.id, TransactionKind.CAPTURE))
    for attempt in state.replaced.values():
        if attempt.state == "approved" and _moved_money(state, attempt):
            expected.add((attempt.id, TransactionKind.LATE_APPROVAL))
    for dispute in state.disputes.values():
        ends = {"won": "dispute_won", "closed": "dispute_won", "lost": "dispute_lost"}
        kinds = ["dispute_opened", *filter(None, [ends.get(dispute.status)])]
        expected |= {(dispute.id, TransactionKind(kind)) for kind in kinds}
    return expected


def _moved_money(state: OrderState, attempt: Attempt) -> bool:
    """Whether an approved attempt took money or paid it back; an authorization is voided."""
    if state.operations[attempt.operation_id].kind == OperationKind.REFUND:
        return True
    reversals = [each for each in state.operations.values() if each.reverses == attempt.id]
    return [each.kind for each in reversals] == [OperationKind.REFUND]
