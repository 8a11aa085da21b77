"""What merchants pay, in memory: decisions are made without asking the database."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from gateway.domain.fees import FeePlan
from gateway.storage.fee_plans import load_fee_plans
from gateway.storage.journal import Connection

__all__ = ["FeePlans"]


class FeePlans:
    """The plans as they were last read; `default` answers for merchants without one."""

    def __init__(self, default: Mapping[str, FeePlan], fallback: FeePlan) -> None:
        """`default`: by currency; `fallback`: for all other currencies."""
        self._default = default
        self._fallback = fallback
        self._plans: Mapping[tuple[UUID, str], FeePlan] = {}

    def plan(self, merchant_id: UUID, currency: str) -> FeePlan:
        """What the merchant pays for payments in that currency."""
        plan = self._plans.get((merchant_id, currency))
        return self._default.get(currency, self._fallback) if plan is None else plan

    async def load(self, connection: Connection) -> None:
        """Read them anew; raises what asyncpg raises, and the ones that are known stay."""
        self._plans = await load_fee_plans(connection)
