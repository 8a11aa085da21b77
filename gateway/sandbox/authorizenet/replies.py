"""The `transactionResponse` and the thin payloads of webhooks, made from a transaction."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any

from gateway.sandbox.authorizenet.accounts import Account, Call
from gateway.sandbox.authorizenet.codes import DECLINED, ERROR, REASONS, response_code
from gateway.sandbox.authorizenet.transactions import Transaction
from gateway.sandbox.authorizenet.wire import Members, envelope, money

__all__ = ["SUCCESSFUL", "answered", "event_payload", "failed", "successful"]

SUCCESSFUL = ("I00001", "Successful.")


def successful(**members: Any) -> Members:
    """A reply that says Ok."""
    return {**members, "messages": envelope(*SUCCESSFUL, error=False)}


def answered(
    call: Call, transaction: Transaction, *, reason: str | None = None, refers_to: str = ""
) -> Members:
    """The reply about a transaction; `reason`: what this request came to, where that differs."""
    reason = reason or transaction.reason
    response: Members = {
        "responseCode": response_code(reason),
        "authCode": "" if transaction.kind == "refundTransaction" else transaction.auth_code,
        "avsResultCode": transaction.avs or "P",
        "cvvResultCode": transaction.cvv,
        "cavvResultCode": transaction.cavv,
        "transId": transaction.id,
        "refTransID": refers_to,
        "transHash": _short_hash(call.account, transaction.id),
        "testRequest": "0",
        "accountNumber": transaction.card.masked,
        "accountType": transaction.card.account_type,
        **_partial(transaction),
        **_said(reason),
        "transHashSha2": _hash(call.account, transaction),
    }
    if transaction.profile:
        response["profile"] = transaction.profile
    response["SupplementalDataQualificationIndicator"] = 0
    if transaction.auth_code and not refers_to:
        response["networkTransId"] = secrets.token_hex(8).upper()[:15]
    return successful(transactionResponse=response)


def failed(call: Call, reason: str, *, refers_to: str, masked: str, account_type: str) -> Members:
    """The reply to a transaction that was not made: no id, an error, E00027."""
    response = {
        "responseCode": response_code(reason),
        "authCode": "",
        "avsResultCode": "P",
        "cvvResultCode": "",
        "cavvResultCode": "",
        "transId": "0",
        "refTransID": refers_to,
        "transHash": _short_hash(call.account, "0"),
        "testRequest": "0",
        "accountNumber": masked,
        "accountType": account_type,
        **_said(reason),
        "transHashSha2": "",
        "SupplementalDataQualificationIndicator": 0,
    }
    messages = envelope("E00027", "The transaction was unsuccessful.", error=True)
    return {"transactionResponse": response, "messages": messages}


def event_payload(transaction: Transaction) -> Members:
    """What a webhook says of a transaction: not enough to act upon without asking."""
    payload: Members = {"responseCode": int(transaction.response_code)}
    if transaction.ref_id:
        payload["merchantReferenceId"] = transaction.ref_id
    payload |= {
        "authCode": transaction.auth_code,
        "avsResponse": transaction.avs or "P",
        "authAmount": money(transaction.auth_amount),
    }
    if transaction.is_held:
        action = "hold" if transaction.reason == "252" else "authAndHold"
        payload["fraudList"] = [{"fraudFilter": "AmountFilter", "fraudAction": action}]
    return {**payload, "entityName": "transaction", "id": transaction.id}


def _said(reason: str) -> Members:
    text = REASONS[reason]
    if response_code(reason) in (DECLINED, ERROR):
        return {"errors": [{"errorCode": reason, "errorText": text}]}
    return {"messages": [{"code": reason, "description": text}]}


def _partial(transaction: Transaction) -> Members:
    if transaction.requested_amount is None:
        return {}
    return {
        "splitTenderId": transaction.split_tender_id,
        "prePaidCard": {
            "requestedAmount": f"{transaction.requested_amount:.2f}",
            "approvedAmount": f"{transaction.auth_amount:.2f}",
            "balanceOnCard": "0.00",
        },
    }


def _short_hash(account: Account, transaction_id: str) -> str:
    """Was an MD5 once; nobody checks it any more, so it only has its form."""
    text = f"{account.login_id}^{transaction_id}".encode()
    return hashlib.blake2b(text, digest_size=16).hexdigest().upper()


def _hash(account: Account, transaction: Transaction) -> str:
    """HMAC-SHA512 of ^login^transId^amount^; here, unlike for webhooks, the key is hex-decoded."""
    try:
        key = bytes.fromhex(account.signature_key)
    except ValueError:
        key = account.signature_key.encode()
    text = f"^{account.login_id}^{transaction.id}^{transaction.auth_amount:.2f}^".encode()
    return hmac.new(key, text, hashlib.sha512).hexdigest().upper()
