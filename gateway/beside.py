"""What a process does again and again beside the payment path, each a unit of the tree."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.actors.bookkeeping import Bookkeeper
from gateway.actors.fee_plans import FeePlans
from gateway.actors.periodic import Periodic
from gateway.actors.region import Region
from gateway.actors.settler import Settler
from gateway.actors.simulated_verdicts import SimulatedVerdicts
from gateway.actors.summariser import Summariser
from gateway.domain.clock import Clock
from gateway.observers import Observers
from gateway.settings import Settings
from gateway.storage.pool import Pool

__all__ = ["Beside"]


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Makes the units. All may do their work twice, and in several processes at once."""

    settings: Settings
    pool: Pool
    clock: Clock
    orders: Region
    observers: Observers
    plans: FeePlans

    def fee_plans(self) -> Periodic:
        """Reads what merchants pay; once before the orders start, so that no payment is early."""
        return Periodic(
            "fee_plans",
            self._load_fee_plans,
            interval_seconds=self.settings.fee_plans_seconds,
            at_start=True,
        )

    def verdicts(self) -> Periodic:
        """Decides disputes in the simulated bank's place."""
        bank = SimulatedVerdicts(
            self.pool,
            self.orders,
            self.clock,
            delay_seconds=self.settings.simulator_dispute_seconds,
            slice_max=self.settings.recovery_slice,
            ask_seconds=self.settings.ask_seconds,
        )
        return self._looking("verdicts", bank)

    def settler(self) -> Periodic:
        """Pays out to merchants."""
        period = self.settings.settlement_seconds
        return self._looking("settler", Settler(self.pool, self.clock, period_seconds=period))

    def bookkeeper(self) -> Periodic:
        """Compares the books with payments, refunds, disputes and settlements."""
        keeper = Bookkeeper(
            self.pool,
            self.clock,
            interval_seconds=self.settings.books_check_seconds,
            slice_max=self.settings.books_check_slice,
            observe=self.observers.books,
        )
        return self._looking("bookkeeper", keeper)

    def summariser(self) -> Summariser:
        """Adds up for the dashboard."""
        return Summariser(
            pool=self.pool,
            clock=self.clock,
            interval_seconds=self.settings.summary_seconds,
            lag_seconds=self.settings.summary_lag_seconds,
        )

    def _looking(self, name: str, unit: Bookkeeper | Settler | SimulatedVerdicts) -> Periodic:
        """Looks at the start, whenever the clock is moved, and as often as Recovery does."""
        interval = self.settings.recovery_seconds
        return Periodic(name, unit.look, interval_seconds=interval, clock=self.clock)

    async def _load_fee_plans(self) -> None:
        async with self.pool.acquire() as connection:
            await self.plans.load(connection)
