"""`gateway check` and `gateway migrate` against real stores."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from gateway.security.vault import new_key
from tests.cli.conftest import Run


def test_good_settings_pass(run: Run, settings: dict[str, str]) -> None:
    """Stores that are reached, up to date and not sealed by another: status 0."""
    result = run("check")

    assert 0 == result.exit_code, result.output
    assert "ok       Postgres answers" in result.output
    assert "ok       The database is up to date" in result.output
    assert "ok       Redis' maxmemory-policy is noeviction" in result.output
    assert "No problems found" in result.output


def test_effective_values_are_shown_and_secrets_are_not(
    run: Run, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each setting stands there with its value; of a secret only that it is set, and by what."""
    monkeypatch.setenv("GATEWAY_JOURNAL_BATCH_MAX", "77")

    result = run("check")

    lines = {line.split()[0]: line.split()[1:] for line in result.output.splitlines() if line}
    assert ["77", "(set)"] == lines["GATEWAY_JOURNAL_BATCH_MAX"]
    assert ["8000"] == lines["PORT"]
    assert ["(hidden)", "(set)"] == lines["GATEWAY_ENCRYPTION_KEY"]
    for name in ("DATABASE_URL", "REDIS_URL", "GATEWAY_ENCRYPTION_KEY"):
        assert settings[name] not in result.output


def test_an_unknown_setting_is_an_error(
    run: Run, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A typo would otherwise leave a default in effect that nobody wanted."""
    monkeypatch.setenv("GATEWAY_WEBHOOK_TIMEOUT", "hunter2")

    result = run("check")

    assert 1 == result.exit_code
    assert "did you mean GATEWAY_WEBHOOK_TIMEOUT_SECONDS?" in result.output
    assert "hunter2" not in result.output


def test_a_wrong_value_is_an_error(
    run: Run, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that is wrong is told, nothing of the values."""
    monkeypatch.setenv("PORT", "hunter2")
    monkeypatch.setenv("GATEWAY_QQQ", "hunter2")

    result = run("check")

    assert 1 == result.exit_code
    assert "PROBLEM  PORT: " in result.output
    assert "PROBLEM  GATEWAY_QQQ is no setting" in result.output
    assert "hunter2" not in result.output


def test_a_database_without_schema_is_an_error_until_migrated(
    run: Run,
    settings: dict[str, str],
    empty_database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`migrate` mends what `check` has found, and has nothing to do the second time."""
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    before = run("check")
    first, second = run("migrate"), run("migrate")
    after = run("check")

    assert 1 == before.exit_code
    assert "run `gateway migrate`" in before.output
    assert "applied 0001" in first.output
    assert "applied" not in second.output
    assert 0 == after.exit_code, after.output


def test_a_wrong_key_is_an_error(
    run: Run, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that this database was not sealed with opens none of its secrets."""
    assert 0 == run("merchant", "create", "--name", "A", "--email", "a@example.com").exit_code
    right = run("check")
    monkeypatch.setenv("GATEWAY_ENCRYPTION_KEY", new_key())
    wrong = run("check")

    assert "GATEWAY_ENCRYPTION_KEY is the key of this database" in right.output
    assert 1 == wrong.exit_code
    assert "is not the key this database was sealed with" in wrong.output


def test_a_missing_key_is_an_error(
    run: Run, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a database of somebody else's the key has to come from outside."""
    monkeypatch.delenv("GATEWAY_ENCRYPTION_KEY")

    result = run("check")

    assert 1 == result.exit_code
    assert "GATEWAY_ENCRYPTION_KEY is required" in result.output


def test_a_redis_that_evicts_is_an_error(
    run: Run, settings: dict[str, str], redis_url: str
) -> None:
    """Any other policy throws jobs and sealed cards away when memory is full."""
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            result = run("check")
        finally:
            client.config_set("maxmemory-policy", "noeviction")

    assert 1 == result.exit_code
    assert "maxmemory-policy is allkeys-lru" in result.output


def test_stores_that_are_away_are_errors(
    run: Run, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is named by its setting; passwords in the addresses are not shown."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://gateway:hunter2@127.0.0.1:1/gateway")
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@127.0.0.1:1/0")

    result = run("check")

    assert 1 == result.exit_code
    assert "Postgres cannot be reached" in result.output
    assert "Redis cannot be reached" in result.output
    assert "hunter2" not in result.output


def test_a_malformed_address_is_not_shown(
    run: Run, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a library says about an address it cannot read may quote it."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://gateway:hunter2@[::1/gateway?port=hunter2")

    result = run("check")

    assert 1 == result.exit_code
    assert "hunter2" not in result.output


def test_without_addresses_the_data_directory_is_looked_at(
    run: Run, clean_environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing is made there by looking; a key file that is none is found."""
    clean_environment.setenv("GATEWAY_DATA_DIR", str(tmp_path / "data"))
    fresh = run("check")
    left_alone = not (tmp_path / "data").exists()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "encryption.key").write_text("no key")
    broken = run("check")

    assert 0 == fresh.exit_code, fresh.output
    assert left_alone
    assert 1 == broken.exit_code
    assert "encryption.key does not hold" in broken.output
