"""The adapter of Authorize.Net passes what any processor is to pass, against the simulated one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal

from gateway.domain.instruments import Nonce
from gateway.domain.outcomes import Approved, Transaction
from gateway.processors import conformance
from gateway.processors.authorizenet.notifications import signature
from gateway.processors.authorizenet.processor import AuthorizeNet
from tests.processors.authorizenet.samples import card
from tests.sandbox.server import RunningSandbox, running_sandbox


class TestAuthorizeNet(conformance.ProcessorConformance):
    """Strict about the form of requests, and with the gateway's own account."""

    lease_seconds = 0.05
    sandbox: RunningSandbox

    async def asyncSetUp(self) -> None:
        self.sandbox = await self.enterAsyncContext(running_sandbox())
        await super().asyncSetUp()

    async def start_processor(self) -> AuthorizeNet:
        adapter = AuthorizeNet()
        settings = {
            "authorizenet_url": self.sandbox.api_url,
            "authorizenet_api_login_id": self.sandbox.login_id,
            "authorizenet_transaction_key": self.sandbox.transaction_key,
            "authorizenet_signature_key": self.sandbox.signature_key,
            "authorizenet_timeout_seconds": 3,
        }
        await adapter.start(self.context(**settings))
        return adapter

    def approved(self) -> Transaction:
        return self.transaction(card=card())

    def declined(self) -> Transaction:
        return self.transaction(card=card(postal_code="46282"))

    def unknown(self) -> Transaction:
        """Held for review."""
        return self.transaction(card=card(postal_code="46252"))

    async def settle(self) -> None:
        await self.sandbox.control.settle()

    async def booked(self, transaction: Transaction) -> Sequence[int]:
        """What was not declined, by its invoice number; a capture changes the original."""
        if transaction.kind == "capture":
            return [
                _minor_units(each["settle_amount"])
                for each in await self.sandbox.control.transactions()
                if each["id"] == transaction.original
                and each["status"] == "capturedPendingSettlement"
            ]
        return [
            _minor_units(each["auth_amount"])
            for each in await self.sandbox.control.transactions(transaction.reference)
            if each["reason"] == "1"
        ]

    @asynccontextmanager
    async def stalled(self) -> AsyncIterator[None]:
        """Each request is processed, and its answer comes late."""
        await self.sandbox.control.arm("slow", seconds=30, count=1_000)
        yield
        await self.sandbox.control.disarm()

    async def with_nonce(self) -> Transaction:
        made = await self.sandbox.control.nonce()
        nonce = Nonce(descriptor=made["dataDescriptor"], value=made["dataValue"])
        return replace(self.transaction(), nonce=nonce)

    async def notify(
        self, transaction: Transaction, approved: Approved
    ) -> conformance.SignedMessage:
        message = {
            "notificationId": "d0e8e7fe-c3e7-4add-a480-27bc5ce28a18",
            "eventType": "net.authorize.payment.authcapture.created",
            "payload": {
                "entityName": "transaction",
                "id": approved.reference,
                "invoiceNumber": transaction.reference,
            },
        }
        body = json.dumps(message).encode()
        signed = signature(body, self.sandbox.signature_key)
        return conformance.SignedMessage(
            headers={"x-anet-signature": signed}, body=body, signature_header="x-anet-signature"
        )


def _minor_units(amount: str) -> int:
    return int(Decimal(amount) * 100)
