"""A running gateway and somebody who pays at it, without credentials."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.checkout.shopper import Shopper
from tests.web.client import ApiClient
from tests.web.conftest import (  # noqa: F401 - fixtures
    administrator,
    api,
    client_for,
    database_url,
    gateway,
    session,
    settings,
)


@pytest.fixture
def shopper(client_for: Callable[..., ApiClient]) -> Shopper:  # noqa: F811 - the fixture
    """Somebody who knows the id of an order, and no more."""
    return Shopper(client_for(None, None))
