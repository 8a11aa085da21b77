"""Merchants, users and keys from the command line, on a real database."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from gateway.security.credentials import secret_matches
from gateway.security.passwords import PasswordHasher
from gateway.security.records import api_key_record
from gateway.security.vault import Vault
from tests.cli.conftest import Run


@pytest.fixture
def database(settings: dict[str, str]) -> Any:
    """Fetch rows from the test's database: `database("SELECT …", argument)`."""

    def fetch(statement: str, *arguments: object) -> list[asyncpg.Record]:
        async def work() -> list[asyncpg.Record]:
            connection = await asyncpg.connect(settings["DATABASE_URL"])
            try:
                return await connection.fetch(statement, *arguments)
            finally:
                await connection.close()

        return asyncio.run(work())

    return fetch


def shown(output: str, label: str) -> list[str]:
    return re.findall(rf"^{label} +(\S+)$", output, re.MULTILINE)


def create(run: Run, email: str = "shop@example.com") -> str:
    """The output of a merchant's creation."""
    result = run("merchant", "create", "--name", "Shop", "--email", email)
    assert 0 == result.exit_code, result.output
    return result.output


def test_a_merchant_gets_working_credentials(
    run: Run, settings: dict[str, str], database: Any
) -> None:
    """Keys for both modes, an owner who can log in, a silent default endpoint for each mode."""
    output = create(run, "Shop@Example.com")

    vault = Vault([settings["GATEWAY_ENCRYPTION_KEY"]])
    keys = {row["id"]: row for row in database("SELECT * FROM api_keys")}
    for key_id, secret in zip(shown(output, "key"), shown(output, "secret"), strict=True):
        row = keys.pop(key_id)
        assert secret_matches(vault, secret, row["secret_hash"])
        sealed = vault.open(row["secret_sealed"], record=api_key_record(key_id))
        assert secret.encode() == sealed
        assert (key_id.split("_")[1], "full") == (row["mode"], row["role"])
    assert {} == keys
    [user] = database("SELECT * FROM users")
    [password] = shown(output, "password")
    assert ("shop@example.com", "owner") == (user["email"], user["role"])
    assert asyncio.run(PasswordHasher().verify(user["password_hash"], password))
    endpoints = database("SELECT mode, active, is_default FROM webhook_endpoints ORDER BY mode")
    assert [("live", False, True), ("test", False, True)] == [tuple(row) for row in endpoints]


def test_no_secret_is_stored_in_the_clear(
    run: Run, settings: dict[str, str], database: Any
) -> None:
    """Nothing that was printed once is found anywhere in the database."""
    output = create(run)
    tables = database("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    contents = [database(f'SELECT * FROM "{each[0]}"') for each in tables]
    rows = [str(row) for content in contents for row in content]

    for secret in (*shown(output, "secret"), *shown(output, "password")):
        assert secret not in "".join(rows)


def test_an_address_belongs_to_one_merchant(run: Run, settings: dict[str, str]) -> None:
    """The second one is refused in a sentence, and nothing of it is left behind."""
    create(run)
    result = run("merchant", "create", "--name", "Other", "--email", "shop@example.com")
    listed = run("merchant", "list").output

    assert 1 == result.exit_code
    assert "Error: shop@example.com belongs to another merchant\n" == result.output
    assert "Other" not in listed


def test_merchants_are_listed_and_disabled(
    run: Run, settings: dict[str, str], database: Any
) -> None:
    """A disabled merchant stays in the list; its keys open nothing any more."""
    [merchant_id] = shown(create(run), "merchant")
    before = run("merchant", "list").output
    disabled = run("merchant", "disable", merchant_id)
    after = run("merchant", "list").output

    assert f"{merchant_id}  active    Shop  shop@example.com\n" == before
    assert 0 == disabled.exit_code
    assert f"{merchant_id}  disabled  Shop  shop@example.com\n" == after
    assert not database("SELECT active FROM merchants")[0]["active"]


def test_keys_are_made_and_revoked(run: Run, settings: dict[str, str], database: Any) -> None:
    """A restricted key has its permissions and its end; revoked twice is an error."""
    [merchant_id] = shown(create(run), "merchant")
    made = run(
        "key", "create", "--merchant", merchant_id, "--mode", "live", "--role", "restricted",
        "--permission", "orders:read", "--permission", "orders:write", "--expires-in-days", "30",
    )  # fmt: skip
    [key_id] = shown(made.output, "key")
    first, second = run("key", "revoke", key_id), run("key", "revoke", key_id)

    [row] = database("SELECT * FROM api_keys WHERE id = $1", key_id)
    assert ["orders:read", "orders:write"] == row["permissions"]
    assert 30 == (row["expires_at"] - row["created_at"]).days
    assert row["revoked_at"] is not None
    assert (0, 1) == (first.exit_code, second.exit_code)


def test_a_key_is_rotated(run: Run, settings: dict[str, str], database: Any) -> None:
    """The new one may do the same; the old one ends after the hours that were given."""
    [merchant_id] = shown(create(run), "merchant")
    made = run("key", "create", "--merchant", merchant_id, "--role", "read_only")
    [old] = shown(made.output, "key")
    rotated = run("key", "rotate", old, "--overlap-hours", "2")
    [new] = shown(rotated.output, "key")
    again = run("key", "rotate", old)

    [row] = database("SELECT * FROM api_keys WHERE id = $1", old)
    [replacement] = database("SELECT * FROM api_keys WHERE id = $1", new)
    assert (new, "read_only") == (row["replaced_by"], replacement["role"])
    assert 7200 == (row["expires_at"] - replacement["created_at"]).total_seconds()
    assert 1 == again.exit_code
    assert "rotated already" in again.output


def test_users_are_made_and_get_new_passwords(
    run: Run, settings: dict[str, str], database: Any
) -> None:
    """The old password no longer holds."""
    [merchant_id] = shown(create(run), "merchant")
    made = run(
        "user", "create", "--email", "dev@example.com", "--merchant", merchant_id,
        "--role", "developer",
    )  # fmt: skip
    reset = run("user", "reset-password", "--email", "dev@example.com")

    [old], [new] = shown(made.output, "password"), shown(reset.output, "password")
    [row] = database("SELECT * FROM users WHERE email = 'dev@example.com'")
    hasher = PasswordHasher()
    assert "developer" == row["role"]
    assert asyncio.run(hasher.verify(row["password_hash"], new))
    assert not asyncio.run(hasher.verify(row["password_hash"], old))


def test_an_operator_belongs_to_nobody(run: Run, settings: dict[str, str], database: Any) -> None:
    """Operators have no merchant, everybody else has one."""
    operator = run("user", "create", "--email", "op@example.com", "--role", "operator")
    stray = run("user", "create", "--email", "stray@example.com", "--role", "owner")

    assert (0, 2) == (operator.exit_code, stray.exit_code)
    assert [None] == [row["merchant_id"] for row in database("SELECT merchant_id FROM users")]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("merchant", "disable", str(uuid4())), "no such merchant"),
        (("key", "create", "--merchant", str(uuid4())), "no such merchant"),
        (("user", "create", "--email", "a@b.c", "--merchant", str(uuid4())), "no such merchant"),
        (("user", "reset-password", "--email", "nobody@example.com"), "no such user"),
        (("key", "revoke", "key_test_0000000000000000"), "no such key"),
        (("key", "rotate", "key_test_0000000000000000"), "no such key"),
    ],
)
def test_what_does_not_exist_is_told(
    run: Run, settings: dict[str, str], arguments: tuple[str, ...], text: str
) -> None:
    """One sentence and status 1, no traceback."""
    result = run(*arguments)

    assert 1 == result.exit_code
    assert text in result.output
    assert 1 == len(result.output.splitlines())


def test_everything_is_audited(run: Run, settings: dict[str, str], database: Any) -> None:
    """Who did what to whom, without any secret."""
    output = create(run)
    [merchant_id] = shown(output, "merchant")
    [key_id, _] = shown(output, "key")
    run("key", "revoke", key_id)
    run("user", "reset-password", "--email", "shop@example.com")
    run("merchant", "disable", merchant_id)

    rows = database("SELECT actor, action, subject_id FROM audit_logs ORDER BY created_at")
    assert ["merchant.created", "key.revoked", "user.password_reset", "merchant.disabled"] == [
        row["action"] for row in rows
    ]
    assert all(row["actor"].startswith("operator") for row in rows)


def test_a_database_that_is_not_migrated_is_refused(
    run: Run, settings: dict[str, str], empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command says what to do first."""
    monkeypatch.setenv("DATABASE_URL", empty_database_url)

    result = run("merchant", "list")

    assert 1 == result.exit_code
    assert "gateway migrate" in result.output
