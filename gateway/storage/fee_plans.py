"""What was agreed with merchants about fees."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from gateway.domain.fees import FeePlan
from gateway.storage.journal import Connection

__all__ = ["load_fee_plans", "set_fee_plan"]

_LOAD = "SELECT merchant_id, currency, basis_points, fixed, tax_basis_points FROM fee_plans"
_SET = """
INSERT INTO fee_plans (merchant_id, currency, basis_points, fixed, tax_basis_points, updated_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (merchant_id, currency) DO UPDATE SET
    basis_points = excluded.basis_points, fixed = excluded.fixed,
    tax_basis_points = excluded.tax_basis_points, updated_at = excluded.updated_at
"""


async def load_fee_plans(connection: Connection) -> Mapping[tuple[UUID, str], FeePlan]:
    """All plans, by merchant and currency."""
    return {
        (row["merchant_id"], row["currency"]): FeePlan(
            basis_points=row["basis_points"],
            fixed=row["fixed"],
            tax_basis_points=row["tax_basis_points"],
        )
        for row in await connection.fetch(_LOAD)
    }


async def set_fee_plan(
    connection: Connection, merchant_id: UUID, currency: str, plan: FeePlan, now: datetime
) -> None:
    """From now on; what was captured keeps its fee.

    Raises asyncpg.ForeignKeyViolationError when there is no such merchant.
    """
    numbers = (plan.basis_points, plan.fixed, plan.tax_basis_points)
    await connection.execute(_SET, merchant_id, currency, *numbers, now)
