"""Running commands: in this process for speed, with a clean environment."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator

import pytest
import structlog
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.security.vault import new_key
from tests.operations.processes import environment

Run = Callable[..., Result]


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """None of the settings of whoever runs the tests."""
    kept = environment()
    for name in set(os.environ) - set(kept):
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture
def settings(
    clean_environment: pytest.MonkeyPatch, database_url: str, redis_url: str, redis_prefix: str
) -> dict[str, str]:
    """The settings of a gateway on the test's own database."""
    values = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "GATEWAY_REDIS_PREFIX": redis_prefix,
        "GATEWAY_ENCRYPTION_KEY": new_key(),
    }
    for name, value in values.items():
        clean_environment.setenv(name, value)
    return values


@pytest.fixture
def run() -> Iterator[Run]:
    """Run a command: `run("key", "revoke", key_id)`."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, list(arguments), catch_exceptions=False)

    yield invoke
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
