"""Merchants' own accounts at processors."""

from __future__ import annotations

from pydantic import PositiveInt

from gateway.settings.kinds import Seconds, SettingsSection

__all__ = ["ProcessorSettings"]


class ProcessorSettings(SettingsSection):
    """Merchants' own accounts at processors."""

    processor_accounts_max: PositiveInt = 20
    """Accounts of one merchant and mode, the ones that are not active any more included."""
    processor_accounts_active_max: PositiveInt = 10_000
    """Active accounts of all merchants, which every process knows by heart."""
    processor_accounts_seconds: Seconds = 5
    """After how long a changed account holds in every process; while Redis is there, that is at
    once."""
    processor_credentials_kept_max: PositiveInt = 1_000
    """Accounts whose credentials a process keeps unsealed in memory."""
    processor_check_seconds: Seconds = 15
    """How long a processor is waited for that is asked whether it takes credentials."""
    processor_checks_max: PositiveInt = 8
    """Credentials that are checked at once; beyond that the answer is 503."""
