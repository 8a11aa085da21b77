"""Requests, each led to what answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.sandbox.authorizenet import profile_requests, reports
from gateway.sandbox.authorizenet.accounts import Account, Accounts, Call
from gateway.sandbox.authorizenet.charges import charge
from gateway.sandbox.authorizenet.followups import FOLLOWUPS, review
from gateway.sandbox.authorizenet.refusals import Refused, Unsuccessful, incomplete, invalid_value
from gateway.sandbox.authorizenet.replies import failed, successful
from gateway.sandbox.authorizenet.submissions import Submission, read_submission, with_card
from gateway.sandbox.authorizenet.wire import Members, child, text_of

__all__ = ["CHARGES", "OPERATIONS", "authenticate", "perform"]

CHARGES = ("authCaptureTransaction", "authOnlyTransaction", "captureOnlyTransaction")


def authenticate(accounts: Accounts, members: Members) -> Account:
    """The account whose credentials stand in the request. Raises Refused E00005, E00006, E00007."""
    credentials = child(members, "merchantAuthentication")
    name, key = text_of(credentials, "name"), text_of(credentials, "transactionKey")
    if not name:
        raise Refused("E00006", "The merchantAuthentication.name is invalid or not present.")
    if not key:
        raise Refused(
            "E00005", "The merchantAuthentication.transactionKey is invalid or not present."
        )
    account = accounts.authenticated(name, key)
    if account is None:
        raise Refused("E00007", "User authentication failed due to invalid authentication values.")
    return account


def perform(call: Call) -> Members:
    """Do what is asked, by a request that fits the schema.

    Raises Refused; an unsuccessful transaction is a reply.
    """
    return OPERATIONS[call.operation](call)


def create_transaction(call: Call) -> Members:
    """createTransactionRequest, by its transactionType."""
    request = child(call.members, "transactionRequest")
    if not request:
        raise incomplete("createTransactionRequest", "transactionRequest")
    submission = read_submission(request)
    if submission.kind not in (*CHARGES, *FOLLOWUPS):
        raise invalid_value("transactionType", "The Enumeration constraint failed.")
    reason = call.account.take_reason(submission.kind)
    if reason is not None and submission.kind in FOLLOWUPS:
        return _failed(call, submission, reason)
    try:
        if submission.kind in FOLLOWUPS:
            return FOLLOWUPS[submission.kind](call, submission)
        submission = with_card(call, submission)
        return charge(call, submission, reason)
    except Unsuccessful as unsuccessful:
        return _failed(call, submission, unsuccessful.reason)


def update_held_transaction(call: Call) -> Members:
    """updateHeldTransactionRequest."""
    try:
        return review(call)
    except Unsuccessful as unsuccessful:
        transaction_id = text_of(child(call.members, "heldTransactionRequest"), "refTransId")
        return failed(
            call, unsuccessful.reason, refers_to=transaction_id, masked="", account_type=""
        )


def authenticate_test(_: Call) -> Members:
    """authenticateTestRequest: whoever got here has the right credentials."""
    return successful()


def _failed(call: Call, submission: Submission, reason: str) -> Members:
    number = text_of(child(submission.payment, "creditCard"), "cardNumber")
    masked = f"XXXX{number[-4:]}" if number else ""
    account_type = ""
    if submission.card is not None:
        masked, account_type = submission.card.masked, submission.card.account_type
    return failed(
        call,
        reason,
        refers_to=submission.ref_transaction_id,
        masked=masked,
        account_type=account_type,
    )


OPERATIONS: Mapping[str, Callable[[Call], Members]] = {
    "authenticateTestRequest": authenticate_test,
    "createTransactionRequest": create_transaction,
    "updateHeldTransactionRequest": update_held_transaction,
    **reports.OPERATIONS,
    **profile_requests.OPERATIONS,
}
