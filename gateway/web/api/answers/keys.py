"""API keys, as they are answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from gateway.web.api.answers.common import Answer, KeyId, Listed, Mode, Time

__all__ = ["Key", "KeyList", "NewKey", "RotatedKey"]


class Key(Answer):
    """What a program calls with; its secret is kept by whoever made it."""

    id: KeyId
    mode: Mode
    role: Literal["full", "read_only", "restricted"]
    permissions: Annotated[list[str], Field(examples=[["payments:read"]])]
    """What a restricted key may do."""
    status: Annotated[str, Field(examples=["active"])]
    replaced_by: Annotated[str | None, Field(examples=[None])]
    expires_at: Annotated[datetime | None, Field(examples=[None])]
    revoked_at: Annotated[datetime | None, Field(examples=[None])]
    last_used_at: Time | None
    created_at: Time


class NewKey(Key):
    """With the secret, which is shown this once."""

    secret: Annotated[str, Field(examples=["secret_test_…"])]


class RotatedKey(NewKey):
    """The new key, and the one that it replaces."""

    replaces: Key


class KeyList(Listed[Key]):
    """Keys, newest first."""
