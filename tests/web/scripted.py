"""Gateways with processors that a test has chosen."""

from __future__ import annotations

import pytest

from gateway.processors.protocol import Processor
from gateway.processors.registry import Registry


def use_banks(monkeypatch: pytest.MonkeyPatch, *banks: Processor) -> None:
    """Gateways that start from now on have these processors, and no others."""
    registry = Registry()
    for bank in banks:
        registry.add(bank, "tests")
    monkeypatch.setattr("gateway.app.discover", lambda: registry)
