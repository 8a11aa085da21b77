"""What became of an attempt whose answer was lost.

A capture or a void shows on the transaction that it is about, which is captured and voided at most
once: found unchanged, it was not done. A charge or a refund is a transaction of its own: found by
its id where we know it, else by its invoice number, and not being found proves nothing.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

import structlog

from gateway.domain.outcomes import (
    Approved,
    AttemptNotFound,
    Declined,
    Outcome,
    Transaction,
    Unknown,
)
from gateway.processors.authorizenet import profiles
from gateway.processors.authorizenet.client import AnswerLost, InvalidReply, NotSent
from gateway.processors.authorizenet.codes import RequestFailed
from gateway.processors.authorizenet.replies import (
    AUTHORIZED,
    GONE,
    UNSETTLED,
    VOIDED,
    Details,
    minor_units,
    outcome_of_details,
)
from gateway.processors.authorizenet.session import Session

__all__ = ["UNANSWERED", "approved", "is_paid_back", "look_up", "of_capture", "of_void"]

logger = structlog.get_logger(__name__)

UNANSWERED = (NotSent, AnswerLost, InvalidReply, RequestFailed, TimeoutError)
"""Whatever keeps a question from being answered."""

_NOT_FOUND_YET = Unknown(reason="not_found_yet")
_SETTLED = Declined(
    code="GATEWAY_ERROR",
    description="The payment is settled and can only be refunded",
    reason="already_settled",
)
# The payment is approved: nobody waits longer than that for the card to be kept.
_KEEPING_SECONDS = 5.0


async def look_up(session: Session, transaction: Transaction, now: datetime) -> Outcome:
    """What became of an attempt. Raises what `Session.ask` raises when that cannot be asked."""
    match transaction.kind:
        case "capture":
            return await of_capture(session, transaction)
        case "void":
            return await of_void(session, transaction)
        case "refund":
            return await _of_refund(session, transaction, now)
        case _:
            return await _of_payment(session, transaction, now)


async def of_capture(session: Session, transaction: Transaction) -> Outcome:
    """Whether the original is captured; with another amount, that was not us."""
    original = await _original(session, transaction)
    if original is None:
        return _NOT_FOUND_YET
    if original.status == AUTHORIZED:
        return AttemptNotFound()
    outcome = outcome_of_details(original)
    captured = minor_units(original.settle_amount, transaction.currency)
    if isinstance(outcome, Approved) and captured != transaction.amount:
        return Unknown(reason="another_amount_captured")
    return outcome


async def of_void(session: Session, transaction: Transaction) -> Outcome:
    """Whether the original holds nothing any more."""
    original = await _original(session, transaction)
    if original is None:
        return _NOT_FOUND_YET
    if original.status in GONE:
        return Approved(reference=original.transaction_id)
    if original.status in (AUTHORIZED, UNSETTLED):
        return AttemptNotFound()
    outcome = outcome_of_details(original)
    return _SETTLED if isinstance(outcome, Approved) else outcome


async def approved(session: Session, transaction: Transaction, transaction_id: str) -> Approved:
    """An approved payment; its card is kept where that was asked for, and can be done."""
    stored = None
    if transaction.store_for is not None and transaction.stored is None:
        try:
            async with asyncio.timeout(_KEEPING_SECONDS):
                stored = await profiles.keep(session, transaction, transaction_id)
        except UNANSWERED as failure:
            problem = type(failure).__name__
            logger.warning("card_not_kept", payment_id=transaction.payment_id, problem=problem)
    return Approved(reference=transaction_id, stored=stored)


def is_paid_back(original: Details, transaction: Transaction) -> bool:
    """Whether the original was voided, and that is what the refund was to bring about.

    A void gives back the whole amount, which some show as it was and some as nothing.
    """
    amount = minor_units(original.settle_amount, transaction.currency)
    return original.status == VOIDED and amount in (None, 0, transaction.amount)


async def _of_payment(session: Session, transaction: Transaction, now: datetime) -> Outcome:
    found = await _attempt(session, transaction, now)
    if found is None:
        return _NOT_FOUND_YET
    outcome = outcome_of_details(found)
    if isinstance(outcome, Approved):
        return await approved(session, transaction, outcome.reference)
    return outcome


async def _of_refund(session: Session, transaction: Transaction, now: datetime) -> Outcome:
    """What is not settled is voided in place of a refund, and could not have been refunded."""
    found = await _attempt(session, transaction, now)
    if found is not None:
        return outcome_of_details(found)
    original = await _original(session, transaction)
    if original is None:
        return _NOT_FOUND_YET
    if is_paid_back(original, transaction):
        return Approved(reference=original.transaction_id)
    return AttemptNotFound() if original.status == UNSETTLED else _NOT_FOUND_YET


async def _attempt(session: Session, transaction: Transaction, now: datetime) -> Details | None:
    if transaction.known_as is not None:
        return await session.details(transaction.known_as)
    return await session.find(transaction.reference, transaction.sent_at or now, now)


async def _original(session: Session, transaction: Transaction) -> Details | None:
    if transaction.original is None:
        return None
    return await session.details(transaction.original)
