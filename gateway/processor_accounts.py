"""What the settings say about merchants' own accounts at processors."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.actors.processor_accounts import ACCOUNTS_CHANGED, ProcessorAccounts
from gateway.processors.protocol import Processor
from gateway.queue.notifications import ChangeHub
from gateway.security.vault import Vault
from gateway.settings import Settings
from gateway.storage.pool import Pool

__all__ = ["make_processor_accounts"]


def make_processor_accounts(
    settings: Settings,
    pool: Pool,
    vault: Vault,
    processors: Mapping[str, Processor],
    hub: ChangeHub,
) -> ProcessorAccounts:
    """The unit, which looks again whenever a process tells of a change."""
    accounts = ProcessorAccounts(
        pool=pool,
        vault=vault,
        processors=processors,
        interval_seconds=settings.processor_accounts_seconds,
        unsealed_max=settings.processor_credentials_kept_max,
        check_seconds=settings.processor_check_seconds,
        checks_max=settings.processor_checks_max,
        per_merchant_max=settings.processor_accounts_max,
    )
    hub.on_change(ACCOUNTS_CHANGED, accounts.look)
    hub.on_gap(accounts.look)
    return accounts
