"""A gateway whose only processor answers what the test says."""

from __future__ import annotations

import pytest

from gateway.app import Gateway
from gateway.processors.registry import Registry
from gateway.settings import Settings
from tests.actors.process import ScriptedBank


def scripted_gateway(
    settings: Settings, bank: ScriptedBank, monkeypatch: pytest.MonkeyPatch
) -> Gateway:
    """A gateway, not started, with the bank in the simulated one's place."""
    registry = Registry(strict=True)
    registry.add(bank, "tests")
    monkeypatch.setattr("gateway.app.discover", lambda: registry)
    return Gateway(settings)
