"""The simulated bank as a processor at which merchants have accounts of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.app import Gateway
from gateway.domain.outcomes import Account, Credential, Outcome, Transaction
from gateway.processors.protocol import CredentialsRefused
from gateway.processors.registry import Registry
from gateway.processors.simulator import SimulatedBank
from gateway.settings import Settings

LOGIN = "login-of-shop-1234"
KEY = "the-key-of-the-shop"
CREDENTIALS = {"login": LOGIN, "key": KEY}


class BankWithAccounts(SimulatedBank):
    """Remembers which account each call came with; takes all keys but those `refused`."""

    traits = replace(
        SimulatedBank.traits,
        credentials=(
            Credential(name="login", label="Login", is_secret=False),
            Credential(name="key", label="Key"),
        ),
    )

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, Account | None]] = []
        self.checked: list[Account | None] = []
        self.forgotten: list[Account | None] = []
        self.reachable = True
        self.refused = {"wrong"}

    async def charge(self, transaction: Transaction) -> Outcome:
        self.calls.append(("charge", transaction.account))
        return await super().charge(transaction)

    async def authorize(self, transaction: Transaction) -> Outcome:
        self.calls.append(("authorize", transaction.account))
        return await super().authorize(transaction)

    async def capture(self, transaction: Transaction) -> Outcome:
        self.calls.append(("capture", transaction.account))
        return await super().capture(transaction)

    async def refund(self, transaction: Transaction) -> Outcome:
        self.calls.append(("refund", transaction.account))
        return await super().refund(transaction)

    async def lookup(self, transaction: Transaction) -> Outcome:
        self.calls.append(("lookup", transaction.account))
        return await super().lookup(transaction)

    async def forget(self, stored: str, account: Account | None) -> None:
        self.forgotten.append(account)
        await super().forget(stored, account)

    async def check(self, account: Account | None) -> None:
        self.checked.append(account)
        if not self.reachable:
            raise ConnectionError(f"could not send {account}")
        if account is not None and account["key"] in self.refused:
            raise CredentialsRefused("Login or key are wrong")


@asynccontextmanager
async def gateway_with(
    bank: SimulatedBank, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    """A running gateway that has this processor and no other."""
    monkeypatch.setattr("gateway.app.discover", lambda: registry_of(bank))
    running = Gateway(settings)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


def registry_of(bank: SimulatedBank) -> Registry:
    """What a gateway finds when this is its only processor."""
    registry = Registry(strict=True)
    registry.add(bank, "tests")
    return registry
