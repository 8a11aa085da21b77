"""Books to read from."""

from __future__ import annotations

import pytest

from gateway.storage.pool import Pool
from tests.reads.books import Books


@pytest.fixture
async def books(pool: Pool) -> Books:
    """The books of a new merchant in test mode."""
    return await Books.open(pool)


@pytest.fixture
async def other_books(pool: Pool) -> Books:
    """Those of another merchant."""
    return await Books.open(pool)


@pytest.fixture
async def live_books(pool: Pool, books: Books) -> Books:
    """Those of the same merchant in live mode."""
    return await Books.open(pool, "live", books.scope.merchant_id)
