"""What is done to merchants' own accounts at processors, for the merchant API and the dashboard.

Processors are asked before anything is written, and without a connection to the database. Writes
run inside the caller's transaction; afterwards `accounts_changed` tells all processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import orjson
import structlog

from gateway.actors.processor_accounts import ACCOUNTS_CHANGED, AccountUnreadable, Checked
from gateway.domain.errors import InvalidRequest, InvalidState, NotFound
from gateway.domain.outcomes import Account, ProcessorTraits
from gateway.domain.processor_accounts import (
    CheckResult,
    changed_credentials,
    entered_credentials,
    shown_credentials,
)
from gateway.queue.client import is_redis_unavailable
from gateway.security.records import processor_account_record
from gateway.storage import processor_accounts as accounts
from gateway.storage.administration import write_audit
from gateway.storage.journal import Connection
from gateway.storage.pool import DATABASE_ERRORS
from gateway.storage.processor_accounts import ProcessorAccount
from gateway.storage.reads_pages import Scope
from gateway.web.services import Services
from gateway.web.webhook_changes import Changed

__all__ = [
    "Entered",
    "account_of",
    "accounts_changed",
    "change_account",
    "check_account",
    "enter_again",
    "enter_credentials",
    "make_account",
    "record_check",
    "remove_account",
    "takers",
]

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """Credentials that were entered, and what the processor said of them."""

    traits: ProcessorTraits
    account: Account = field(repr=False)
    checked: Checked


def takers(services: Services, mode: str) -> Mapping[str, ProcessorTraits]:
    """The processors at which merchants can have accounts of their own in this mode."""
    return {
        name: traits
        for name, traits in sorted(services.policy.processors.items())
        if traits.credentials and mode in traits.modes
    }


async def account_of(connection: Connection, scope: Scope, account_id: UUID) -> ProcessorAccount:
    """The merchant's account; raises NotFound."""
    account = await accounts.find_account(connection, scope, account_id)
    if account is None:
        raise NotFound("Processor account not found")
    return account


async def enter_credentials(
    services: Services, mode: str, processor: str, given: Mapping[str, str]
) -> Entered:
    """Those of a new account, checked.

    Raises InvalidRequest for a processor that takes none, for fields that are wrong, and when the
    processor refuses them.
    """
    traits = takers(services, mode).get(processor)
    if traits is None:
        raise InvalidRequest(
            f"processor must be one that takes credentials in {mode} mode", field="processor"
        )
    return await _asked(services, traits, entered_credentials(traits, given))


async def enter_again(
    services: Services, account: ProcessorAccount, given: Mapping[str, str]
) -> Entered:
    """The account's credentials after a change, checked. Raises as `enter_credentials` does."""
    traits, stored = await _opened(services, account)
    return await _asked(services, traits, changed_credentials(traits, stored, given))


async def check_account(services: Services, account: ProcessorAccount) -> Checked:
    """What the processor says of the stored credentials. Raises InvalidState."""
    _, stored = await _opened(services, account)
    return await services.accounts.check(account.processor, stored)


async def make_account(
    connection: Connection, changed: Changed, entered: Entered, *, name: str | None, active: bool
) -> ProcessorAccount:
    """A new account.

    Raises InvalidState beside another active one, and when there are as many as allowed.
    """
    scope, processor = changed.scope, entered.traits.name
    await accounts.lock_accounts(connection, scope)
    await _refuse_too_many(connection, changed)
    if active:
        await _refuse_too_many_active(connection, changed)
        if await _has_active(connection, changed, processor):
            raise InvalidState(
                "There is an active account for this processor", reason="active_account_exists"
            )
    account = ProcessorAccount(
        id=uuid4(),
        mode=scope.mode,
        processor=processor,
        name=name or processor,
        credentials=shown_credentials(entered.traits, entered.account),
        active=active,
        check_result=entered.checked.result,
        check_message=entered.checked.message,
        last_checked_at=changed.now,
        created_at=changed.now,
        updated_at=changed.now,
    )
    sealed = _sealed(changed.services, account.id, entered.account)
    await accounts.insert_account(connection, scope, account, sealed)
    await _audit(connection, changed, "processor_account.created", account)
    return account


async def change_account(
    connection: Connection,
    changed: Changed,
    seen: ProcessorAccount,
    *,
    name: str | None = None,
    entered: Entered | None = None,
    active: bool | None = None,
) -> ProcessorAccount:
    """The account after the changes that are not None; one made active is the only active one.

    Raises NotFound, and InvalidState when it is no longer as `seen`.
    """
    scope = changed.scope
    await accounts.lock_accounts(connection, scope)
    stored = await accounts.lock_account(connection, scope, seen.id)
    if stored is None:
        raise NotFound("Processor account not found")
    if stored.updated_at != seen.updated_at:
        raise InvalidState("The account was changed meanwhile, please try again")
    changes: dict[str, Any] = {} if name is None else {"name": name}
    if active is not None:
        changes["active"] = active
    if entered is not None:
        shown = shown_credentials(entered.traits, entered.account)
        changes["credentials_sealed"] = _sealed(changed.services, seen.id, entered.account)
        changes["credentials_shown"] = orjson.dumps(shown).decode()
        changes |= _check_columns(changed, entered.checked)
    if not changes:
        raise InvalidRequest("There is nothing to change")
    if active and not stored.active:
        await accounts.deactivate_others(connection, scope, stored.processor, seen.id, changed.now)
        await _refuse_too_many_active(connection, changed)
    await accounts.update_account(connection, scope, seen.id, changes, changed.now)
    fields = sorted({"credentials" if "credentials" in each else each for each in changes})
    await _audit(connection, changed, "processor_account.changed", stored, fields=fields)
    return await account_of(connection, scope, seen.id)


async def record_check(
    connection: Connection, changed: Changed, account: ProcessorAccount, checked: Checked
) -> ProcessorAccount:
    """The account with what the processor said of it. Raises NotFound."""
    await accounts.update_account(
        connection, changed.scope, account.id, _check_columns(changed, checked), changed.now
    )
    await _audit(connection, changed, "processor_account.checked", account, result=checked.result)
    return await account_of(connection, changed.scope, account.id)


async def remove_account(connection: Connection, changed: Changed, account_id: UUID) -> bool:
    """Whether it was deleted; one that payments or saved cards hang on is made inactive instead.

    Raises NotFound.
    """
    scope = changed.scope
    await accounts.lock_accounts(connection, scope)
    stored = await accounts.lock_account(connection, scope, account_id)
    if stored is None:
        raise NotFound("Processor account not found")
    if await accounts.is_used(connection, account_id):
        changes = {"active": False}
        await accounts.update_account(connection, scope, account_id, changes, changed.now)
        await _audit(connection, changed, "processor_account.deactivated", stored)
        return False
    await accounts.remove_account(connection, scope, account_id)
    await _audit(connection, changed, "processor_account.deleted", stored)
    return True


async def accounts_changed(services: Services) -> None:
    """A change is committed: from now on it holds here, and soon in all processes."""
    try:
        await services.accounts.load()
        await services.publish([ACCOUNTS_CHANGED])
    except DATABASE_ERRORS as error:
        services.accounts.look()
        logger.warning("accounts_not_read", error=type(error).__name__)
    except Exception as error:
        if not is_redis_unavailable(error):
            raise
        logger.warning("account_change_not_told", error=type(error).__name__)


async def _asked(services: Services, traits: ProcessorTraits, account: Account) -> Entered:
    checked = await services.accounts.check(traits.name, account)
    if checked.result is CheckResult.REFUSED:
        raise InvalidRequest(
            f"The processor refuses the credentials: {checked.message}",
            field="credentials",
            reason="credentials_refused",
        )
    return Entered(traits=traits, account=account, checked=checked)


async def _opened(services: Services, account: ProcessorAccount) -> tuple[ProcessorTraits, Account]:
    traits = services.policy.processors.get(account.processor)
    if traits is None:
        raise InvalidState("No processor configured", reason="no_processor")
    try:
        return traits, await services.accounts.stored_credentials(account.id)
    except AccountUnreadable:
        raise InvalidState(
            "The credentials cannot be read with the gateway's key", reason="credentials_unreadable"
        ) from None


async def _refuse_too_many(connection: Connection, changed: Changed) -> None:
    limit = changed.services.settings.processor_accounts_max
    own, _ = await accounts.count_accounts(connection, changed.scope)
    if own >= limit:
        raise InvalidState(f"There may be at most {limit} processor accounts")


async def _refuse_too_many_active(connection: Connection, changed: Changed) -> None:
    _, active = await accounts.count_accounts(connection, changed.scope)
    if active >= changed.services.settings.processor_accounts_active_max:
        raise InvalidState("The gateway takes no more processor accounts")


async def _has_active(connection: Connection, changed: Changed, processor: str) -> bool:
    limit = changed.services.settings.processor_accounts_max
    listed = await accounts.list_accounts(connection, changed.scope, limit)
    return any(each.active and each.processor == processor for each in listed)


def _check_columns(changed: Changed, checked: Checked) -> dict[str, Any]:
    return {
        "check_result": checked.result,
        "check_message": checked.message,
        "last_checked_at": changed.now,
    }


def _sealed(services: Services, account_id: UUID, account: Account) -> bytes:
    plain = orjson.dumps(dict(account))
    return services.vault.seal(plain, record=processor_account_record(account_id))


async def _audit(
    connection: Connection,
    changed: Changed,
    action: str,
    account: ProcessorAccount,
    **details: Any,
) -> None:
    await write_audit(
        connection,
        changed.author,
        action,
        str(account.id),
        changed.now,
        details={"processor": account.processor, **details},
    )
