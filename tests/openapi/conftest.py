"""A gateway without test controls, whose document is held against it."""

from __future__ import annotations

import pytest

from gateway.settings import Settings
from tests.web.conftest import api, gateway, session, settings  # noqa: F401 - fixtures


@pytest.fixture
def settings_without_controls(settings: Settings) -> Settings:  # noqa: F811 - the fixture
    """Nobody who generates requests is to move the clock or to kill the process."""
    return settings.model_copy(update={"test_controls": False, "wait_seconds_max": 2})
