"""What the scripted bank sends by itself, and what became of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from gateway.domain.outcomes import Approved, Outcome
from gateway.domain.processor_accounts import CheckResult
from gateway.processors.protocol import Finding
from gateway.security.records import processor_account_record
from gateway.seeding import TEST_MERCHANT_ID
from gateway.storage.processor_accounts import ProcessorAccount, insert_account
from gateway.storage.reads_pages import Scope
from tests.actors.process import SHARED_KEY, ActorProcess, signature
from tests.support import eventually


def notification(reference: str | None, id_: str = "note-1", kind: str = "paid") -> dict[str, Any]:
    """One thing that the bank tells."""
    return {"id": id_, "kind": kind, "reference": reference}


def message(*told: dict[str, Any]) -> bytes:
    """A message that tells these."""
    return json.dumps(told).encode()


@dataclass
class Sender:
    """Sends to one process, past HTTP."""

    process: ActorProcess

    async def send(
        self, *told: dict[str, Any], merchant_id: UUID | None = None, key: str = SHARED_KEY
    ) -> bool:
        """Whether it was believed."""
        body = message(*told)
        headers = {"x-signature": signature(body, key)}
        intake = self.process.tree.inbound.intake
        return await intake.receive("simulator", merchant_id, headers, body)

    def finds(self, reference: str, attempt: str | None, outcome: Outcome | None = None) -> None:
        """What the bank answers when it is asked about this reference of its own."""
        self.process.bank.findings[reference] = Finding(
            reference=reference,
            attempt=attempt,
            outcome=outcome or Approved(reference=reference),
        )

    async def row(self, id_: str = "note-1") -> dict[str, Any]:
        """The notification as it is kept."""
        [row] = await self.process.tree.pool.fetch(
            "SELECT * FROM inbound_notifications WHERE notification_id = $1", id_
        )
        return dict(row)

    async def until(self, state: str, id_: str = "note-1") -> dict[str, Any]:
        """The notification once it is in this state."""

        async def there() -> dict[str, Any] | None:
            row = await self.row(id_)
            return row if row["state"] == state else None

        return await eventually(there)

    async def until_tried(self, tries: int, id_: str = "note-1") -> dict[str, Any]:
        """The notification once the try of that number has ended without an answer."""

        async def there() -> dict[str, Any] | None:
            row = await self.row(id_)
            return row if row["tries"] == tries and row["reason"] else None

        return await eventually(there)


async def own_account(process: ActorProcess, mode: str = "test", key: str = "merchant's") -> UUID:
    """An account of the test merchant's own at the bank, with that key."""
    now, account_id = process.clock.now(), uuid4()
    account = ProcessorAccount(
        id=account_id,
        mode=mode,
        processor="simulator",
        name="Main",
        credentials={},
        active=True,
        check_result=CheckResult.UNCHECKED,
        check_message=None,
        last_checked_at=None,
        created_at=now,
        updated_at=now,
    )
    sealed = process.tree.vault.seal(
        json.dumps({"key": key}).encode(), record=processor_account_record(account_id)
    )
    scope = Scope(merchant_id=TEST_MERCHANT_ID, mode=mode)
    async with process.tree.pool.acquire() as connection:
        await insert_account(connection, scope, account, sealed)
    await process.tree.accounts.load()
    return account_id
