"""The gateway's conformance suite against the acquirer's sandbox, and what it cannot know."""

from __future__ import annotations

import unittest
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from acquirer_processor.processor import Acquirer, UnclearAnswer
from acquirer_processor.sandbox import API_KEY, SIGNING_KEY, Bank

from gateway.domain.instruments import CardData
from gateway.domain.outcomes import Approved, FailedSurely, Transaction
from gateway.processors import conformance


def card(number: str) -> CardData:
    return CardData(number=number, expiry_month=12, expiry_year=2039, cvv="737")


class TestAcquirer(conformance.ProcessorConformance):
    """Each check has a bank of its own."""

    async def asyncSetUp(self) -> None:
        self.bank = Bank()
        await self.bank.start()
        self.addAsyncCleanup(self.bank.stop)
        await super().asyncSetUp()

    async def start_processor(self) -> Acquirer:
        acquirer = Acquirer()
        settings = {
            "acquirer_url": self.bank.url,
            "acquirer_api_key": API_KEY,
            "acquirer_signing_key": SIGNING_KEY,
            "acquirer_timeout_seconds": "2",
        }
        await acquirer.start(self.context(**settings))
        return acquirer

    def approved(self) -> Transaction:
        return self.transaction(card=card("4242424242424242"))

    def declined(self) -> Transaction:
        return self.transaction(card=card("4000000000000002"))

    def unknown(self) -> Transaction:
        return self.transaction(card=card("4000000000000077"))

    async def booked(self, transaction: Transaction) -> list[int]:
        return [
            entry.amount
            for entry in self.bank.entries.values()
            if entry.reference == transaction.reference and entry.status == "approved"
        ]

    @asynccontextmanager
    async def stalled(self) -> AsyncIterator[None]:
        self.bank.answers.clear()
        yield
        self.bank.answers.set()

    async def notify(
        self, transaction: Transaction, approved: Approved
    ) -> conformance.SignedMessage:
        body, signature = self.bank.event(approved.reference)
        return conformance.SignedMessage(
            headers={"acquirer-signature": signature},
            body=body,
            signature_header="acquirer-signature",
        )

    async def test_a_bank_that_is_away_was_not_asked(self) -> None:
        """Our own checks stand beside the suite's: no connection, so the money has not moved."""
        await self.bank.stop()

        outcome = await self.send(self.approved())

        assert FailedSurely(reason="unreachable") == outcome

    async def test_a_reference_used_otherwise_is_unclear(self) -> None:
        """The acquirer answers 409, which says nothing about the money."""
        payment = self.approved()
        await self.send(payment)

        with self.assertRaises(UnclearAnswer):
            await self.processor.authorize(replace(payment, kind="authorize"))

    async def test_wrong_settings_are_named(self) -> None:
        """Whoever starts the gateway reads what to change."""
        with self.assertRaisesRegex(ValueError, "acquirer_url"):
            await Acquirer().start(self.context(acquirer_url="127.0.0.1:9100"))

    async def test_without_a_key_merchants_need_their_own(self) -> None:
        """The gateway offers it only to merchants who have entered one."""
        acquirer = Acquirer()
        self.addAsyncCleanup(acquirer.close)
        await acquirer.start(self.context(acquirer_url=self.bank.url))

        assert not acquirer.traits.shared_account


if __name__ == "__main__":
    unittest.main()
