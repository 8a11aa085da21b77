"""A simulated Authorize.Net for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.sandbox.server import RunningSandbox, running_sandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    """In this process, strict, with the default account."""
    async with running_sandbox() as running:
        yield running
