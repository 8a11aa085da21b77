"""Test mode, and the controls of tests."""

from __future__ import annotations

from pydantic import NonNegativeInt, field_validator

from gateway.settings.kinds import SettingsSection

__all__ = ["TestModeSettings"]


class TestModeSettings(SettingsSection):
    """Test mode, and the controls of tests."""

    test_mode: bool = False
    """Seeds the test merchant and lets the simulated bank be told what to do. No sandbox without,
    no production with it."""
    test_processing_delay: NonNegativeInt = 1000
    """Milliseconds the simulated bank takes in test mode."""
    test_payment_success: bool | None = None
    """Decides every payment in test mode; unset, the fixed instruments decide."""
    webhook_retry_intervals_test: bool = False
    """Repeats deliveries after 5, 10, 15 and 20 seconds instead of the schedule of hours."""
    test_controls: bool = False
    """With `TEST_MODE`: the clock and fault points of tests, on loopback only."""

    @field_validator("test_payment_success", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value
