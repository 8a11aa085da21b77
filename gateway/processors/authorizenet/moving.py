"""One request that moves money, and what its reply means.

Surely not done is what was not sent, and what Authorize.Net says it has not done. Whatever is
raised may have happened.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.domain.outcomes import (
    Approved,
    AttemptNotFound,
    Declined,
    FailedSurely,
    Outcome,
    Transaction,
    Unknown,
)
from gateway.processors.authorizenet.client import NotSent
from gateway.processors.authorizenet.codes import (
    DUPLICATE,
    OutcomeOfCode,
    outcome_of_reason,
    outcome_of_request_error,
)
from gateway.processors.authorizenet.lookups import look_up
from gateway.processors.authorizenet.replies import TransactionReply, error_code, read_transaction
from gateway.processors.authorizenet.requests import Members
from gateway.processors.authorizenet.session import Session

__all__ = ["ORIGINAL_MISSING", "Answer", "answer_of", "move", "outcome_of", "unless_duplicate"]

Answer = TransactionReply | OutcomeOfCode

ORIGINAL_MISSING = Declined(
    code="GATEWAY_ERROR",
    description="The processor does not know the original payment",
    reason="original_not_found",
)
_TEST_REQUEST = Declined(
    code="GATEWAY_ERROR",
    description="The processor's account is in test mode. Nothing was charged",
    reason="processor_misconfigured",
)


async def move(session: Session, members: Members) -> Answer:
    """Send one request. Raises AnswerLost, InvalidReply, RequestFailed, TimeoutError."""
    try:
        reply = await session.post("createTransactionRequest", members)
    except NotSent as failure:
        return FailedSurely(reason=failure.reason)
    decided = read_transaction(reply)
    return outcome_of_request_error(error_code(reply) or "") if decided is None else decided


async def unless_duplicate(
    session: Session, transaction: Transaction, answer: TransactionReply, now: datetime
) -> Outcome:
    """The reply's outcome; of a duplicate, what became of the one that they have already."""
    if answer.reason_code == DUPLICATE:
        # Invoice numbers are attempts' ids: that is this very attempt.
        return answer_of(await look_up(session, transaction, now), answer)
    return outcome_of(answer)


def answer_of(looked_up: Outcome, answer: TransactionReply) -> Outcome:
    """What a lookup says after a refusal, unless that it was not done: then the refusal counts."""
    return outcome_of(answer) if isinstance(looked_up, AttemptNotFound) else looked_up


def outcome_of(answer: Answer) -> Outcome:
    """What the reply to a request that moves money means."""
    if not isinstance(answer, TransactionReply):
        return answer
    if answer.approved_id is not None:
        return Approved(reference=answer.approved_id)
    if answer.response_code == "1" and answer.is_test_request:
        return _TEST_REQUEST
    outcome = outcome_of_reason(answer.response_code, answer.reason_code)
    if isinstance(outcome, Unknown):
        return replace(outcome, reference=answer.transaction_id)
    return outcome
