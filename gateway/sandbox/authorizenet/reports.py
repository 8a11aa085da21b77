"""Reporting: the details of a transaction, what has not settled, and what settled when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from gateway.sandbox.authorizenet.accounts import Call
from gateway.sandbox.authorizenet.batches import Batch
from gateway.sandbox.authorizenet.codes import REASONS
from gateway.sandbox.authorizenet.refusals import Refused, incomplete, invalid_value, not_found
from gateway.sandbox.authorizenet.replies import successful
from gateway.sandbox.authorizenet.transactions import Status, Transaction
from gateway.sandbox.authorizenet.wire import (
    Members,
    child,
    envelope,
    instant,
    local,
    money,
    text_of,
)

__all__ = ["OPERATIONS"]

_PAGE_MAX = 1_000
_SETTLED_DAYS_MAX = 31
_MARKET: Members = {"marketType": "eCommerce", "product": "Card Not Present"}
_REFUNDS = (Status.REFUND_PENDING, Status.REFUND_SETTLED)


def transaction_details(call: Call) -> Members:
    """getTransactionDetailsRequest. Raises Refused E00040."""
    transaction_id = text_of(call.members, "transId")
    if not transaction_id:
        raise incomplete(call.operation, "transId")
    return successful(transaction=_details(call, call.transaction(transaction_id)))


def unsettled_transactions(call: Call) -> Members:
    """getUnsettledTransactionListRequest: everything that is in no batch."""
    only_held = text_of(call.members, "status") == "pendingApproval"
    found = [
        transaction
        for transaction in call.account.book
        if not transaction.batch_id and (transaction.is_held or not only_held)
    ]
    return _page(call, found)


def batch_transactions(call: Call) -> Members:
    """getTransactionListRequest: the transactions of one batch. Raises Refused E00040."""
    batch = call.account.batches.find(text_of(call.members, "batchId"))
    if batch is None:
        raise not_found()
    return _page(call, list(batch.transactions))


def settled_batches(call: Call) -> Members:
    """getSettledBatchListRequest: of the last day, or of 31 days at most. Raises Refused E00013."""
    last = _moment(call, "lastSettlementDate") or call.now
    first = _moment(call, "firstSettlementDate") or last - timedelta(days=1)
    if last - first > timedelta(days=_SETTLED_DAYS_MAX) or last < first:
        raise Refused("E00013", "firstSettlementDate is invalid.")
    statistics = text_of(call.members, "includeStatistics").lower() == "true"
    found = [
        {
            **_batch(batch),
            "paymentMethod": "creditCard",
            **_MARKET,
            **({"statistics": _statistics(batch)} if statistics else {}),
        }
        for batch in call.account.batches.between(first, last)
    ]
    return successful(batchList=found) if found else _nothing()


def _nothing() -> Members:
    return {"messages": envelope("I00004", "No records found.", error=False)}


def _page(call: Call, found: list[Transaction]) -> Members:
    """One page, newest first unless asked otherwise. Raises Refused E00013."""
    sorting, paging = child(call.members, "sorting"), child(call.members, "paging")
    descending = text_of(sorting, "orderDescending").lower() != "false"
    if text_of(sorting, "orderBy") not in ("", "id", "submitTimeUTC"):
        raise invalid_value("orderBy", "The Enumeration constraint failed.")
    limit = _number(paging, "limit", _PAGE_MAX, _PAGE_MAX)
    page = _number(paging, "offset", 1, 100_000)
    if descending:
        found.reverse()
    shown = found[(page - 1) * limit : page * limit]
    if not shown:
        return _nothing()
    return {
        **successful(transactions=[_summary(transaction) for transaction in shown]),
        "totalNumInResultSet": len(shown),
    }


def _number(members: Members, name: str, default: int, largest: int) -> int:
    text = text_of(members, name) or str(default)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= largest:
        raise Refused("E00013", f"{name} is invalid.")
    return int(text)


def _summary(transaction: Transaction) -> Members:
    return {
        "transId": transaction.id,
        "submitTimeUTC": _to_the_second(transaction.submitted_at) + "Z",
        "submitTimeLocal": _to_the_second(transaction.submitted_at),
        "transactionStatus": transaction.status.value,
        **_unless_empty("invoiceNumber", transaction.invoice_number),
        **_unless_empty("firstName", text_of(transaction.bill_to, "firstName")),
        **_unless_empty("lastName", text_of(transaction.bill_to, "lastName")),
        "accountType": transaction.card.account_type,
        "accountNumber": transaction.card.masked,
        "settleAmount": money(transaction.settle_amount),
        **_MARKET,
        "hasReturnedItemsSpecified": False,
        **_unless_empty("profile", transaction.profile),
    }


def _details(call: Call, transaction: Transaction) -> Members:
    batch = call.account.batches.find(transaction.batch_id)
    return {
        "transId": transaction.id,
        **_unless_empty("refTransId", transaction.ref_transaction_id),
        **_unless_empty("splitTenderId", transaction.split_tender_id),
        "submitTimeUTC": instant(transaction.submitted_at),
        "submitTimeLocal": local(transaction.submitted_at),
        "transactionType": transaction.kind,
        "transactionStatus": transaction.status.value,
        "responseCode": int(transaction.response_code),
        "responseReasonCode": int(transaction.reason),
        "responseReasonDescription": _description(transaction.reason),
        **_unless_empty("authCode", transaction.auth_code),
        **_unless_empty("AVSResponse", transaction.avs),
        **_unless_empty("cardCodeResponse", transaction.cvv),
        **_filters(transaction),
        **({"batch": _batch(batch)} if batch is not None else {}),
        **_unless_empty("order", _order(transaction)),
        "requestedAmountSpecified": transaction.requested_amount is not None,
        **_requested(transaction),
        "authAmount": money(transaction.auth_amount),
        "settleAmount": money(transaction.settle_amount),
        "prepaidBalanceRemainingSpecified": False,
        "taxExempt": False,
        "taxExemptSpecified": True,
        "payment": {
            "creditCard": {
                "cardNumber": transaction.card.masked,
                "expirationDate": "XXXX",
                "cardType": transaction.card.account_type,
            }
        },
        **_unless_empty("customer", transaction.customer),
        **_unless_empty("billTo", transaction.bill_to),
        "recurringBilling": False,
        "recurringBillingSpecified": True,
        **_unless_empty("customerIP", transaction.customer_ip),
        **_MARKET,
        **_unless_empty("profile", transaction.profile),
    }


def _description(reason: str) -> str:
    return "Approval" if reason == "1" else REASONS[reason]


def _filters(transaction: Transaction) -> Members:
    if not transaction.is_held:
        return {}
    action = "hold" if transaction.status is Status.HELD else "authAndHold"
    return {
        "FDSFilterAction": action,
        "FDSFilters": [{"name": "Amount Filter", "action": action}],
    }


def _order(transaction: Transaction) -> Members:
    return {
        **_unless_empty("invoiceNumber", transaction.invoice_number),
        **_unless_empty("description", transaction.description),
    }


def _requested(transaction: Transaction) -> Members:
    if transaction.requested_amount is None:
        return {}
    return {"requestedAmount": money(transaction.requested_amount)}


def _batch(batch: Batch) -> Members:
    return {
        "batchId": batch.id,
        "settlementTimeUTC": _to_the_second(batch.settled_at) + "Z",
        "settlementTimeUTCSpecified": True,
        "settlementTimeLocal": _to_the_second(batch.settled_at),
        "settlementTimeLocalSpecified": True,
        "settlementState": "settledSuccessfully",
    }


def _statistics(batch: Batch) -> list[Members]:
    account_types = sorted({each.card.account_type for each in batch.transactions})
    return [
        _statistic(name, [each for each in batch.transactions if each.card.account_type == name])
        for name in account_types
    ]


def _statistic(account_type: str, transactions: list[Transaction]) -> Members:
    charges = [each for each in transactions if each.status is Status.SETTLED]
    refunds = [each for each in transactions if each.status in _REFUNDS]
    return {
        "accountType": account_type,
        "chargeAmount": _sum(charges),
        "chargeCount": len(charges),
        "refundAmount": _sum(refunds),
        "refundCount": len(refunds),
        "voidCount": sum(each.status is Status.VOIDED for each in transactions),
        "declineCount": sum(each.status is Status.DECLINED for each in transactions),
        "errorCount": 0,
    }


def _sum(transactions: Iterable[Transaction]) -> object:
    return money(sum((each.settle_amount for each in transactions), Decimal(0)))


def _moment(call: Call, name: str) -> datetime | None:
    """A time of the request, UTC where it does not say otherwise. Raises Refused E00003."""
    text = text_of(call.members, name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise invalid_value(
            name, "The value is invalid according to its datatype 'DateTime'."
        ) from None
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def _to_the_second(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}"


def _unless_empty(name: str, value: str | Members) -> Members:
    return {name: value} if value else {}


OPERATIONS: Mapping[str, Callable[[Call], Members]] = {
    "getTransactionDetailsRequest": transaction_details,
    "getUnsettledTransactionListRequest": unsettled_transactions,
    "getTransactionListRequest": batch_transactions,
    "getSettledBatchListRequest": settled_batches,
}
