"""Questions to Authorize.Net as an account asks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from gateway.processors.authorizenet import requests
from gateway.processors.authorizenet.client import Client, NotSent, Reply
from gateway.processors.authorizenet.codes import RequestFailed
from gateway.processors.authorizenet.configuration import Configuration, Credentials
from gateway.processors.authorizenet.replies import (
    Details,
    Listed,
    batch_ids,
    error_code,
    listed_transactions,
    read_details,
)

__all__ = ["Session"]

_NO_RECORD = "E00040"
_BATCH_SPAN_MAX = timedelta(days=31)  # they show no more in one go
# Their clock need not be ours.
_CLOCKS_APART = timedelta(minutes=15)


class Session:
    """One account's requests, over connections that all share."""

    def __init__(
        self,
        client: Client,
        configuration: Configuration,
        credentials: Credentials | None,
        correlation_id: str | None = None,
    ) -> None:
        self._client = client
        self._pages_max = configuration.list_pages_max
        self._batches_max = configuration.batches_max
        self._credentials = credentials
        self._correlation_id = correlation_id

    async def post(self, operation: str, members: Mapping[str, Any]) -> Reply:
        """Ask for something; raises what `Client.post` raises. Without an account: NotSent."""
        if self._credentials is None:
            raise NotSent("account_missing")
        return await self._client.post(
            requests.envelope(operation, self._credentials, dict(members), self._correlation_id)
        )

    async def ask(self, operation: str, members: Mapping[str, Any]) -> Reply:
        """Ask for something that moves nothing; raises RequestFailed as well."""
        reply = await self.post(operation, members)
        code = error_code(reply)
        if code is not None:
            raise RequestFailed(code)
        return reply

    async def details(self, transaction_id: str) -> Details | None:
        """How a transaction stands; None when they have none of that id."""
        try:
            reply = await self.ask("getTransactionDetailsRequest", {"transId": transaction_id})
        except RequestFailed as failure:
            if failure.code == _NO_RECORD:
                return None
            raise
        return read_details(reply)

    async def find(self, invoice_number: str, since: datetime, now: datetime) -> Details | None:
        """The transaction with that invoice number: unsettled, or settled in the days since.

        None when it is not to be seen, which proves nothing: lists are late, and the search has
        its limits.
        """
        unsettled = await self._search(
            "getUnsettledTransactionListRequest", requests.unsettled_list, invoice_number
        )
        if unsettled is not None:
            return await self.details(unsettled.transaction_id)
        for batch_id in await self._batches(since, now):
            settled = await self._search(
                "getTransactionListRequest",
                partial(requests.batch_transactions, batch_id),
                invoice_number,
            )
            if settled is not None:
                return await self.details(settled.transaction_id)
        return None

    async def _search(
        self, operation: str, page_of: Callable[[int], requests.Members], invoice_number: str
    ) -> Listed | None:
        for page in range(1, self._pages_max + 1):
            lines = listed_transactions(await self.ask(operation, page_of(page)))
            found = next((each for each in lines if each.invoice_number == invoice_number), None)
            if found is not None or len(lines) < requests.LIST_LIMIT:
                return found
        return None

    async def _batches(self, since: datetime, now: datetime) -> list[str]:
        """The first batches settled since then, the earliest first."""
        first = since - _CLOCKS_APART
        last = min(now + _CLOCKS_APART, first + _BATCH_SPAN_MAX)
        if last <= first:
            return []
        reply = await self.ask("getSettledBatchListRequest", requests.batch_list(first, last))
        return batch_ids(reply)[: self._batches_max]
