"""Authorize.Net as a payment processor: `operations` and `lookups` have what it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from gateway.domain.clock import Clock
from gateway.domain.ids import is_id
from gateway.domain.outcomes import (
    Account,
    Credential,
    Outcome,
    ProcessorTraits,
    Transaction,
)
from gateway.processors.authorizenet import lookups, notifications, operations, profiles, refunds
from gateway.processors.authorizenet.client import Client
from gateway.processors.authorizenet.codes import CREDENTIALS_REFUSED, RequestFailed
from gateway.processors.authorizenet.configuration import (
    SETTING_NAMES,
    Configuration,
    Credentials,
    read_configuration,
    read_credentials,
)
from gateway.processors.authorizenet.replies import outcome_of_details
from gateway.processors.authorizenet.session import Session
from gateway.processors.protocol import (
    CredentialsRefused,
    Finding,
    Notification,
    Processor,
    ProcessorContext,
)

__all__ = ["AuthorizeNet"]

# "Currently supported currencies", says their reference of createTransactionRequest; an account
# takes one of them, and answers the others with reason code 39.
_CURRENCIES = frozenset({"AUD", "CAD", "DKK", "EUR", "GBP", "NOK", "NZD", "PLN", "SEK", "USD"})


class AuthorizeNet(Processor):
    """Cards, nonces and stored cards, charged in the gateway's account or a merchant's own."""

    traits = ProcessorTraits(
        name="authorizenet",
        timeout_seconds=30,
        multiple_captures=False,
        stores_instruments=True,
        accepts_nonces=True,
        methods=frozenset({"card"}),
        currencies=_CURRENCIES,
        shared_account=False,
        credentials=(
            Credential(name="api_login_id", label="API login ID", is_secret=False),
            Credential(name="transaction_key", label="Transaction key"),
            Credential(name="signature_key", label="Signature key"),
        ),
        modes=frozenset({"test"}),
    )
    setting_names: ClassVar[frozenset[str]] = SETTING_NAMES

    def __init__(self) -> None:
        self._clock = Clock()
        self._configuration: Configuration | None = None
        self._client: Client | None = None

    async def start(self, context: ProcessorContext) -> None:
        """Take the settings. Raises ValueError for wrong ones."""
        configuration = read_configuration(context.settings)
        self._clock = context.clock
        self._configuration = configuration
        self.traits = replace(
            self.traits,
            timeout_seconds=configuration.timeout_seconds,
            shared_account=configuration.shared is not None,
            modes=frozenset({configuration.mode}),
        )
        self._client = Client(
            configuration.url,
            timeout_seconds=configuration.timeout_seconds,
            connect_seconds=configuration.connect_seconds,
            connections_max=configuration.connections_max,
            reply_bytes_max=configuration.reply_bytes_max,
        )

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def charge(self, transaction: Transaction) -> Outcome:
        """authCaptureTransaction."""
        return await operations.pay(self._session(transaction), transaction, self._clock.now())

    async def authorize(self, transaction: Transaction) -> Outcome:
        """authOnlyTransaction."""
        return await operations.pay(self._session(transaction), transaction, self._clock.now())

    async def capture(self, transaction: Transaction) -> Outcome:
        """priorAuthCaptureTransaction."""
        return await operations.capture(self._session(transaction), transaction)

    async def void(self, transaction: Transaction) -> Outcome:
        """voidTransaction."""
        return await operations.void(self._session(transaction), transaction)

    async def refund(self, transaction: Transaction) -> Outcome:
        """refundTransaction, or voidTransaction while the whole of it is unsettled."""
        return await refunds.refund(self._session(transaction), transaction, self._clock.now())

    async def lookup(self, transaction: Transaction) -> Outcome:
        """By the transaction's id, or its invoice number among what is unsettled or was settled."""
        return await lookups.look_up(self._session(transaction), transaction, self._clock.now())

    async def forget(self, stored: str, account: Account | None) -> None:
        """Delete the customer profile that was made for this card."""
        await profiles.delete(self._session_of(account), stored)

    async def check(self, account: Account | None) -> None:
        """authenticateTestRequest."""
        if self._credentials(account) is None:
            raise CredentialsRefused("API login ID and transaction key are not both there")
        try:
            await self._session_of(account).ask("authenticateTestRequest", {})
        except RequestFailed as failure:
            if failure.code in CREDENTIALS_REFUSED:
                raise CredentialsRefused(
                    "Authorize.Net does not take the API login id and the transaction key "
                    f"({failure.code})"
                ) from None
            raise

    def parse_notification(
        self, headers: Mapping[str, str], body: bytes, account: Account | None
    ) -> Sequence[Notification]:
        """One webhook, signed with the account's signature key."""
        credentials = self._credentials(account)
        key = None if credentials is None else credentials.signature_key
        return (notifications.parse(headers, body, key),)

    async def clarify(self, notification: Notification, account: Account | None) -> Finding | None:
        """How the transaction stands now; its invoice number is the attempt, where we made it."""
        if notification.reference is None:
            return None
        details = await self._session_of(account).details(notification.reference)
        if details is None:
            return None
        is_ours = is_id(details.invoice_number, "att")
        return Finding(
            reference=details.transaction_id,
            attempt=details.invoice_number if is_ours else None,
            outcome=outcome_of_details(details),
        )

    def _credentials(self, account: Account | None) -> Credentials | None:
        if account is not None:
            return read_credentials(account)
        return None if self._configuration is None else self._configuration.shared

    def _session(self, transaction: Transaction) -> Session:
        return self._session_of(transaction.account, transaction.correlation_id)

    def _session_of(self, account: Account | None, correlation_id: str | None = None) -> Session:
        configuration, client = self._configuration, self._client
        if configuration is None or client is None:
            raise RuntimeError("Authorize.Net is not started")
        credentials = self._credentials(account)
        return Session(client, configuration, credentials, correlation_id)
