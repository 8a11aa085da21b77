"""Settlement: what is pending goes into a batch when the day's cut-off has passed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.sandbox.authorizenet.transactions import Book, Status, Transaction

__all__ = ["Batch", "Batches", "cut_off_after", "expire", "pending"]

_SETTLES_AS = {
    Status.CAPTURED: Status.SETTLED,
    Status.REFUND_PENDING: Status.REFUND_SETTLED,
}
# They are listed in the batch of their day, too; nothing of them is settled.
_CLOSED = (Status.VOIDED, Status.DECLINED, Status.EXPIRED)


@dataclass(frozen=True, slots=True)
class Batch:
    """What was settled together."""

    id: str
    settled_at: datetime
    transactions: tuple[Transaction, ...]


class Batches:
    """The settled batches of one account, oldest first."""

    def __init__(self) -> None:
        self._by_id: dict[str, Batch] = {}

    def find(self, batch_id: str) -> Batch | None:
        """The batch of that id."""
        return self._by_id.get(batch_id)

    def between(self, first: datetime, last: datetime) -> list[Batch]:
        """Those that were settled in this time, both ends included."""
        return [batch for batch in self._by_id.values() if first <= batch.settled_at <= last]

    def settle(self, transactions: Iterable[Transaction], batch_id: str, now: datetime) -> None:
        """Close a batch with these; none without transactions."""
        settled = tuple(transactions)
        if not settled:
            return
        for transaction in settled:
            transaction.batch_id = batch_id
            transaction.status = _SETTLES_AS.get(transaction.status, transaction.status)
        self._by_id[batch_id] = Batch(batch_id, now, settled)


def pending(book: Book) -> list[Transaction]:
    """What the next batch will hold."""
    return [
        transaction
        for transaction in book
        if not transaction.batch_id
        and (transaction.status in _SETTLES_AS or transaction.status in _CLOSED)
    ]


def expire(book: Book, before: datetime) -> None:
    """End the authorizations that were made before `before` and never captured."""
    for transaction in book:
        if transaction.status is Status.AUTHORIZED and transaction.submitted_at < before:
            transaction.status = Status.EXPIRED


def cut_off_after(moment: datetime, hour: int) -> datetime:
    """The first cut-off later than `moment`; `hour` is UTC."""
    cut_off = moment.replace(hour=hour, minute=0, second=0, microsecond=0)
    return cut_off if cut_off > moment else cut_off + timedelta(days=1)
