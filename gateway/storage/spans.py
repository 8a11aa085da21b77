"""The spans that sums are stored for, and the places in them that have changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

__all__ = ["BEGINNING", "PLACES", "SPANS_MINUTES", "Place", "begin_of", "columns_of", "wider"]

SPANS_MINUTES = (15, 60, 360)
"""The spans that sums are stored for, each a multiple of the one before, from the epoch on."""

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

Place = tuple[UUID, str, datetime]
"""A merchant, a mode, and when a span began."""

PLACES = "unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS changed(merchant_id, mode, since)"
"""Places as the first three arguments of a statement, which `columns_of` makes."""


def columns_of(places: Collection[Place]) -> Sequence[Sequence[Any]]:
    """At least one place, column by column."""
    return [list(column) for column in zip(*places, strict=True)]


def wider(places: Collection[Place], minutes: int) -> set[Place]:
    """The spans of `minutes` that these are in."""
    return {(owner, mode, begin_of(since, minutes)) for owner, mode, since in places}


def begin_of(moment: datetime, minutes: int) -> datetime:
    """When the span began that the moment is in."""
    return moment - (moment - BEGINNING) % timedelta(minutes=minutes)
