"""Charges, authorizations, captures and voids."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.outcomes import Declined, Outcome, Transaction
from gateway.processors.authorizenet import requests
from gateway.processors.authorizenet.codes import ALREADY_CAPTURED, ALREADY_VOIDED, NOT_FOUND
from gateway.processors.authorizenet.lookups import approved, of_capture, of_void
from gateway.processors.authorizenet.moving import (
    ORIGINAL_MISSING,
    answer_of,
    move,
    outcome_of,
    unless_duplicate,
)
from gateway.processors.authorizenet.replies import TransactionReply
from gateway.processors.authorizenet.session import Session

__all__ = ["capture", "pay", "void"]

_CARD_MISSING = Declined(
    code="INVALID_CARD",
    description="The processor was sent no card. Nothing was charged",
    reason="card_missing",
)
_ACTIONED = frozenset({ALREADY_VOIDED, ALREADY_CAPTURED, NOT_FOUND})
"""Refusals after which the original says what is the case."""


async def pay(session: Session, transaction: Transaction, now: datetime) -> Outcome:
    """A charge or an authorization."""
    if (transaction.card or transaction.nonce or transaction.stored) is None:
        return _CARD_MISSING
    answer = await move(session, requests.payment(transaction))
    if not isinstance(answer, TransactionReply):
        return answer
    if answer.approved_id is not None:
        return await approved(session, transaction, answer.approved_id)
    return await unless_duplicate(session, transaction, answer, now)


async def capture(session: Session, transaction: Transaction) -> Outcome:
    """Take what was authorized, once. Captured already: with our amount, it is ours."""
    answer = await move(session, requests.capture(transaction))
    if isinstance(answer, TransactionReply) and answer.reason_code in _ACTIONED:
        return answer_of(await of_capture(session, transaction), answer)
    return outcome_of(answer)


async def void(session: Session, transaction: Transaction) -> Outcome:
    """Give back what was authorized. Nothing held any more: it is done, whoever did it."""
    if transaction.original is None:
        return ORIGINAL_MISSING
    answer = await move(session, requests.void(transaction.original))
    if isinstance(answer, TransactionReply) and answer.reason_code in _ACTIONED:
        return answer_of(await of_void(session, transaction), answer)
    return outcome_of(answer)
