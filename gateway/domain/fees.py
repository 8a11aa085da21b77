"""What a merchant pays for a payment: integer arithmetic, rounded half up.

The fee is a share of what is captured, in basis points (1/10,000), and a fixed amount a payment.
Tax is a share of that. Each of the two shares is rounded to the minor unit, half up, once, on the
sum of all captures: several partial captures cost what one of the whole would.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BASIS_POINTS", "FREE", "Fee", "FeePlan"]

BASIS_POINTS = 10_000
"""As many are the whole."""


@dataclass(frozen=True, slots=True)
class Fee:
    """Minor units. `total` is what the merchant pays, `tax` the part of it that is tax."""

    total: int
    tax: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeePlan:
    """What a merchant pays in one currency; `fixed` in minor units of it, once a payment."""

    basis_points: int = 0
    fixed: int = 0
    tax_basis_points: int = 0

    def fee(self, captured: int) -> Fee:
        """The fee on all that is captured of a payment (minor units); never more than that."""
        if captured == 0:
            return Fee(0, 0)
        net = min(_share(captured, self.basis_points) + self.fixed, captured)
        tax = min(_share(net, self.tax_basis_points), captured - net)
        return Fee(net + tax, tax)


FREE = FeePlan()
"""Of whom nothing was agreed with."""


def _share(amount: int, basis_points: int) -> int:
    """Rounded half up: 0.5 is 1."""
    return (amount * basis_points + BASIS_POINTS // 2) // BASIS_POINTS
