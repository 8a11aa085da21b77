"""Books of real lives of orders, written as the journal writes them."""

from __future__ import annotations

from dataclasses import replace

import asyncpg

from gateway.domain.decisions import AcceptDispute, ContestDispute, DecideDispute
from gateway.domain.disputes import DisputeStatus
from gateway.domain.fees import FeePlan
from gateway.domain.outcomes import Approved, Declined
from gateway.storage.journal import BEGIN, Connection, write_units
from tests.unit.scenario import MERCHANT, POLICY, START, Scenario, captured

PLAN = FeePlan(basis_points=200, fixed=300, tax_basis_points=1_800)
PAYING = replace(POLICY, fee_plan=lambda _merchant_id, _currency: PLAN)


async def make_merchant(connection: Connection) -> None:
    """Whose books they are."""
    await connection.execute(
        "INSERT INTO merchants (id, name, email, api_version, created_at, updated_at)"
        " VALUES ($1, 'Shop', 'shop@example.com', '2026-11-01', $2, $2) ON CONFLICT DO NOTHING",
        MERCHANT,
        START,
    )


async def write(connection: Connection, *orders: Scenario) -> None:
    """All units of work of the orders."""
    await make_merchant(connection)
    for order in orders:
        for work in order.works:
            await connection.execute(BEGIN)
            reasons, _ = await write_units(connection, [work])
            await connection.execute("COMMIT")
            assert [None] == reasons


def lives() -> dict[str, Scenario]:
    """One order for each kind of change that money knows."""
    refunded, failed, late = captured(policy=PAYING), captured(), Scenario(capture="automatic")
    refunded.give_back(10_000)
    refunded.carry_out()
    failed.give_back(10_000)
    failed.carry_out(Declined())
    failed.tell(Approved(reference="bank_late"))
    failed.give_back(5_000)
    late.pay()
    late.send()
    late.tell(Declined())
    late.tell(Approved(reference="bank_1"))
    late.carry_out()
    partly = captured(20_000)
    partly.capture(5_000)
    partly.carry_out()
    disputed = captured(policy=PAYING)
    lost = disputed.dispute(10_000)
    disputed.change_dispute(AcceptDispute(), lost.id)
    won = disputed.dispute(5_000)
    disputed.change_dispute(ContestDispute(summary="proof", submit=True), won.id)
    disputed.change_dispute(DecideDispute(status=DisputeStatus.WON), won.id)
    disputed.dispute()
    return {
        "disputed": disputed,
        "refunded": refunded,
        "failed": failed,
        "late": late,
        "partly": partly,
    }


async def tamper(connection: asyncpg.Connection, statement: str, *arguments: object) -> None:
    """Change what nobody may: the guards of the ledger are off for it."""
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            "ALTER TABLE ledger_transactions DROP CONSTRAINT ledger_transactions_balanced"
        )
        assert "0" != (await connection.execute(statement, *arguments)).split()[-1]
