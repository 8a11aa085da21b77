"""The acquirer as a payment processor of the gateway.

Its API: `POST /transactions` moves money, at most once for each reference, `GET /transactions`
finds what was done, `GET /account` says whose key it is. Amounts are in minor units, as ours.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import aiohttp

from gateway.domain.outcomes import (
    Account,
    Approved,
    AttemptNotFound,
    Credential,
    Declined,
    FailedSurely,
    Outcome,
    ProcessorTraits,
    Transaction,
    Unknown,
)
from gateway.processors.protocol import (
    CredentialsRefused,
    Finding,
    InvalidNotification,
    Notification,
    Processor,
    ProcessorContext,
)

__all__ = ["Acquirer", "UnclearAnswer"]

_CONNECTIONS_MAX = 200
_CONNECT_SECONDS = 5.0
_ANSWER_BYTES_MAX = 64 * 1024
_SIGNATURE_HEADER = "acquirer-signature"

# What the acquirer calls a decline, in the gateway's words.
_DECLINES = {
    "insufficient_funds": Declined(
        description="There is not enough money in the account. Nothing was charged",
        reason="insufficient_funds",
    ),
    "card_declined": Declined(
        description="Your bank declined the card. Nothing was charged", reason="card_declined"
    ),
}


class UnclearAnswer(Exception):
    """The acquirer answered, and not what it was asked. The message has nothing of the answer."""


class Acquirer(Processor):
    """Cards, in the gateway's account or a merchant's own."""

    traits = ProcessorTraits(
        name="acquirer",
        timeout_seconds=20,
        idempotent_by_reference=True,
        methods=frozenset({"card"}),
        currencies=frozenset({"USD", "EUR", "JPY", "KWD"}),
        credentials=(
            Credential(name="api_key", label="API key"),
            Credential(name="signing_key", label="Key of notifications"),
        ),
        modes=frozenset({"test"}),
    )
    setting_names: ClassVar[frozenset[str]] = frozenset(
        {
            "acquirer_url",
            "acquirer_api_key",
            "acquirer_signing_key",
            "acquirer_timeout_seconds",
        }
    )

    def __init__(self) -> None:
        self._shared: Account = {}
        self._url = ""
        self._session: aiohttp.ClientSession | None = None

    async def start(self, context: ProcessorContext) -> None:
        """Take the settings. Raises ValueError for wrong ones."""
        url = context.settings.get("acquirer_url", "http://127.0.0.1:9100")
        if not url.startswith(("http://", "https://")):
            raise ValueError("acquirer_url is to begin with http:// or https://")
        seconds = float(context.settings.get("acquirer_timeout_seconds", 20))
        self._url = url.rstrip("/")
        self._shared = {
            name: context.settings[f"acquirer_{name}"]
            for name in ("api_key", "signing_key")
            if f"acquirer_{name}" in context.settings
        }
        self.traits = replace(
            self.traits, timeout_seconds=seconds, shared_account="api_key" in self._shared
        )
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS_MAX),
            timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=_CONNECT_SECONDS),
        )

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def charge(self, transaction: Transaction) -> Outcome:
        """An authorization that is captured at once."""
        return await self._move(transaction)

    async def authorize(self, transaction: Transaction) -> Outcome:
        """Reserve the amount."""
        return await self._move(transaction)

    async def capture(self, transaction: Transaction) -> Outcome:
        """Take the amount, or a part, from an authorization."""
        return await self._move(transaction)

    async def void(self, transaction: Transaction) -> Outcome:
        """Give an authorization back."""
        return await self._move(transaction)

    async def refund(self, transaction: Transaction) -> Outcome:
        """Pay the amount, or a part, back."""
        return await self._move(transaction)

    async def lookup(self, transaction: Transaction) -> Outcome:
        """The acquirer finds whatever it heard of by our reference, so 404 is certain."""
        query = {"reference": transaction.reference}
        status, answer = await self._ask("GET", "/transactions", transaction.account, params=query)
        if status == 404:
            return AttemptNotFound()
        if status != 200:
            raise UnclearAnswer(f"status {status} of a lookup")
        return _outcome(answer)

    async def check(self, account: Account | None) -> None:
        """Ask whose key it is. Raises CredentialsRefused."""
        status, _ = await self._ask("GET", "/account", account)
        if status == 401:
            raise CredentialsRefused("The acquirer does not take this API key")
        if status != 200:
            raise UnclearAnswer(f"status {status} of a question about the account")

    def parse_notification(
        self, headers: Mapping[str, str], body: bytes, account: Account | None
    ) -> Sequence[Notification]:
        """One event, signed with the account's key. Raises InvalidNotification."""
        key = self._account(account).get("signing_key", "")
        expected = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
        given = headers.get(_SIGNATURE_HEADER, "")
        if not key or not hmac.compare_digest(expected.encode(), given.encode()):
            raise InvalidNotification("the signature is missing or wrong")
        try:
            event = json.loads(body)
            told = Notification(id=event["id"], kind=event["kind"], reference=event["transaction"])
        except (ValueError, TypeError, KeyError):
            raise InvalidNotification("the body is no event") from None
        return (told,)

    async def clarify(self, notification: Notification, account: Account | None) -> Finding | None:
        """Ask for the transaction by the acquirer's own name."""
        query = {"id": notification.reference or ""}
        status, answer = await self._ask("GET", "/transactions", account, params=query)
        if status == 404:
            return None
        if status != 200:
            raise UnclearAnswer(f"status {status} of a question about a notification")
        return Finding(
            reference=answer["id"], attempt=answer["reference"], outcome=_outcome(answer)
        )

    async def _move(self, transaction: Transaction) -> Outcome:
        if not transaction.amount > 0:
            raise ValueError("an amount is more than 0")
        body = {
            "reference": transaction.reference,
            "kind": transaction.kind,
            "amount": transaction.amount,
            "currency": transaction.currency,
            "original": transaction.original,
            "card": _card(transaction),
        }
        try:
            status, answer = await self._ask(
                "POST", "/transactions", transaction.account, json=body
            )
        except aiohttp.ClientConnectorError:
            # No connection, so nothing was sent. Any other error may come after the sending.
            return FailedSurely(reason="unreachable")
        if status in (401, 429):
            # It says so before it reads what it was sent.
            return FailedSurely(reason="refused")
        if status != 200:
            # 500 may have moved money: it is raised, taken for unknown, and asked about.
            raise UnclearAnswer(f"status {status} of a {transaction.kind}")
        return _outcome(answer)

    async def _ask(
        self, method: str, path: str, account: Account | None, **request: Any
    ) -> tuple[int, dict[str, Any]]:
        """One request. Raises aiohttp.ClientError, TimeoutError, UnclearAnswer."""
        if self._session is None:
            raise RuntimeError("the acquirer is not started")
        headers = {"Authorization": f"Bearer {self._account(account).get('api_key', '')}"}
        async with self._session.request(
            method, self._url + path, headers=headers, allow_redirects=False, **request
        ) as response:
            raw = bytearray()
            async for chunk in response.content.iter_any():
                raw += chunk
                if len(raw) > _ANSWER_BYTES_MAX:
                    raise UnclearAnswer("the answer is too long")
            return response.status, _object(bytes(raw))

    def _account(self, account: Account | None) -> Account:
        return self._shared if account is None else account


def _card(transaction: Transaction) -> dict[str, Any] | None:
    card = transaction.card
    if card is None:
        return None
    expiry = f"{card.expiry_year:04}-{card.expiry_month:02}"
    return {"number": card.number, "expiry": expiry, "cvv": card.cvv}


def _object(raw: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(raw)
    except ValueError:
        raise UnclearAnswer("the answer is no JSON") from None
    if not isinstance(answer, dict):
        raise UnclearAnswer("the answer is no JSON object")
    return answer


def _outcome(answer: Mapping[str, Any]) -> Outcome:
    """Approved and declined are final; whatever else it says is not known yet."""
    reference, status = answer.get("id"), answer.get("status")
    if not isinstance(reference, str) or not reference:
        raise UnclearAnswer("the answer names no transaction")
    if status == "approved":
        return Approved(reference=reference)
    if status == "declined":
        return _DECLINES.get(answer.get("reason", ""), Declined())
    return Unknown(reason="pending", reference=reference)
