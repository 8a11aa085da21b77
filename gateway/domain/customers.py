"""Customers: whom a merchant knows and charges again. Immutable values; times aware and in UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

__all__ = ["Customer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """One person of one merchant, in one mode; `notes` is a JSON object as text."""

    id: str
    merchant_id: UUID
    mode: str
    name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    contact: str | None = field(default=None, repr=False)
    notes: str = field(default="{}", repr=False)
    created_at: datetime
    updated_at: datetime
