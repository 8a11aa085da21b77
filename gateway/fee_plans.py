"""What the settings say about fees, for merchants with whom nothing else was agreed."""

from __future__ import annotations

from gateway.actors.fee_plans import FeePlans
from gateway.domain.fees import FREE, FeePlan
from gateway.settings import Settings

__all__ = ["default_fee_plans"]


def default_fee_plans(settings: Settings) -> FeePlans:
    """Without any merchant's own plan: those are loaded from the database."""

    def plan(fixed: int) -> FeePlan:
        chosen = FeePlan(
            basis_points=settings.fee_basis_points,
            fixed=fixed,
            tax_basis_points=settings.fee_tax_basis_points,
        )
        # Nothing to reckon with, so that the books know it without reckoning.
        return FREE if chosen.basis_points == chosen.fixed == 0 else chosen

    amounts = (part.split(":") for part in settings.fee_fixed)
    return FeePlans({currency: plan(int(fixed)) for currency, fixed in amounts}, plan(0))
