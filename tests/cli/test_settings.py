"""Settings: where they are read, and what is said when they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.cli.reference import render_settings
from gateway.environment import plugin_settings, unknown_variables
from gateway.security.vault import new_key
from gateway.settings import InvalidSettings, Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
SECRET = "hunter2-not-to-be-shown"

pytestmark = pytest.mark.usefixtures("clean_environment")


def test_bare_and_prefixed_names_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Platforms set PORT, people GATEWAY_LOG_LEVEL; of the bare ones both names work."""
    monkeypatch.setenv("PORT", "8123")
    monkeypatch.setenv("GATEWAY_TEST_MODE", "true")
    monkeypatch.setenv("GATEWAY_LOG_LEVEL", "WARNING")
    monkeypatch.setenv("GATEWAY_TRUSTED_PROXIES", "10.0.0.0/8, 127.0.0.1")

    settings = load_settings()

    assert (8123, True, "warning") == (settings.port, settings.test_mode, settings.log_level)
    assert ("10.0.0.0/8", "127.0.0.1") == settings.trusted_proxies


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Container tools pass variables on that nobody has set."""
    for name in ("PORT", "DATABASE_URL", "TEST_PAYMENT_SUCCESS", "GATEWAY_OPERATIONS_PORT"):
        monkeypatch.setenv(name, "")

    settings = load_settings()

    assert 8000 == settings.port
    assert (
        settings.database_url is settings.test_payment_success is settings.operations_port is None
    )


def test_what_kubernetes_injects_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service called gateway beside us does not change our port, nor is it called unknown."""
    monkeypatch.setenv("GATEWAY_PORT", "tcp://10.0.0.1:8000")
    monkeypatch.setenv("GATEWAY_PORT_8000_TCP_ADDR", "10.0.0.1")
    monkeypatch.setenv("GATEWAY_SERVICE_HOST", "10.0.0.1")

    assert 8000 == load_settings().port
    assert [] == unknown_variables(Settings)


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("GATEWAY_LOG_LEVL", "GATEWAY_LOG_LEVEL"),
        ("GATEWAY_ENCRYPTON_KEY", "GATEWAY_ENCRYPTION_KEY"),
        ("GATEWAY_DATABSE_URL", "DATABASE_URL"),
        ("GATEWAY_WEBHOOK_TIMEOUT", "GATEWAY_WEBHOOK_TIMEOUT_SECONDS"),
        ("GATEWAY_LOG_LEVEL_FILE", "GATEWAY_LOG_LEVEL"),
        ("GATEWAY_QQQ", None),
    ],
)
def test_an_unknown_name_gets_a_suggestion(
    monkeypatch: pytest.MonkeyPatch, name: str, suggestion: str | None
) -> None:
    """A typo is found, with the setting that was probably meant."""
    monkeypatch.setenv(name, SECRET)

    [unknown] = unknown_variables(Settings)

    assert (name, suggestion) == (unknown.name, unknown.suggestion)
    assert SECRET not in str(unknown)


def test_plugins_settings_are_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a processor declares is no typo, and may be read from a file."""
    path = tmp_path / "token"
    path.write_text(f"{SECRET}\n")
    monkeypatch.setenv("GATEWAY_MYBANK_TOKEN_FILE", str(path))
    monkeypatch.setenv("GATEWAY_MYBANK_URL", "https://bank.example")

    assert [] == unknown_variables(Settings, ["mybank_token", "mybank_url", "mybank_more"])
    assert {"mybank_token": SECRET, "mybank_url": "https://bank.example"} == plugin_settings(
        ["mybank_token", "mybank_url", "mybank_more"]
    )


@pytest.mark.parametrize(
    "variable",
    [
        "DATABASE_URL_FILE",
        "GATEWAY_DATABASE_URL_FILE",
        "REDIS_URL_FILE",
        "GATEWAY_ENCRYPTION_KEY_FILE",
    ],
)
def test_secrets_are_read_from_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    """Each secret may be in a file, whose last line may end."""
    values = {
        "database_url": f"postgresql://gateway:{SECRET}@db/gateway",
        "redis_url": f"redis://:{SECRET}@cache/0",
        "encryption_key": new_key(),
    }
    field = variable.removeprefix("GATEWAY_").removesuffix("_FILE").lower()
    path = tmp_path / "secret"
    path.write_text(f"{values[field]}\n")
    monkeypatch.setenv(variable, str(path))

    settings = load_settings()

    assert values[field] == getattr(settings, field).get_secret_value()
    assert values[field] not in repr(settings)


def test_a_secret_and_its_file_contradict(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Which of the two is old, nobody can know."""
    (tmp_path / "secret").write_text(SECRET)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://{SECRET}@db/gateway")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "secret"))

    with pytest.raises(InvalidSettings, match="DATABASE_URL and DATABASE_URL_FILE") as caught:
        load_settings()

    assert SECRET not in str(caught.value)


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable and the path, so that it can be mended."""
    monkeypatch.setenv("REDIS_URL_FILE", "/nowhere/secret")

    with pytest.raises(InvalidSettings, match="REDIS_URL_FILE: /nowhere/secret cannot be read"):
        load_settings()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "65536"),
        ("TEST_MODE", "perhaps"),
        ("TEST_PROCESSING_DELAY", "-1"),
        ("TEST_PAYMENT_SUCCESS", "sometimes"),
        ("DATABASE_URL", "mysql://hunter2"),
        ("REDIS_URL", "hunter2:6379"),
        ("GATEWAY_TEST_MODE", "perhaps"),
        ("GATEWAY_ENCRYPTION_KEY", "hunter2"),
        ("GATEWAY_ENCRYPTION_KEY", "aHVudGVyMmh1bnRlcjI="),
        ("GATEWAY_LOG_LEVEL", "loud"),
        ("GATEWAY_LOG_FORMAT", "xml"),
        ("GATEWAY_PUBLIC_URL", "pay.example.com"),
        ("GATEWAY_TRUSTED_PROXIES", "10.0.0.0/8,proxy"),
        ("GATEWAY_SHUTDOWN_SECONDS", "inf"),
        ("GATEWAY_CLAIM_COUNT", "-77"),
        ("GATEWAY_SIMULATOR_PAYMENT_SECONDS", "10,5"),
        ("GATEWAY_SIMULATOR_UPI_SUCCESS_PERCENT", "101"),
        ("GATEWAY_REDIS_PREFIX", "a b"),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """The message begins with the variable; the value may be a secret in the wrong place."""
    monkeypatch.setenv(variable, value)

    with pytest.raises(InvalidSettings) as caught:
        load_settings()

    assert caught.value.problems[0].startswith(f"{variable}: ")
    assert value not in "".join(caught.value.problems).removeprefix(variable)


def test_all_problems_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody wants to mend settings one start at a time."""
    monkeypatch.setenv("PORT", "eighty")
    monkeypatch.setenv("GATEWAY_LOG_LEVEL", "loud")

    with pytest.raises(InvalidSettings) as caught:
        load_settings()

    assert 2 == len(caught.value.problems)


def test_a_setting_that_does_not_exist_cannot_be_passed() -> None:
    """A typo in code is found as well."""
    with pytest.raises(ValidationError):
        Settings(log_levl="info")  # type: ignore[call-arg]


def test_every_setting_is_described() -> None:
    """The description stands beside the setting; the reference is made of it."""
    missing = [name for name, field in Settings.model_fields.items() if not field.description]

    assert [] == missing


def test_the_reference_is_up_to_date() -> None:
    """docs/settings.md is what `python -m gateway.cli.reference > docs/settings.md` writes."""

    written = (ROOT / "docs" / "settings.md").read_text()

    assert render_settings() == written, "python -m gateway.cli.reference > docs/settings.md"
