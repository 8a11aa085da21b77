"""What can go wrong with the embedded stores. The texts are for whoever starts the gateway.

EmbeddedStoreError
└── DataDirectoryInUse
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["DataDirectoryInUse", "EmbeddedStoreError"]


class EmbeddedStoreError(Exception):
    """An embedded store cannot be used; the text says why and what to do about it."""


class DataDirectoryInUse(EmbeddedStoreError):
    """Another gateway runs on the data directory; `holder_pid` is its process where known."""

    def __init__(self, path: Path, holder_pid: int | None) -> None:
        holder = f"process {holder_pid}" if holder_pid else "another process"
        super().__init__(
            f"The data directory {path} is in use by {holder}. Only one gateway can run on a data "
            "directory; to run several, give all of them the same DATABASE_URL and REDIS_URL."
        )
        self.path = path
        self.holder_pid = holder_pid
