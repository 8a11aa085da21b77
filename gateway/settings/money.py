"""Leases, windows, limits of payments and idempotency."""

from __future__ import annotations

from pydantic import PositiveInt

from gateway.settings.kinds import Seconds, SettingsSection

__all__ = ["MoneySettings"]


class MoneySettings(SettingsSection):
    """Leases, windows, limits of payments and idempotency."""

    lease_margin_seconds: Seconds = 5
    """What is added to a processor's timeout before anybody else touches an attempt."""
    capture_window_seconds: Seconds = 7 * 86_400
    """After how long an authorization that was not captured is voided."""
    action_seconds: Seconds = 900
    """How long a shopper has to pass a challenge."""
    payments_per_order_max: PositiveInt = 50
    """Payments that may be tried for one order."""
    refunds_per_payment_max: PositiveInt = 200
    """Refunds of one payment."""
    idempotency_seconds: PositiveInt = 86_400
    """How long an answer is kept for repeats with the same `Idempotency-Key`."""
    idempotency_wait_seconds: Seconds = 10
    """How long a repeat waits for the first request before it is answered with 409."""
    idempotency_waiting_max: PositiveInt = 1_000
    """Repeats that wait at once."""
