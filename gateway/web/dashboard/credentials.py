"""The merchant's first API key as the overview shows it: `dashboard/_credentials.html`."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.domain.roles import may
from gateway.security.records import api_key_record
from gateway.storage.journal import Connection
from gateway.storage.reads_keys import oldest_key_with_secret
from gateway.web.calls import Call

__all__ = ["ShownCredentials", "credentials_of", "masked", "shows_secrets"]

_DOTS = "•" * 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCredentials:
    """A key's id, and its secret or what stands for it."""

    key_id: str
    secret: str = field(repr=False)
    is_masked: bool


def masked(key_id: str) -> str:
    """What is shown in place of a key's secret."""
    return f"secret_{key_id.split('_')[1]}_{_DOTS}"


def shows_secrets(call: Call) -> bool:
    """Whether secrets are shown without being asked for.

    A sandbox's test secrets are, to the owner: they open nothing but the sandbox.
    """
    sandbox = call.services.settings.test_mode and call.member.mode == "test"
    return sandbox and may(call.member.role, "secrets:reveal")


async def credentials_of(connection: Connection, call: Call) -> ShownCredentials | None:
    """The oldest key that holds, in the mode that is looked at; None when there is none."""
    member, services = call.member, call.services
    key = await oldest_key_with_secret(connection, member.scope, services.clock.now())
    if key is None:
        return None
    key_id, sealed = key
    if shows_secrets(call):
        secret = services.vault.open(sealed, record=api_key_record(key_id)).decode()
        return ShownCredentials(key_id=key_id, secret=secret, is_masked=False)
    return ShownCredentials(key_id=key_id, secret=masked(key_id), is_masked=True)
