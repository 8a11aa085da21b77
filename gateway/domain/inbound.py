"""What processors send by themselves."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["NotificationState"]


class NotificationState(StrEnum):
    """pending → done, ignored, failed; ignored, failed → pending when an operator says so.

    `ignored` is about nothing that this gateway has asked for, `failed` could not be clarified.
    """

    PENDING = "pending"
    DONE = "done"
    IGNORED = "ignored"
    FAILED = "failed"
