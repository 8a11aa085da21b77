"""Leases, windows, limits of payments and idempotency."""

from __future__ import annotations

from pydantic import PositiveInt

from gateway.settings.kinds import AmountBounds, Amounts, BasisPoints, Seconds, SettingsSection

__all__ = ["MoneySettings"]


class MoneySettings(SettingsSection):
    """Leases, windows, limits of payments and idempotency."""

    lease_margin_seconds: Seconds = 5
    """What is added to a processor's timeout before anybody else touches an attempt."""
    capture_window_seconds: Seconds = 7 * 86_400
    """After how long an authorization that was not captured is voided."""
    action_seconds: Seconds = 900
    """How long a shopper has to pass a challenge."""
    dispute_seconds: Seconds = 7 * 86_400
    """How long a merchant may contest a dispute; after that it is lost."""
    fee_basis_points: BasisPoints = 0
    """What a merchant without a fee plan pays of each payment, in 1/10,000 of what is captured."""
    fee_fixed: Amounts = ()
    """What is added to it once a payment, in minor units by currency: `INR:200,USD:30`."""
    fee_tax_basis_points: BasisPoints = 0
    """Tax on both, in 1/10,000 of them."""
    fee_plans_seconds: Seconds = 10
    """After how long a changed fee plan holds in every process."""
    settlement_seconds: Seconds = 86_400
    """How often what is owed to merchants is settled."""
    books_check_seconds: Seconds = 86_400
    """How often the books are compared with payments, refunds and disputes."""
    books_check_slice: PositiveInt = 500
    """Payments or transactions that are compared in one go."""
    amount_limits: AmountBounds = ()
    """What an order may be of, in minor units by currency: `INR:100-50000000,JPY:50-`. Of any other
    currency from one major unit up."""
    payments_per_order_max: PositiveInt = 50
    """Payments that may be tried for one order."""
    refunds_per_payment_max: PositiveInt = 200
    """Refunds of one payment."""
    routing_rules_max: PositiveInt = 100
    """Routing rules of one merchant in one mode."""
    bill_expiry_seconds_min: Seconds = 900
    """The least time that a payment link or an invoice is given to be paid."""
    bill_orders_max: PositiveInt = 200
    """Orders, one after the other, of one payment link or invoice."""
    bill_lines_max: PositiveInt = 50
    """Lines of an invoice."""
    bill_payments_shown_max: PositiveInt = 1_000
    """Payments that are shown with the payment links of one page."""
    idempotency_seconds: PositiveInt = 86_400
    """How long an answer is kept for repeats with the same `Idempotency-Key`."""
    idempotency_wait_seconds: Seconds = 10
    """How long a repeat waits for the first request before it is answered with 409."""
    idempotency_waiting_max: PositiveInt = 1_000
    """Repeats that wait at once."""
