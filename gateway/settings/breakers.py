"""Retries and circuit breakers."""

from __future__ import annotations

from pydantic import PositiveInt

from gateway.settings.kinds import (
    Percent,
    PositivePercent,
    Seconds,
    SecondsList,
    SettingsSection,
)

__all__ = ["BreakerSettings"]


class BreakerSettings(SettingsSection):
    """Retries and circuit breakers."""

    retry_delays_seconds: SecondsList = (1, 2, 4)
    """After how long what surely did not happen is sent again, once for each number."""
    retry_jitter_percent: Percent = 25
    """By up to how much a retry comes earlier, and what a breaker refused later."""
    breaker_window_seconds: Seconds = 60
    """The period in which a circuit breaker counts calls and errors."""
    breaker_calls_min: PositiveInt = 20
    """Calls in the period below which a breaker does not open."""
    breaker_error_percent: PositivePercent = 50
    """The share of errors in the period at which a breaker opens."""
    breaker_open_seconds: Seconds = 60
    """How long a breaker stays open before it lets one call through as a trial."""
    breaker_payment_patience_seconds: Seconds = 120
    """How long a payment waits for an open breaker before it fails."""
    breaker_follow_up_patience_seconds: Seconds = 86_400
    """How long a capture, void or refund waits for an open breaker before it fails."""
    breakers_max: PositiveInt = 1_000
    """Breakers kept, those of merchants' own accounts included; the least used one is dropped."""
