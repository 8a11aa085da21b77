"""Transactions about an earlier one: capture, void, refund, and the review of held ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from gateway.sandbox.authorizenet.accounts import Call, auth_code
from gateway.sandbox.authorizenet.cards import Card
from gateway.sandbox.authorizenet.charges import require_currency, require_new, tell
from gateway.sandbox.authorizenet.refusals import Refused, Unsuccessful, incomplete
from gateway.sandbox.authorizenet.replies import answered, event_payload
from gateway.sandbox.authorizenet.submissions import Submission
from gateway.sandbox.authorizenet.transactions import Status, Transaction
from gateway.sandbox.authorizenet.wire import Members, child, text_of

__all__ = ["FOLLOWUPS", "review"]

_VOIDABLE = (
    Status.AUTHORIZED,
    Status.CAPTURED,
    Status.REFUND_PENDING,
    Status.HELD,
    Status.AUTHORIZED_HELD,
)


def capture(call: Call, submission: Submission) -> Members:
    """priorAuthCaptureTransaction: the answer carries the original's id. 16, 47, or 311 again."""
    original = _original(call, submission)
    if original.status in (Status.CAPTURED, Status.SETTLED):
        return answered(call, original, reason="311", refers_to=original.id)
    if original.status is not Status.AUTHORIZED:
        raise Unsuccessful("16")
    amount = original.auth_amount
    if submission.amount is not None:
        amount = submission.required_amount()
    if amount > original.auth_amount:
        raise Unsuccessful("47")
    original.status, original.settle_amount = Status.CAPTURED, amount
    original.captured_at = call.now
    payload = event_payload(original)
    call.account.tell("net.authorize.payment.priorAuthCapture.created", payload)
    return answered(call, original, reason="1", refers_to=original.id)


def void(call: Call, submission: Submission) -> Members:
    """voidTransaction of anything that has not settled. 16, or 310 again."""
    original = _original(call, submission)
    if original.status is Status.VOIDED:
        return answered(call, original, reason="310", refers_to=original.id)
    if original.status not in _VOIDABLE:
        raise Unsuccessful("16")
    original.status = Status.VOIDED
    call.account.tell("net.authorize.payment.void.created", event_payload(original))
    return answered(call, original, reason="1", refers_to=original.id)


def refund(call: Call, submission: Submission) -> Members:
    """refundTransaction of a settled transaction: a transaction of its own. 16, 50, 54, 55."""
    original = _original(call, submission)
    amount = submission.required_amount()
    require_currency(call, submission)
    if original.status is Status.CAPTURED:
        raise Unsuccessful(call.options.unsettled_refund_code)
    same_card = _is_same_card(submission.payment, original.card)
    if original.status is not Status.SETTLED or not same_card:
        raise Unsuccessful("54")
    if call.account.book.refunded(original.id) + amount > original.settle_amount:
        raise Unsuccessful("55")
    equals = require_new(call, replace(submission, card=original.card), amount)
    call.account.book.require_room()
    made = _refund_of(call, submission, original, amount)
    call.account.book.add(made, equals)
    tell(call, made)
    return answered(call, made, refers_to=original.id)


def review(call: Call) -> Members:
    """updateHeldTransactionRequest: approve or decline. Raises Refused E00013; Unsuccessful 16."""
    request = child(call.members, "heldTransactionRequest")
    action, transaction_id = text_of(request, "action"), text_of(request, "refTransId")
    if action not in ("approve", "decline"):
        raise Refused("E00013", "action is invalid.")
    held = call.account.book.find(transaction_id)
    if held is None or not held.is_held:
        raise Unsuccessful("16")
    if action == "approve":
        _approve(call, held)
    else:
        held.status = Status.DECLINED if held.status is Status.HELD else Status.VOIDED
        held.reason = "254"
    name = "approved" if action == "approve" else "declined"
    call.account.tell(f"net.authorize.payment.fraud.{name}", event_payload(held))
    return answered(call, held, refers_to=held.id)


def _approve(call: Call, held: Transaction) -> None:
    held.reason = "1"
    held.auth_code = held.auth_code or auth_code()
    held.status = Status.AUTHORIZED
    if held.kind != "authOnlyTransaction":
        held.status, held.captured_at = Status.CAPTURED, call.now


def _original(call: Call, submission: Submission) -> Transaction:
    if not submission.ref_transaction_id:
        raise Unsuccessful("33")
    found = call.account.book.find(submission.ref_transaction_id)
    if found is None:
        raise Unsuccessful("16")
    return found


def _is_same_card(payment: Members, card: Card) -> bool:
    """Whether the refund names the card by its last four digits, alone, masked or in full."""
    number = text_of(child(payment, "creditCard"), "cardNumber")
    if not number:
        raise incomplete("transactionRequest", "payment")
    return number[-4:] == card.last_four


def _refund_of(
    call: Call, submission: Submission, original: Transaction, amount: Decimal
) -> Transaction:
    return Transaction(
        id=call.accounts.next_id(),
        kind=submission.kind,
        status=Status.REFUND_PENDING,
        reason="1",
        auth_amount=amount,
        settle_amount=amount,
        currency=original.currency,
        card=original.card,
        submitted_at=call.now,
        captured_at=call.now,
        avs="P",
        ref_id=call.ref_id,
        ref_transaction_id=original.id,
        invoice_number=submission.invoice_number,
        description=submission.description,
        customer=submission.customer or original.customer,
        bill_to=submission.bill_to or original.bill_to,
        customer_ip=submission.customer_ip,
    )


FOLLOWUPS: Mapping[str, Callable[[Call, Submission], Members]] = {
    "priorAuthCaptureTransaction": capture,
    "voidTransaction": void,
    "refundTransaction": refund,
}
