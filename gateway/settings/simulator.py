"""The simulated bank."""

from __future__ import annotations

from gateway.settings.kinds import Percent, Seconds, SecondsRange, SettingsSection

__all__ = ["SimulatorSettings"]


class SimulatorSettings(SettingsSection):
    """The simulated bank."""

    simulator_payment_seconds: SecondsRange = (5, 10)
    """From and to: how long payments take outside test mode."""
    simulator_refund_seconds: SecondsRange = (3, 5)
    """From and to: how long refunds take outside test mode."""
    simulator_upi_success_percent: Percent = 90
    """The share of UPI payments it approves outside test mode."""
    simulator_card_success_percent: Percent = 95
    """The share of card payments it approves outside test mode."""
    simulator_timeout_seconds: Seconds = 30
    """The longest a call to it takes."""
    simulator_dispute_seconds: Seconds = 86_400
    """After how long it decides about a contested dispute."""
    simulator_delay: str | None = None
    """Payments and refunds by a distribution instead: `lognormal:120:380`, p50 and p99 in
    milliseconds."""
