"""`gateway reseal`: a key is exchanged without losing what it sealed."""

from __future__ import annotations

import asyncio
import re
from uuid import uuid4

import asyncpg
import pytest

from gateway.security.credentials import secret_matches
from gateway.security.records import (
    answer_record,
    api_key_record,
    endpoint_record,
    processor_account_record,
)
from gateway.security.vault import Vault, new_key
from tests.cli.conftest import Run

CREDENTIALS = b'{"login":"shop"}'
ANSWER = b'{"webhook_secret":"whsec_x"}'


def execute(settings: dict[str, str], statement: str, *arguments: object) -> list[asyncpg.Record]:
    async def work() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(settings["DATABASE_URL"])
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            await connection.close()

    return asyncio.run(work())


def test_after_resealing_the_old_key_is_not_needed(
    run: Run, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys authenticate, endpoints sign, answers and credentials open: with the new key alone."""
    old, new = settings["GATEWAY_ENCRYPTION_KEY"], new_key()
    made = run("merchant", "create", "--name", "A", "--email", "a@example.com").output
    kept = Vault([old]).seal(ANSWER, record=answer_record("s", "k"))
    execute(
        settings,
        "INSERT INTO idempotency_keys (scope, key, fingerprint, surface, body, sealed, created_at,"
        " expires_at) VALUES ('s', 'k', '\\x00', 'x', $1, true, now(), now())",
        kept,
    )
    account_id = uuid4()
    execute(
        settings,
        "INSERT INTO processor_accounts (id, merchant_id, mode, processor, name, active,"
        " credentials_sealed, credentials_shown, check_result, created_at, updated_at)"
        " SELECT $1, id, 'live', 'bank', 'Main', true, $2, '{}', 'accepted', now(), now()"
        " FROM merchants",
        account_id,
        Vault([old]).seal(CREDENTIALS, record=processor_account_record(account_id)),
    )
    monkeypatch.setenv("GATEWAY_ENCRYPTION_KEY", f"{new},{old}")
    first, second = run("reseal"), run("reseal")
    monkeypatch.setenv("GATEWAY_ENCRYPTION_KEY", new)
    checked = run("check")

    vault = Vault([new])
    shown = re.findall(r"^key +(\S+)\nsecret +(\S+)$", made, re.MULTILINE)
    secrets = dict(shown)
    for row in execute(settings, "SELECT * FROM api_keys"):
        secret = secrets.pop(row["id"])
        assert secret_matches(vault, secret, row["secret_hash"])
        assert secret.encode() == vault.open(row["secret_sealed"], record=api_key_record(row["id"]))
    assert {} == secrets
    for row in execute(settings, "SELECT * FROM webhook_endpoints"):
        assert vault.open(row["secret_sealed"], record=endpoint_record(row["id"]))
    [row] = execute(settings, "SELECT body FROM idempotency_keys")
    assert ANSWER == vault.open(row["body"], record=answer_record("s", "k"))
    [row] = execute(settings, "SELECT * FROM processor_accounts")
    record = processor_account_record(account_id)
    assert CREDENTIALS == vault.open(row["credentials_sealed"], record=record)
    assert "now: 6\n" in first.output
    assert "now: 0\n" in second.output
    assert "GATEWAY_ENCRYPTION_KEY is the key of this database" in checked.output


def test_the_old_key_is_refused_to_be_left_out_too_early(
    run: Run, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before `reseal` has ended, a gateway with the new key alone would open nothing."""
    old, new = settings["GATEWAY_ENCRYPTION_KEY"], new_key()
    run("merchant", "create", "--name", "A", "--email", "a@example.com")
    monkeypatch.setenv("GATEWAY_ENCRYPTION_KEY", f"{new},{old}")
    both = run("check")
    monkeypatch.setenv("GATEWAY_ENCRYPTION_KEY", new)
    alone = run("check")

    assert 0 == both.exit_code, both.output
    assert 1 == alone.exit_code
