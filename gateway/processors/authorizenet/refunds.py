"""Refunds: of what is settled; what is not settled can only be voided, and only as a whole."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.outcomes import Approved, FailedSurely, Outcome, Transaction
from gateway.processors.authorizenet import requests
from gateway.processors.authorizenet.codes import (
    ALREADY_VOIDED,
    NOT_FOUND,
    NOT_REFUNDABLE,
    NOT_SETTLED,
)
from gateway.processors.authorizenet.lookups import UNANSWERED, is_paid_back
from gateway.processors.authorizenet.moving import (
    ORIGINAL_MISSING,
    Answer,
    move,
    outcome_of,
    unless_duplicate,
)
from gateway.processors.authorizenet.replies import (
    UNSETTLED,
    Details,
    TransactionReply,
    minor_units,
)
from gateway.processors.authorizenet.session import Session

__all__ = ["refund"]

_ORIGINAL_UNREADABLE = FailedSurely(reason="original_unreadable")


async def refund(session: Session, transaction: Transaction, now: datetime) -> Outcome:
    """Pay back. Refused because it is not settled, all of it is voided, and a part declined."""
    if transaction.original is None:
        return ORIGINAL_MISSING
    last_four = transaction.last_four or await _last_four(session, transaction.original)
    if not isinstance(last_four, str):
        return last_four
    answer = await move(session, requests.refund(transaction, last_four))
    if not isinstance(answer, TransactionReply):
        return answer
    if answer.reason_code in NOT_REFUNDABLE:
        return await _void_instead(session, transaction, transaction.original, answer)
    return await unless_duplicate(session, transaction, answer, now)


async def _last_four(session: Session, original_id: str) -> str | Outcome:
    """Of a nonce we do not know what card it stood for; they do."""
    try:
        original = await session.details(original_id)
    except UNANSWERED:
        return _ORIGINAL_UNREADABLE
    known = None if original is None else original.last_four
    return ORIGINAL_MISSING if known is None else known


async def _void_instead(
    session: Session, transaction: Transaction, original_id: str, refused: TransactionReply
) -> Outcome:
    """The refund was refused, so nothing has moved yet, and what fails now can begin anew."""
    try:
        original = await session.details(original_id)
    except UNANSWERED:
        return _ORIGINAL_UNREADABLE
    if original is None:
        return ORIGINAL_MISSING
    decided = _decided(original, transaction, refused)
    if decided is not None:
        return decided
    return _outcome_of_void(await move(session, requests.void(original_id)), original_id)


def _decided(
    original: Details, transaction: Transaction, refused: TransactionReply
) -> Outcome | None:
    """What can be said without a void; None when all that was captured is to be voided."""
    if is_paid_back(original, transaction):
        return Approved(reference=original.transaction_id)
    if original.status != UNSETTLED:
        return outcome_of(refused)
    captured = minor_units(original.settle_amount, transaction.currency)
    return None if captured == transaction.amount else NOT_SETTLED


def _outcome_of_void(answer: Answer, original_id: str) -> Outcome:
    if isinstance(answer, TransactionReply) and answer.reason_code == ALREADY_VOIDED:
        return Approved(reference=original_id)
    if isinstance(answer, TransactionReply) and answer.reason_code == NOT_FOUND:
        # It was settled in between: now it can be refunded.
        return FailedSurely(reason="settled_meanwhile")
    return outcome_of(answer)
