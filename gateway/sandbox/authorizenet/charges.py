"""Transactions that take or reserve money: authCapture, authOnly, captureOnly."""

from __future__ import annotations

from decimal import Decimal

from gateway.sandbox.authorizenet.accounts import Call, auth_code
from gateway.sandbox.authorizenet.codes import DECLINED, HELD, response_code
from gateway.sandbox.authorizenet.refusals import Unsuccessful, incomplete
from gateway.sandbox.authorizenet.replies import answered, event_payload
from gateway.sandbox.authorizenet.submissions import Submission
from gateway.sandbox.authorizenet.transactions import Status, Transaction
from gateway.sandbox.authorizenet.triggers import Verdict, judge
from gateway.sandbox.authorizenet.wire import Members, child, text_of

__all__ = ["charge", "require_currency", "require_new", "tell"]

_EVENTS = {
    "authCaptureTransaction": "net.authorize.payment.authcapture.created",
    "authOnlyTransaction": "net.authorize.payment.authorization.created",
    "captureOnlyTransaction": "net.authorize.payment.capture.created",
    "refundTransaction": "net.authorize.payment.refund.created",
}
_WINDOW_SECONDS_MAX = 28_800


def charge(call: Call, submission: Submission, reason: str | None) -> Members:
    """Make a charge; `reason` is a code that a test wants it to end with.

    Raises Unsuccessful for everything that leaves no transaction behind.
    """
    if submission.kind == "captureOnlyTransaction" and not submission.auth_code:
        raise incomplete("transactionRequest", "authCode")
    amount = submission.required_amount()
    require_currency(call, submission)
    equals = require_new(call, submission, amount)
    verdict = judge(
        amount,
        text_of(submission.bill_to, "zip"),
        submission.card_code,
        partial=submission.is_set("allowPartialAuth"),
        options=call.options,
    )
    if reason is not None:
        verdict = Verdict(reason, verdict.avs, verdict.cvv, verdict.approved)
    transaction = _transaction(call, submission, amount, verdict)
    if submission.is_set("testRequest"):
        return _as_test(answered(call, transaction))
    call.account.book.add(transaction, equals)
    tell(call, transaction)
    reply = answered(call, transaction)
    if submission.user_fields:
        reply["transactionResponse"]["userFields"] = list(submission.user_fields)
    return reply


def require_currency(call: Call, submission: Submission) -> None:
    """Raises Unsuccessful 39 for a currency that the account does not take."""
    if submission.currency and submission.currency not in call.options.currencies:
        raise Unsuccessful("39")


def require_new(call: Call, submission: Submission, amount: Decimal) -> tuple[str, ...]:
    """What equal transactions share, to be written down with this one.

    Raises Unsuccessful 11 when there was one within the duplicate window. The window is the one
    that this request asks for; zero switches the comparison off.
    """
    window = submission.seconds(
        "duplicateWindow", call.options.duplicate_window_seconds, _WINDOW_SECONDS_MAX
    )
    key = _sameness(submission, amount)
    last = call.account.book.last_equal(key)
    if window and last is not None and (call.now - last).total_seconds() < window:
        raise Unsuccessful("11")
    return key


def tell(call: Call, transaction: Transaction) -> None:
    """Tell webhooks of a new transaction; of declined ones nothing is told."""
    if transaction.is_held:
        event = "net.authorize.payment.fraud.held"
    elif transaction.response_code == DECLINED:
        return
    else:
        event = _EVENTS[transaction.kind]
    call.account.tell(event, event_payload(transaction))


def _sameness(submission: Submission, amount: Decimal) -> tuple[str, ...]:
    card = submission.required_card()
    return (
        submission.kind,
        card.fingerprint,
        card.expires,
        f"{amount:.2f}",
        submission.ref_transaction_id,
        submission.invoice_number,
        text_of(submission.customer, "id"),
        text_of(submission.customer, "email"),
        *(f"{name}={text_of(submission.bill_to, name)}" for name in sorted(submission.bill_to)),
    )


def _status(kind: str, reason: str) -> Status:
    if response_code(reason) == DECLINED:
        return Status.DECLINED
    if reason == "252":
        return Status.HELD
    if reason == "253":
        return Status.AUTHORIZED_HELD
    return Status.AUTHORIZED if kind == "authOnlyTransaction" else Status.CAPTURED


def _transaction(
    call: Call, submission: Submission, amount: Decimal, verdict: Verdict
) -> Transaction:
    if response_code(verdict.reason) not in ("1", DECLINED, HELD):
        raise Unsuccessful(verdict.reason)
    call.account.book.require_room()
    status = _status(submission.kind, verdict.reason)
    has_code = status not in (Status.DECLINED, Status.HELD)
    partial = verdict.approved != amount
    return Transaction(
        id=call.accounts.next_id(),
        kind=submission.kind,
        status=status,
        reason=verdict.reason,
        auth_amount=verdict.approved,
        settle_amount=verdict.approved,
        currency=submission.currency or call.options.currencies[0],
        card=submission.required_card(),
        submitted_at=call.now,
        captured_at=call.now if status is Status.CAPTURED else None,
        auth_code=(submission.auth_code or auth_code()) if has_code else "",
        avs=verdict.avs,
        cvv=verdict.cvv,
        cavv="2",
        ref_id=call.ref_id,
        invoice_number=submission.invoice_number,
        description=submission.description,
        customer=submission.customer,
        bill_to=submission.bill_to,
        customer_ip=submission.customer_ip,
        requested_amount=amount if partial else None,
        split_tender_id=call.accounts.next_id() if partial else "",
        profile=_profile(submission),
    )


def _profile(submission: Submission) -> Members:
    profile_id = text_of(submission.profile, "customerProfileId")
    if not profile_id:
        return {}
    chosen = child(submission.profile, "paymentProfile")
    return {
        "customerProfileId": profile_id,
        "customerPaymentProfileId": text_of(chosen, "paymentProfileId"),
    }


def _as_test(reply: Members) -> Members:
    reply["transactionResponse"] |= {"transId": "0", "authCode": "000000", "testRequest": "1"}
    return reply
